"""The tasks under Gymnasium's ids, for Isaac Lab's own commands.

Those import this module by themselves: it is the project's entry point in the group ``isaaclab.tasks``. An id's entry
points are attributes of this module, made on demand: functions that give the configuration.
"""

# Gymnasium is there only with Isaac Lab.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PREFIX = "Isaac-"
"""Aliases that begin so are ids in Isaac Lab's manner."""
AGENT = "agent-"
"""Comes before the id in the name of its training configuration."""


def register() -> None:
    """Register every alias of every known task that looks like one of Isaac Lab's ids. Imports nothing heavy."""
    from gymnasium.envs.registration import register as add
    from gymnasium.envs.registration import registry

    for identity in aliases():
        if identity not in registry:
            add(
                id=identity,
                entry_point="isaaclab.envs:ManagerBasedRLEnv",
                disable_env_checker=True,
                kwargs={
                    "env_cfg_entry_point": f"{__name__}:{identity}",
                    "rsl_rl_cfg_entry_point": f"{__name__}:{AGENT}{identity}",
                },
            )


def aliases() -> list[str]:
    """Ids of the tasks that are installed."""
    from parkour.registry import default_registry
    from parkour.specs import TaskSpec

    specs = [item.spec for item in default_registry().specs("task")]
    names = [alias.name for spec in specs if isinstance(spec, TaskSpec) for alias in spec.aliases]
    return [name for name in names if name.startswith(PREFIX)]


def __getattr__(name: str) -> Callable[[], Any]:
    """The function that makes a configuration of an id; Isaac Lab calls it."""
    identity = name.removeprefix(AGENT)
    if not identity.startswith(PREFIX) or identity not in aliases():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def environment() -> Any:
        from parkour_isaaclab.presets import preset_cfg

        return preset_cfg(identity)

    def agent() -> Any:
        from parkour_isaaclab.presets import runner_cfg

        return runner_cfg(identity)

    return agent if name.startswith(AGENT) else environment


register()
