"""``deploy.toml`` as the robot reads it: everything that has to be known to run the graphs beside it.

What only simulators need (courses, terrains, ends of episodes) is left unread. Nothing is believed before the hashes
of the file and of its graphs were compared.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from parkour_deploy.errors import ContractError
from parkour_deploy.hardware import Hardware, read_hardware
from parkour_deploy.reading import MalformedError, read_bytes, read_toml
from parkour_deploy.tables import Table

FILE = "deploy.toml"
FORMAT = "parkour-deploy"
VERSIONS = (1, 2)
"""Of the format. Version 1 says nothing of the hardware and moves no robot; simulators take it."""
LARGEST_OBSERVATION = 10**6
"""Numbers."""
FIELD_OF_VIEW, TURN = (0.05, 3.0), (-np.pi / 2, np.pi / 2)
"""Of a camera [rad]."""
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
AGAIN = "export the checkpoint again: parkour export onnx --checkpoint FILE --out DIR"


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; shapes are without the batch."""

    name: str
    shape: tuple[int, ...]
    source: str
    """Of an input: ``observation``, ``group:NAME``, ``graph:NAME.OUTPUT`` or ``state:OUTPUT``."""


@dataclass(frozen=True)
class Graph:
    """A file, run every ``period`` control steps."""

    name: str
    file: str
    period: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class Field:
    """A named run of numbers in the observation."""

    name: str
    offset: int
    size: int
    scale: float
    unit: str


@dataclass(frozen=True)
class Group:
    """An observation group."""

    name: str
    use: str
    """``distribution:name`` of the component."""
    read: bool
    offset: int
    size: int
    clip: float | None
    params: Mapping[str, Any]
    fields: tuple[Field, ...]

    @property
    def kind(self) -> str:
        """What the group is, whatever the task calls it; another distribution's group is its own kind."""
        distribution, _, name = self.use.partition(":")
        return name if distribution == "parkour-lab" else self.use


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on the base."""

    position: tuple[float, float, float]
    """In the base's frame [m]."""
    roll: float
    """How far it is turned about its own axis, its left side up [rad]."""
    pitch: float
    """How far it looks down [rad]."""
    yaw: float
    """How far it looks left [rad]."""
    width: int
    height: int
    """Pixels."""
    focal_x: float
    focal_y: float
    """In pixels."""
    range: float
    """Whatever is further away reads this [m]."""


@dataclass(frozen=True)
class Contract:
    """What an export asks of whoever runs it. Arrays are in the export's joint order."""

    folder: Path
    sha256: str
    """Of ``deploy.toml``'s values, which hold the hashes of all other files."""
    kind: str
    batch: int | str
    task: str
    graphs: tuple[Graph, ...]
    joints: tuple[str, ...]
    feet: tuple[str, ...]
    hip_joints: tuple[int, ...]
    """Joints that swing a leg to the side."""
    hips_to_the_left: bool
    """Whether each of them swings it to the left where it turns on; else a side's hips may turn the other way."""
    default_joint_pos: np.ndarray
    stiffness: np.ndarray
    damping: np.ndarray
    effort_limit: np.ndarray
    base_height: float
    step_dt: float
    """[s]"""
    perception_period: int
    """Control steps between two pictures."""
    action_scale: float
    action_clip: float
    action_delay: int
    """Control steps between an action and its execution, as trained."""
    speed: tuple[float, float]
    """Commands trained with [m/s]."""
    observation_size: int
    groups: tuple[Group, ...]
    camera: Camera | None
    hardware: Hardware | None

    def known_hardware(self) -> Hardware:
        """What is known of the real robot.

        Raises:
            ContractError: nothing is.
        """
        if self.hardware is None:
            raise ContractError(
                f"{self.folder}: nothing is known of the robot's hardware",
                hint="its robot.toml needs a table [hardware]; then export the policy again",
            )
        return self.hardware

    def group(self, kind: str) -> Group | None:
        """The group of a kind, or None where the task has none."""
        return next((group for group in self.groups if group.kind == kind), None)


def read_contract(folder: Path) -> Contract:
    """The export in ``folder``, every hash compared.

    Raises:
        ContractError: there is none, it is malformed, or it or a file beside it was changed.
    """
    path = folder / FILE
    try:
        tables = read_toml(path)
    except FileNotFoundError:
        raise ContractError(f"{folder} holds no {FILE}, expected an export", hint=AGAIN) from None
    except (OSError, MalformedError) as error:
        raise ContractError(f"cannot read {path}: {error}", hint=AGAIN) from None
    if tables.get("format") != FORMAT or tables.get("format_version") not in VERSIONS:
        got = f"{tables.get('format')!r} version {tables.get('format_version')!r}"
        known = " or ".join(str(version) for version in VERSIONS)
        raise ContractError(f"{path} is of format {got}, expected {FORMAT!r} version {known}", hint=AGAIN)
    integrity = tables.pop("integrity", None)
    sha256 = _digest(tables)
    if not isinstance(integrity, dict) or integrity.get("sha256") != sha256:
        raise ContractError(f"{path} was edited: its hash is not the one it was written with", hint=AGAIN)
    try:
        return _contract(folder, sha256, Table(tables))
    except ContractError as error:
        raise ContractError(f"{path}: {error.message}", hint=error.hint or AGAIN) from None


def _contract(folder: Path, sha256: str, data: Table) -> Contract:
    robot, control, timing = data.table("robot"), data.table("control"), data.table("timing")
    joints, feet = robot.names("joints"), robot.names("feet")
    count = len(joints)
    camera = data.optional("camera")
    hardware = data.optional("hardware")
    observation = data.table("observation")
    return Contract(
        folder=folder,
        sha256=sha256,
        kind=data.text("kind"),
        batch=_batch(data),
        task=data.table("task").text("name"),
        graphs=tuple(_graph(folder, table) for table in data.tables("graphs")),
        joints=joints,
        feet=feet,
        hip_joints=robot.some("hip_joints", count),
        hips_to_the_left="opposite_joints" not in robot.values,
        default_joint_pos=robot.numbers("default_joint_pos", count, -7.0, 7.0),
        stiffness=robot.numbers("stiffness", count, 0.0, 10_000.0),
        damping=robot.numbers("damping", count, 0.0, 1000.0),
        effort_limit=robot.numbers("effort_limit", count, 0.0, 10_000.0),
        base_height=robot.number("base_height", 0.0, 10.0),
        step_dt=timing.number("physics_step", 1e-4, 0.1) * timing.whole("decimation", least=1, most=100),
        perception_period=timing.whole("perception_period", least=1, most=1000),
        action_scale=control.number("action_scale", 0.0, 10.0),
        action_clip=control.number("action_clip", 0.0, 1000.0),
        action_delay=control.whole("action_delay", most=100),
        speed=data.table("command").pair("speed", -10.0, 10.0),
        observation_size=observation.whole("size", least=1, most=LARGEST_OBSERVATION),
        groups=tuple(_group(table) for table in observation.tables("groups")),
        camera=_camera(camera) if camera is not None else None,
        hardware=read_hardware(hardware, count, len(feet)) if hardware is not None else None,
    )


def _batch(data: Table) -> int | str:
    """How many robots a graph is for: a number, or ``dynamic``."""
    return "dynamic" if data.values.get("batch") == "dynamic" else data.whole("batch", least=1, most=10**6)


def _graph(folder: Path, table: Table) -> Graph:
    file = table.text("file")
    if not _FILE_NAME.fullmatch(file):
        raise ContractError(f"{table.path}.file: got {file[:80]!r}, expected a file's name without folders")
    _check_file(folder / file, table.text("sha256"))
    return Graph(
        name=table.text("name"),
        file=file,
        period=table.whole("period", least=1, most=1000),
        inputs=tuple(_port(port) for port in table.tables("inputs")),
        outputs=tuple(_port(port) for port in table.tables("outputs")),
    )


def _port(table: Table) -> Port:
    shape = tuple(int(size) for size in table.numbers("shape", None, 0.0, 1e8))
    return Port(table.text("name"), shape, table.text("source"))


def _group(table: Table) -> Group:
    return Group(
        name=table.text("name"),
        use=table.text("use"),
        read=table.flag("read"),
        offset=table.whole("offset", most=LARGEST_OBSERVATION),
        size=table.whole("size", least=1, most=LARGEST_OBSERVATION),
        clip=table.number("clip", 0.0, 1e6) if "clip" in table.values else None,
        params=table.table("params").values,
        fields=tuple(
            Field(
                f.text("name"),
                f.whole("offset"),
                f.whole("size", least=1, most=LARGEST_OBSERVATION),
                f.number("scale", -1e6, 1e6),
                f.text("unit"),
            )
            for f in table.tables("fields")
        ),
    )


def _camera(table: Table) -> Camera:
    width, height = (table.whole(key, least=1, most=4096) for key in ("width", "height"))
    focal_x = width / 2 / np.tan(table.number("horizontal_fov", *FIELD_OF_VIEW) / 2)
    # Earlier exports do not say the vertical angle, nor any turn but the pitch: square pixels, and none.
    square = table.values.get("vertical_fov", "square") == "square"
    focal_y = focal_x if square else height / 2 / np.tan(table.number("vertical_fov", *FIELD_OF_VIEW) / 2)
    roll, yaw = (table.number(key, *TURN) if key in table.values else 0.0 for key in ("roll", "yaw"))
    x, y, z = table.numbers("position", 3, -2.0, 2.0)
    return Camera(
        position=(float(x), float(y), float(z)),
        roll=roll,
        pitch=table.number("pitch", *TURN),
        yaw=yaw,
        width=width,
        height=height,
        focal_x=float(focal_x),
        focal_y=float(focal_y),
        range=table.number("range", 0.01, 100.0),
    )


def _check_file(path: Path, expected: str) -> None:
    try:
        got = hashlib.sha256(read_bytes(path)).hexdigest()
    except OSError as error:
        raise ContractError(f"cannot read {path}: {error.strerror or error}", hint=AGAIN) from None
    if got != expected:
        raise ContractError(f"{path} was edited or replaced: its hash begins with {got[:12]}, expected {expected[:12]}")


def _digest(tables: Mapping[str, Any]) -> str:
    """Of the values, not of the text: comments and blank lines may be added."""
    return hashlib.sha256(json.dumps(tables, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
