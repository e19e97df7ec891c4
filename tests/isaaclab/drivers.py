"""Both engines behind the few things that tests of physics need, a physics step at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from parkour.mdp.measurement import Measurement
from parkour.mdp.task_mdp import TaskMdp
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
    def set_friction(self, friction: Tensor) -> None:
        """``[N]``."""
        ...

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
        torque = self._env.motors.torque(target, accessor.joint_pos(), accessor.joint_vel())
        self._env.sim.data.ctrl[:] = torque
        return torque

    @torch.inference_mode()
    def step(self, count: int, *, target: Tensor | None = None, torque: Tensor | None = None) -> None:
        for _ in range(count):
            given = torque if target is None else self.motors(target)
            self._env.sim.data.ctrl[:] = 0.0 if given is None else given
            self._env.sim.step()

    @torch.inference_mode()
    def read(self) -> Measurement:
        self._env.sim.kinematics()
        return self._env.accessor.read()

    @torch.inference_mode()
    def set_friction(self, friction: Tensor) -> None:
        self._env.sim_handle.set_friction(torch.arange(self.mdp.num_envs), friction)

    def close(self) -> None:
        self._vec.close()


class IsaacDriver:
    def __init__(self, task: ResolvedTask, num_envs: int, physics: str) -> None:
        self._vec = IsaacLabEngine().make_env(task, num_envs=num_envs, device="cpu", seed=1, physics=physics)
        from parkour_isaaclab.runtime import runtime_of  # Isaac Lab can be imported now

        self.env = self._vec.unwrapped
        self.runtime = runtime_of(self.env)
        self.robot = self.env.scene["robot"]
        self.mdp = self._vec.mdp
        self._joints = self.runtime.accessor.joint_ids
        # Newton would make a whole control step of each.
        self.env.sim.physics_manager.set_decimation(1)

    @torch.inference_mode()
    def place(self, pose: Pose) -> None:
        angular = (rotation_matrix(pose.quat) @ pose.ang_vel_b[..., None])[..., 0]
        robot, where = self.robot, {"joint_ids": self._joints}
        root = torch.cat([pose.pos + self.runtime.origins, pose.quat[:, [1, 2, 3, 0]]], dim=-1)
        robot.write_root_link_pose_to_sim_index(root_pose=root)
        robot.write_joint_position_to_sim_index(position=pose.joint_pos.contiguous(), **where)
        robot.write_joint_velocity_to_sim_index(velocity=pose.joint_vel.contiguous(), **where)
        robot.write_root_link_velocity_to_sim_index(root_velocity=torch.cat([pose.lin_vel_w, angular], dim=-1))

    @torch.inference_mode()
    def motors(self, target: Tensor) -> Tensor:
        """Isaac Lab's motors are asked in a physics step, at its beginning; the state is another one afterwards."""
        self.step(1, target=target)
        return self.robot.actuators.applied_effort.torch[:, self._joints].clone()

    @torch.inference_mode()
    def step(self, count: int, *, target: Tensor | None = None, torque: Tensor | None = None) -> None:
        everybody, ones = torch.arange(self.mdp.num_envs), torch.ones(self.mdp.num_envs, len(self._joints))
        command = self.robot.actuators.target_command
        passive = target is None
        if passive:
            self.runtime.sim_handle.set_gain_scale(everybody, 0 * ones, 0 * ones)
        for _ in range(count):
            if target is not None:
                command.set_position_index(value=target.contiguous(), joint_ids=self._joints)
            command.set_effort_index(value=0 * ones if torque is None else torque, joint_ids=self._joints)
            self.env.scene.write_data_to_sim()
            self.env.sim.step(render=False)
            self.env.scene.update(dt=STEP)
        if passive:
            self.runtime.sim_handle.set_gain_scale(everybody, ones, ones)

    @torch.inference_mode()
    def read(self) -> Measurement:
        return self.runtime.accessor.read(self.runtime.origins)

    @torch.inference_mode()
    def set_friction(self, friction: Tensor) -> None:
        self.runtime.sim_handle.set_friction(torch.arange(self.mdp.num_envs), friction)

    def close(self) -> None:
        self._vec.close()


def make_driver(simulator: str, task: ResolvedTask, num_envs: int) -> Driver:
    """The driver of ``mujoco``, or of a backend of Isaac Lab."""
    if simulator == "mujoco":
        return MujocoDriver(task, num_envs)
    return IsaacDriver(task, num_envs, simulator)


def slope_task(angle: float) -> ResolvedTask:
    """A teacher's task on one smooth plane, which falls to the right by ``angle`` [rad]."""

    def generate(difficulty: float, rng: Any, params: Any) -> SubTerrain:
        box = Box.slab((-1.0, 17.0), (-2.9, 2.9), 0.0, roll=angle, walkable=False)
        return SubTerrain([box], np.array([(4.0, 0.0), (8.0, 0.0)]), (2.0, 0.0, 0.0))

    task = flat_task()
    (key, flat), *_ = task.terrains.items()
    return replace(task, terrains={key: replace(flat, target=generate, params=None)})


def flat_task(sets: Sequence[str] = ()) -> ResolvedTask:
    """A teacher's task on smooth flat ground, without randomization."""
    alone = [f"terrains.{name}.share=0" for name in ("gap", "hurdle", "step", "tilt")]
    numbers = ["course.levels=1", "course.columns=1", "course.roughness=[0.0, 0.0]"]
    return load_task("go2-teacher", overlay="play", changes=read_changes([*alone, *numbers, *sets]))
