"""Reward and termination sets, events, statistics: what they do with terms, whatever the terms are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.errors import PluginError
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.mdp.randomization import EventSet, TimedEvent
from parkour.mdp.rewards import RewardSet, WeightedTerm
from parkour.mdp.statistics import EpisodeStatistics
from parkour.mdp.terminations import OutcomeTerm, TerminationSet
from parkour.specs import ObservationField

CTX: Any = SimpleNamespace(num_envs=3, device=torch.device("cpu"))


def rewards(clip: bool, **values: tuple[float, list[float]]) -> RewardSet:
    terms = {
        name: WeightedTerm(lambda ctx, value=value: torch.tensor(value), weight, {})
        for name, (weight, value) in values.items()
    }
    return RewardSet(terms, 3, "cpu", step_dt=0.02, clip_at_zero=clip)


def test_rewards_are_weighted_by_time_summed_and_clipped() -> None:
    terms = {"good": (2.0, [1.0, 1.0, 1.0]), "bad": (-1.0, [0.0, 1.0, 5.0])}
    assert rewards(True, **terms).compute(CTX).tolist() == pytest.approx([0.04, 0.02, 0.0])
    assert rewards(False, **terms).compute(CTX).tolist() == pytest.approx([0.04, 0.02, -0.06])


def test_reward_sums_count_the_terms_not_the_clipped_total() -> None:
    both = rewards(True, good=(1.0, [1.0] * 3), bad=(-1.0, [9.0] * 3))
    both.compute(CTX)
    both.compute(CTX)
    assert both.episode_sums[0].tolist() == pytest.approx([0.04, -0.36])
    both.reset(torch.tensor([0]))
    assert both.episode_sums[0].tolist() == [0.0, 0.0]
    assert both.episode_sums[1].tolist() == pytest.approx([0.04, -0.36])


def test_a_broken_state_earns_nothing() -> None:
    assert rewards(False, term=(1.0, [float("nan"), float("inf"), 1.0])).compute(CTX).tolist() == pytest.approx(
        [0.0, 0.0, 0.02]
    )


def test_a_reward_of_wrong_shape_is_named() -> None:
    with pytest.raises(PluginError, match=r"reward 'wide' returned shape \(2,\), expected \(3,\)"):
        rewards(True, wide=(1.0, [1.0, 2.0])).compute(CTX)


class Counting:
    """A reward with memory: how often it was called since the reset."""

    def __init__(self) -> None:
        self.calls = torch.zeros(3)

    def __call__(self, ctx: Any) -> Tensor:
        self.calls = self.calls + 1
        return self.calls

    def reset(self, env_ids: Tensor) -> None:
        self.calls[env_ids] = 0


def test_terms_with_memory_are_reset() -> None:
    both = RewardSet({"count": WeightedTerm(Counting(), 50.0, {})}, 3, "cpu", step_dt=0.02, clip_at_zero=True)
    both.compute(CTX)
    both.reset(torch.tensor([1]))
    assert both.compute(CTX).tolist() == pytest.approx([2.0, 1.0, 2.0])


def ends(**terms: tuple[str, list[bool]]) -> TerminationSet:
    made: dict[str, OutcomeTerm] = {}
    for name, (outcome, value) in terms.items():
        made[name] = OutcomeTerm(lambda ctx, value=value: torch.tensor(value), outcome, {})  # type: ignore[arg-type]
    return TerminationSet(made, 3, "cpu")


def test_failure_wins_over_success_and_success_over_the_clock() -> None:
    both = ends(
        fall=("failure", [True, False, False]),
        done=("success", [True, True, False]),
        clock=("time_out", [True, True, True]),
    )
    assert both.compute(CTX, torch.tensor([False] * 3)).all()
    assert both.failed.tolist() == [True, False, False]
    assert both.succeeded.tolist() == [False, True, False]
    assert both.timed_out.tolist() == [False, False, True]


def test_a_broken_state_is_a_failure() -> None:
    both = ends(done=("success", [False, False, True]))
    assert both.compute(CTX, torch.tensor([False, True, True])).tolist() == [False, True, True]
    assert both.failed.tolist() == [False, True, True]


def test_a_termination_that_is_not_boolean_is_named() -> None:
    terms = {"fall": OutcomeTerm(lambda ctx: torch.zeros(3), "failure", {})}
    with pytest.raises(PluginError, match=r"termination 'fall' returned torch\.float32"):
        TerminationSet(terms, 3, "cpu").compute(CTX, torch.tensor([False] * 3))


class Constant:
    """An observation group of one number, which may lie about its size."""

    def __init__(self, value: float, size: int = 1) -> None:
        self.value, self.size = value, size

    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="number", size=self.size)]

    def __call__(self, ctx: Any) -> Tensor:
        return torch.full((3, 1), self.value)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing to forget."""


def test_groups_are_clipped() -> None:
    groups = ObservationSet({"a": ClippedGroup(Constant(500.0), 100.0), "b": ClippedGroup(Constant(500.0), None)})
    seen = groups.compute(CTX)
    assert seen["a"].tolist() == [[100.0]] * 3 and seen["b"].tolist() == [[500.0]] * 3


@pytest.mark.parametrize(
    ("term", "said"), [(Constant(0.0, 2), "rows of 2 numbers"), (Constant(float("nan")), "NaN or infinite")]
)
def test_groups_that_break_their_layout_are_named(term: Constant, said: str) -> None:
    with pytest.raises(PluginError, match=f"'odd'.*{said}"):
        ObservationSet({"odd": ClippedGroup(term, None)}).compute(CTX)


def recorded(**events: tuple[str, int]) -> tuple[EventSet, list[tuple[str, list[int]]]]:
    """Events that write down for whom they ran."""
    seen: list[tuple[str, list[int]]] = []

    def event(sim: Any, env_ids: Tensor, name: str) -> None:
        seen.append((name, env_ids.tolist()))

    timed = {name: TimedEvent(event, mode, {"name": name}, steps) for name, (mode, steps) in events.items()}  # type: ignore[arg-type]
    return EventSet(timed, 8, "cpu"), seen


def test_events_run_at_their_time() -> None:
    events, seen = recorded(once=("startup", 0), place=("reset", 0))
    sim: Any = None
    events.startup(sim)
    events.reset(sim, torch.tensor([2]))
    events.step(sim)
    assert seen == [("once", list(range(8))), ("place", [2])]


@pytest.mark.parametrize("steps", [1, 3, 8, 20])
def test_interval_events_reach_each_environment_once_per_interval_and_never_all_together(steps: int) -> None:
    events, seen = recorded(push=("interval", steps))
    sim: Any = None
    for _ in range(2 * steps):
        events.step(sim)
    turns = [env for _, env_ids in seen for env in env_ids]
    assert sorted(turns) == sorted(2 * list(range(8)))
    assert max(len(env_ids) for _, env_ids in seen) == -(-8 // steps)
    for env in range(8):
        at = [i for i, (_, env_ids) in enumerate(seen) if env in env_ids]
        assert len(at) == 2


def test_statistics_are_means_over_finished_episodes() -> None:
    stats = EpisodeStatistics(4, ["gap", "step"], ["r"], ["fall"], "cpu", episode_length=20.0)
    stats.add(
        torch.tensor([True, True, False, True]),
        hard=torch.tensor([True, True, True, False]),
        succeeded=torch.tensor([True, False, True, False]),
        timed_out=torch.tensor([False, False, True, True]),
        failed=torch.tensor([False, True, True, False]),
        way_points=torch.tensor([1.0, 0.5, 0.75, 0.25]),
        steps=torch.tensor([100, 200, 300, 1000]),
        reward_sums=torch.tensor([[2.0], [4.0], [5.0], [6.0]]),
        fired=torch.tensor([[False], [True], [True], [False]]),
        broken=torch.tensor([False, True, True, False]),
    )
    levels, terrain = torch.tensor([3.0, 4.0]), torch.tensor([0, 0, 1, 1])
    log = {name: float(value) for name, value in stats.drain(levels, terrain).items()}
    assert log["Success/gap"] == 0.5 and log["Fall/gap"] == 0.5 and log["Way_Points/gap"] == 0.75
    assert log["Success/step"] == 0.0 and log["Way_Points/step"] == 0.25
    assert log["Terrain_Level/step"] == 4.0
    # One on the hardest levels has not ended.
    assert log["Episode/hardest_count"] == 2.0 and log["Episode/hardest_success"] == 0.5
    assert log["Episode/length"] == pytest.approx(1300 / 3)
    assert log["Episode_Reward/r"] == pytest.approx(12 / 3 / 20)
    assert log["Episode_Termination/fall"] == pytest.approx(1 / 3)
    # Broken physics counts in episodes too that enter no score, such as those that begin old.
    assert log["Physics/nan_resets"] == 2.0
    again = stats.drain(levels, terrain)
    assert float(again["Episode/count"]) == 0.0 and torch.isnan(again["Success/gap"])
