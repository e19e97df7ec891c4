"""What every episode is scored by, gathered on the device while a task runs.

Nothing is copied to the host before :meth:`EpisodeRecorder.table`; sums are double precision, over all steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from parkour.evaluation.metrics import Metric, StepMetric, find_metrics
from parkour.mdp.context import StepContext
from parkour.mdp.task_mdp import TaskMdp

CONTACT_FORCE = 2.0
"""A foot is in contact when its force, now or one control step ago, is above this [N]."""

_SUMS = ("return", "edge", "edge_squared")
COLUMNS = (
    "level",
    "difficulty",
    "speed",
    "steps",
    "success",
    "fall",
    "time_out",
    "broken",
    "goals",
    "way_points",
    "way_points_before",
    "displacement",
    "return",
    "edge",
    "edge_squared",
)


@dataclass(frozen=True)
class EpisodeTable:
    """The scored episodes, one row each, ordered by environment and then by time. ``M`` rows."""

    terrains: tuple[str, ...]
    """Names, in the order of :attr:`terrain`."""
    environment: np.ndarray
    """``[M]`` int64."""
    episode: np.ndarray
    """``[M]`` int64: how many the environment had finished before."""
    terrain: np.ndarray
    """``[M]`` int64 index into :attr:`terrains`."""
    values: Mapping[str, np.ndarray]
    """``[M]`` float64 each:

    ``level``, ``difficulty``, ``speed`` (commanded, at the end [m/s]), ``steps``;
    ``success`` (all way points reached), ``fall`` (ended in failure), ``time_out``, ``broken`` (the physics state or
    the action was not finite; counts as a fall), each 0 or 1;
    ``goals`` (way points reached), ``way_points`` (the same as a part of all), ``way_points_before`` (index of the way
    point aimed at before the last step, as a part of the greatest index);
    ``displacement`` (along x from the start, as a part of the patch, in [0, 1]; along the way points, as a part of the
    way, where those lead back);
    ``return`` (sum of rewards as the policy got them), ``edge`` (feet in contact on edge cells, summed over the
    steps), ``edge_squared`` (their squares);
    and each metric that is found per step, by :attr:`parkour.evaluation.metrics.Metric.key`.
    """
    rewards: Mapping[str, np.ndarray]
    """``[M]`` sum of each weighted reward term over the episode, before the clip of the step's total."""
    terminations: Mapping[str, np.ndarray]
    """``[M]`` 0 or 1: which terms fired in the last step."""
    unfinished: np.ndarray
    """``[T]`` int64: episodes that were to be scored and had not ended, per terrain."""
    max_goals: int
    """Way points of a patch, at most."""
    step_dt: float
    """Control step [s]."""
    metrics: tuple[Metric, ...]
    """What they are scored by, in the order in which it is shown."""

    def __len__(self) -> int:
        return len(self.environment)


class EpisodeRecorder:
    """Scores the first ``episodes`` episodes of every environment; a :attr:`TaskMdp.monitor`.

    As many of each environment, however long they take: were all that end in a given time counted, robots that fall
    early would be counted more often than those that walk to the end.

    Args:
        mdp: what is scored; begin with a reset of all environments.
        episodes: E, per environment.
        metrics: what they are scored by; all that are registered when None.
    """

    def __init__(self, mdp: TaskMdp, episodes: int, metrics: Sequence[Metric] | None = None) -> None:
        self.mdp, self.episodes = mdp, episodes
        self.metrics = find_metrics() if metrics is None else tuple(metrics)
        num_envs, device = mdp.num_envs, mdp.device
        self._steps = [
            StepMetric(each, num_envs, device, mdp.layout) for each in self.metrics if each.spec.per == "step"
        ]
        self._names = (*COLUMNS, *(each.metric.key for each in self._steps))
        width = len(self._names) + len(mdp.rewards.names) + len(mdp.terminations.names)
        self.finished = torch.zeros(num_envs, dtype=torch.int64, device=device)
        """``[N]`` episodes that ended, those beyond ``episodes`` included."""
        self._rows = torch.zeros(num_envs, episodes, width, dtype=torch.float64, device=device)
        self._sums = torch.zeros(num_envs, len(_SUMS), dtype=torch.float64, device=device)
        self._rewards = torch.zeros(num_envs, len(mdp.rewards.names), dtype=torch.float64, device=device)
        self._index_before = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self._envs = torch.arange(num_envs, device=device)
        self._unfit = torch.zeros((), dtype=torch.int64, device=device)

    def __call__(self, ctx: StepContext, done: Tensor, reward: Tensor) -> None:
        """A control step; the context after the physics and before any reset, ``done`` and ``reward`` ``[N]``."""
        on_edge = ctx.contacts.feet_touching(CONTACT_FORCE) & ctx.course.edge(ctx.robot.feet_pos[..., :2])
        edge = on_edge.sum(dim=-1).double()
        step = torch.stack([reward.double(), edge, edge.square()], dim=-1)
        # A step whose physics broke adds nothing; its episode ends with it.
        self._sums += torch.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0)
        self._rewards += self.mdp.rewards.step_values
        for metric in self._steps:
            metric.add(ctx)
        row = self._row(ctx)
        slot = (self._envs, self.finished.clamp(max=self.episodes - 1))
        scored = done & (self.finished < self.episodes)
        self._rows[slot] = torch.where(scored[:, None], row, self._rows[slot])
        self._unfit += (scored & self.mdp.unfit).sum()
        self.finished += done
        self._sums = torch.where(done[:, None], 0.0, self._sums)
        self._rewards = torch.where(done[:, None], 0.0, self._rewards)
        for metric in self._steps:
            metric.reset(done)
        self._index_before = torch.where(done, 0, ctx.goals.index)

    def complete(self) -> bool:
        """Whether every environment has had its episodes. Causes a host sync."""
        return bool((self.finished >= self.episodes).all())

    def scored(self) -> int:
        """Episodes scored so far. Causes a host sync."""
        return int(self.finished.clamp(max=self.episodes).sum())

    def unfit(self) -> int:
        """Scored episodes that ended because the policy's action was not finite. Causes a host sync."""
        return int(self._unfit)

    def table(self) -> EpisodeTable:
        """The scored episodes, on the host."""
        mdp = self.mdp
        finished = self.finished.clamp(max=self.episodes).cpu().numpy()
        had = np.arange(self.episodes)[None] < finished[:, None]
        environment, episode = np.nonzero(had)
        columns = self._rows.cpu().numpy()[had].T
        terrain = mdp.course.terrain.cpu().numpy()
        names = mdp.course.library.names
        rewards = len(self._names) + len(mdp.rewards.names)
        return EpisodeTable(
            terrains=names,
            environment=environment,
            episode=episode,
            terrain=terrain[environment],
            values=dict(zip(self._names, columns, strict=False)),
            rewards=dict(zip(mdp.rewards.names, columns[len(self._names) : rewards], strict=True)),
            terminations=dict(zip(mdp.terminations.names, columns[rewards:], strict=True)),
            unfinished=np.bincount(terrain, self.episodes - finished, minlength=len(names)).astype(np.int64),
            max_goals=int(mdp.course.library.goal_count.max()),
            step_dt=mdp.clock.step_dt,
            metrics=self.metrics,
        )

    def _row(self, ctx: StepContext) -> Tensor:
        """``[N, C]`` what would be stored if the episodes ended at this step."""
        ends, index, count = self.mdp.terminations, ctx.goals.index, ctx.goals.count
        reached = index >= count
        fell = ends.failed & ~reached
        total = dict(zip(_SUMS, self._sums.unbind(-1), strict=True))
        values = {
            "level": ctx.course.level,
            "difficulty": ctx.course.difficulty,
            "speed": ctx.command,
            "steps": ctx.episode_step,
            "success": reached,
            "fall": fell,
            "time_out": ~(reached | fell),
            "broken": self.mdp.broken,
            "goals": index,
            "way_points": index / count,
            "way_points_before": self._index_before / (count - 1).clamp(min=1),
            "displacement": self.mdp.course.displacement(ctx.robot.base_pos[:, :2], index),
            "return": total["return"],
            "edge": total["edge"],
            "edge_squared": total["edge_squared"],
        }
        numbers = [metric.numbers(ctx.episode_step) for metric in self._steps]
        own = torch.stack([*(values[name].double() for name in COLUMNS), *numbers], dim=-1)
        return torch.cat([own, self._rewards, ends.fired.double()], dim=-1)
