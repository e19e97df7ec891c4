"""Which asset a robot is in Isaac Sim, and what its bodies are called there."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parkour.errors import EngineError
from parkour.mdp.robot import RobotLayout
from parkour_isaaclab.mirror import VARIABLE, assets_folder

TABLE = "isaaclab"
"""Table of ``robot.toml`` that this engine reads."""


@dataclass(frozen=True)
class RobotAsset:
    """The ``[isaaclab]`` table of ``robot.toml``."""

    usd: str
    """The asset, relative to the root of Isaac's assets, or an absolute path."""
    bodies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Watched bodies that have another name in the asset, or are several there; their forces are summed."""
    base: str = "base"
    """The articulation's root link."""

    def links(self, body: str) -> tuple[str, ...]:
        """The asset's links that make up a watched body or a foot."""
        return self.bodies.get(body, (body,))


def load_robot_asset(folder: Path | str, layout: RobotLayout) -> RobotAsset:
    """Reads the table.

    Raises:
        EngineError: it is missing or malformed, or names a body that the robot does not have.
    """
    file = Path(folder) / "robot.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))[TABLE]
        usd, base = table["usd"], table.get("base", "base")
        bodies = {name: tuple(links) for name, links in table.get("bodies", {}).items()}
    except (OSError, KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError) as error:
        raise EngineError(
            f"robot {layout.name!r}: {file} has no table [{TABLE}] with usd = '…' ({type(error).__name__}: {error})"
        ) from error
    unknown = sorted(set(bodies) - set(layout.contact_bodies) - set(layout.feet))
    if unknown:
        raise EngineError(f"robot {layout.name!r}: [{TABLE}.bodies] names {unknown}, which are no bodies of the robot")
    return RobotAsset(usd=str(usd), bodies=bodies, base=str(base))


def locate_usd(asset: RobotAsset, nucleus: str) -> str:
    """Path or address of the robot's USD file: a local mirror's if it is there, else Isaac's own.

    Args:
        asset: what is looked for.
        nucleus: root of Isaac's assets as Isaac Sim knows it.

    Raises:
        EngineError: an absolute path, or a mirror that was named, does not hold the file.
    """
    if Path(asset.usd).is_absolute():
        if not Path(asset.usd).is_file():
            raise EngineError(f"robot asset: no file {asset.usd}")
        return asset.usd
    local = assets_folder() / asset.usd
    if local.is_file():
        return str(local)
    if os.environ.get(VARIABLE):
        raise EngineError(f"{VARIABLE}: no file {local}", hint="parkour assets fetch")
    return f"{nucleus}/{asset.usd}"
