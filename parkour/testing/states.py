"""Random but plausible states to try terms on: consistent poses, forces that are sometimes 0, commands too."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from parkour.mdp.context import Contacts, GoalState, PreviousStep, Privileged, RobotState, StepContext
from parkour.mdp.robot import RobotLayout
from parkour.terrain.raster import OPEN

_LEGS = ("FL", "FR", "RL", "RR")

GO2 = RobotLayout(
    name="go2",
    joints=tuple(f"{leg}_{part}_joint" for part in ("hip", "thigh", "calf") for leg in _LEGS),
    feet=tuple(f"{leg}_foot" for leg in _LEGS),
    contact_bodies=("base_link", *(f"{leg}_{part}" for part in ("hip", "thigh", "calf") for leg in _LEGS)),
    penalised_bodies=(0, 5, 6, 7, 8, 9, 10, 11, 12),
    hip_joints=(0, 1, 2, 3),
    default_joint_pos=(0.1, -0.1, 0.1, -0.1, 0.8, 0.8, 1.0, 1.0, -1.5, -1.5, -1.5, -1.5),
    stiffness=(40.0,) * 12,
    damping=(1.0,) * 12,
    effort_limit=(35.0,) * 4 + (40.0,) * 8,
    saturation_effort=(35.0,) * 4 + (45.0,) * 8,
    velocity_limit=(52.4,) * 4 + (30.1,) * 8,
    armature=(0.01,) * 12,
    base_height=0.4,
)
"""A layout like the Go2's."""

TRIPOD = RobotLayout(
    name="tripod",
    joints=("a_hip", "a_knee", "b_hip", "b_knee", "c_hip", "c_knee"),
    feet=("a_foot", "b_foot", "c_foot"),
    contact_bodies=("body", "a_shin", "b_shin", "c_shin"),
    penalised_bodies=(0, 3, 1),
    hip_joints=(0, 2, 4),
    default_joint_pos=(0.2, -0.4, 0.2, -0.4, 0.2, -0.4),
    stiffness=(20.0,) * 6,
    damping=(0.5,) * 6,
    effort_limit=(10.0,) * 6,
    saturation_effort=(12.0,) * 6,
    velocity_limit=(20.0,) * 6,
    armature=(0.01,) * 6,
    base_height=0.4,
)
"""A robot with other numbers of joints, feet and bodies, whose indices are neither sorted nor neighbours."""


@dataclass(slots=True)
class WavyCourse:
    """A course with formulas in place of rasters. See :class:`parkour.mdp.context.Course`."""

    level: Tensor
    difficulty: Tensor
    terrain: Tensor
    flat: Tensor

    def height(self, xy: Tensor) -> Tensor:
        return 0.3 * torch.sin(xy[..., 0]) + 0.2 * xy[..., 1]

    def ceiling(self, xy: Tensor) -> Tensor:
        return torch.where(
            torch.sin(3.0 * xy[..., 0]) > 0.5, self.height(xy) + 0.35 + 0.1 * torch.cos(xy[..., 1]), OPEN
        )

    def edge(self, xy: Tensor) -> Tensor:
        return torch.sin(5.0 * xy[..., 0] + xy[..., 1]) > 0.2


def random_context(
    num_envs: int, seed: int, *, layout: RobotLayout = GO2, device: str = "cpu", **changes: Any
) -> StepContext:
    """A state of ``num_envs`` robots drawn from ``seed``, the same on every device; ``changes`` replace fields."""
    rng = torch.Generator().manual_seed(seed)
    context = StepContext(
        robot=_robot(num_envs, layout, rng),
        contacts=Contacts(
            foot_force=_forces((num_envs, layout.num_feet), rng),
            previous_foot_force=_forces((num_envs, layout.num_feet), rng),
            body_force=_forces((num_envs, len(layout.contact_bodies)), rng),
        ),
        previous=PreviousStep(
            joint_vel=_normal((num_envs, layout.num_joints), 5.0, rng),
            joint_torque=_normal((num_envs, layout.num_joints), 10.0, rng),
            action=_normal((num_envs, layout.num_joints), 1.0, rng),
        ),
        goals=_goals(num_envs, rng),
        course=WavyCourse(
            level=torch.randint(0, 10, (num_envs,), generator=rng),
            difficulty=torch.rand(num_envs, generator=rng),
            terrain=torch.randint(0, 6, (num_envs,), generator=rng),
            flat=torch.rand(num_envs, generator=rng) < 0.3,
        ),
        privileged=Privileged(
            added_mass=_uniform((num_envs, 1), -1.0, 3.0, rng),
            com_offset=_uniform((num_envs, 3), -0.02, 0.02, rng),
            friction=_uniform((num_envs, 1), 0.6, 2.0, rng),
            stiffness_scale=_uniform((num_envs, layout.num_joints), 0.975, 1.025, rng),
            damping_scale=_uniform((num_envs, layout.num_joints), 0.975, 1.025, rng),
        ),
        command=torch.where(torch.rand(num_envs, generator=rng) < 0.2, 0.0, _uniform((num_envs,), 0.3, 0.8, rng)),
        action=_normal((num_envs, layout.num_joints), 1.0, rng),
        layout=layout,
        default_joint_pos=torch.tensor(layout.default_joint_pos),
        episode_step=torch.randint(0, 1200, (num_envs,), generator=rng),
        max_episode_steps=1000,
        step_dt=0.02,
        perception=torch.rand(num_envs, generator=rng) < 0.2,
        depth=_uniform((num_envs, 60, 106), 0.2, 2.0, rng),
        commands={
            "lateral_speed": _uniform((num_envs,), -0.3, 0.3, rng),
            "turn_rate": _uniform((num_envs,), -1, 1, rng),
        },
    )
    context.depth_ids = context.perception.nonzero().squeeze(-1)
    return _moved(dataclasses.replace(context, **changes), device)


def _robot(num_envs: int, layout: RobotLayout, rng: torch.Generator) -> RobotState:
    roll, pitch = _normal((num_envs,), 0.6, rng), _normal((num_envs,), 0.6, rng)
    yaw = _uniform((num_envs,), -torch.pi, torch.pi, rng)
    rotation = _rotation(roll, pitch, yaw)
    base_pos = _uniform((num_envs, 3), -2.0, 2.0, rng) * torch.tensor([4.0, 1.0, 0.4]) + torch.tensor([8.0, 0.0, 0.2])
    lin_vel, ang_vel = _normal((num_envs, 3), 1.0, rng), _normal((num_envs, 3), 2.0, rng)
    joints = (num_envs, layout.num_joints)
    to_base = rotation.transpose(1, 2)
    return RobotState(
        base_pos=base_pos,
        base_quat=_quaternion(roll, pitch, yaw),
        base_lin_vel_w=lin_vel,
        base_lin_vel_b=(to_base @ lin_vel[..., None])[..., 0],
        base_ang_vel_b=ang_vel,
        projected_gravity=(to_base @ torch.tensor([0.0, 0.0, -1.0])),
        roll=roll,
        pitch=pitch,
        yaw=yaw,
        joint_pos=torch.tensor(layout.default_joint_pos) + _normal(joints, 0.3, rng),
        joint_vel=_normal(joints, 5.0, rng),
        joint_torque=_normal(joints, 10.0, rng),
        feet_pos=base_pos[:, None] + _normal((num_envs, layout.num_feet, 3), 0.3, rng),
    )


def _goals(num_envs: int, rng: torch.Generator) -> GoalState:
    angle = _uniform((num_envs,), -torch.pi, torch.pi, rng)
    return GoalState(
        index=torch.randint(0, 9, (num_envs,), generator=rng),
        count=torch.full((num_envs,), 8),
        direction=torch.stack((torch.cos(angle), torch.sin(angle)), dim=1),
        # On purpose not the angle less the robot's yaw: what policies see is held from an earlier step.
        yaw=_uniform((num_envs,), -torch.pi, torch.pi, rng),
        next_yaw=_uniform((num_envs,), -torch.pi, torch.pi, rng),
    )


def _forces(shape: tuple[int, int], rng: torch.Generator) -> Tensor:
    """Net forces: a third none at all, a third around the thresholds, a third loads, some of them mostly sideways."""
    kind = torch.randint(0, 3, shape, generator=rng)
    scale = torch.tensor([0.0, 1.0, 60.0])[kind]
    sideways = torch.where(torch.rand(shape, generator=rng) < 0.2, 0.05, 1.0)
    force = _normal((*shape, 3), 1.0, rng) * scale[..., None]
    return torch.cat((force[..., :2], force[..., 2:] * sideways[..., None]), dim=-1)


def _rotation(roll: Tensor, pitch: Tensor, yaw: Tensor) -> Tensor:
    """``[N, 3, 3]`` from base to world."""
    one, zero = torch.ones_like(roll), torch.zeros_like(roll)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)

    (cr, sr), (cp, sp), (cy, sy) = ((torch.cos(angle), torch.sin(angle)) for angle in (roll, pitch, yaw))
    about_x = matrix((one, zero, zero), (zero, cr, -sr), (zero, sr, cr))
    about_y = matrix((cp, zero, sp), (zero, one, zero), (-sp, zero, cp))
    about_z = matrix((cy, -sy, zero), (sy, cy, zero), (zero, zero, one))
    return about_z @ about_y @ about_x


def _quaternion(roll: Tensor, pitch: Tensor, yaw: Tensor) -> Tensor:
    """``[N, 4]`` of the same rotation, w first."""
    (cr, sr), (cp, sp), (cy, sy) = ((torch.cos(angle / 2), torch.sin(angle / 2)) for angle in (roll, pitch, yaw))
    w = cr * cp * cy + sr * sp * sy
    x = sr * cp * cy - cr * sp * sy
    y = cr * sp * cy + sr * cp * sy
    z = cr * cp * sy - sr * sp * cy
    return torch.stack((w, x, y, z), dim=-1)


def _uniform(shape: tuple[int, ...], low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=rng) * (high - low) + low


def _normal(shape: tuple[int, ...], deviation: float, rng: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=rng) * deviation


def _moved(value: Any, device: str) -> Any:
    """The same with every tensor on ``device``, through nested dataclasses."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: _moved(item, device) for name, item in value.items()}
    if isinstance(value, RobotLayout) or not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    return dataclasses.replace(
        value, **{field.name: _moved(getattr(value, field.name), device) for field in dataclasses.fields(value)}
    )
