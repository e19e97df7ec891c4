"""``parkour runs compare``: curves of several runs in one picture."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parkour.learning.curves import AXES, Curve, curves_png, read_curves
from parkour_cli.__main__ import main


def write_run(folder: Path, gain: float, iterations: int = 120) -> Path:
    folder.mkdir(parents=True)
    rows = [
        {
            "iteration": i, "Perf/total_minutes": i / 10, "Perf/total_steps": 100 * i, "Train/mean_reward": gain * i,
            "Terrain_Level/gap": i / 20, "Terrain_Level/step": i / 40,
            **({"Episode/success": min(1.0, gain * i / 100)} if i > 10 else {}),
        }
        for i in range(1, iterations + 1)
    ]  # fmt: skip
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"iterat')
    return folder


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [write_run(tmp_path / "a" / "run", 1.0), write_run(tmp_path / "b" / "run", 0.5)]


def run(*args: object) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "compare", *map(str, args)])
    return ended.value.code


def test_curves_are_means_of_windows(two: list[Path]) -> None:
    first, second = read_curves(two)
    assert (first.label, second.label) == ("a/run", "b/run"), "the shortest ends that tell them apart"
    xs, ys = first.points("minutes", "Train/mean_reward")
    assert len(xs) == 40 and xs[-1] == 12.0 and ys[0] == pytest.approx(2.0) and ys[-1] == pytest.approx(119.0)
    assert first.points("steps", "Terrain_Level/")[1][-1] == pytest.approx(119 * (1 / 20 + 1 / 40) / 2)
    assert first.last("Episode/success") == 1.0 and second.last("Episode/success") == pytest.approx(0.5525)
    assert math.isnan(first.last("Loss/none")) and first.points("minutes", "Loss/none") == ([], [])


def test_the_picture_shows_every_run(two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run(*two, "--out", tmp_path / "c.png")
    out, err = capsys.readouterr()
    assert "a/run" in out and "0.552" in out and f"wrote {tmp_path / 'c.png'}" in err
    pixels = np.asarray(Image.open(tmp_path / "c.png").convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ((0x0F, 0x7C, 0x8A), (0xE0, 0x8A, 0x1E)):
        assert (np.abs(pixels - colour).sum(1) < 12).sum() > 200
    assert not run(two[0], "--json", "--over", "steps", "--out", tmp_path / "d.png")
    data = json.loads(capsys.readouterr().out)
    assert data["runs"][0] | {"reward": 0} == {
        "run": "run", "iteration": 120, "minutes": 12.0, "success": 1.0, "way points": None,
        "reward": 0,
    }  # fmt: skip


def test_a_run_of_one_iteration_is_drawn() -> None:
    for axis in AXES:
        assert curves_png([Curve("x", [{"iteration": 1.0, "Perf/total_minutes": 0.1}])], axis).startswith(b"\x89PNG")


def test_bad_input_is_a_line(two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "metrics.jsonl").touch()
    for args, said in (
        ((tmp_path / "nowhere",), "cannot read"),
        ((two[0], two[0]), "got one run twice"),
        ((tmp_path / "empty",), "holds no iteration yet"),
        ((two[0], "--out", "c.jpg"), "expected a .png file"),
        ((two[0], "--over", "days"), "--over: got 'days', expected minutes, steps, iterations"),
    ):
        assert run(*args) == 1
        err = capsys.readouterr().err
        assert err.startswith("error: ") and said in err
