"""Robots: a folder with model files and ``robot.toml``, the layout that terms and policies know."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from parkour.errors import TaskError, UnknownNameError
from parkour.mdp.robot import RobotLayout
from parkour.tasks.suggest import did_you_mean
from parkour.tasks.validation import validate

ASSETS = "parkour_assets"
"""Package with the built-in robots, one folder each."""
LAYOUT_FILE = "robot.toml"
_PER_JOINT = ("default_joint_pos", "stiffness", "damping", "effort_limit", "saturation_effort", "velocity_limit")


class RobotFile(BaseModel):
    """``robot.toml``: the fields of :class:`RobotLayout`, bodies and joints by name. Tables in it are the engines'."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    joints: tuple[str, ...]
    feet: tuple[str, ...]
    contact_bodies: tuple[str, ...]
    penalised_bodies: tuple[str, ...]
    hip_joints: tuple[str, ...]
    default_joint_pos: tuple[float, ...]
    stiffness: tuple[float, ...]
    damping: tuple[float, ...]
    effort_limit: tuple[float, ...]
    saturation_effort: tuple[float, ...]
    velocity_limit: tuple[float, ...]
    armature: float
    base_height: float

    @model_validator(mode="after")
    def _one_number_per_joint(self) -> RobotFile:
        for key in _PER_JOINT:
            if len(getattr(self, key)) != len(self.joints):
                raise ValueError(f"{key} with {len(self.joints)} numbers, one per joint; got {len(getattr(self, key))}")
        for key in ("joints", "feet", "contact_bodies"):
            if len(set(getattr(self, key))) != len(getattr(self, key)):
                raise ValueError(f"{key} without a name that occurs twice")
        return self


def robot_names() -> list[str]:
    """Names of the built-in robots."""
    try:
        folders = list(files(ASSETS).iterdir())
    except (ImportError, OSError):
        return []
    return sorted(folder.name for folder in folders if folder.joinpath(LAYOUT_FILE).is_file())


def robot_folder(robot: str) -> Path:
    """The folder of a robot.

    Args:
        robot: name of a built-in robot, or ``package:folder``.

    Raises:
        UnknownNameError: no built-in robot has this name.
        TaskError: the package or folder is not there.
    """
    package, _, folder = robot.rpartition(":")
    if not package:
        if robot not in robot_names():
            raise UnknownNameError("robot", robot, robot_names(), hint="robot = 'package:folder' uses one of your own")
        package = ASSETS
    try:
        found = Path(str(files(package).joinpath(folder)))
    except (ImportError, ValueError) as error:
        raise TaskError(f"robot {robot!r}: no package {package!r} ({error})") from error
    if not (found / LAYOUT_FILE).is_file():
        raise TaskError(f"robot {robot!r}: no {LAYOUT_FILE} in {found}")
    return found


def load_robot(robot: str) -> tuple[RobotLayout, Path]:
    """A robot's layout and folder.

    Raises:
        UnknownNameError: no built-in robot has this name.
        TaskError: ``robot.toml`` is missing, malformed or inconsistent.
    """
    folder = robot_folder(robot)
    try:
        tables = tomllib.loads((folder / LAYOUT_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TaskError(f"robot {robot!r}: cannot read {folder / LAYOUT_FILE}: {error}") from error
    own = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    try:
        return _layout(validate(RobotFile, own)), folder
    except TaskError as error:
        raise TaskError(f"robot {robot!r}: {LAYOUT_FILE}: {error.message}", hint=error.hint) from None


def _layout(file: RobotFile) -> RobotLayout:
    numbers: dict[str, Any] = file.model_dump()
    numbers["penalised_bodies"] = _indices("penalised_bodies", file.penalised_bodies, file.contact_bodies)
    numbers["hip_joints"] = _indices("hip_joints", file.hip_joints, file.joints)
    return RobotLayout(**numbers)


def _indices(key: str, names: Sequence[str], among: Sequence[str]) -> tuple[int, ...]:
    for name in names:
        if name not in among:
            raise TaskError(f"{key}: unknown name {name!r}; {did_you_mean(name, among)}")
    return tuple(among.index(name) for name in names)
