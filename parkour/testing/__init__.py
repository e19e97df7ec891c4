"""Checks of plugins: for ``parkour plugins check``, for pytest, and for our own components.

``plugin_cases`` is what a plugin's tests need; ``random_context`` and ``recorded_moments`` give states to try terms
on, ``random_episodes`` a table to try metrics on, ``ended_episodes`` ends of episodes for curricula,
``example_jobs`` graphs to export, ``ReplayEnv`` an environment without a simulator, ``build_actor`` a policy's network,
``RecordingSim`` a simulator that remembers what events set.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parkour.testing.cases import Case as Case
    from parkour.testing.cases import plugin_cases as plugin_cases
    from parkour.testing.catalogue import checks_of as checks_of
    from parkour.testing.curricula import ended_episodes as ended_episodes
    from parkour.testing.episodes import random_episodes as random_episodes
    from parkour.testing.export_targets import example_jobs as example_jobs
    from parkour.testing.plugin import PluginReport as PluginReport
    from parkour.testing.plugin import check_component as check_component
    from parkour.testing.plugin import check_plugin as check_plugin
    from parkour.testing.recorded import recorded_moments as recorded_moments
    from parkour.testing.replay import ReplayEnv as ReplayEnv
    from parkour.testing.replay import build_actor as build_actor
    from parkour.testing.sim import RecordingSim as RecordingSim
    from parkour.testing.states import GO2 as GO2
    from parkour.testing.states import random_context as random_context
    from parkour.testing.subject import CheckFailed as CheckFailed
    from parkour.testing.subject import CheckOptions as CheckOptions
    from parkour.testing.subject import NotChecked as NotChecked

_HOME = {
    "Case": "cases",
    "plugin_cases": "cases",
    "checks_of": "catalogue",
    "ended_episodes": "curricula",
    "random_episodes": "episodes",
    "example_jobs": "export_targets",
    "PluginReport": "plugin",
    "check_component": "plugin",
    "check_plugin": "plugin",
    "recorded_moments": "recorded",
    "ReplayEnv": "replay",
    "build_actor": "replay",
    "RecordingSim": "sim",
    "GO2": "states",
    "random_context": "states",
    "CheckFailed": "subject",
    "CheckOptions": "subject",
    "NotChecked": "subject",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll] - names are resolved lazily by __getattr__


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'parkour.testing' has no attribute {name!r}")
    return getattr(import_module(f"parkour.testing.{_HOME[name]}"), name)
