"""Which file holds a robot's model, and which of its geoms are what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.errors import EngineError
from parkour.mdp.robot import RobotLayout
from parkour.reading import MalformedError, read_toml
from parkour.tasks.suggest import did_you_mean


@dataclass(frozen=True)
class RobotFiles:
    """The part of ``robot.toml`` that only an engine needs."""

    model: Path | str
    """MJCF file, or the MJCF itself."""
    base_body: str
    foot_geoms: tuple[str, ...]
    """One per foot, in the order of ``RobotLayout.feet``."""
    body_geoms: tuple[tuple[str, ...], ...]
    """Per watched body, in the order of ``RobotLayout.contact_bodies``; no foot among them."""
    self_collision: bool = False
    """Whether the robot's shapes touch one another; those of a body and its parent never do."""

    @property
    def contact_geoms(self) -> tuple[str, ...]:
        """Feet first, then the bodies' geoms in order."""
        return self.foot_geoms + tuple(geom for geoms in self.body_geoms for geom in geoms)

    @property
    def collision_geoms(self) -> frozenset[str]:
        return frozenset(self.contact_geoms)


def load_robot_files(
    folder: Path | str, layout: RobotLayout, make_model: Callable[[], str] | None = None
) -> RobotFiles:
    """Reads ``robot.toml`` of a robot folder.

    Args:
        folder: of the robot.
        layout: its names.
        make_model: makes its MJCF; None where ``[model] file`` names a file of the folder.

    Raises:
        EngineError: a table, a name or a file is missing; the message says which.
    """
    owner = f"robot {layout.name!r}: robot.toml"
    try:
        data = read_toml(Path(folder) / "robot.toml")
    except (OSError, MalformedError) as error:
        raise EngineError(f"robot folder {folder}: {type(error).__name__}: {error}") from error
    table, shapes = _table(data, "model", owner), _table(data, "collision", owner)
    _check_owners(shapes, layout, owner)
    feet = [_shapes(shapes, foot, "foot", owner) for foot in layout.feet]
    for foot, geoms in zip(layout.feet, feet, strict=True):
        if len(geoms) != 1:
            raise EngineError(f"{owner}: [collision] {foot}: got {len(geoms)} shapes, expected one for a foot")
    return RobotFiles(
        model=_model(Path(folder), table, make_model, owner),
        base_body=_text(table, "base_body", owner),
        foot_geoms=tuple(geoms[0] for geoms in feet),
        body_geoms=tuple(_shapes(shapes, body, "body", owner) for body in layout.contact_bodies),
        self_collision=_flag(table, "self_collision", owner),
    )


def _model(folder: Path, table: Mapping[str, Any], make: Callable[[], str] | None, owner: str) -> Path | str:
    if make is None:
        file = folder / _text(table, "file", owner)
        if not file.is_file():
            raise EngineError(f"robot folder {folder}: no file {file.name}")
        return file
    text = make()
    if not isinstance(text, str):
        raise EngineError(f"{owner}: the function that makes its model returned a {type(text).__name__}, expected text")
    return text


def _table(data: Mapping[str, Any], key: str, owner: str) -> Mapping[str, Any]:
    found = data.get(key)
    if not isinstance(found, dict):
        raise EngineError(f"{owner}: no table [{key}]", hint="docs/write_robot.md says what belongs there")
    return found


def _text(table: Mapping[str, Any], key: str, owner: str) -> str:
    if not isinstance(found := table.get(key), str):
        raise EngineError(f"{owner}: [model] {key}: got {found!r}, expected a name")
    return found


def _flag(table: Mapping[str, Any], key: str, owner: str) -> bool:
    if not isinstance(found := table.get(key, False), bool):
        raise EngineError(f"{owner}: [model] {key}: got {found!r}, expected true or false")
    return found


def _check_owners(table: Mapping[str, Any], layout: RobotLayout, owner: str) -> None:
    """What has shapes is a foot or a contact body: the shapes of anything else would touch nothing."""
    for name in table:
        if name not in (known := (*layout.contact_bodies, *layout.feet)):
            told = did_you_mean(name, known)
            raise EngineError(f"{owner}: [collision] {name}: neither among contact_bodies nor feet; {told}")


def _shapes(table: Mapping[str, Any], name: str, what: str, owner: str) -> tuple[str, ...]:
    """The collision shapes of a foot or body."""
    if name not in table:
        known = ", ".join(table) or "nothing"
        raise EngineError(f"{owner}: [collision] names no shapes of the {what} {name!r}; it has {known}")
    found = table[name]
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise EngineError(f"{owner}: [collision] {name}: got {found!r}, expected a list of names")
    return tuple(found)
