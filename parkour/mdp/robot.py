"""What terms and policies may know of a robot: names, order, default pose, control constants."""

from __future__ import annotations

from dataclasses import dataclass


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
    default_joint_pos: tuple[float, ...]
    """[rad]"""
    stiffness: tuple[float, ...]
    """[N m / rad]"""
    damping: tuple[float, ...]
    """[N m s / rad]"""
    effort_limit: tuple[float, ...]
    """Continuous torque limit [N m]."""
    saturation_effort: tuple[float, ...]
    """Torque at standstill on the torque-speed line [N m]."""
    velocity_limit: tuple[float, ...]
    """No-load speed [rad/s]."""
    armature: tuple[float, ...]
    """Rotor inertia seen at each joint [kg m^2]."""
    base_height: float
    """Height above the ground at which the base is spawned [m]."""

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def num_feet(self) -> int:
        return len(self.feet)
