"""``parkour eval --all``: every checkpoint of a run."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.source import Weights
from tests.evaluation.eval_command import SMALL, command, fails
from tests.evaluation.fakes import write_weights

pytestmark = pytest.mark.usefixtures("gliding_engine")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints, the last one damaged."""
    weights: Weights = write_weights(tmp_path_factory.mktemp("logs") / "rsl_rl" / "go2-teacher" / "run")
    folder = weights.path.parent
    for iteration in (100, 200):
        save_checkpoint(folder / f"model_{iteration}.pt", replace(weights.checkpoint, iteration=iteration))
    (folder / "model_300.pt").write_bytes(b"no checkpoint")
    weights.path.unlink()
    return folder


def test_success_over_iterations(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--json", tmp_path / "curve.json", "--plots", tmp_path / "plots", "--html", tmp_path / "curve.html"]
    code, out, err = command(capsys, "--run", run, "--all", *SMALL, *places)
    assert code == 0, err
    assert "success over iterations" in out and "100" in out and "200" in out
    assert "left out: checkpoint" in err and "model_300.pt" in err
    data = json.loads((tmp_path / "curve.json").read_text(), parse_constant=pytest.fail)
    assert [point["checkpoint"]["iteration"] for point in data["points"]] == [100, 200]
    first, second = data["points"]
    # One policy twice, on the same courses.
    assert first["overall"] == second["overall"] and first["overall"]["episodes"] == 10 and "episodes" not in first
    picture = Image.open(io.BytesIO((tmp_path / "plots" / "success_curve.png").read_bytes()))
    assert picture.width > 600 and "data:image/png" in (tmp_path / "curve.html").read_text()


@pytest.mark.parametrize("width", [80, 400])
def test_the_table_has_every_terrain_at_any_width(
    run: Path, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, err = command(capsys, "--run", run, "--all", *SMALL)
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= width and "…" not in out
    assert {"iteration", "gap", "hurdle", "step", "tilt", "flat", "100", "200"} <= set(out.split())


def test_what_makes_no_sense_with_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in (["--checkpoint", "100"], ["--compare", "a", "b"], ["--protocol", "gauntlet"], ["--export", "x"]):
        assert "got --all and --" in fails(capsys, "--run", run, "--all", *SMALL, *more)
