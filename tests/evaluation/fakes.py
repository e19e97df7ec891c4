"""A task's real MDP without physics: robots glide along the way points, and some of them fall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from parkour.engines.task_env import TaskEnv, Transition
from parkour.mdp.context import RobotState
from parkour.mdp.measurement import Measurement
from parkour.policies.checkpoint import Checkpoint
from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.definition import acting_network, define_policy
from parkour.policies.deployed import build_actor
from parkour.policies.fit import make_stamp
from parkour.policies.source import Weights, weights_at
from parkour.tasks import load_task, task_tables
from parkour.tasks.build import build_mdp
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.changes import read_changes

SMALL = ("policy.params.hidden_dims=[32, 16]", "course.columns=5", "course.levels=2")
QUICK = ("course.levels=5", "course.columns=5")
"""Few patches, so that a field is made quickly."""


class GlidingSim:
    """A simulator that remembers where robots were put and ignores all else."""

    def __init__(self, env: GlidingEnv) -> None:
        self.env, self.num_envs, self.device, self.layout = env, env.num_envs, "cpu", env.mdp.layout

    def spawn(self, env_ids: Tensor) -> Tensor:
        return self.env.mdp.course.spawn[env_ids]

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        self.env.position[env_ids] = pos

    def __getattr__(self, name: str) -> Any:
        if name.startswith("set_"):
            return lambda *values: None
        raise AttributeError(name)


class GlidingEnv(TaskEnv):
    """Robots glide to their way points at ``pace`` [m/s]; each falls at a place that its own draw and difficulty set.

    Forces, torques and joint speeds are random, so that every sum has something to add.
    """

    def __init__(self, task: ResolvedTask, num_envs: int, device: str, seed: int, pace: float = 2.0) -> None:
        super().__init__(task, build_mdp(task, num_envs=num_envs, device=device, seed=seed))
        self.pace = pace
        self.generator = torch.Generator().manual_seed(seed)
        self.position = torch.zeros(num_envs, 3)
        self.sim = GlidingSim(self)
        self.falls_at = torch.zeros(num_envs)
        self.closed = False
        self.mdp.startup(self.sim)  # type: ignore[arg-type]
        self.reset()

    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        self._place(torch.arange(self.num_envs) if env_ids is None else env_ids, ended=False)
        return self._observe()

    def _advance(self, actions: Tensor) -> Transition:
        goals = self.mdp.goals
        target = self.mdp.course.goals[
            torch.arange(self.num_envs), goals.index.clamp(max=self.mdp.course.goals.shape[1] - 1)
        ]
        offset = target - self.position[:, :2]
        distance = offset.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        self.position[:, :2] += offset / distance * distance.clamp(max=self.pace * self.mdp.clock.step_dt)
        self.position[:, 2] = torch.where(self.position[:, 0] > self.falls_at, -1.0, 0.3)
        self.episode_length_buf += 1
        done, reward = self.mdp.advance(self._measure(), actions, self.episode_length_buf)
        ends = self.mdp.terminations
        reward, outcome = reward.clone(), (ends.failed.clone(), ends.succeeded.clone(), ends.timed_out.clone())
        self.mdp.disturb(self.sim)  # type: ignore[arg-type]
        if len(ended := done.nonzero().squeeze(-1)):
            self._place(ended, ended=True)
        return Transition(self._observe(), reward, *outcome)

    def close(self) -> None:
        self.closed = True

    def _place(self, env_ids: Tensor, *, ended: bool) -> None:
        self.mdp.next_course(env_ids, self.episode_length_buf, ended=ended)
        self.mdp.reset(self.sim, env_ids)  # type: ignore[arg-type]
        self.episode_length_buf[env_ids] = 0
        course = self.mdp.course
        hardness = course.difficulty * (1.3 - 0.25 * course.terrain)
        draw = torch.rand(self.num_envs, generator=self.generator)
        reach = torch.where(draw < 1.2 * hardness, 2.0 + 16.0 * draw / (hardness + 0.1), 100.0)
        self.falls_at[env_ids] = reach[env_ids]

    def _observe(self) -> dict[str, Tensor]:
        return self.mdp.observe(self._measure(), self.episode_length_buf)

    def _measure(self) -> Measurement:
        n, layout = self.num_envs, self.mdp.layout
        draw = lambda *shape: torch.randn(n, *shape, generator=self.generator)  # noqa: E731
        level = torch.tensor([1.0, 0.0, 0.0, 0.0]).expand(n, 4)
        velocity, turn = 0.1 * draw(3), torch.zeros(n)
        robot = RobotState(
            base_pos=self.position.clone(),
            base_quat=level,
            base_lin_vel_w=velocity,
            base_lin_vel_b=velocity,
            base_ang_vel_b=0.1 * draw(3),
            projected_gravity=torch.tensor([0.0, 0.0, -1.0]).expand(n, 3),
            roll=turn,
            pitch=turn,
            yaw=turn,
            joint_pos=self.mdp.default_joint_pos + 0.1 * draw(layout.num_joints),
            joint_vel=draw(layout.num_joints),
            joint_torque=5.0 * draw(layout.num_joints),
            feet_pos=self.position[:, None] + 0.3 * draw(layout.num_feet, 3),
        )
        forces = draw(layout.num_feet, 3).clamp(min=0.0) * 4.0
        return Measurement(robot, forces, torch.zeros(n, len(layout.contact_bodies), 3))


def gliding_env(task: ResolvedTask, num_envs: int, device: str, seed: int) -> GlidingEnv:
    """In place of an engine."""
    return GlidingEnv(task, num_envs, device, seed)


def write_weights(
    folder: Path,
    *sets: str,
    task: str = "go2-teacher",
    overlay: str = "train",
    iteration: int = 3,
    seed: int = 0,
    withs: tuple[str, ...] = (),
) -> Weights:
    """A checkpoint with fresh weights of a task with small networks."""
    folder.mkdir(parents=True, exist_ok=True)
    resolved = load_task(task, overlay=overlay, changes=read_changes((*SMALL, *sets), withs))
    env = GlidingEnv(resolved, 2, "cpu", 0)
    torch.manual_seed(seed)
    obs = env.get_observations()
    definition = define_policy(resolved)
    actor = build_actor(definition, obs, env.num_actions, "cpu")
    path = folder / f"model_{iteration}.pt"
    save_checkpoint(
        path,
        Checkpoint(
            iteration=iteration,
            stamp=make_stamp(resolved, env, obs),
            task=task_tables(resolved),
            model={f"{acting_network(definition)}_state_dict": actor.state_dict()},
            optimizers=None,
            learning_rate=1e-4,
            rng=None,
            env=None,
            num_envs=2,
            total_steps=0,
            seconds=0.0,
            seed=seed,
            versions={},
        ),
    )
    return weights_at(path)
