"""The student on the real environment: eight robots with cameras, on the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.engines.choice import choose_engine
from parkour.learning import train as module
from parkour.learning.options import TrainOptions
from parkour.learning.run_state import RunState
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.definition import define_policy
from parkour.policies.deployed import build_actor, load_actor, load_policy
from parkour.policies.source import weights_at
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.learning.student_fakes import NETWORKS
from tests.learning.test_student_training import Recorder

pytestmark = [pytest.mark.mujoco, pytest.mark.slow]
pytest.importorskip("mjlab")

SETS = (*NETWORKS, "algorithm.steps_per_env=12", "course.levels=3", "course.columns=5")


def options(folder: Path, **changes: Any) -> TrainOptions:
    defaults = TrainOptions(
        num_envs=8, iterations=2, device="cpu", engine="mujoco", log_root=folder, logger="none", progress=False
    )
    return replace(defaults, **changes)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = load_task("go2-teacher", overlay="train", changes=read_changes(SETS))
    return module.train(task, options(tmp_path_factory.mktemp("teacher"), iterations=1)).checkpoint


@torch.inference_mode()
def is_the_teacher_with_a_perfect_encoder(state: RunState, teacher: Path) -> None:
    """As training begins: the teacher inside is the one of evaluation, and so is a student that is told the truth."""
    algorithm, env = state.runner.alg, state.runner.env
    obs = env.get_observations()
    alone: Any = build_actor(
        define_policy(load_task("go2-teacher", changes=read_changes(SETS))), obs, env.num_actions, "cpu"
    )
    alone.load_state_dict(load_checkpoint(teacher).model["actor_state_dict"])
    algorithm.train_mode()
    wanted = alone(obs)
    assert torch.equal(algorithm.teacher(obs), wanted)
    # With the scan and the yaws that a perfect encoder would tell, the student is the teacher.
    yaws = algorithm.student.yaws(obs["proprioception"])
    truth = torch.cat((alone.scan_encoder(obs["height_scan"]), yaws / 1.5), dim=-1)
    groups = obs["proprioception"], obs["proprioception_history"]
    assert torch.equal(algorithm.student.act(truth, *groups, torch.zeros(8, 1)), wanted)
    torch.testing.assert_close(algorithm.student.act(truth, *groups, torch.ones(8, 1)), wanted)


def test_student_run_on_the_real_environment(tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two updates; the teacher inside is the one of evaluation; the same losses after each of two resumptions."""
    mirrored = "algorithm.params.mirrored_share=0.5"
    task = load_task("go2-student", overlay="train", changes=read_changes((*SETS, mirrored)))
    states: list[RunState] = []
    restore = module._restore

    def restored(state: RunState, *rest: Any) -> None:
        states.append(state)
        restore(state, *rest)
        if len(states) == 1:
            is_the_teacher_with_a_perfect_encoder(state, teacher)

    monkeypatch.setattr(module, "_restore", restored)
    first = module.train(task, options(tmp_path, checkpoint=teacher))
    losses = []
    for name in ("a", "b"):
        copy = tmp_path / name
        copy.mkdir()
        (copy / "model_2.pt").write_bytes(first.checkpoint.read_bytes())
        recorder = Recorder()
        resumed = options(tmp_path, iterations=4, resume=True, run=copy, num_envs=None)
        module.train(task, resumed, listeners=[recorder])
        losses.append(recorder.losses())
    assert len(losses[0]) == 2 and losses[0] == losses[1]
    assert all(0.0 < value < 10.0 for pair in losses[0] for value in pair)
    acts_in_evaluation(copy / "model_4.pt")


def acts_in_evaluation(path: Path) -> None:
    """The policy of a checkpoint sees and acts, and forgets with its environment."""
    task = load_task("go2-student", overlay="eval", changes=read_changes(SETS))
    _, engine = choose_engine("mujoco")
    env: Any = engine.make_env(task, num_envs=8, device="cpu", seed=3)
    policy = load_policy(weights_at(path), task, env)
    blunt: Any = load_actor(weights_at(path), task, env)
    blunt._images = None  # looks at every image and lets the group say which ones count
    obs = env.get_observations()
    with torch.inference_mode():
        for step in range(13):
            if step == 7:
                env.begin(torch.tensor([2, 5]))
                obs = env.get_observations()
                dones = torch.tensor([0, 0, 1, 0, 0, 1, 0, 0])
                policy.reset(dones), blunt.reset(dones)
            told = torch.arange(8) if env.mdp.refreshed is None else env.mdp.refreshed
            assert torch.equal(told.sort().values, (obs["perception"][:, 0] > 0).nonzero().view(-1))
            actions = policy(obs)
            torch.testing.assert_close(actions, blunt(obs))
            obs, _, dones, _ = env.step(actions)
            policy.reset(dones), blunt.reset(dones)
    env.close()
