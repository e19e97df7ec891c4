"""Links and depth sources by name: entry points, which need nothing but Python.

A distribution adds one with a line of its ``pyproject.toml``::

    [project.entry-points."parkour.robot_links"]
    spot = "my_robot.link:SpotLink"

An entry point is a name and an address already, which is all that pluggy would add here; so the robot needs no pluggy.
Plugins of ``parkour`` itself register with the hooks ``register_robot_links`` and ``register_depth_sources``, whose
specs its command hands over as further entries.
"""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, Mapping

from parkour_deploy.errors import DeployError

LINKS, SOURCES = "parkour.robot_links", "parkour.depth_sources"
"""Groups of entry points."""
BUILT_IN: dict[str, dict[str, str]] = {
    LINKS: {"go2": "parkour_deploy.links.go2:Go2Link"},
    SOURCES: {
        "topic": "parkour_deploy.depth.topic:TopicDepth",
        "realsense": "parkour_deploy.depth.realsense:RealSenseDepth",
        "recording": "parkour_deploy.depth.recording:RecordedDepth",
    },
}
"""Found in a checkout that is not installed, too."""


def targets(group: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """``module:attribute`` by name.

    Args:
        group: :data:`LINKS` or :data:`SOURCES`.
        more: entries that come from elsewhere.

    Raises:
        DeployError: one name stands for two things.
    """
    found = dict(BUILT_IN[group])
    for name, target in [*_installed(group), *(more or {}).items()]:
        if found.setdefault(name, target) != target:
            raise DeployError(
                f"{group.partition('.')[2].replace('_', ' ')}: {name!r} is {found[name]} and {target}",
                hint="uninstall one of the two",
            )
    return found


def find(group: str, name: str, more: Mapping[str, str] | None = None) -> str:
    """The address of a name.

    Raises:
        DeployError: nothing is registered under it.
    """
    known = targets(group, more)
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    what = "robot link" if group == LINKS else "depth source"
    tail = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    raise DeployError(f"unknown {what} {name!r}; {tail}")


def resolve(target: str) -> Any:
    """What an address stands for.

    Raises:
        DeployError: it cannot be imported.
    """
    module, _, attribute = target.partition(":")
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise DeployError(f"cannot import {target} ({error})") from error
    return found


def _installed(group: str) -> list[tuple[str, str]]:
    every: Any = entry_points()
    # Before Python 3.10 a dictionary of lists.
    chosen = every.select(group=group) if hasattr(every, "select") else every.get(group, ())
    return [(point.name, point.value) for point in chosen]
