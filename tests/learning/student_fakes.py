"""A small environment with a camera, and a student's task: no simulator, no terrain."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from parkour.engines.task_env import Transition
from parkour.learning.options import TrainOptions
from parkour.learning.train import train
from parkour.mdp.mirror import Mirror, Sides, columns_reversed
from parkour.tasks import load_task
from parkour.tasks.build import build_observations
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.changes import read_changes
from tests.contexts import GO2
from tests.learning.fakes import SIZES, FakeEnv, FakeObservations, make_env

IMAGE = (16, 18)
PERIOD = 5
YAWS = slice(6, 8)
NOT_FLAT, FLAT = 11, 12
"""Columns of the proprioception."""
NETWORKS = ("policy.params.hidden_dims=[32, 16]",)
SMALL = (
    *NETWORKS,
    "policy.encoders.depth_encoder.params.channels=[4, 6]",
    "policy.encoders.depth_encoder.params.hidden_dim=24",
    "policy.encoders.depth_encoder.params.memory=20",
)


class FakeStudentObservations(FakeObservations):
    """Groups of the real task's sizes, but for the image."""

    def __init__(self, sizes: dict[str, int], image: tuple[int, ...]) -> None:
        super().__init__(sizes)
        self.image = image

    def mirrors(self, names: Iterable[str], sides: Sides) -> dict[str, Mirror]:
        real = build_observations(load_task("go2-student"), num_envs=1, device="cpu").mirrors(names, sides)
        return {name: columns_reversed(*self.image) if name == "depth" else mirror for name, mirror in real.items()}


class FakeStudentEnv(FakeEnv):
    """Scan and yaws stay the same between perception steps; the image shows a mixture of them. Every fourth is on flat
    ground.

    Args:
        tells: whether the environment says which images are new.
        phase: control steps since the last perception step at the beginning.
    """

    def __init__(
        self, num_envs: int = 8, seed: int = 0, length: int = 12, *, tells: bool = True, phase: int = 0,
        image: tuple[int, ...] = IMAGE,
    ) -> None:  # fmt: skip
        self.clock, self.tells, self.image = phase, tells, image
        mixer = torch.Generator().manual_seed(99)
        pixels = 1
        for size in image:
            pixels *= size
        self.paint = torch.randn(SIZES["height_scan"] + 2, pixels, generator=mixer) / 8.0
        self.paint[-2:] *= 6.0
        super().__init__(num_envs, seed, length)
        observations = FakeStudentObservations(self.sizes, image)
        observations.clean = self.mdp.observations.clean
        self.mdp.layout, self.mdp.observations = GO2, observations

    def _draw(self) -> None:
        before = getattr(self, "_observations", None)
        # What a resumed run begins with: it resets everything, as the last step of a rollout did.
        self.drawn_from = self.generator.get_state()
        super()._draw()
        obs = self._observations
        new = (self.episode_length_buf == 0) | (self.clock % PERIOD == 0)
        yaw = obs["proprioception"][:, YAWS]
        if before is not None:
            obs["height_scan"] = torch.where(new[:, None], obs["height_scan"], before["height_scan"])
            yaw = torch.where(new[:, None], yaw, before["proprioception"][:, YAWS])
        obs["proprioception"][:, YAWS] = yaw
        obs["proprioception"][:, FLAT] = (torch.arange(self.num_envs) % 4 == 3).float()
        obs["proprioception"][:, NOT_FLAT] = 1.0 - obs["proprioception"][:, FLAT]
        shown = torch.cat((obs["height_scan"], yaw), dim=-1)
        # Within what a camera can show.
        obs["depth"] = (shown @ self.paint).tanh().view(self.num_envs, *self.image)
        obs["yaw_valid"] = (yaw[:, :1].abs() < 0.4).float()
        obs["perception"] = new.float()[:, None]
        if self.tells:
            everyone = bool(self.clock % PERIOD == 0)
            self.mdp.refreshed = None if everyone else new.nonzero().view(-1)  # type: ignore[attr-defined]

    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        self.clock = 0
        return super()._begin(env_ids)

    def _advance(self, actions: Tensor) -> Transition:
        self.clock += 1
        return super()._advance(actions)


def student_task(*sets: str, small: tuple[str, ...] = SMALL, name: str = "go2-student") -> ResolvedTask:
    """A built-in student's task with small networks and rollouts."""
    return load_task(name, overlay="train", changes=read_changes((*small, "algorithm.steps_per_env=10", *sets)))


def make_student_env(task: ResolvedTask, num_envs: int, device: str, seed: int) -> FakeStudentEnv:
    """In place of an engine."""
    return FakeStudentEnv(num_envs, seed)


def train_teacher(folder: Path, *sets: str, iterations: int = 1) -> Path:
    """Checkpoint of a freshly begun teacher with small networks."""
    task = load_task(
        "go2-teacher", overlay="train", changes=read_changes((*NETWORKS, "algorithm.steps_per_env=4", *sets))
    )
    options = TrainOptions(
        num_envs=8, iterations=iterations, device="cpu", log_root=folder / "teacher", logger="none", progress=False
    )
    return train(task, options, make_env=make_env).checkpoint
