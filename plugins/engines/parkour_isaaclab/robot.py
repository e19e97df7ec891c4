"""Which USD file a robot is in Isaac Lab, and what its bodies are called there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parkour.errors import EngineError
from parkour.mdp.robot import RobotLayout
from parkour.reading import MalformedError, read_toml
from parkour.tasks.resolved import ResolvedTask
from parkour_isaaclab.mirror import VARIABLE, assets_folder
from parkour_isaaclab.usd.cache import written_usd

TABLE = "isaaclab"
"""Table of ``robot.toml`` that this engine reads."""


@dataclass(frozen=True)
class RobotAsset:
    """A USD file, and what it calls the robot's bodies."""

    usd: Path
    base: str = "base"
    """The articulation's root link."""
    bodies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Watched bodies that have another name in the asset, or are several there; their forces are summed."""
    self_collision: bool = False
    """Whether the robot's shapes touch one another."""

    def links(self, body: str) -> tuple[str, ...]:
        """The asset's links that make up a watched body or a foot."""
        return self.bodies.get(body, (body,))


def find_robot(task: ResolvedTask) -> RobotAsset:
    """The asset that ``robot.toml`` names, where it is there; else one that is written from the robot's MJCF.

    Raises:
        EngineError: ``robot.toml`` is malformed, or an asset is not where it was said to be.
        StorageError: the written one cannot be kept.
    """
    folder, layout = Path(task.robot_folder), task.robot
    file = folder / "robot.toml"
    try:
        data = read_toml(file)
        self_collision = bool(data.get("model", {}).get("self_collision", False))
        named = _named_asset(data.get(TABLE, {}), layout, self_collision)
        return named if named is not None else _written_asset(task, data, self_collision)
    except (OSError, KeyError, TypeError, AttributeError, MalformedError) as error:
        raise EngineError(f"robot {layout.name!r}: {file}: {type(error).__name__}: {error}") from error


def _named_asset(table: dict[str, Any], layout: RobotLayout, self_collision: bool) -> RobotAsset | None:
    """The asset of the table ``[isaaclab]``; None if there is none on this machine."""
    if "usd" not in table:
        return None
    bodies = {name: tuple(links) for name, links in table.get("bodies", {}).items()}
    unknown = sorted(set(bodies) - set(layout.contact_bodies) - set(layout.feet))
    if unknown:
        raise EngineError(f"robot {layout.name!r}: [{TABLE}.bodies] names {unknown}, which are no bodies of the robot")
    place = Path(table["usd"])
    if place.is_absolute():
        if not place.is_file():
            raise EngineError(f"robot asset: no file {place}")
    elif (assets_folder() / place).is_file():
        place = assets_folder() / place
    elif os.environ.get(VARIABLE):
        raise EngineError(f"{VARIABLE}: no file {assets_folder() / place}", hint="parkour assets fetch")
    else:
        return None
    return RobotAsset(place, str(table.get("base", "base")), bodies, self_collision)


def _written_asset(task: ResolvedTask, data: dict[str, Any], self_collision: bool) -> RobotAsset:
    layout, table, shapes = task.robot, data["model"], data["collision"]
    for name in (*layout.feet, *layout.contact_bodies):
        if name not in shapes:
            known = ", ".join(shapes)
            raise EngineError(
                f"robot {layout.name!r}: robot.toml: [collision] names no shapes of {name!r}; it has {known}"
            )
    make = task.make_robot_model
    model = Path(task.robot_folder) / table["file"] if make is None else make()
    feet = {foot: tuple(shapes[foot]) for foot in layout.feet}
    usd = written_usd(model, name=layout.name, base=table["base_body"], feet=feet)
    return RobotAsset(usd, table["base_body"], self_collision=self_collision)
