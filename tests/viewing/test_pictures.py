"""Depth images, sheets of pictures, films."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from parkour.errors import EngineError, ParkourError, StorageError
from parkour.viewing.pictures import GAP, caption, colour_depth, depth_sheet, inset, tile
from parkour.viewing.snapshot import box_colours
from parkour.viewing.video import VideoWriter, check_video
from tests.viewing.fakes import make_session


def test_depth_in_colours_goes_from_near_to_far() -> None:
    shown = colour_depth(np.array([[0.0, 0.5, 1.0, 7.0, np.nan]])).astype(int)[0]
    assert shown[0].sum() > shown[1].sum() > shown[2].sum()
    assert (shown[2] == shown[3]).all() and (shown[2] == shown[4]).all()


def test_tiles_stand_row_by_row() -> None:
    sheet = tile([np.full((4, 6, 3), value, np.uint8) for value in (1, 2, 3)])
    assert sheet.shape == (4 * 2 + GAP, 6 * 2 + GAP, 3)
    assert (sheet[0, 0] == 1).all() and (sheet[0, -1] == 2).all() and (sheet[-1, 0] == 3).all()
    assert (sheet[-1, -1] == 30).all()


@pytest.mark.parametrize("count", [1, 5, 30])
def test_sheets_fit(count: int) -> None:
    sheet = depth_sheet(np.random.rand(count, 58, 87), 320)
    assert 100 < sheet.shape[1] <= 320


def test_an_inset_covers_a_corner_alone_and_is_cut() -> None:
    picture = np.zeros((90, 120, 3), np.uint8)
    shown = inset(picture, np.full((20, 30, 3), 9, np.uint8))
    assert (shown[-13, -13] == 9).all() and not shown[:50].any() and not picture.any()
    assert inset(picture, np.full((200, 300, 3), 9, np.uint8)).shape == picture.shape


def test_a_caption_is_seen() -> None:
    shown = caption(np.full((90, 320, 3), 100, np.uint8), "gap, 0.5")
    assert (shown[:40] > 200).any() and (shown[50:] == 100).all()


def test_boxes_are_warmer_the_higher_they_are() -> None:
    boxes = np.zeros((3, 10))
    boxes[:, 2], boxes[:, 9] = (-1.5, -0.5, 0.0), 0.5
    pit, ground, high = box_colours(boxes).astype(int)
    assert pit.sum() < ground.sum()
    assert high[0] - high[2] > ground[0] - ground[2]


def test_a_student_is_shown_what_it_sees(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, task="go2-student", num_envs=3, depth=True)
    for _ in range(7):
        session.advance()
    session.watch(1)
    images = session.depth_images()
    assert session.depth is not None and session.depth.seen_by_policy and session.depth.groups == ("depth",)
    assert images is not None and images.shape == (3, *session.obs["depth"].shape[1:])
    # The watched robot's first; metres over the range.
    seen = (session.obs["depth"][[1, 0, 2]] + 0.5).clamp(0.0, 1.0)
    assert np.allclose(images, seen.numpy(), atol=1e-6)
    assert images.min() >= 0.0 and images.max() <= 1.0 and images.std() > 0.05


def test_a_teacher_is_given_the_tasks_camera(tmp_path: Path) -> None:
    session, task, _ = make_session(tmp_path, num_envs=2, depth=True)
    camera = task.model.camera
    assert session.depth is not None and not session.depth.seen_by_policy
    first = session.depth_images()
    assert first is not None and first.shape == (1, camera.height, camera.width)
    assert first[0, 0].mean() > first[0, -1].mean()  # the ground is near below
    for step in range(1, 11):
        session.advance()
        image = session.depth_images()
        assert image is not None
        assert np.array_equal(image, first) == (step % 5 != 0)
        first = image


def test_a_new_course_is_a_new_picture(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, num_envs=1, depth=True, terrains=("hurdle",))
    images = []
    for level in range(5):
        session.mdp.course.set_levels(torch.tensor([0]), torch.tensor([level]))
        session.env.begin(torch.tensor([0]))
        images.append(session.depth_images())
    assert len({image.tobytes() for image in images if image is not None}) > 1


def frames(path: Path) -> list[np.ndarray]:
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    return [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]


def test_a_film_is_whole_or_not_there(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "deep" / "film.mp4"
    writer = VideoWriter(path, (64, 48))
    for level in range(0, 250, 25):
        writer.add(np.full((48, 64, 3), level, np.uint8))
    assert not path.exists()
    assert writer.close() == path
    levels = [frame.mean() for frame in frames(path)]
    assert len(levels) == writer.frames == 10
    assert np.allclose(levels, range(0, 250, 25), atol=6)
    assert list(path.parent.iterdir()) == [path]


def test_a_film_without_a_frame_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    VideoWriter(tmp_path / "film.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_films_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParkourError, match=r"expected an \.mp4 file"):
        check_video(tmp_path / "film.avi")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="--video"):
        check_video(tmp_path / "file" / "film.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        check_video(tmp_path / "folder.mp4")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(EngineError, match="no encoder is installed") as caught:
        check_video(tmp_path / "film.mp4")
    assert "pip install imageio-ffmpeg" in (caught.value.hint or "")


def test_a_missing_ffmpeg_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("imageio_ffmpeg")

    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(module, "get_ffmpeg_exe", missing)
    with pytest.raises(EngineError, match="no encoder is found"):
        check_video(tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_an_encoder_that_dies_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    writer = VideoWriter(tmp_path / "film.mp4", (64, 48))
    with pytest.raises(StorageError, match="--video"):
        for _ in range(200):
            writer._writer.gi_frame.f_locals["p"].kill()
            writer.add(np.zeros((48, 64, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("width", [300, 900])
def test_depth_images_are_as_wide_as_asked_for(width: int) -> None:
    class Gui:
        def add_image(self, image: np.ndarray, **rest: object) -> SimpleNamespace:
            return SimpleNamespace(image=image)

    panels = pytest.importorskip("parkour.viewing.web.panels")
    session: Any = SimpleNamespace(
        depth_images=lambda: np.random.rand(4, 58, 87), depth_labels=lambda: ["1 gap", "2 step", "3 gap", "4 hurdle"]
    )
    sheet = panels.DepthPanel(Gui(), session, width)._image.image
    assert width - 180 < sheet.shape[1] <= width
