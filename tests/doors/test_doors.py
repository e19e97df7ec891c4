"""Every door: scaffold, install, check, and a command that uses what came through it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.policies.source import Weights
from parkour.registry import registry as registry_module
from parkour_cli.__main__ import main
from parkour_cli.train import TrainedTask
from tests.doors.conftest import KINDS, NAME
from tests.evaluation.conftest import gliding_engine as gliding_engine
from tests.evaluation.conftest import weights as weights
from tests.evaluation.eval_command import SMALL
from tests.evaluation.fakes import GlidingEnv
from tests.learning.fakes import fake_task, make_env


def run(*arguments: str | Path) -> int:
    """Exit code of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="package")
def report(project: Path) -> dict[str, Any]:
    """What ``plugins check`` says of the project, which need not be installed for it."""
    from parkour.testing.separate_process import check_separately

    (found,) = check_separately([str(project)], compile=False)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_one_passes_its_checks(kind: str, report: dict[str, Any]) -> None:
    (part,) = [each for each in report["components"] if each["kind"] == kind]
    assert {check["status"] for check in part["checks"]} <= {"passed", "does not apply"}, part["checks"]
    assert sum(check["status"] == "passed" for check in part["checks"]) >= 3


def test_its_own_tests_pass(project: Path, installed_doors: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", str(project / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=project)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_listed_and_shown(kind: str, installed_doors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugins", "list", "--kind", kind, "--json") == 0
    listed = json.loads(capsys.readouterr().out)["components"]
    assert f"{NAME}:doors" in [each["id"] for each in listed]
    assert any(each["distribution"] == "parkour-lab" for each in listed)
    assert run("plugins", "show", "doors", "--kind", kind) == 0
    assert f"{NAME}:doors" in capsys.readouterr().out


def test_metric(installed_doors: Path, gliding_engine: None, weights: Weights, tmp_path: Path) -> None:
    out, page = tmp_path / "eval.json", tmp_path / "eval.html"
    assert run("eval", "--checkpoint", weights.path, *SMALL, "--json", out, "--html", page) == 0
    assert "<td>doors</td>" in page.read_text()
    figures = json.loads(out.read_text())
    shares = figures["episodes"]["doors"]
    # Torques of the robots that glide are random, with a deviation of 5 Nm; limits are 23.5 Nm and more.
    assert len(shares) == 10 and all(0.1 < share < 1.5 for share in shares)
    assert figures["overall"]["metrics"]["doors"]["mean"] == pytest.approx(sum(shares) / 10)


def test_protocol(
    installed_doors: Path, gliding_engine: None, weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "eval.json"
    assert run("eval", "--checkpoint", weights.path, "--protocol", "doors", *SMALL, "--json", out) == 0
    assert "protocol doors" in capsys.readouterr().out
    protocol = json.loads(out.read_text())["protocol"]
    assert protocol["name"] == "doors" and protocol["speed"] == [1.2, 1.2] and protocol["difficulty"] == [0.0, 0.5]
    assert run("eval", "--checkpoint", weights.path, "--protocol", "door", *SMALL) == 1
    assert "unknown protocol 'door'; did you mean 'doors'" in capsys.readouterr().err


TINY = ["--num-envs", "8", "--iterations", "4", "--save-interval", "2", "--device", "cpu"]


@pytest.fixture
def fake_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """``parkour train`` on an environment without a simulator."""
    from parkour.learning import plan as plan_module

    monkeypatch.setattr(plan_module, "_engine_env", lambda options, choices, kept, render, say: (make_env, choices))
    monkeypatch.setattr(TrainedTask, "resolve", lambda self, resumed: fake_task())


def test_logger(installed_doors: Path, fake_training: None, tmp_path: Path) -> None:
    assert run("train", "go2-teacher", *TINY, "--logger", "doors", "--log-root", tmp_path) == 0
    (table,) = tmp_path.glob("rsl_rl/*/*/doors.csv")
    rows = [line.split(",") for line in table.read_text().splitlines()]
    assert rows[0] == ["iteration", "name", "value"] and {row[0] for row in rows[1:]} == {"1", "2", "3", "4"}
    assert "Loss/value" in {row[1] for row in rows}


def test_callback(
    installed_doors: Path, fake_training: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = "doors,scalar=Perf/total_steps,above=0,iterations=3"
    quiet = ["--logger", "none", "--log-root", tmp_path]
    assert run("train", "go2-teacher", *TINY, *quiet, "--callback", chosen) == 0
    output = capsys.readouterr()
    assert "stopped after iteration 3: Perf/total_steps was above 0 for 3 iterations" in output.err
    assert "the last checkpoint is model_3.pt" in output.err and output.out.strip().endswith("model_3.pt")
    for wrong, said in (
        ("doors,above=high", "--callback.doors.above"),
        ("doors,up=1", "unknown key '--callback.doors.up'"),
        ("doors,above", "--callback: got 'above' in 'doors,above', expected KEY=VALUE"),
        ("door", "unknown callback 'door'; did you mean 'doors'"),
    ):
        assert run("train", "go2-teacher", *TINY, *quiet, "--callback", wrong) == 1
        assert said in capsys.readouterr().err


def test_curriculum(installed_doors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--set", "curriculum.use=doors", "--set", "curriculum.params.up=0.5"]
    assert run("tasks", "show", "go2-teacher", "--overlay", "train", *chosen) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if f"{NAME}:doors" in line]
    assert "up=0.5" in line
    from parkour import load_task
    from parkour.tasks import task_tables

    changes = {"curriculum.use": "doors", "curriculum.params.down": 0.1, "course.columns": 5, "course.levels": 5}
    task = load_task("go2-teacher", overlay="train", changes={**changes, "course.start_levels": [2, 2]})
    assert task_tables(task)["curriculum"] == {"use": f"{NAME}:doors", "version": "0.1.0",
                                               "params": {"up": 0.75, "down": 0.1}}  # fmt: skip
    env = GlidingEnv(task, 10, "cpu", seed=0)
    # Half of them reach the last way point and are one level up; the episodes of the others end before the first.
    env.mdp.goals.index[:] = torch.tensor([8, 0] * 5)
    env.step(torch.zeros(10, 12))
    assert env.mdp.course.level.tolist() == [3, 2] * 5
    env.mdp.next_course(torch.arange(1, 10, 2), env.episode_length_buf, ended=True)
    assert env.mdp.course.level.tolist() == [3, 1] * 5


def test_command_term(installed_doors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = "observations.commands.params.names=['doors', 'turn_rate']"
    told = ["--with", "command_term:doors", "--with", "command_term:turn_rate", "--with", "observation:commands"]
    assert run("tasks", "show", "go2-teacher", "--overlay", "train", *told, "--set", names) == 0
    assert f"{NAME}:doors" in capsys.readouterr().out
    from parkour import load_task
    from parkour.tasks import task_tables
    from parkour_cli.changes import read_changes

    small = ["course.columns=5", "course.levels=5"]
    task = load_task("go2-teacher", overlay="train", changes=read_changes([names, *small], told[1::2]))
    env = GlidingEnv(task, 50, "cpu", seed=0)
    obs, *_ = env.step(torch.zeros(50, 12))
    height, turn = obs["commands"].unbind(-1)
    assert 0.22 <= height.min() < height.max() <= 0.36 and -1.0 <= turn.min() < 0.0 < turn.max() <= 1.0
    assert torch.equal(env.mdp.command.values["doors"], height)
    # What a run writes down reads back as the same task.
    again = load_task(task_tables(task))
    assert {key: (part.id, part.params) for key, part in again.commands.items()} == {
        key: (part.id, part.params) for key, part in task.commands.items()
    }


def test_a_forward_speed_of_somebody_s_own_has_the_task_s_numbers(install_plugin: Any) -> None:
    from parkour import load_task

    source = """
        import torch
        from parkour import CommandTermSpec, hookimpl
        from parkour_command_terms.uniform import SpeedParams

        class Slow(SpeedParams):
            part: float = 0.5

        class Half:
            def __init__(self, num_envs, device, step_dt, *, speed, resample, deadband, part):
                self.value = torch.full((num_envs,), part * speed[1], device=device)
            def update(self, episode_step):
                pass

        @hookimpl
        def register_command_terms():
            yield CommandTermSpec(name="half", summary="", target="halves:Half", params="halves:Slow")
    """
    install_plugin("parkour-halves", {"halves": source})
    registry_module._registry.cache_clear()
    changes = {"command_term:speed": True, "commands.speed.use": "half", "commands.speed.params.part": 0.25,
               "command.speed": [0.4, 0.8]}  # fmt: skip
    task = load_task("go2-teacher", changes={**changes, "course.columns": 5, "course.levels": 2})
    env = GlidingEnv(task, 4, "cpu", seed=0)
    assert env.mdp.command.speed.tolist() == pytest.approx([0.2] * 4)
    registry_module._registry.cache_clear()


def test_a_reward_without_its_command_is_told_so() -> None:
    from parkour import ParkourError, load_task

    changes = {"reward:tracking_turn_rate": 1.0, "course.columns": 5, "course.levels": 2}
    with pytest.raises(ParkourError, match="the task has no command term 'turn_rate'"):
        GlidingEnv(load_task("go2-teacher", changes=changes), 2, "cpu", seed=0).step(torch.zeros(2, 12))
