"""What real bodies do, as changes of the task. Each says all that it depends on, whatever the task has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Changes = Mapping[str, Any]


def _event(name: str, interval: float | None = None, **params: Any) -> dict[str, Any]:
    """An event, whether the task has it or not."""
    return {f"event:{name}": interval or True, f"events.{name}.params": params}


def _felt(key: str, name: str, **params: Any) -> dict[str, Any]:
    """A modifier of the proprioception, in every episode."""
    use = {"use": name, "enabled": True, "chance": 1.0, "params": params}
    return {f"observations.proprioception.modifiers.{key}": use}


SLIPPERY: Changes = _event("friction", range=[0.4, 0.4], buckets=1)
PAYLOAD: Changes = _event("added_mass", range=[5.0, 5.0])
SLIPPERY_PAYLOAD: Changes = {**SLIPPERY, **PAYLOAD}
WEAK_MOTORS: Changes = _event("motor_strength", range=[0.9, 0.9])
PUSHES: Changes = _event("push", interval=6.0, x=[-1.0, 1.0], y=[-1.0, 1.0])
NO_ACTION_DELAY: Changes = {"control.action_delay": 0}
LATE_ACTIONS: Changes = {"control.action_delay": 2}
ENCODER_NOISE: Changes = {
    **_felt("encoder_noise", "gaussian_noise", sigma=0.01, only=["joint_pos"]),
    **_felt("encoder_offset", "constant_error", spread=0.02, only=["joint_pos"]),
    **_felt("velocity_noise", "gaussian_noise", sigma=0.5, only=["joint_vel"]),
}
NO_CONTACTS: Changes = _felt("no_contacts", "contact_faults", only=["foot_contact"], dead=1.0, flicker=0.0, off=-0.5)
