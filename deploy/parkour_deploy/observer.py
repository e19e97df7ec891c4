"""Observations as ``deploy.toml`` lays them out: the robot's and, with more readers, a simulator's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Generic, Mapping, TypeVar, Union

import numpy as np

from parkour_deploy.contract import Contract, Group
from parkour_deploy.errors import ContractError
from parkour_deploy.picture import DepthPicture, FrameDelay
from parkour_deploy.tables import Table

RESERVED = "reserved"
"""Fields whose names begin so are zeros."""
YAWS = ("goal_yaw", "next_goal_yaw")
"""Fields that the history leaves out."""


@dataclass(frozen=True)
class Readings:
    """What a robot knows at one control step, in the policy's joint order."""

    ang_vel: np.ndarray
    """``[3]`` of the base, in its own frame [rad/s]."""
    roll: float
    pitch: float
    """[rad]"""
    yaws: tuple[float, float]
    """To the way point and the next, or the heading error twice, where it is commanded externally [rad]."""
    command: float
    """[m/s]"""
    flat: bool
    """Whether the ground is level."""
    joint_pos: np.ndarray
    """``[J]`` [rad]"""
    joint_vel: np.ndarray
    """``[J]`` [rad/s]"""
    action: np.ndarray
    """``[J]`` the last one, clipped."""
    contact: np.ndarray
    """``[F]`` force on each foot, the greater of now and one control step ago [N]; sensors that only tell whether a
    foot is down say infinity or 0."""
    depth: np.ndarray | None
    """``[height, width]`` distances along the rays of a new picture [m]; None between pictures."""


def _params(group: Group) -> Table:
    return Table(group.params, f"observation group {group.name!r}")


R = TypeVar("R", bound=Readings)
Reader = Callable[[R, Group], np.ndarray]
"""The numbers of a whole group."""
FieldReader = Callable[[R, Group], Union[np.ndarray, float]]
"""The numbers of a field, before they are scaled."""


class Observer(Generic[R]):
    """Computes every group that it knows; zeros stand for what it does not know and the policy does not read.

    Args:
        contract: of the export.
        groups: readers of groups beyond proprioception, its history and depth, by kind.
        fields: readers of fields beyond the robot's own.
        named: readers of single groups by their name in the task, which come before those by kind.

    Raises:
        ContractError: the policy reads what nothing here can tell.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        groups: Mapping[str, Reader[R]] | None = None,
        fields: Mapping[str, FieldReader[R]] | None = None,
        named: Mapping[str, Reader[R]] | None = None,
    ) -> None:
        self._contract = contract
        self._default = contract.default_joint_pos
        self._proprioception = contract.group("proprioception")
        self._history: list[np.ndarray] = []
        depth = contract.group("depth")
        self._frames = FrameDelay(_params(depth).whole("latency", most=1000) if depth else 0)
        self._picture = DepthPicture(contract.camera, depth.params) if depth and contract.camera else None
        self._fields: dict[str, FieldReader[R]] = {**self._own_fields(), **(fields or {})}
        self._groups: dict[str, Reader[R]] = {
            "proprioception": self._read_fields,
            "proprioception_history": self._past,
            "depth": self._depth,
            **(groups or {}),
        }
        self._named: dict[str, Reader[R]] = dict(named or {})
        for group in contract.groups:
            if group.name not in self._named:
                self._check(group)

    def reset(self) -> None:
        """A new episode begins."""
        self._history = []
        self._frames.reset()

    def observe(self, now: R) -> np.ndarray:
        """``[size]`` float32, all groups in order."""
        parts = []
        for group in self._contract.groups:
            reader = self._named.get(group.name) or self._groups.get(group.kind)
            values = reader(now, group) if reader else np.zeros(group.size)
            parts.append(values if group.clip is None else np.clip(values, -group.clip, group.clip))
        return np.concatenate(parts).astype(np.float32)

    def read_fields(self, now: R, group: Group) -> np.ndarray:
        """A group that is made of fields known by name, for readers of other groups."""
        return self._read_fields(now, group)

    def _check(self, group: Group) -> None:
        if group.kind not in self._groups:
            if group.read:
                raise ContractError(
                    f"the policy reads the observation group {group.name!r} ({group.use}), which cannot be computed "
                    f"here: known are {', '.join(self._groups)}"
                )
            return
        if group.kind == "proprioception":
            self.check_fields(group)
        elif group.kind == "proprioception_history":
            _params(group).whole("length", least=1, most=1000)
            if self._proprioception is not None:
                self._check_forces(self._proprioception, group)
        elif group.kind == "depth" and self._picture is None:
            raise ContractError(f"observation group {group.name!r}: expected a camera, which the export does not have")

    def check_fields(self, group: Group) -> None:
        """Raises ContractError where a field of ``group`` is unknown."""
        for field in group.fields:
            if field.name not in self._fields and not field.name.startswith(RESERVED):
                raise ContractError(f"observation group {group.name!r}: unknown field {field.name!r}")
        self._check_forces(group, group)

    def _check_forces(self, layout: Group, group: Group) -> None:
        """Whether ``group`` says from which force on a foot stands, where ``layout`` asks for that."""
        if any(field.name == "foot_contact" for field in layout.fields):
            _params(group).number("contact_force", 0.0, 1e6)

    def _read_fields(self, now: R, group: Group) -> np.ndarray:
        return self._laid_out(now, group, group)

    def _laid_out(self, now: R, layout: Group, group: Group) -> np.ndarray:
        """The fields of ``layout``, computed with the parameters of ``group``."""
        parts = []
        for field in layout.fields:
            reader = self._fields.get(field.name)
            parts.append(np.atleast_1d(reader(now, group)) * field.scale if reader else np.zeros(field.size))
        return np.concatenate(parts)

    def _past(self, now: R, group: Group) -> np.ndarray:
        """The blocks before this one, oldest first, without yaws; copies of the first one at the start."""
        block = self._proprioception
        if block is None:
            raise ContractError(f"observation group {group.name!r}: the task has no proprioception to remember")
        current = self._laid_out(now, block, group)
        for field in block.fields:
            if field.name in YAWS:
                start = field.offset - block.offset
                current[start : start + field.size] = 0.0
        past = self._history or [current] * group.params["length"]
        self._history = [*past[1:], current]
        return np.concatenate(past)

    def _depth(self, now: R, group: Group) -> np.ndarray:
        if now.depth is not None and self._picture is not None:
            self._frames.push(self._picture(now.depth))
        return self._frames.visible.reshape(-1)

    def _own_fields(self) -> dict[str, FieldReader[R]]:
        return {
            "base_ang_vel": lambda now, group: now.ang_vel,
            "roll": lambda now, group: now.roll,
            "pitch": lambda now, group: now.pitch,
            "goal_yaw": lambda now, group: now.yaws[0],
            "next_goal_yaw": lambda now, group: now.yaws[1],
            "command": lambda now, group: now.command,
            "not_flat": lambda now, group: float(not now.flat),
            "flat": lambda now, group: float(now.flat),
            "joint_pos": lambda now, group: now.joint_pos - self._default,
            "joint_vel": lambda now, group: now.joint_vel,
            "last_action": lambda now, group: now.action,
            "foot_contact": lambda now, group: (now.contact > group.params["contact_force"]) - 0.5,
        }
