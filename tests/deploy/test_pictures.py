"""Depth from its sources to the policy: messages, another camera's pictures, holes, recordings."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from parkour_deploy.contract import Camera, read_contract
from parkour_deploy.depth.realsense import RealSenseDepth
from parkour_deploy.depth.reproject import Intrinsics, Reprojection, ray_directions
from parkour_deploy.depth.source import SourceContext
from parkour_deploy.depth.topic import decode_depth, encode_depth
from parkour_deploy.errors import DeployError
from parkour_deploy.picture import DepthPicture

CAMERA = Camera((0.33, 0.0, 0.08), 0.0, 0.35, 0.0, 106, 60, 55.85, 55.85, 2.0)


def context(**changes: Any) -> SourceContext:
    return SourceContext(camera=CAMERA, interface="lo", **changes)


def test_a_message_there_and_back() -> None:
    depth = np.random.default_rng(0).uniform(0.2, 2.0, (60, 106))
    depth[3, 4] = np.nan
    picture = decode_depth(encode_depth(1234, depth), 7)
    assert (picture.tick, picture.number) == (1234, 7)
    assert np.isnan(picture.depth[3, 4]) and np.isnan(picture.depth).sum() == 1
    assert np.nanmax(np.abs(picture.depth - depth)) <= 0.0005 + 1e-9


def test_a_message_that_lies_about_its_size() -> None:
    with pytest.raises(DeployError, match="says 3 x 2 pixels and brings 6"):
        decode_depth(encode_depth(0, np.ones((2, 3)))[:-2], 1)


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_another_cameras_picture_of_a_wall(slope: float) -> None:
    """A wall at 1.5 m, upright or leaning: each ray meets it where geometry says."""
    source = Intrinsics(424, 240, 215.0, 215.0, 211.7, 119.2)
    rows = (np.arange(240) - source.centre_y) / source.focal_y
    depth = np.repeat((1.5 / (1 + slope * rows))[:, None], 424, axis=1)
    reproject = Reprojection(source, CAMERA)
    seen, rays = reproject(depth), ray_directions(CAMERA)
    expected = 1.5 / (1 + slope * rays[..., 1]) * np.linalg.norm(rays, axis=-1)
    known = np.isfinite(seen)
    assert reproject.seen == known.mean() > 0.9
    assert np.abs(seen - expected)[known].max() < 0.02


def test_what_was_not_measured_is_not_near() -> None:
    depth = np.ones((240, 424))
    depth[100:140, 200:220] = 0.0
    seen = Reprojection(Intrinsics(424, 240, 215.0, 215.0, 212.0, 120.0), CAMERA)(depth)
    assert np.isnan(seen[30, 52])
    picture = DepthPicture(CAMERA, {"crop_top": 0, "crop_bottom": 2, "crop_sides": 4, "height": 58, "width": 87})(seen)
    assert np.isfinite(picture).all()
    assert picture.max() > 0.45


class _Frame:
    def __init__(self, data: np.ndarray) -> None:
        self._data = data

    def get_depth_frame(self) -> _Frame:
        return self

    def get_data(self) -> np.ndarray:
        return self._data


def fake_realsense(focal: float, frames: list[Any]) -> SimpleNamespace:
    """As much of pyrealsense2 as is used."""
    lens = SimpleNamespace(width=424, height=240, fx=focal, fy=focal, ppx=212.0, ppy=120.0)
    stream = SimpleNamespace(as_video_stream_profile=lambda: SimpleNamespace(get_intrinsics=lambda: lens))
    sensor = SimpleNamespace(get_depth_scale=lambda: 0.001)
    profile = SimpleNamespace(
        get_stream=lambda kind: stream, get_device=lambda: SimpleNamespace(first_depth_sensor=lambda: sensor)
    )
    pipeline = SimpleNamespace(
        start=lambda config: profile, stop=lambda: None, poll_for_frames=lambda: frames.pop(0) if frames else None
    )
    config = SimpleNamespace(enable_device=lambda serial: None, enable_stream=lambda *options: None)
    return SimpleNamespace(
        pipeline=lambda: pipeline, config=lambda: config, stream=SimpleNamespace(depth=1), format=SimpleNamespace(z16=2)
    )


def test_a_realsense_cameras_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[Any] = [None, _Frame(np.full((240, 424), 1200, np.uint16)), None]
    monkeypatch.setitem(sys.modules, "pyrealsense2", fake_realsense(210.0, frames))
    told: list[str] = []
    camera = RealSenseDepth(context(notify=told.append))
    camera.open()
    assert camera.newest() is None
    picture = camera.newest()
    assert picture is not None and picture is camera.newest()
    assert picture.depth[30, 53] == pytest.approx(1.2, abs=1e-3)
    camera.close()
    assert "% of the policy's picture" in told[0]


def test_a_camera_that_sees_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrealsense2", fake_realsense(600.0, []))
    with pytest.raises(DeployError, match="of the policy's picture, expected at least 90 %"):
        RealSenseDepth(context()).open()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(DeployError, match="pyrealsense2 cannot be imported"):
        RealSenseDepth(context()).open()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_is_far_away_in_the_graph(shipped: dict[str, Path], value: float) -> None:
    """And does not stay: the state that runs along is that of a picture with a far pixel, to the last digit."""
    contract = read_contract(shipped["student"])
    graph = contract.graphs[0]
    session = onnxruntime.InferenceSession(str(contract.folder / graph.file), providers=["CPUExecutionProvider"])
    shapes = {port.name: (1, *port.shape) for port in graph.inputs}
    draw = np.random.default_rng(1)
    inputs = {name: draw.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    far = {**inputs, "depth": inputs["depth"].copy()}
    broken = {**inputs, "depth": inputs["depth"].copy()}
    far["depth"][0, 20, 30:40], broken["depth"][0, 20, 30:40] = 0.5, value
    for one, other in zip(session.run(None, far), session.run(None, broken), strict=True):
        assert np.isfinite(other).all()
        assert np.array_equal(one, other)


def test_a_recording_takes_a_log() -> None:
    from parkour_deploy.depth.recording import RecordedDepth

    with pytest.raises(DeployError, match="expected a log to take pictures from"):
        RecordedDepth(context()).open()
    with pytest.raises(DeployError, match=r"cannot read /nowhere.npz: No such file"):
        RecordedDepth(context(argument="/nowhere.npz")).open()
