"""Robots: a folder with ``robot.toml``, the layout that terms and policies know, and where engines find the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from parkour.errors import PluginError, TaskError
from parkour.mdp.robot import RobotLayout, check_layout, per_joint
from parkour.params import within
from parkour.reading import MalformedError, read_toml
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.specs import RobotSpec
from parkour.tasks.sections import Camera, CameraMounting
from parkour.tasks.suggest import did_you_mean
from parkour.tasks.validation import validate

LAYOUT_FILE = "robot.toml"
CAMERA_TABLE = "camera"
MakeModel = Callable[[], str]
"""Makes a robot's MJCF, as text."""
_NAMED = {"penalised_bodies": "contact_bodies", "hip_joints": "joints", "opposite_joints": "joints"}
"""Fields that the file gives by name and the layout by index, and the field that they index."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class RobotFile(RobotLayout):
    """``robot.toml``: the fields of :class:`RobotLayout`, bodies and joints by name. Tables in it are the engines'."""

    # One number stands for all joints.
    armature: Annotated[float | tuple[float, ...], within(0.0, 10.0)]  # pyright: ignore[reportIncompatibleVariableOverride]

    @model_validator(mode="before")
    @classmethod
    def _names_to_indices(cls, tables: Any) -> Any:
        named = {key: _indices(key, value, tables.get(_NAMED.get(key, ""))) for key, value in tables.items()}
        # What comes out of here counts as Python's own, where a list is no tuple.
        return {key: tuple(value) if isinstance(value, list) else value for key, value in named.items()}

    @model_validator(mode="after")
    def _one_number_per_joint(self) -> RobotFile:
        check_layout(self)
        return self

    def layout(self) -> RobotLayout:
        """The layout that it says."""
        values: dict[str, Any] = vars(self) | {"armature": per_joint(self.armature, len(self.joints))}
        return RobotLayout(**values)


@dataclasses.dataclass(frozen=True)
class Robot:
    """A registered robot."""

    id: str
    """``distribution:name``."""
    version: str
    """Of the distribution."""
    model_version: str
    """See :attr:`parkour.specs.RobotSpec.model_version`."""
    layout: RobotLayout
    folder: Path
    camera: CameraMounting
    """How its depth camera is mounted, as far as it says: what a task leaves out is taken from here."""
    make_model: MakeModel | None = None
    """Makes its MJCF; None where ``robot.toml`` names a file of the folder."""

    def mounted(self, camera: Camera) -> Camera:
        """A task's camera on this robot: what the task does not say of the mounting, the robot does."""
        said = {key: value for key, value in self.camera if key in self.camera.model_fields_set}
        return camera.model_copy(update={key: said[key] for key in said.keys() - camera.model_fields_set})


def robot_names(registry: Registry | None = None) -> list[str]:
    """Ids of the registered robots; the bare names of built-in ones."""
    items = (registry or default_registry()).specs("robot")
    return [item.spec.name if item.builtin else item.id for item in items]


def robot_folder(robot: str, registry: Registry | None = None) -> Path:
    """The folder of a robot. Nothing of the package that holds it is imported.

    Args:
        robot: name of a registered robot, or its id, ``distribution:name``.
        registry: what is installed when None.

    Raises:
        UnknownNameError: no robot has this name.
        AmbiguousNameError: several plugins have it.
        PluginError: the package or the folder is not there.
    """
    item = (registry or default_registry()).get("robot", robot)
    for folder in _places(item):
        if (folder / LAYOUT_FILE).is_file():
            return folder
    raise PluginError(f"robot {item.id!r}: no {LAYOUT_FILE} in {item.spec.target!r}")


def _places(item: RegisteredSpec) -> list[Path]:
    """Where the folder can be: a package may have several places."""
    package, _, folder = item.spec.target.partition(":")
    top, *inner = package.split(".")
    try:
        # Of the top-level package alone: to find one inside it, Python would import it.
        found = find_spec(top)
    except (ImportError, ValueError) as error:
        raise PluginError(f"robot {item.id!r}: cannot find the package {top!r} ({error})") from error
    if found is None or not found.submodule_search_locations:
        raise PluginError(f"robot {item.id!r}: no package {top!r}")
    return [Path(place, *inner, *folder.split("/")) for place in found.submodule_search_locations]


def find_robot(robot: str, registry: Registry | None = None) -> Robot:
    """A robot by its name.

    Args:
        robot: name of a registered robot, or its id, ``distribution:name``.
        registry: what is installed when None.

    Raises:
        UnknownNameError, AmbiguousNameError, PluginError: see :func:`robot_folder`; or the function that makes its
            model cannot be imported.
        TaskError: ``robot.toml`` is malformed or inconsistent.
    """
    registry = registry or default_registry()
    folder, item = robot_folder(robot, registry), registry.get("robot", robot)
    spec = item.spec
    assert isinstance(spec, RobotSpec)
    try:
        tables = read_toml(folder / LAYOUT_FILE)
    except (OSError, MalformedError) as error:
        raise TaskError(f"robot {robot!r}: cannot read {folder / LAYOUT_FILE}: {error}") from error
    own = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    try:
        layout = validate(RobotFile, own).layout()
        camera = validate(CameraMounting, tables.get(CAMERA_TABLE, {}), path=(CAMERA_TABLE,))
    except TaskError as error:
        raise TaskError(f"robot {robot!r}: {LAYOUT_FILE}: {error.message}", hint=error.hint) from None
    make = None if spec.model is None else resolve_target(spec.model, owner=f"robot {item.id!r}")
    return Robot(item.id, item.version, spec.model_version, layout, folder, camera, make)


def load_robot(robot: str, registry: Registry | None = None) -> tuple[RobotLayout, Path]:
    """Layout and folder of :func:`find_robot`."""
    found = find_robot(robot, registry)
    return found.layout, found.folder


def _indices(key: str, names: Any, among: Any) -> Any:
    """Names as indices among others; anything else as it is, for the model to say what is wrong with it."""
    if not isinstance(names, list) or not isinstance(among, list):
        return names
    for name in names:
        if name not in among:
            raise TaskError(f"{key}: unknown name {name!r}; {did_you_mean(str(name), [str(each) for each in among])}")
    return [among.index(name) for name in names]
