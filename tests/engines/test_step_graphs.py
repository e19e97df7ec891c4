"""Graphs of the parts of an environment step: the same numbers as without."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from parkour.cuda_graphs import StepGraphs
from parkour.tasks import load_task
from parkour.terrain.rays import cast_rays
from parkour_cli.changes import read_changes
from tests.cuda_graphs.recorded_graph import RecordedGraph

pytestmark = pytest.mark.mujoco


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]
NOISE = "observations.proprioception.modifiers.{}={{params={{{}}}, chance=0.5}}"


BATCHES = (0, 1, 3)
"""Of pictures between perception steps. All are used, and at times more robots begin than any holds."""
TOGETHER = (1, 1, 3, 3, 1, 1, 5, 2, 3, 1, 2, 1)
"""How many robots' episodes begin and end at the same steps."""


def make_env(
    graphs: bool, device: str = "cpu", name: str = "go2-teacher", overlay: str | None = None, batches: bool = False
) -> Any:
    """``batches``: without graphs, take pictures in the batches that graphs have."""
    from parkour_mujoco.env import GRAPHED, MujocoEnv
    from parkour_mujoco.picture_batches import PictureBatches

    few = ["course.levels=3", "course.columns=5"]
    if overlay == "noise":  # Of a teacher, whose observations are in graphs too.
        overlay = None
        few += [NOISE.format("gaussian_noise", "sigma=[0.0, 0.1]"), NOISE.format("constant_error", "spread=0.1")]
        few += ["control.action_delay=[0, 2]"]
    task = load_task(
        name, overlay=overlay, changes=read_changes(["timing.episode_length=0.5", "events.push.interval=0.3", *few])
    )
    env = MujocoEnv(task, num_envs=24, device=device, seed=3, cuda_graphs=graphs)
    env._pictures = PictureBatches(24, device, BATCHES)
    if env.mdp.camera is not None and device == "cpu":
        env.mdp.camera.raycast = cast_rays  # Of torch's operators: Warp's kernels are not recorded there.
    if device == "cpu" and (graphs or batches):
        env._graphs = StepGraphs(env.mdp, new_graph=RecordedGraph, **GRAPHED)
    if env._graphs is not None and not graphs:
        env._graphs.disable("to compare with")
    env.reset()
    # Of different ages, so that somebody's episode ends at every other step.
    with torch.inference_mode():
        env.episode_length_buf += 2 * torch.arange(len(TOGETHER)).repeat_interleave(torch.tensor(TOGETHER)).to(device)
    return env


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("task", "overlay"),
    [("go2-teacher", None), ("go2-teacher", "noise"), ("go2-student", None), ("go2-student", "robust")],
)
def test_observations_rewards_and_ends_are_those_without_graphs(task: str, overlay: str | None, device: str) -> None:
    """Episodes of 25 steps: every robot is reset and pushed several times. State is given anew at every step, so that
    a GPU's own differences between runs do not grow."""
    # Where pictures are drawn noise for, padding draws some, too.
    batches = overlay == "robust"
    plain, graphed = (make_env(graphs, device, task, overlay, batches) for graphs in (False, True))
    torch.manual_seed(0)
    actions = torch.randn(120, 24, 12, device=device)
    ends = 0
    for step, action in enumerate(actions):
        for name in ("qpos", "qvel", "sensordata", "geom_xpos", "qacc_warmstart"):
            getattr(graphed.sim.data, name)[:] = getattr(plain.sim.data, name)[:]
        # C models are told by the host of new courses, which no replay does; kernels on a GPU read the arrays.
        graphed.sim.mark_changed(torch.ones(24, dtype=torch.bool))
        results = []
        for env in (plain, graphed):
            torch.manual_seed(step)
            results.append(env.transition(action))
        mine, theirs = results
        tolerance: dict[str, Any] = {"rtol": 0.0, "atol": 0.0 if device == "cpu" else 2e-3}
        for name in ("reward", "failed", "succeeded", "timed_out"):
            torch.testing.assert_close(getattr(mine, name), getattr(theirs, name), **tolerance)
        for name in mine.observations:
            torch.testing.assert_close(mine.observations[name], theirs.observations[name], **tolerance)
        ends += int(mine.done.sum())
    assert ends > 48
    assert graphed._graphs.failure is None
    between = [("observe", False)] if task == "go2-teacher" else [("observe", False, size) for size in BATCHES]
    assert all(graphed._graphs.captured(key) for key in ("judge", "begin", ("observe", True), *between))
    torch.testing.assert_close(plain.mdp.drain_statistics(), graphed.mdp.drain_statistics(), equal_nan=True)
    plain.close()
    graphed.close()


@pytest.mark.parametrize("device", DEVICES)
def test_actions_that_are_no_numbers_break_their_robots_in_graphs_too(device: str) -> None:
    """What is counted outside of the graphs, and read and cleared in them, is the same memory."""
    env = make_env(True, device)
    for _ in range(8):
        env.transition(torch.zeros(24, 12, device=device))
    assert env._graphs.failure is None and env._graphs.captured("judge")
    env.mdp.drain_statistics()
    actions = torch.zeros(24, 12, device=device)
    actions[3, 5], actions[7] = float("nan"), float("inf")
    result = env.transition(actions)
    assert result.failed.nonzero().flatten().tolist() == [3, 7]
    assert all(torch.isfinite(group).all() for group in result.observations.values())
    assert not env.transition(torch.zeros(24, 12, device=device)).failed.any()
    assert float(env.mdp.drain_statistics()["Physics/nan_actions"]) == 2.0
    env.close()
