"""What terms and policies may know of a robot: names, order, default pose, control constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from parkour.params import within

_PER_JOINT = ("default_joint_pos", "stiffness", "damping", "effort_limit", "saturation_effort", "velocity_limit")


def per_joint(value: float | tuple[float, ...], joints: int) -> tuple[float, ...]:
    """One number for each joint; a single one stands for all."""
    return value if isinstance(value, tuple) else (float(value),) * joints


@dataclass(frozen=True)
class RobotLayout:
    """A robot, independent of any engine. All lists are in the canonical order of ``joints``.

    The canonical joint order is the order of every policy input, action, export and checkpoint, whatever the engine's
    own order is; each engine permutes at its border.
    """

    name: str
    joints: tuple[str, ...]
    """Joint names: all hips, all thighs, all calves; each FL FR RL RR."""
    feet: tuple[str, ...]
    """Foot names: FL FR RL RR."""
    contact_bodies: tuple[str, ...]
    """Bodies whose contact forces terms can read (:attr:`parkour.mdp.context.Contacts.body_force`)."""
    penalised_bodies: tuple[int, ...]
    """Indices into ``contact_bodies`` of those that must not touch anything: base, thighs, calves. Never the feet."""
    hip_joints: tuple[int, ...]
    """Indices into ``joints`` of the hips."""
    default_joint_pos: Annotated[tuple[float, ...], within(-7.0, 7.0)]
    """[rad]"""
    stiffness: Annotated[tuple[float, ...], within(0.0, 10_000.0)]
    """[N m / rad]"""
    damping: Annotated[tuple[float, ...], within(0.0, 1000.0)]
    """[N m s / rad]"""
    effort_limit: Annotated[tuple[float, ...], within(0.0, 10_000.0)]
    """Continuous torque limit [N m]."""
    saturation_effort: Annotated[tuple[float, ...], within(0.0, 10_000.0)]
    """Torque at standstill on the torque-speed line [N m]."""
    velocity_limit: Annotated[tuple[float, ...], within(0.01, 1000.0)]
    """No-load speed [rad/s]."""
    armature: Annotated[tuple[float, ...], within(0.0, 10.0)]
    """Rotor inertia seen at each joint [kg m^2]."""
    base_height: Annotated[float, within(0.01, 10.0)]
    """Height above the ground at which the base is spawned [m]."""
    opposite_joints: tuple[int, ...] | None = None
    """Indices into ``joints`` of those whose angles change their sign with left and right exchanged; the hips if None.

    A turn about the forward axis does, unless the axis points the other way on the other side.
    """

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def num_feet(self) -> int:
        return len(self.feet)


def check_layout(layout: RobotLayout) -> None:
    """Whether there is a number for each joint, every name is there once, and indices are of something.

    Raises:
        ValueError: not so; says what was expected.
    """
    for key in _PER_JOINT:
        if len(getattr(layout, key)) != len(layout.joints):
            raise ValueError(f"{key} with {len(layout.joints)} numbers, one per joint; got {len(getattr(layout, key))}")
    if isinstance(layout.armature, tuple) and len(layout.armature) != len(layout.joints):
        got = len(layout.armature)
        raise ValueError(f"armature with one number, or {len(layout.joints)}, one per joint; got {got}")
    for key in ("joints", "feet"):
        if not getattr(layout, key):
            raise ValueError(f"{key} with at least one name; got none")
    for key in ("joints", "feet", "contact_bodies"):
        if len(set(getattr(layout, key))) != len(getattr(layout, key)):
            raise ValueError(f"{key} without a name that occurs twice")
    for key, indices, among in (
        ("penalised_bodies", layout.penalised_bodies, layout.contact_bodies),
        ("hip_joints", layout.hip_joints, layout.joints),
        ("opposite_joints", layout.opposite_joints or (), layout.joints),
    ):
        if any(not 0 <= index < len(among) for index in indices):
            raise ValueError(f"{key} with indices of {len(among)} names")
