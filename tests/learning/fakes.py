"""A small environment and task for tests of learning: no simulator, no terrain."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from parkour.engines.task_env import TaskEnv, Transition
from parkour.specs import ObservationField
from parkour.tasks import load_task
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.changes import read_changes

SIZES = {
    "proprioception": 53,
    "height_scan": 132,
    "privileged_explicit": 9,
    "privileged_latent": 29,
    "proprioception_history": 530,
}
ACTIONS = 12


@cache
def _teacher() -> ResolvedTask:
    return load_task("go2-teacher")


class FakeObservations:
    """Stands for the set of groups, which knows the layout."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.layout = {name: (ObservationField(name="all", size=size),) for name, size in sizes.items()}
        self.clean: dict[str, Tensor] = {}
        self.strengths: list[tuple[float, bool]] = []

    def ramp_noise(self, strength: float, *, begin: bool = False) -> None:
        self.strengths.append((strength, begin))


class FakeMdp:
    """Stands for the task's MDP: levels to save."""

    def __init__(self, num_envs: int, sizes: dict[str, int], device: str) -> None:
        self.level = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.observations = FakeObservations(sizes)
        self.log: dict[str, Tensor] = {}

    def receive(self, actions: Tensor) -> Tensor:
        return actions

    def restart(self, seed: int) -> None:
        self.level.zero_()

    def drain_statistics(self) -> dict[str, Tensor]:
        return self.log

    def state_dict(self) -> dict[str, object]:
        return {"course": {"level": self.level.clone()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.level.copy_(state["course"]["level"])


class FakeEnv(TaskEnv):
    """Rewards actions near a fixed linear function of the proprioception; episodes of fixed length.

    The explicit block and the privileged latent are functions of proprioception and history, so that the estimator
    and the history encoder have something to learn.
    """

    def __init__(
        self,
        num_envs: int = 8,
        seed: int = 0,
        length: int = 12,
        sizes: dict[str, int] | None = None,
        device: str = "cpu",
    ) -> None:
        self.task, self.sizes = _teacher(), sizes or SIZES
        self.num_envs, self.num_actions, self.max_episode_length = num_envs, ACTIONS, length
        self.device, self.cfg = torch.device(device), {}
        self._steps, self._log_interval = 0, 4
        self.episode_length_buf = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.mdp: Any = FakeMdp(num_envs, self.sizes, device)
        self.generator = torch.Generator().manual_seed(seed)
        self.target = 0.3 * torch.randn(self.sizes["proprioception"], ACTIONS, generator=self.generator).to(device)
        self.mix = torch.randn(
            self.sizes["proprioception"], self.sizes["privileged_explicit"], generator=self.generator
        ).to(device)
        self.closed = False
        self.steps = 0
        self._draw()

    def _draw(self) -> None:
        draw = lambda size: torch.randn(self.num_envs, size, generator=self.generator).to(self.device)  # noqa: E731
        groups = {name: 0.5 * draw(size) for name, size in self.sizes.items()}
        groups["privileged_explicit"] = groups["proprioception"] @ self.mix / 5.0
        groups["privileged_latent"] = groups["proprioception_history"][:, : self.sizes["privileged_latent"]]
        self._observations = groups

    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        self.episode_length_buf.zero_()
        self._draw()
        return self._observations

    def _advance(self, actions: Tensor) -> Transition:
        self.steps += 1
        wanted = self._observations["proprioception"] @ self.target
        reward = 1.0 - (actions - wanted).square().mean(dim=-1)
        self.episode_length_buf += 1
        done = self.episode_length_buf >= self.max_episode_length
        self.episode_length_buf[done] = 0
        self.mdp.level[done] += 1
        self._draw()
        nan = torch.tensor(float("nan"))
        self.mdp.log = {
            "Terrain_Level/gap": self.mdp.level.float().mean(),
            "Way_Points/gap": done.float().mean() if self.steps % 8 else nan,
            "Way_Points/step": nan,
            "Physics/nan_resets": torch.tensor(1.0),
        }
        no = torch.zeros_like(done)
        return Transition(self._observations, reward, no, no, done)

    def close(self) -> None:
        self.closed = True


def fake_task(*sets: str) -> ResolvedTask:
    """The built-in teacher's task with small networks and rollouts."""
    small = (
        "policy.params.hidden_dims=[32, 16]",
        "algorithm.steps_per_env=4",
        "algorithm.params.mini_batches=2",
        "algorithm.params.epochs=2",
    )
    return load_task("go2-teacher", overlay="train", changes=read_changes((*small, *sets)))


def make_env(task: ResolvedTask, num_envs: int, device: str, seed: int) -> FakeEnv:
    """In place of an engine."""
    return FakeEnv(num_envs, seed, device=device)
