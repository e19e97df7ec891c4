"""A commanded heading in plain C MuJoCo: the same as in training, written a second time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco")

from parkour.exporters.exporter import ExportResult
from parkour.mdp.context import GoalState
from parkour.mdp.heading import HeadingCommand
from parkour.tasks.sections import Heading
from parkour_deploy.contract import read_contract
from parkour_deploy.policy import GraphPolicy
from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
from parkour_mujoco.sim2sim.episode import Conditions, Runner
from parkour_mujoco.sim2sim.heading import Operator
from parkour_mujoco.sim2sim.observation import Situation
from parkour_mujoco.sim2sim.run import _robot_files

DT = 0.02
pytestmark = pytest.mark.mujoco


@pytest.mark.parametrize("source", ["operator", "hold"])
def test_it_is_that_of_training(source: str) -> None:
    heading = Heading(source=source, interval=0.3, reaction=0.1, error=0.0)  # type: ignore[arg-type]
    ours = Operator(heading, DT, np.random.default_rng(1))
    interval = heading.interval if source == "operator" else None
    theirs = HeadingCommand(1, "cpu", DT, interval=interval, reaction=heading.reaction, error=heading.error)
    rng, zero = np.random.default_rng(2), torch.zeros(1, dtype=torch.long)
    for step in (*range(40), *range(30)):
        goal, yaw = rng.uniform(-math.pi, math.pi, 2)
        told = ours.aim(goal, yaw, step)
        state = GoalState(zero, zero + 8, torch.zeros(1, 2), torch.tensor([goal]), torch.zeros(1))
        want = theirs.aim(state, torch.tensor([yaw]), zero + step)
        assert told == pytest.approx((want.yaw.item(), want.next_yaw.item()), abs=1e-5), step


def test_errors_have_the_spread_asked_for() -> None:
    operator = Operator(Heading(source="operator", error=0.1), DT, np.random.default_rng(1))
    told = [operator.aim(0.2, 0.0, 0)[0] for _ in range(2000)]
    assert np.mean(told) == pytest.approx(0.2, abs=0.01) and np.std(told) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("source", ["way_points", "hold"])
def test_the_policy_is_told_what_the_export_says(
    exports: dict[str, ExportResult], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    result = exports["teacher"]
    assert result.manifest.heading.source == "way_points"
    heading = Heading(source=source, error=0.0)  # type: ignore[arg-type]
    manifest = result.manifest.model_copy(update={"heading": heading})
    contract = read_contract(result.folder)
    runner = Runner(manifest, contract, _robot_files(manifest), GraphPolicy(contract), Conditions(0.5, 0.5, 1.0))
    told: list[tuple[float, float]] = []
    observe = runner.observer.observe

    def listen(now: Situation) -> np.ndarray:
        told.append(now.yaws)
        return observe(now)

    monkeypatch.setattr(runner.observer, "observe", listen)
    runner.run(Patch(build_courses(manifest, CoursePlan(("flat",), (0.5, 0.5), 1, 3)), 0))
    same = [first == second for first, second in told]
    assert len(told) > 5 and all(same) == (source == "hold")
    # Told at 10 Hz, like other yaws.
    assert len(set(told)) <= 1 + len(told) // manifest.timing.perception_period
