"""``parkour eval`` with bad input: one line, exit code 1, nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parkour.policies.source import Weights
from parkour.registry import registry as registry_module
from tests.conftest import InstallPlugin
from tests.evaluation.eval_command import SMALL, command, fails
from tests.evaluation.fakes import write_weights

pytestmark = pytest.mark.usefixtures("gliding_engine")


def test_no_checkpoint_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = fails(capsys, "--log-root", tmp_path)
    assert str(tmp_path / "rsl_rl" / "*") in error and "parkour train go2-teacher" in error
    error = fails(capsys, "go2-student", "--log-root", tmp_path)
    assert "of a run of go2-student" in error and "parkour train go2-student" in error
    assert str(tmp_path / "none.pt") in fails(capsys, "--checkpoint", tmp_path / "none.pt")
    assert str(tmp_path / "none") in fails(capsys, "--run", tmp_path / "none")
    assert "holds no checkpoint" in fails(capsys, "--run", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--protocol", "corse"], ["unknown protocol 'corse'", "'course'"]),
        (["--difficulty", "2:1"], ["--difficulty: got '2:1'", "A:B"]),
        (["--difficulty", "0.8:0.2"], ["--difficulty: got '0.8:0.2'"]),
        (["--difficulty", "hard"], ["--difficulty: got 'hard'"]),
        (["--difficulty", "nan:1"], ["--difficulty: got 'nan:1'"]),
        (["--terrain", "gapp"], ["unknown terrain 'gapp'", "'gap'"]),
        (["--num-envs", "0"], ["--num-envs: got 0"]),
        (["--steps", "0"], ["--steps: got 0"]),
        (["--seed", "-1"], ["--seed: got -1"]),
        (["--seed", str(1 << 64)], ["--seed: got 18446744073709551616, expected at most"]),
        (["--device", "tpu"], ["got device 'tpu'"]),
        (["--engine", "bullet"], ["unknown engine 'bullet'"]),
        (["--blank-depth"], ["--blank-depth", "go2-teacher", "no depth camera"]),
        (["--noise", "noisy"], ["--noise: got 'noisy'", "teacher"]),
        (["--set", "course.level=3"], ["course.level"]),
        (["--pretrained"], ["--checkpoint and --pretrained", "one of them"]),
        (["--compare", "a", "b"], ["--compare and --checkpoint"]),
        (["--compare", "a", "b", "--export", "EXPORT"], ["--compare and --export"]),
        (["--compare", "a", "b", "--viewer", "web"], ["--viewer and --compare"]),
        (["--protocol", "gauntlet", "--viewer", "web"], ["--viewer and --protocol gauntlet"]),
        (["--viewer", "none"], ["--viewer: got 'none'", "web or native"]),
        (["--depth-width", "300"], ["--depth-width without --viewer", "--viewer web"]),
        (["--viewer", "web", "--depth-width", "3"], ["--depth-width: got 3", "64 to 4096"]),
        (["go2-student"], ["is a teacher", "expected a student"]),
        (["go2-teachr"], ["unknown task 'go2-teachr'", "go2-teacher"]),
    ],
)
def test_bad_input(
    weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    arguments = [str(tmp_path / "x") if argument == "EXPORT" else argument for argument in arguments]
    error = fails(capsys, "--checkpoint", weights.path, "--num-envs", "5", *arguments)
    assert all(word in error for word in words), error


def test_damaged_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model_1.pt"
    path.write_bytes(b"not a checkpoint")
    assert "damaged or not a checkpoint" in fails(capsys, "--checkpoint", path)


@pytest.mark.parametrize(
    ("option", "name"), [("--json", "x.json"), ("--html", "x.html"), ("--plots", "x"), ("--export", "x")]
)
def test_unwritable_output(
    weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    error = fails(capsys, "--checkpoint", weights.path, *SMALL, option, blocked / name)
    assert option in error and str(blocked / name) in error
    if os.geteuid() != 0:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        assert "Permission denied" in fails(capsys, "--checkpoint", weights.path, *SMALL, option, closed / name)
    assert option in fails(capsys, "--checkpoint", weights.path, *SMALL, option, blocked / "deeper" / name)


def test_outputs_are_not_left_behind_by_bad_input(
    weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(capsys, "--checkpoint", weights.path, "--difficulty", "2:1", "--json", tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


BEAM = """
    import numpy as np
    from parkour import Box, RewardSpec, SubTerrain, TerrainSpec, hookimpl

    def calm(ctx):
        return ctx.command * 0.0

    @hookimpl
    def register_rewards():
        yield RewardSpec(name="eval_calm", summary="calm", target="eval_beams:calm")

    def beam(difficulty, rng, params):
        ground = Box(center=(8.0, 0.0, -0.5), half_size=(9.0, 3.0, 0.5))
        return SubTerrain(boxes=[ground], goals=np.linspace([2.0, 0.0], [15.0, 0.0], 8))

    @hookimpl
    def register_terrains():
        yield TerrainSpec(name="eval_beam", summary="a beam", target="eval_beams:beam")
"""


def test_task_whose_plugin_is_gone(
    tmp_path: Path, install_plugin: InstallPlugin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install_plugin("parkour-eval-beams", {"eval_beams": BEAM})
    registry_module._registry.cache_clear()
    weights = write_weights(tmp_path / "run", withs=("terrain:eval_beam=0.5", "reward:eval_calm=-1"))
    code, out, err = command(capsys, "--checkpoint", weights.path, *SMALL, "--terrain", "eval_beam")
    assert code == 0 and "eval_beam" in out, err
    monkeypatch.setattr("sys.path", [entry for entry in __import__("sys").path if entry != str(site)])
    error = fails(capsys, "--checkpoint", weights.path, *SMALL)
    assert "cannot be rebuilt here" in error and "'eval_beam'" in error
    assert "parkour-eval-beams 1.0, which is not installed" in error and "install parkour-eval-beams" in error
    assert "besides, reward 'eval_calm' comes from the plugin parkour-eval-beams 1.0" in error
    assert "--allow-missing" in error
    code, out, err = command(capsys, "--checkpoint", weights.path, *SMALL, "--allow-missing")
    assert code == 0 and "eval_beam" not in out and "hurdle" in out, err
