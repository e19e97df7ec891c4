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
        named = _named_asset(data.get(TABLE, {}), layout)
        return named if named is not None else _written_asset(folder, data, layout)
    except (OSError, KeyError, TypeError, AttributeError, MalformedError) as error:
        raise EngineError(f"robot {layout.name!r}: {file}: {type(error).__name__}: {error}") from error


def _named_asset(table: dict[str, Any], layout: RobotLayout) -> RobotAsset | None:
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
    return RobotAsset(place, str(table.get("base", "base")), bodies)


def _written_asset(folder: Path, data: dict[str, Any], layout: RobotLayout) -> RobotAsset:
    model, base = folder / data["model"]["file"], data["model"]["base_body"]
    feet = {foot: tuple(data["collision"][foot]) for foot in layout.feet}
    return RobotAsset(written_usd(model, base=base, feet=feet), base)
