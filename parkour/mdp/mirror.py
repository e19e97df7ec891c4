"""Left and right exchanged: how a robot's numbers look in a mirror that stands in its plane of symmetry.

The plane is that of the base's forward and vertical axes, so that y changes its sign. Everything here is a
permutation with signs, which undoes itself: a mirror image of a mirror image is bit for bit what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from parkour.errors import PluginError, TaskError
from parkour.mdp.robot import RobotLayout

ANGLE = 0.01
"""A default pose is symmetric within this [rad]."""
SIDED_COMMANDS = ("lateral_speed", "turn_rate")
"""Built-in command terms that ask for something to the left, which a mirror turns around."""
WORDS = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("L", "R"), ("l", "r"))
"""How names say which side they are on; the longer ones first."""


@dataclass(frozen=True)
class Mirror:
    """What becomes of ``D`` numbers: the ``i``-th is the ``order[i]``-th of before, times ``signs[i]``."""

    order: tuple[int, ...]
    signs: tuple[float, ...]
    """Each 1 or -1."""

    def __post_init__(self) -> None:
        """Raises:
        PluginError: done twice it would not be as before.
        """
        places = range(len(self.order))
        if len(self.signs) != len(self.order) or sorted(self.order) != list(places) or set(self.signs) - {1.0, -1.0}:
            raise PluginError("expected a mirror with a place and a sign, 1 or -1, for each number")
        for place in places:
            other = self.order[place]
            if self.order[other] != place or self.signs[other] != self.signs[place]:
                raise PluginError(f"expected a mirror that undoes itself; number {place} becomes another one")

    def on(self, device: str | torch.device) -> Reflector:
        """What does it to tensors on ``device``."""
        signs = None if set(self.signs) <= {1.0} else torch.tensor(self.signs, device=device)
        return Reflector(torch.tensor(self.order, dtype=torch.int64, device=device), signs)


@dataclass(frozen=True)
class Reflector:
    """A :class:`Mirror` on a device: called every step, it brings nothing there."""

    order: Tensor
    """``[D]`` int64."""
    signs: Tensor | None
    """``[D]``; None where no number changes its sign."""

    def __call__(self, values: Tensor) -> Tensor:
        """The mirror image of ``[…, D]``."""
        image = values.index_select(-1, self.order)
        return image if self.signs is None else image * self.signs


@dataclass(frozen=True)
class Sides:
    """Which joints and feet of a robot are each other's mirror images."""

    joints: Mirror
    """Of joint positions off the default pose, joint speeds and actions: turns about the forward axis change their
    sign."""
    feet: Mirror
    """Of a number for each foot."""

    @classmethod
    def of(cls, layout: RobotLayout) -> Sides:
        """Read off the names (``FL_hip`` and ``FR_hip``, ``left_knee`` and ``right_knee``).

        The angles of ``opposite_joints``, or of the hips where a robot names none, change their sign, all others keep
        it; the default pose has to agree. Whether the model does, ``parkour plugins check`` tells.

        Raises:
            TaskError: a joint or a foot has no counterpart, or the default pose is not symmetric.
        """
        order = _counterparts("joint", layout.name, layout.joints)
        opposite = layout.hip_joints if layout.opposite_joints is None else layout.opposite_joints
        signs = tuple(-1.0 if index in opposite else 1.0 for index in range(layout.num_joints))
        pose = layout.default_joint_pos
        for index, (other, sign) in enumerate(zip(order, signs, strict=True)):
            if signs[other] != sign or abs(pose[index] - sign * pose[other]) > ANGLE:
                one, its = layout.joints[index], layout.joints[other]
                raise TaskError(
                    f"robot {layout.name!r} cannot be mirrored: default_joint_pos is {pose[index]:g} rad at {one} and "
                    f"{pose[other]:g} rad at {its}, expected opposite at opposite_joints (or hip_joints), else alike"
                )
        feet = _counterparts("foot", layout.name, layout.feet)
        return cls(Mirror(order, signs), Mirror(feet, (1.0,) * len(feet)))


@runtime_checkable
class MirroredTerm(Protocol):
    """An observation group that says how it looks in a mirror."""

    def mirror(self, sides: Sides) -> Mirror:
        """Of the group's numbers, images row by row: what it would return in the mirrored state.

        Raises:
            TaskError: with its parameters it has no mirror image, such as a camera that looks to the left.
        """
        ...


class Reflection(Protocol):
    """How a run of ``size`` numbers looks in a mirror."""

    def __call__(self, sides: Sides, size: int) -> Mirror: ...


def same(sides: Sides, size: int) -> Mirror:
    """Numbers without a side: speeds forward, pitch, flags."""
    return Mirror(tuple(range(size)), (1.0,) * size)


def opposite(sides: Sides, size: int) -> Mirror:
    """Angles and rates about the forward or the vertical axis; distances to the left."""
    return Mirror(tuple(range(size)), (-1.0,) * size)


def vector(sides: Sides, size: int) -> Mirror:
    """A place, speed or force (x, y, z)."""
    return Mirror((0, 1, 2), (1.0, -1.0, 1.0))


def rotation(sides: Sides, size: int) -> Mirror:
    """An angular velocity or torque (x, y, z): a mirror turns it the other way about x and z."""
    return Mirror((0, 1, 2), (-1.0, 1.0, -1.0))


def joint_angles(sides: Sides, size: int) -> Mirror:
    """A signed number for each joint: position, speed, torque, action."""
    return sides.joints


def joint_sizes(sides: Sides, size: int) -> Mirror:
    """A number without a direction for each joint, such as a gain."""
    return Mirror(sides.joints.order, (1.0,) * size)


def each_foot(sides: Sides, size: int) -> Mirror:
    """A number for each foot."""
    return sides.feet


def rows_reversed(rows: int, columns: int) -> Mirror:
    """A grid of numbers, row by row, whose rows go from one side to the other."""
    order = tuple(row * columns + column for row in reversed(range(rows)) for column in range(columns))
    return Mirror(order, (1.0,) * len(order))


def columns_reversed(rows: int, columns: int) -> Mirror:
    """An image, row by row, whose columns go from one side to the other."""
    order = tuple(row * columns + column for row in range(rows) for column in reversed(range(columns)))
    return Mirror(order, (1.0,) * len(order))


def joined(parts: Sequence[Mirror]) -> Mirror:
    """Runs of numbers one after the other."""
    order: list[int] = []
    for part in parts:
        first = len(order)
        order.extend(first + place for place in part.order)
    return Mirror(tuple(order), tuple(sign for part in parts for sign in part.signs))


def _counterparts(what: str, robot: str, names: Sequence[str]) -> tuple[int, ...]:
    """For each name the index of the one on the other side."""
    found = []
    for name in names:
        across = set(_other_side(name))
        others = [index for index, other in enumerate(names) if other in across]
        if len(others) != 1:
            raise TaskError(
                f"robot {robot!r} cannot be mirrored: {what} {name} has {len(others)} counterparts by name, expected "
                "one on the other side, as FL_foot and FR_foot are, or left_foot and right_foot"
            )
        found.append(others[0])
    return tuple(found)


def _other_side(name: str) -> Iterator[str]:
    """The name with one word or letter for a side exchanged, in every place where it occurs."""
    for left, right in WORDS:
        for one, other in ((left, right), (right, left)):
            start = name.find(one)
            while start >= 0:
                yield name[:start] + other + name[start + len(one) :]
                start = name.find(one, start + 1)
