"""The log of a run: everything that a replay needs and an inquiry asks for, in one ``.npz``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Union

import numpy as np

from parkour_deploy.arrays import read_arrays
from parkour_deploy.contract import Contract
from parkour_deploy.control.controller import Controller
from parkour_deploy.control.machine import Mode
from parkour_deploy.control.options import ControlOptions
from parkour_deploy.errors import DeployError
from parkour_deploy.files import whole_file
from parkour_deploy.reading import parse_json
from parkour_deploy.robot import MotorCommand, RobotState
from parkour_deploy.versions import versions

FORMAT, VERSION = "parkour-deploy-log", 1
EVERY = 10
"""Outside POLICY one of so many states is kept, so that waiting costs no memory."""
LONGEST = 900_000
"""States that are kept at most: half an hour of POLICY."""

JOINTS = ("joints",)
"""One number per joint."""
Row = Dict[str, Union[np.ndarray, float, int]]


class Log:
    """Keeps states, commands and the policy's steps in memory, and writes them when the run is over.

    Args:
        contract: of the export.
        options: of the run.
    """

    def __init__(self, contract: Contract, options: ControlOptions) -> None:
        self._contract, self._options = contract, options
        self._states: list[Row] = []
        self._steps: list[Row] = []
        self._pictures: list[np.ndarray] = []
        self._picture_ticks: list[int] = []
        self._count = 0

    def state(self, state: RobotState, command: MotorCommand | None, controller: Controller, latency: float) -> None:
        """See :class:`parkour_deploy.control.loop.Recorder`."""
        mode, self._count = controller.machine.mode, self._count + 1
        if len(self._states) >= LONGEST:
            return
        if mode is Mode.POLICY or self._count % EVERY == 0:
            self._states.append(_state_row(state, command, mode, latency))
        step = controller.last_step
        if step is None:
            return
        now, picture = step.readings, step.readings.depth
        self._steps.append(
            {
                "tick": state.tick, "begins": int(state.tick == controller.machine.since), "ang_vel": now.ang_vel,
                "roll": now.roll, "pitch": now.pitch, "yaws": np.array(now.yaws), "command": now.command,
                "joint_pos": now.joint_pos, "joint_vel": now.joint_vel, "last_action": now.action,
                "contact": now.contact, "picture": len(self._pictures) if picture is not None else -1,
                "action": step.action, "target": step.target, "seconds": step.seconds, "adopted": int(step.adopted),
            }
        )  # fmt: skip
        if picture is not None:
            self._pictures.append(picture)
            self._picture_ticks.append(state.tick)

    def write(self, path: Path, report: dict[str, Any]) -> Path:
        """Write it; the folder is made.

        Args:
            path: of the file, ``.npz``.
            report: of the loop.

        Raises:
            DeployError: it cannot be written.
        """
        head: dict[str, Any] = {
            "format": FORMAT, "format_version": VERSION, "export": self._contract.sha256, "task": self._contract.task,
            "joints": list(self._contract.joints), "flat": self._options.flat, "background": not self._options.lockstep,
            "versions": versions(), "report": report,
        }  # fmt: skip
        arrays: dict[str, np.ndarray] = {"head": np.array(json.dumps(head))}
        for prefix, rows in (("state", self._states), ("step", self._steps)):
            for key in rows[0] if rows else ():
                arrays[f"{prefix}.{key}"] = np.array([row[key] for row in rows])
        arrays["pictures"] = np.array(self._pictures, np.float32)
        arrays["picture_ticks"] = np.array(self._picture_ticks, np.int64)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part, part.open("wb") as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        except OSError as error:
            raise DeployError(f"cannot write the log {path}: {error.strerror or error}", hint="--log FILE") from None
        return path


@dataclass(frozen=True)
class LogFile:
    """A log that was read. Tables are arrays by column, rows in order of time."""

    path: Path
    head: dict[str, Any]
    states: dict[str, np.ndarray]
    steps: dict[str, np.ndarray]
    pictures: np.ndarray
    """``[P, H, W]`` [m], of which the column ``picture`` of ``steps`` is an index, -1 for none."""
    picture_ticks: np.ndarray
    """``[P]`` [ms]"""


def read_log(path: Path) -> LogFile:
    """A log.

    Raises:
        DeployError: it cannot be read, or is something else.
    """
    try:
        data = read_arrays(path)
        head = parse_json(str(data["head"]))
        if head["format"] != FORMAT or head["format_version"] != VERSION:
            raise DeployError(f"{path} is of another format, expected {FORMAT} version {VERSION}")
        tables: dict[str, dict[str, np.ndarray]] = {"state": {}, "step": {}}
        for key, values in data.items():
            table, _, column = key.partition(".")
            if column and table in tables:
                tables[table][column] = values
        log = LogFile(path, head, tables["state"], tables["step"], data["pictures"], data["picture_ticks"])
        _check(log)
        return log
    except OSError as error:
        raise DeployError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DeployError(f"{path} is no log of parkour deploy ({type(error).__name__}: {error})") from None


_STEP_COLUMNS = {
    "tick": (), "begins": (), "ang_vel": (3,), "roll": (), "pitch": (), "yaws": (2,), "command": (), "picture": (),
    "joint_pos": JOINTS, "joint_vel": JOINTS, "last_action": JOINTS, "action": JOINTS, "contact": (None,),
    "adopted": (),
}  # fmt: skip
_STATE_COLUMNS = {"tick": (), "latency_ms": (), "torque": JOINTS, "temperature": (None,)}
"""Shape of a row's numbers, for the columns that somebody reads; None: any."""


def _check(log: LogFile) -> None:
    """Whether everything that is read of a log is there, of its type and shape.

    Raises:
        KeyError, ValueError: it is not.
    """
    head, pictures, ticks = log.head, log.pictures, log.picture_ticks
    types = {"export": str, "joints": list, "flat": bool, "background": bool, "report": dict}
    if any(type(head[key]) is not kind for key, kind in types.items()):
        raise ValueError("a damaged head")
    _check_columns(log.states, _STATE_COLUMNS, len(head["joints"]))
    _check_columns(log.steps, _STEP_COLUMNS, len(head["joints"]))
    if ticks.shape != pictures.shape[:1] or any(array.dtype.kind not in "fiu" for array in (pictures, ticks)):
        raise ValueError(f"{ticks.shape} ticks for pictures of the shape {pictures.shape}")
    if log.steps and log.steps["picture"].max(initial=-1) >= len(pictures):
        raise ValueError("a step names a picture that is not there")


def _check_columns(table: dict[str, np.ndarray], columns: Mapping[str, tuple[Any, ...]], joints: int) -> None:
    """A table is empty, or its columns have as many rows as each other."""
    if not table:
        return
    rows = table["tick"].shape[:1]
    for name, shape in columns.items():
        got = table[name].shape
        wanted = (*rows, *(joints if side == "joints" else side for side in shape))
        if len(got) != len(wanted) or any(side not in (None, n) for n, side in zip(got, wanted)):
            raise ValueError(f"{name} of shape {got}, expected {wanted}")
    for name, column in table.items():
        if column.shape[:1] != rows or column.dtype.kind not in "bifu":
            raise ValueError(f"{name} of shape {column.shape} and {column.dtype}, expected {rows} rows of numbers")


def _state_row(state: RobotState, command: MotorCommand | None, mode: Mode, latency: float) -> Row:
    nothing = np.full_like(state.joint_pos, np.nan)
    return {
        "tick": state.tick, "mode": int(mode), "intact": int(state.intact), "latency_ms": latency,
        "quaternion": state.quaternion, "gyroscope": state.gyroscope, "accelerometer": state.accelerometer,
        "joint_pos": state.joint_pos, "joint_vel": state.joint_vel, "torque": state.torque,
        "temperature": state.temperature, "foot_force": state.foot_force, "battery_voltage": state.battery_voltage,
        "target": command.joint_pos if command else nothing, "stiffness": command.stiffness if command else nothing,
        "damping": command.damping if command else nothing,
    }  # fmt: skip
