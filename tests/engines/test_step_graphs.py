"""Graphs of the parts of a step: the same numbers as without, and no graph where none can be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.tasks import load_task
from tests.engines.recorded_graph import RecordedGraph

pytestmark = pytest.mark.mujoco


def make_graphs(owner: object, **options: Any) -> Any:
    from parkour_mujoco.step_graphs import StepGraphs

    return StepGraphs(owner, **{"volatile": (), "numbers": (), "new_graph": RecordedGraph, **options})


def make_env(graphs: bool, device: str = "cpu") -> Any:
    from parkour_mujoco.env import ParkourEnv

    task = load_task("go2-teacher", sets=["timing.episode_length=0.5", "events.push.interval=0.3"])
    env = ParkourEnv(task, num_envs=24, device=device, seed=3, cuda_graphs=graphs)
    if graphs and device == "cpu":
        env._graphs = make_graphs(env.mdp, volatile=("context",), numbers=("_steps",))
    env.reset()
    # Of different ages, so that somebody's episode ends at most steps.
    with torch.inference_mode():
        env.episode_length_buf += torch.arange(24, device=device)
    return env


@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))],
)
def test_observations_rewards_and_ends_are_those_without_graphs(device: str) -> None:
    """Episodes of 25 steps: every robot is reset and pushed several times. State is given anew at every step, so that
    a GPU's own differences between runs do not grow."""
    plain, graphed = make_env(False, device), make_env(True, device)
    torch.manual_seed(0)
    actions = torch.randn(120, 24, 12, device=device)
    ends = 0
    for step, action in enumerate(actions):
        for name in ("qpos", "qvel", "sensordata", "geom_xpos", "qacc_warmstart"):
            getattr(graphed.sim.data, name)[:] = getattr(plain.sim.data, name)[:]
        results = []
        for env in (plain, graphed):
            torch.manual_seed(step)
            results.append(env.step(action))
        (obs, reward, failed, ended, _), (other, *others, _) = results
        tolerance: dict[str, Any] = {"rtol": 0.0, "atol": 0.0 if device == "cpu" else 2e-3}
        for mine, theirs in zip((reward, failed, ended), others, strict=True):
            torch.testing.assert_close(mine, theirs, **tolerance)
        for name in obs:
            torch.testing.assert_close(obs[name], other[name], **tolerance)
        ends += int((failed | ended).sum())
    assert ends > 48
    assert graphed._graphs.failure is None
    assert all(graphed._graphs.captured(key) for key in ("judge", "begin", ("observe", True), ("observe", False)))
    torch.testing.assert_close(plain.mdp.drain_statistics(), graphed.mdp.drain_statistics(), equal_nan=True)
    plain.close()
    graphed.close()


class Owner:
    """Keeps state in all the ways that terms do."""

    def __init__(self) -> None:
        self.replaced = self.old = torch.zeros(3)
        self.in_place = torch.zeros(3)
        self.nested = {"deep": [torch.zeros(3)]}
        self.count = 0

    def step(self, x: Tensor) -> Tensor:
        self.old, self.replaced = self.replaced, self.replaced + x
        self.in_place += 2 * x
        self.nested["deep"][0] = self.nested["deep"][0] - x
        return self.old + self.in_place + self.nested["deep"][0]


def test_state_of_all_kinds_is_kept_between_replays() -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)
    for step in range(10):
        x = torch.randn(3)
        torch.testing.assert_close(graphs("step", graphed.step, x), plain.step(x))
        torch.testing.assert_close(graphed.old, plain.old)
        if step == 7:  # Somebody else puts another tensor there, as a checkpoint that is loaded does.
            plain.replaced, graphed.replaced = torch.ones(3), torch.ones(3)
    assert graphs.captured("step") and graphs.failure is None


def test_replays_count_as_calls_do_whoever_runs_in_between() -> None:
    owner = Owner()
    graphs = make_graphs(owner, numbers=("count",))

    def count(x: Tensor) -> Tensor:
        owner.count += 2
        return x + 1

    for step in range(12):
        # Somebody may run the part as it is, when graphs exist already.
        (count if step == 9 else lambda x: graphs("count", count, x))(torch.ones(3))
        assert owner.count == 2 * (step + 1)
    assert graphs.captured("count")


def test_results_are_the_callers() -> None:
    owner = Owner()
    graphs = make_graphs(owner)
    results = [graphs("step", owner.step, torch.ones(3)) for _ in range(8)]
    assert len({float(result[0]) for result in results}) == 8


def test_memory_that_turns_up_late_is_seen_by_graphs_recorded_before() -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)

    def late(owner: Owner) -> Tensor:
        owner.in_place = owner.in_place * 0.5
        return owner.in_place

    for step in range(20):
        x = torch.randn(3)
        torch.testing.assert_close(graphs("step", graphed.step, x), plain.step(x))
        if step > 6:
            torch.testing.assert_close(graphs("late", lambda: late(graphed)), late(plain))
    assert graphs.captured("step") and graphs.captured("late")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda owner, x: setattr(owner, "count", owner.count + 1), "count is no tensor of fixed shape"),
        (lambda owner, x: setattr(owner, "replaced", torch.cat([owner.replaced, x])), "replaced is no tensor of fixed"),
        (lambda owner, x: float(x.sum()), "waits for the device"),
    ],
)
def test_what_no_graph_can_repeat_runs_as_it_is(change: Any, reason: str) -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)

    def call(owner: Owner, x: Tensor) -> Tensor:
        change(owner, x)
        owner.in_place += x
        return owner.in_place.clone()

    for _ in range(8):
        x = torch.randn(3)
        torch.testing.assert_close(graphs("part", lambda x: call(graphed, x), x), call(plain, x))
    assert reason in (graphs.failure or "")
