"""Films while a run trains: made elsewhere, one at a time, and never a reason for it to end."""

from __future__ import annotations

import functools
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.learning import films
from parkour.learning import train as train_module
from parkour.learning.films import Filmer
from parkour.learning.train import train
from parkour.policies.checkpoint_file import load_checkpoint
from parkour_cli.__main__ import main
from tests.learning.fake_film import WHAT
from tests.learning.fakes import fake_task, make_env
from tests.learning.runs import options, run
from tests.learning.test_processes import ROOT, launch


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Films are made by :mod:`tests.learning.fake_film`."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(train_module, "Filmer", functools.partial(Filmer, program="tests.learning.fake_film"))
    return monkeypatch


def film(tmp_path: Path, **changes: Any) -> tuple[Path, list[str]]:
    """The run folder, and what was said of films."""
    said: list[str] = []
    result = train(fake_task(), options(tmp_path, **changes), make_env=make_env, notify=said.append)
    assert result.iterations == 4 and result.checkpoint.is_file()
    return result.run, [line for line in said if line.startswith(("video ", "--video", "waiting"))]


def test_films_are_in_the_folder_of_the_run(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv("RANK", "0")
    folder, said = film(tmp_path, video_interval=4, engine_options={"cpu_sim": "warp"})
    place = folder / "videos" / "model_4.mp4"
    assert [path.name for path in place.parent.iterdir()] == [place.name], "the weights are gone"
    # Nothing is waited for where the film is done before the run.
    assert said[-1] == f"video {place}" and said[:-1] in ([], ["waiting for the film of iteration 4"])
    found = json.loads(place.read_text())
    assert found["arguments"][1:] == [str(place), "6", "custom", "cpu_sim=warp"]
    assert 0 < found["weights"] < (folder / "model_4.pt").stat().st_size
    assert found["environment"]["CUDA_VISIBLE_DEVICES"] == "" and "RANK" not in found["environment"]


def test_a_run_learns_the_same_with_films(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    folder, _ = film(tmp_path / "filmed", video_interval=1)
    plain = run(tmp_path / "plain")
    ours, theirs = (load_checkpoint(place / "model_4.pt").model for place in (folder, plain.run))
    for name, weights in ours.items():
        for key, value in weights.items():
            assert torch.equal(value, theirs[name][key]), key


def test_a_film_that_fails_is_one_line(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv(WHAT["fail"], "nothing can be rendered here")
    folder, said = film(tmp_path, video_interval=4)
    assert said[-1] == "--video-interval: iteration 4 is not filmed (nothing can be rendered here)"
    assert list((folder / "videos").iterdir()) == []


def test_one_film_at_a_time_and_none_is_waited_for_for_ever(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv(WHAT["slow"], "600")
    fake.setattr(films, "LAST", 0.1)
    begun = time.monotonic()
    folder, said = film(tmp_path, video_interval=1)
    assert time.monotonic() - begun < 120
    assert said[0].startswith("--video-interval: iteration 2 is not filmed, as that of 1 still is")
    assert said[1:] == [
        "waiting for the film of iteration 1",
        "--video-interval: iteration 1 is not filmed (the run ended before it was made)",
    ]
    assert list((folder / "videos").iterdir()) == []


def test_a_film_that_takes_too_long_is_given_up(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv(WHAT["slow"], "60")
    fake.setattr(films, "LONGEST", 0.1)
    assert film(tmp_path, video_interval=4)[1][-1].endswith("is not filmed (it took longer than 0.1 s)")


def test_what_a_killed_run_left_is_removed(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    (folder / "videos").mkdir(parents=True)
    (folder / "videos" / "model_2.pt").touch()
    (folder / "videos" / "model_1.mp4").touch()
    capture = functools.partial(load_checkpoint, run(tmp_path).checkpoint)
    filmer = Filmer(folder, 1, capture, "custom", {}, lambda line: None, program="tests.learning.fake_film")
    filmer._try_to_begin(3)
    filmer.finish()
    assert sorted(path.name for path in (folder / "videos").iterdir()) == ["model_1.mp4", "model_3.mp4"]


def test_another_run_in_place_of_the_folder_keeps_its_checkpoints(tmp_path: Path) -> None:
    """A folder from somebody else may hold a link to what is ours."""
    ours = run(tmp_path)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "videos").symlink_to(ours.run)
    before = sorted(ours.run.iterdir())
    said: list[str] = []
    capture = functools.partial(load_checkpoint, ours.checkpoint)
    filmer = Filmer(tmp_path / "theirs", 1, capture, "custom", {}, said.append, program="tests.learning.fake_film")
    filmer._try_to_begin(4)
    assert sorted(ours.run.iterdir()) == before and "videos is a link" in said[0]


def test_a_folder_that_cannot_be_written_loses_nothing(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setattr(films, "FOLDER", "task.toml")
    assert "iteration 4 is not filmed ([Errno" in film(tmp_path, video_interval=4)[1][0]


def test_an_engine_that_nobody_has_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the program itself."""
    monkeypatch.setattr(films, "LAST", 300.0)
    assert "unknown engine 'custom'" in film(tmp_path, video_interval=4)[1][-1]


def test_an_interval_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        main(["train", "go2-teacher", "--video-interval", "0", "--log-root", str(tmp_path)])
    assert capsys.readouterr().err == "error: --video-interval: got 0, expected at least 1\n"


@pytest.mark.slow
def test_of_several_processes_the_first_one_films(tmp_path: Path) -> None:
    process = launch(2, "tests.learning.filmed", str(tmp_path))
    said, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    assert sorted(line for line in said.splitlines() if line.startswith("end")) == ["end 0 4", "end 1 4"]
    (place,) = tmp_path.glob("rsl_rl/*/*/videos/*")
    assert place.name == "model_4.mp4" and said.count(f"video {place}") == 1
    alone = json.loads(place.read_text())["environment"]
    assert not {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "PARKOUR_LAUNCHER"} & alone.keys()


@pytest.mark.slow
@pytest.mark.mujoco
def test_a_film_of_a_training_on_mujoco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    pytest.importorskip("mjlab")
    monkeypatch.setattr(films, "SECONDS", 0.2)
    monkeypatch.setattr(films, "LAST", 300.0)
    said: list[str] = []
    result = train(
        fake_task("policy.params.hidden_dims=[16]"),
        options(tmp_path, num_envs=2, iterations=1, video_interval=1, engine="mujoco"),
        notify=said.append,
    )
    place = result.run / "videos" / "model_1.mp4"
    if not place.exists():
        assert any("nothing can be rendered here" in line for line in said), said
        pytest.skip("nothing can be rendered here")
    frames = ffmpeg.read_frames(str(place))
    assert next(frames)["size"] == (960, 540) and len(list(frames)) == 6
    assert list(place.parent.iterdir()) == [place]
