"""Which file holds a robot's model, and which of its geoms are what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parkour.errors import EngineError
from parkour.mdp.robot import RobotLayout
from parkour.reading import MalformedError, read_toml


@dataclass(frozen=True)
class RobotFiles:
    """The part of ``robot.toml`` that only an engine needs."""

    model: Path
    """MJCF file."""
    base_body: str
    foot_geoms: tuple[str, ...]
    """One per foot, in the order of ``RobotLayout.feet``."""
    body_geoms: tuple[tuple[str, ...], ...]
    """Per watched body, in the order of ``RobotLayout.contact_bodies``; no foot among them."""

    @property
    def contact_geoms(self) -> tuple[str, ...]:
        """Feet first, then the bodies' geoms in order."""
        return self.foot_geoms + tuple(geom for geoms in self.body_geoms for geom in geoms)

    @property
    def collision_geoms(self) -> frozenset[str]:
        return frozenset(self.contact_geoms)


def load_robot_files(folder: Path | str, layout: RobotLayout) -> RobotFiles:
    """Reads ``robot.toml`` of a robot folder.

    Raises:
        EngineError: a table or file is missing.
    """
    folder = Path(folder)
    try:
        data = read_toml(folder / "robot.toml")
        model = folder / data["model"]["file"]
        geoms = data["collision"]
        files = RobotFiles(
            model=model,
            base_body=data["model"]["base_body"],
            foot_geoms=tuple(geoms[foot][0] for foot in layout.feet),
            body_geoms=tuple(tuple(geoms[body]) for body in layout.contact_bodies),
        )
    except (OSError, KeyError, TypeError, MalformedError) as error:
        raise EngineError(f"robot folder {folder}: {type(error).__name__}: {error}") from error
    if not model.is_file():
        raise EngineError(f"robot folder {folder}: no file {model.name}")
    return files
