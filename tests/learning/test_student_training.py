"""Training runs of a student: from a teacher, resumed, in two processes; the policy that comes out; bad input."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.errors import CheckpointError, ParkourError, PluginError, TaskError
from parkour.learning.iteration import Iteration
from parkour.learning.options import RunResult, TrainOptions
from parkour.learning.train import train
from parkour.learning.video import record
from parkour.policies.checkpoint import slim
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.deployed import load_actor, load_policy
from parkour.policies.source import weights_at
from parkour.policies.task import task_of
from parkour.tasks import load_task, task_tables
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.__main__ import main
from parkour_cli.changes import read_changes
from tests.learning.fakes import SIZES, FakeEnv
from tests.learning.student_fakes import (
    IMAGE,
    NETWORKS,
    FakeStudentEnv,
    make_student_env,
    student_task,
    train_teacher,
)

ROOT = Path(__file__).parents[2]


class Recorder:
    def __init__(self) -> None:
        self.seen: list[Iteration] = []

    def on_iteration(self, iteration: Iteration) -> None:
        self.seen.append(iteration)

    def close(self) -> None:
        pass

    def losses(self) -> list[tuple[float, float]]:
        return [(item.scalars["Loss/action"], item.scalars["Loss/yaw"]) for item in self.seen]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_teacher(tmp_path_factory.mktemp("teachers"))


def options(folder: Path, **changes: Any) -> TrainOptions:
    defaults = TrainOptions(
        num_envs=8, iterations=2, save_interval=1, device="cpu", log_root=folder, logger="none", progress=False
    )
    return replace(defaults, **changes)


def run(
    folder: Path, *sets: str, task: ResolvedTask | None = None, recorder: Recorder | None = None,
    make_env: Any = make_student_env, **changes: Any,
) -> RunResult:  # fmt: skip
    listeners = [recorder] if recorder else []
    return train(task or student_task(*sets), options(folder, **changes), make_env=make_env, listeners=listeners)  # type: ignore[arg-type]


# -- training --------------------------------------------------------------------------------------------------------


def test_two_updates_and_the_same_losses_after_each_resumption(tmp_path: Path, teacher: Path) -> None:
    first = run(tmp_path, checkpoint=teacher)
    assert first.iterations == 2 and first.run.parent.name == "go2-student"
    losses = []
    for name in ("a", "b"):
        copy = tmp_path / name
        copy.mkdir()
        (copy / "model_2.pt").write_bytes(first.checkpoint.read_bytes())
        torch.manual_seed(len(losses) + 100)
        recorder = Recorder()
        run(tmp_path, recorder=recorder, iterations=4, resume=True, run=copy, num_envs=None)
        losses.append(recorder.losses())
        assert [item.index for item in recorder.seen] == [3, 4]
    assert losses[0] == losses[1]


def test_noise_grows_with_the_iterations(tmp_path: Path, teacher: Path) -> None:
    envs: list[FakeStudentEnv] = []

    def make(task: ResolvedTask, num_envs: int, device: str, seed: int) -> FakeStudentEnv:
        envs.append(FakeStudentEnv(num_envs, seed))
        return envs[-1]

    sets = "algorithm.noise_ramp=4"
    first = run(tmp_path, sets, iterations=3, checkpoint=teacher, make_env=make)
    assert envs[0].mdp.observations.strengths == [(0.0, True), (0.0, False), (0.25, False), (0.5, False)]
    run(tmp_path, sets, iterations=4, resume=True, run=first.run, make_env=make)
    assert envs[1].mdp.observations.strengths == [(0.75, True), (0.75, False)]
    run(tmp_path, checkpoint=teacher, make_env=make, iterations=1)
    assert envs[2].mdp.observations.strengths == []


class NoisyEnv(FakeStudentEnv):
    """Its proprioception and history are useless; what they would be without noise is told."""

    def _draw(self) -> None:
        super()._draw()
        obs = self._observations
        self.mdp.observations.clean = {name: obs[name].clone() for name in ("proprioception", "proprioception_history")}
        for name in self.mdp.observations.clean:
            obs[name] = torch.full_like(obs[name], 7.0)


def test_a_teacher_is_spared_the_noise(tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_policies.distillation import RmaDistillation

    algorithms: list[RmaDistillation] = []
    began = RmaDistillation.begin_iteration
    monkeypatch.setattr(
        RmaDistillation, "begin_iteration", lambda self, index: (algorithms.append(self), began(self, index))
    )
    run(tmp_path, iterations=1, checkpoint=teacher, make_env=lambda task, n, device, seed: NoisyEnv(n, seed))
    algorithm, env = algorithms[0], NoisyEnv(8, 3)
    algorithm.clean_groups = lambda: env.mdp.observations.clean
    obs = env.get_observations()
    with torch.inference_mode():
        algorithm.act(obs)
        clean = obs.clone().update(env.mdp.observations.clean)
        torch.testing.assert_close(algorithm.storage.teacher_actions[0], algorithm.teacher(clean))
        assert (algorithm.teacher(clean) - algorithm.teacher(obs)).abs().max() > 0.1
    assert (algorithm.storage.groups["proprioception"][0] == 7.0).all(), "the student is not"


class SavedEnv(FakeStudentEnv):
    """All episodes end with each rollout, and what is drawn next is in the checkpoint: nothing is lost by resuming."""

    def __init__(self, num_envs: int, seed: int) -> None:
        super().__init__(num_envs, seed, length=10)
        self.mdp.state_dict = lambda: {"generator": self.drawn_from.clone()}  # type: ignore[method-assign]
        self.mdp.load_state_dict = lambda state: self.generator.set_state(state["generator"])  # type: ignore[assignment]

    def __setattr__(self, name: str, value: object) -> None:
        if name == "episode_length_buf" and hasattr(self, name):
            return  # No episodes of random age at the start.
        super().__setattr__(name, value)


def test_resumed_run_has_the_losses_of_one_that_was_never_stopped(tmp_path: Path, teacher: Path) -> None:
    make_env = lambda task, n, device, seed: SavedEnv(n, seed)  # noqa: E731
    whole, second = Recorder(), Recorder()
    run(tmp_path, recorder=whole, iterations=4, checkpoint=teacher, make_env=make_env)
    first = run(tmp_path, iterations=2, checkpoint=teacher, make_env=make_env, run_name="stopped")
    run(tmp_path, recorder=second, iterations=4, resume=True, run=first.run, num_envs=None, make_env=make_env)
    assert second.losses() == whole.losses()[2:]


def test_cosine_of_the_learning_rate_follows_the_iterations_or_the_time_limit(tmp_path: Path, teacher: Path) -> None:
    cosine = "algorithm.params.learning_rate_schedule='cosine'"
    rates = lambda recorder: [item.scalars["Loss/learning_rate"] for item in recorder.seen]  # noqa: E731
    by_iterations, by_time = Recorder(), Recorder()
    run(tmp_path, cosine, recorder=by_iterations, iterations=4, checkpoint=teacher)
    wanted = [1e-5 + 0.5 * (1e-3 - 1e-5) * (1.0 + math.cos(math.pi * done / 4)) for done in range(4)]
    assert rates(by_iterations) == pytest.approx(wanted)
    run(tmp_path, cosine, recorder=by_time, iterations=10**6, time_limit=0.05, checkpoint=teacher, run_name="timed")
    assert len(by_time.seen) > 2
    assert rates(by_time) == sorted(rates(by_time), reverse=True)
    assert rates(by_time)[0] == pytest.approx(1e-3, rel=0.05) and rates(by_time)[-1] < 3e-4


def test_checkpoint_holds_everything_a_resumed_run_needs(tmp_path: Path, teacher: Path) -> None:
    result = run(tmp_path, checkpoint=teacher)
    saved, taught = load_checkpoint(result.checkpoint), load_checkpoint(teacher)
    assert (saved.stamp.name, saved.stamp.stage, saved.iteration) == ("go2-student", "student", 2)
    assert saved.stamp.observations == {name: (size,) for name, size in SIZES.items()} | {
        "depth": IMAGE, "yaw_valid": (1,), "perception": (1,)
    }  # fmt: skip
    actor = taught.model["actor_state_dict"]
    assert all(torch.equal(weight, actor[key]) for key, weight in saved.model["teacher_state_dict"].items())
    assert saved.optimizers is not None
    trained = [key for key in saved.model["student_state_dict"] if not key.startswith("actor.estimator.")]
    assert len(saved.optimizers["student"]["state"]) == len(trained)
    assert saved.optimizers["student"]["state"][0]["step"] == 2
    assert task_tables(task_of(weights_at(result.checkpoint))) == task_tables(student_task())


def test_student_begins_as_a_copy_of_the_teacher(tmp_path: Path, teacher: Path) -> None:
    result = run(tmp_path, "algorithm.params.learning_rate=0.0", checkpoint=teacher)
    student = load_checkpoint(result.checkpoint).model["student_state_dict"]
    actor = load_checkpoint(teacher).model["actor_state_dict"]
    copied = {key.removeprefix("actor."): weight for key, weight in student.items() if key.startswith("actor.")}
    assert {key.split(".")[0] for key in copied} == {"estimator", "history_encoder", "mlp"}
    assert all(torch.equal(weight, actor[key]) for key, weight in copied.items())


def test_student_goes_on_from_another_ones_weights(tmp_path: Path, teacher: Path) -> None:
    begun = run(tmp_path, checkpoint=teacher)
    copy = tmp_path / "slim.pt"
    save_checkpoint(copy, slim(load_checkpoint(begun.checkpoint)))
    result = run(tmp_path, "algorithm.params.learning_rate=0.0", checkpoint=teacher, student=copy, run_name="on")
    before, after = (load_checkpoint(path).model for path in (begun.checkpoint, result.checkpoint))
    for name in ("student_state_dict", "teacher_state_dict"):
        assert all(torch.equal(weight, after[name][key]) for key, weight in before[name].items())


def test_student_to_begin_with_must_be_one(tmp_path: Path, teacher: Path) -> None:
    with pytest.raises(CheckpointError, match="is a teacher, expected a student"):
        run(tmp_path, checkpoint=teacher, student=teacher)
    with pytest.raises(CheckpointError, match="does not exist"):
        run(tmp_path, checkpoint=teacher, student=tmp_path / "none.pt")
    with pytest.raises(ParkourError, match="got --student and --resume"):
        run(tmp_path, resume=True, student=teacher)
    with pytest.raises(ParkourError, match="got --student and a teacher's task"):
        run(tmp_path, task=load_task("go2-teacher", overlay="train", changes=read_changes(NETWORKS)), student=teacher)


def test_run_of_a_teacher_names_its_newest_checkpoint(tmp_path: Path, teacher: Path) -> None:
    assert run(tmp_path, run=teacher.parent, iterations=1).iterations == 1


def test_two_processes_train_one_student(tmp_path: Path, teacher: Path) -> None:
    """Different rollouts, averaged gradients: the same weights after every update."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        "-m", "tests.learning.student_pair", str(tmp_path), str(teacher), "go2-student",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    a, b = (torch.load(tmp_path / f"rank{i}.pt", weights_only=True) for i in (0, 1))
    assert a["loss"] != b["loss"]
    assert all(torch.equal(a["student"][key], b["student"][key]) for key in a["student"])


# -- the policy that comes out ---------------------------------------------------------------------------------------


def test_loaded_policy_remembers_and_forgets(tmp_path: Path, teacher: Path) -> None:
    result = run(tmp_path, checkpoint=teacher)
    env = FakeStudentEnv(5, seed=3, length=7)
    env.episode_length_buf += torch.arange(5)
    policy = load_policy(weights_at(result.checkpoint), student_task(), env)
    twin = load_actor(weights_at(result.checkpoint), student_task(), FakeStudentEnv(5, tells=False))
    assert twin.yaw_source == "predicted" and not twin.training  # type: ignore[attr-defined]
    obs = env.get_observations()
    for _ in range(16):
        actions = policy(obs)
        torch.testing.assert_close(actions, twin(obs))
        obs, _, dones, _ = env.step(actions.clone())
        policy.reset(dones)
        twin.reset(dones)
    policy.reset()
    assert policy.actor.memory is None  # type: ignore[attr-defined]


def test_video_of_a_student_forgets_as_the_environment_does(tmp_path: Path, teacher: Path) -> None:
    class Filmed(FakeStudentEnv):
        def render(self) -> Any:
            return torch.zeros(4, 4, 3, dtype=torch.uint8).numpy()

    result = run(tmp_path, checkpoint=teacher)
    env = Filmed(3, length=4)
    policy = load_policy(weights_at(result.checkpoint), student_task(), env)
    told: list[Any] = []
    forget = policy.reset
    policy.reset = lambda dones=None: (told.append(dones), forget(dones))[1]  # type: ignore[method-assign]
    assert len(record(env, policy, 0.02, seconds=0.2)) == 5
    assert told[0] is None and [bool(dones.any()) for dones in told[1:]] == [i % 4 == 3 for i in range(10)]


# -- bad input -------------------------------------------------------------------------------------------------------


def test_no_teacher_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParkourError, match="no teacher given") as error:
        run(tmp_path)
    assert error.value.hint == (
        "parkour train --stage student --pretrained (or --checkpoint FILE, or --run DIR of a teacher's run)"
    )
    assert not list(tmp_path.iterdir())


def test_student_where_a_teacher_is_needed_and_the_reverse(tmp_path: Path, teacher: Path) -> None:
    student = run(tmp_path, checkpoint=teacher).checkpoint
    with pytest.raises(CheckpointError, match="is a student, expected a teacher"):
        run(tmp_path, checkpoint=student)
    task = load_task("go2-teacher", overlay="train", changes=read_changes(NETWORKS))
    with pytest.raises(CheckpointError, match="is a student, expected a teacher"):
        run(tmp_path, task=task, checkpoint=student, make_env=lambda task, n, device, seed: FakeEnv(n, seed))
    with pytest.raises(CheckpointError, match="is of task 'go2-teacher', expected 'go2-student'"):
        run(tmp_path, resume=True, checkpoint=teacher, iterations=9)
    with pytest.raises(CheckpointError, match="is a teacher, expected a student"):
        load_policy(weights_at(teacher), student_task(), FakeStudentEnv(2))


def test_teacher_of_other_dimensions(tmp_path: Path, teacher: Path) -> None:
    with pytest.raises(CheckpointError, match=r"actor\.mlp\.0\.weight has shape 32x114, expected 48x114") as error:
        run(tmp_path, "policy.params.hidden_dims=[48, 16]", checkpoint=teacher)
    assert error.value.hint is not None and "--set policy.params" in error.value.hint
    checkpoint = load_checkpoint(teacher)
    for change, message in (
        ({"observations": {**checkpoint.stamp.observations, "height_scan": (60,)}}, "'height_scan' has shape 60, the"),
        ({"observations": {**checkpoint.stamp.observations, "sonar": (3,)}}, "'sonar' has shape 3, the task has none"),
        ({"actions": 8}, "has 8 actions, the task has 12"),
    ):
        other = tmp_path / "other.pt"
        save_checkpoint(other, replace(checkpoint, stamp=replace(checkpoint.stamp, **change)))
        with pytest.raises(CheckpointError, match=message):
            run(tmp_path, checkpoint=other)


def test_depth_group_that_is_missing_or_of_the_wrong_size(tmp_path: Path, teacher: Path) -> None:
    with pytest.raises(TaskError, match="the task lacks depth"):
        run(tmp_path, "observations.depth.enabled=false", checkpoint=teacher)
    for image, message in (((4, 5), "cannot read images of 4x5"), ((288,), "'depth' has shape 288, expected height x")):
        with pytest.raises(PluginError, match=message):
            run(tmp_path, checkpoint=teacher, make_env=lambda task, n, d, s, i=image: FakeStudentEnv(n, s, image=i))
    saved = run(tmp_path, checkpoint=teacher)
    with pytest.raises(CheckpointError, match="group 'depth' has shape 16x18, the task has 20x18"):
        run(
            tmp_path, resume=True, run=saved.run, iterations=9,
            make_env=lambda task, n, device, seed: FakeStudentEnv(n, seed, image=(20, 18)),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no teacher given"),
        (["--pretrained", "--checkpoint", "x.pt"], "got --checkpoint and --pretrained, expected one of them"),
        (["--pretrained", "--resume"], "got --pretrained and --resume, expected one of them"),
        (["--checkpoint", "none.pt"], "checkpoint none.pt does not exist"),
        (["--run", "nowhere"], "run folder nowhere does not exist"),
    ],
)
def test_command_line_tells_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["train", "--stage", "student", "--log-root", str(tmp_path), "--device", "cpu", *arguments])
    assert end.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert message in lines[0] and len(lines) <= 2
