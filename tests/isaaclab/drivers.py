"""Both engines behind the few things that tests of physics need, a physics step at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from parkour.mdp.task_mdp import Measurement, TaskMdp
from parkour.tasks import ResolvedTask, load_task
from parkour.terrain.box import Box
from parkour.terrain.rays import rotation_matrix
from parkour.terrain.sub_terrain import SubTerrain
from parkour_cli.changes import read_changes
from parkour_isaaclab.engine import IsaacLabEngine
from parkour_mujoco.engine import MujocoEngine

GRAVITY = 9.81
STEP = 0.005
"""Physics step of the tasks [s]."""


@dataclass
class Pose:
    """A state of all robots, patch frame, canonical order: base ``[N, 3]`` and ``[N, 4]``, joints ``[N, J]``."""

    pos: Tensor
    quat: Tensor
    lin_vel_w: Tensor
    ang_vel_b: Tensor
    joint_pos: Tensor
    joint_vel: Tensor

    @classmethod
    def standing(cls, mdp: TaskMdp, height: float) -> Pose:
        """At rest above the spawns in the default pose, looking along x."""
        n, joints = mdp.num_envs, mdp.layout.num_joints
        pos = mdp.course.spawn.clone()
        pos[:, 2] += height
        quat = torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(n, 1)
        default = mdp.default_joint_pos.repeat(n, 1)
        return cls(pos, quat, torch.zeros(n, 3), torch.zeros(n, 3), default, torch.zeros(n, joints))


class Driver(Protocol):
    """One engine's environments."""

    mdp: TaskMdp

    def place(self, pose: Pose) -> None: ...
    def motors(self, target: Tensor) -> Tensor:
        """``[N, J]`` what the motors would give now for position targets."""
        ...

    def step(self, count: int, *, target: Tensor | None = None, torque: Tensor | None = None) -> None:
        """Physics steps with position targets, or with these torques and nothing else."""
        ...

    def read(self) -> Measurement: ...
    def set_friction(self, friction: float) -> None: ...
    def close(self) -> None: ...


class MujocoDriver:
    def __init__(self, task: ResolvedTask, num_envs: int) -> None:
        self._vec = MujocoEngine().make_env(task, num_envs=num_envs, device="cpu", seed=1)
        self._env = self._vec
        self.mdp = self._env.mdp

    @torch.inference_mode()
    def place(self, pose: Pose) -> None:
        data, accessor = self._env.sim.data, self._env.accessor
        data.qpos[:, accessor.base_q] = torch.cat([pose.pos, pose.quat], dim=-1)
        data.qvel[:, accessor.base_v] = torch.cat([pose.lin_vel_w, pose.ang_vel_b], dim=-1)
        data.qpos[:, accessor.joint_q], data.qvel[:, accessor.joint_v] = pose.joint_pos, pose.joint_vel
        self._env.sim.forward()

    @torch.inference_mode()
    def motors(self, target: Tensor) -> Tensor:
        accessor = self._env.accessor
        self._env._torque = self._env.motors.torque(target, accessor.joint_pos(), accessor.joint_vel())
        return self._env._torque

    @torch.inference_mode()
    def step(self, count: int, *, target: Tensor | None = None, torque: Tensor | None = None) -> None:
        for _ in range(count):
            given = torque if target is None else self.motors(target)
            self._env.sim.data.ctrl[:] = 0.0 if given is None else given
            self._env.sim.step()

    @torch.inference_mode()
    def read(self) -> Measurement:
        self._env.sim.kinematics()
        return self._env.accessor.read(self._env._torque)

    @torch.inference_mode()
    def set_friction(self, friction: float) -> None:
        self._env.sim_handle.set_friction(torch.arange(self.mdp.num_envs), torch.full((self.mdp.num_envs,), friction))

    def close(self) -> None:
        self._vec.close()


class IsaacDriver:
    def __init__(self, task: ResolvedTask, num_envs: int) -> None:
        self._vec = IsaacLabEngine().make_env(task, num_envs=num_envs, device="cpu", seed=1)
        from parkour_isaaclab.runtime import runtime_of  # Isaac Lab can be imported now

        self._env = self._vec.unwrapped
        self._runtime = runtime_of(self._env)
        self._robot = self._env.scene["robot"]
        self._joints = self._runtime.accessor.joints
        self.mdp = self._vec.mdp

    @torch.inference_mode()
    def place(self, pose: Pose) -> None:
        angular = (rotation_matrix(pose.quat) @ pose.ang_vel_b[..., None])[..., 0]
        self._robot.write_root_link_pose_to_sim(torch.cat([pose.pos + self._runtime.origins, pose.quat], dim=-1))
        self._robot.write_joint_state_to_sim(pose.joint_pos, pose.joint_vel, joint_ids=self._joints)
        self._robot.write_root_link_velocity_to_sim(torch.cat([pose.lin_vel_w, angular], dim=-1))

    @torch.inference_mode()
    def motors(self, target: Tensor) -> Tensor:
        self._robot.set_joint_position_target(target, joint_ids=self._joints)
        self._robot.write_data_to_sim()
        return self._robot.data.applied_torque[:, self._joints]

    @torch.inference_mode()
    def step(self, count: int, *, target: Tensor | None = None, torque: Tensor | None = None) -> None:
        for _ in range(count):
            if target is not None:
                self.motors(target)
            else:
                given = torch.zeros(self.mdp.num_envs, len(self._joints))
                if torque is not None:
                    given[:, self._joints] = torque
                self._robot.root_physx_view.set_dof_actuation_forces(given, torch.arange(self.mdp.num_envs))
            self._env.sim.step(render=False)
            self._env.scene.update(dt=STEP)

    @torch.inference_mode()
    def read(self) -> Measurement:
        return self._runtime.accessor.read(self._runtime.origins)

    @torch.inference_mode()
    def set_friction(self, friction: float) -> None:
        handle = self._runtime.sim_handle
        handle.set_friction(torch.arange(self.mdp.num_envs), torch.full((self.mdp.num_envs,), friction))

    def close(self) -> None:
        self._vec.close()


DRIVERS = {"mujoco": MujocoDriver, "isaaclab": IsaacDriver}


def slope_task(angle: float) -> ResolvedTask:
    """A teacher's task on one smooth plane, which falls to the right by ``angle`` [rad]."""

    def generate(difficulty: float, rng: Any, params: Any) -> SubTerrain:
        box = Box.slab((-1.0, 17.0), (-2.9, 2.9), 0.0, roll=angle, walkable=False)
        return SubTerrain([box], np.array([(4.0, 0.0), (8.0, 0.0)]), (2.0, 0.0, 0.0))

    task = flat_task()
    (key, flat), *_ = task.terrains.items()
    return replace(task, terrains={key: replace(flat, target=generate, params=None)})


def flat_task(sets: Sequence[str] = ()) -> ResolvedTask:
    """A teacher's task on smooth flat ground, without randomisation."""
    alone = [f"terrains.{name}.share=0" for name in ("gap", "hurdle", "step", "tilt")]
    numbers = ["course.levels=1", "course.columns=1", "course.roughness=[0.0, 0.0]"]
    return load_task("go2-teacher", overlay="play", changes=read_changes([*alone, *numbers, *sets]))
