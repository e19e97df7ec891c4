"""Registers the domain randomization of the parkour tasks."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import EventSpec, hookimpl
from parkour.specs import EventMode

PARKOUR_API = "1.1"

_EXTREME_PARKOUR = "Extreme Parkour with Legged Robots (Cheng et al., 2023)"
_LEGGED_GYM = "Learning to Walk in Minutes Using Massively Parallel Deep RL (Rudin et al., 2022)"
_RMA = "RMA: Rapid Motor Adaptation for Legged Robots (Kumar et al., 2021)"


def _event(name: str, mode: EventMode, params: str, source: str, summary: str) -> EventSpec:
    return EventSpec(
        name=name,
        mode=mode,
        summary=summary,
        target=f"parkour_events.{mode}:{name}",
        params=f"parkour_events.params:{params}",
        source=source,
    )


def _mounting(part: str, source: str, summary: str) -> EventSpec:
    """An error of the camera's mounting: of each robot, or of each episode."""
    return EventSpec(
        name=f"camera_{part}",
        mode="startup",
        other_modes=("reset",),
        summary=summary,
        target=f"parkour_events.camera:camera_{part}",
        params=f"parkour_events.params:Camera{part.capitalize()}Params",
        source=source,
    )


@hookimpl
def register_events() -> Iterable[EventSpec]:
    return (
        _event("friction", "startup", "FrictionParams", _LEGGED_GYM, "friction of the robot, from a set of buckets"),
        _event("added_mass", "startup", "AddedMassParams", _EXTREME_PARKOUR, "mass added to the base"),
        _event("com_offset", "startup", "ComOffsetParams", _EXTREME_PARKOUR, "centre of mass of the base, displaced"),
        _event("gain_scale", "startup", "GainScaleParams", _RMA, "factors on the PD gains of each joint"),
        _event("motor_strength", "startup", "MotorStrengthParams", _EXTREME_PARKOUR, "factor on a robot's torques"),
        _mounting("roll", "", "error of the depth camera's roll"),
        _mounting("pitch", _EXTREME_PARKOUR, "error of the depth camera's pitch"),
        _mounting("yaw", "", "error of the depth camera's yaw"),
        _mounting("position", "", "error of where the depth camera sits"),
        _event("reset_base", "reset", "ResetBaseParams", _LEGGED_GYM, "base above the start of the course, at rest"),
        _event("reset_joints", "reset", "ResetJointsParams", _LEGGED_GYM, "joints near the default pose, at rest"),
        _event("push", "interval", "PushParams", _LEGGED_GYM, "horizontal velocity of the base, set at random"),
    )
