"""``parkour train``: options reach the run, and bad input is one line and exit 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parkour.engines import choice as choice_module
from parkour.engines.protocol import Availability
from parkour.learning import plan as plan_module
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.registry import Registry
from parkour_cli.__main__ import main
from tests.learning.fakes import FakeEnv

SMALL = [
    "--set", "policy.params.hidden_dims=[32, 16]", "--set", "algorithm.steps_per_env=4",
    "--num-envs", "8", "--device", "cpu", "--logger", "none",
]  # fmt: skip


class FakeEngine:
    """An engine whose environment needs no simulator."""

    def availability(self) -> Availability:
        return Availability(True)

    def make_env(self, task: Any, *, num_envs: int, device: str, seed: int, **options: Any) -> FakeEnv:
        return FakeEnv(num_envs, seed)


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    choose = choice_module.choose_engine

    def chosen(name: str | None, registry: Registry | None = None) -> tuple[str, Any]:
        return ("fake", FakeEngine()) if name is None else choose(name, registry)

    monkeypatch.setattr(plan_module, "choose_engine", chosen)


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["train", *arguments])
    output = capsys.readouterr()
    return int(caught.value.code or 0), output.out, output.err


def test_train_then_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--log-root", str(tmp_path)]
    code, out, err = command(
        capsys, "--stage", "teacher", *SMALL, *root, "--iterations", "2", "--run-name", "x", "--seed", "4",
        "--save-interval", "1", "--experiment", "mine",
    )  # fmt: skip
    assert code == 0
    path = Path(out.splitlines()[-1])
    assert path.name == "model_2.pt" and path.parent.parent == tmp_path / "rsl_rl" / "mine"
    assert path.parent.name.endswith("_x") and (path.parent / "model_1.pt").is_file()
    assert "training go2-teacher with 8 environments on cpu" in err and "iteration 2/2" in out
    # The task of the run, with what was set, and its size and seed come from the checkpoint.
    code, out, err = command(capsys, "--resume", *root, "--experiment", "mine", "--iterations", "3", "--logger", "none")
    assert code == 0 and "going on from iteration 2" in err
    resumed = load_checkpoint(Path(out.splitlines()[-1]))
    assert (resumed.iteration, resumed.seed, resumed.num_envs) == (3, 4, 8)
    assert resumed.task["algorithm"]["steps_per_env"] == 4


def test_default_size_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(
        capsys, "go2-teacher", *SMALL[:4], "--device", "cpu", "--logger", "none", "--log-root", str(tmp_path),
        "--iterations", "1", "--set", "environments.cpu=5",
    )  # fmt: skip
    assert code == 0
    assert "training go2-teacher with 5 environments on cpu (the task's default for this device" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no task given"),
        (["go2-teachr"], "unknown task 'go2-teachr'; did you mean 'go2-teacher'"),
        (["--stage", "headmaster"], "--stage: got 'headmaster', expected teacher or student"),
        (["go2-teacher", "--stage", "student"], "--stage: got 'student', but task 'go2-teacher' trains a teacher"),
        (["go2-teacher", "--num-envs", "0"], "got 0 environments, expected at least 1"),
        (["go2-teacher", "--gpus", "0"], "got 0 GPUs, expected at least 1"),
        (["go2-teacher", "--device", "toaster"], "got device 'toaster'"),
        (["go2-teacher", "--engine", "warpdrive"], "unknown engine 'warpdrive'"),
        (["go2-teacher", "--set", "rewards.feet_edge.weight=heavy"], 'got "heavy", expected a number'),
        (["go2-teacher", "--set", "algorithm.params.gama=1"], "did you mean 'gamma'"),
        (["go2-teacher", "--checkpoint", "nowhere.pt"], "checkpoint nowhere.pt does not exist"),
        (["go2-student", "--overlay", "fst"], "unknown overlay 'fst'; did you mean 'fast'"),
        (["--resume", "--overlay", "fast"], "got --resume and --overlay fast, expected one of them"),
        (["--resume"], "no checkpoint found"),
        (["--resume", "--run", "nowhere"], "run folder nowhere does not exist"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, _, err = command(capsys, *arguments, "--log-root", str(tmp_path))
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 1 and len(errors) == 1
    assert message in errors[0] and "Traceback" not in err
