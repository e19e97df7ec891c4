"""A simulator that only remembers what was set: for events."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.camera import MOUNTING_PARTS, MountingPart
from parkour.mdp.robot import RobotLayout
from parkour.testing.states import GO2
from parkour.testing.subject import expect

UNTOUCHED = -1000.0
"""Stands where nothing was set."""


class RecordingSim:
    """Keeps what events set, per environment. See :class:`parkour.mdp.events.SimHandle`.

    Args:
        num_envs: N.
        layout: of the robot.
        device: where the tensors live.
    """

    def __init__(self, num_envs: int, layout: RobotLayout = GO2, device: str = "cpu") -> None:
        self.num_envs, self.layout, self.device = num_envs, layout, device
        joints = layout.num_joints
        sizes = {
            "friction": (), "mass": (), "com": (3,), "stiffness": (joints,), "damping": (joints,),
            "pos": (joints,), "vel": (joints,), "base": (3,), "yaw": (), "push": (2,), "strength": (),
            **{f"camera_{part}": shape for part, shape in MOUNTING_PARTS.items()},
        }  # fmt: skip
        self.state = {name: torch.full((num_envs, *size), UNTOUCHED, device=device) for name, size in sizes.items()}
        """What was set, by name; :data:`UNTOUCHED` where nothing was."""

    def touched(self) -> dict[str, Tensor]:
        """What was set at all."""
        return {key: value for key, value in self.state.items() if value.is_meta or (value != UNTOUCHED).any()}

    def _set(self, env_ids: Tensor, **values: Tensor) -> None:
        for name, value in values.items():
            expected = (len(env_ids), *self.state[name].shape[1:])
            got = tuple(getattr(value, "shape", ()))
            expect(got == expected, f"set {name} to values of shape {got}, expected {expected}")
            right = value.dtype == torch.float32 and value.device.type == self.device
            expect(right, f"set {name} to {value.dtype} on {value.device}, expected float32 on {self.device}")
            self.state[name][env_ids] = value

    def set_friction(self, env_ids: Tensor, friction: Tensor) -> None:
        self._set(env_ids, friction=friction)

    def set_added_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        self._set(env_ids, mass=mass)

    def set_com_offset(self, env_ids: Tensor, offset: Tensor) -> None:
        self._set(env_ids, com=offset)

    def set_gain_scale(self, env_ids: Tensor, stiffness: Tensor, damping: Tensor) -> None:
        self._set(env_ids, stiffness=stiffness, damping=damping)

    def set_motor_strength(self, env_ids: Tensor, strength: Tensor) -> None:
        self._set(env_ids, strength=strength)

    def set_joint_state(self, env_ids: Tensor, pos: Tensor, vel: Tensor) -> None:
        self._set(env_ids, pos=pos, vel=vel)

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        self._set(env_ids, base=pos, yaw=yaw)

    def set_base_velocity_xy(self, env_ids: Tensor, velocity: Tensor) -> None:
        self._set(env_ids, push=velocity)

    def set_camera_mounting(self, env_ids: Tensor, part: MountingPart, error: Tensor) -> None:
        self._set(env_ids, **{f"camera_{part}": error})

    def spawn(self, env_ids: Tensor) -> Tensor:
        return torch.stack((env_ids * 1.0, env_ids * -0.5, env_ids * 0.01), dim=1)
