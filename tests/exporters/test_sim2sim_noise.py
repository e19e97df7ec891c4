"""``sim2sim --noise``: the task's own noise on the pictures of C MuJoCo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parkour.errors import ParkourError
from parkour.exporters.exporter import ExportResult
from parkour.exporters.manifest_file import read_manifest

pytest.importorskip("mujoco")
pytestmark = pytest.mark.mujoco


def noise(folder: Path, preset: str, seed: int = 1, said: list[str] | None = None):
    from parkour_mujoco.sim2sim.noise import CameraNoise

    return CameraNoise(folder, read_manifest(folder), preset, seed, (said if said is not None else []).append)


def test_pictures_are_as_noisy_as_in_training(exports: dict[str, ExportResult]) -> None:
    folder = exports["student"].folder
    camera = read_manifest(folder).camera
    assert camera is not None
    wall = np.full((camera.height, camera.width), camera.range / 2)

    def pictures(seed: int) -> np.ndarray:
        noisy = noise(folder, "noisy", seed)
        noisy.reset()
        return np.stack([noisy(wall) for _ in range(4)])

    shown = pictures(1)
    assert shown.shape == (4, *wall.shape)
    assert np.isfinite(shown).all() and (shown >= 0).all() and (shown <= camera.range).all()
    assert not np.array_equal(shown[0], wall) and not np.array_equal(shown[0], shown[-1])
    np.testing.assert_array_equal(pictures(1), shown)
    assert not np.array_equal(pictures(2), shown)


def test_what_is_left_out_is_said(exports: dict[str, ExportResult]) -> None:
    said: list[str] = []
    noise(exports["student"].folder, "robust", said=said)
    assert said == ["of 'robust' the depth camera's noise is taken, not that of proprioception"]


@pytest.mark.parametrize(
    ("stage", "preset", "message"),
    [
        ("student", "nosy", "unknown overlay 'nosy'; did you mean 'noisy'?"),
        ("student", "fast", "--noise: overlay 'fast' of go2-student has no noise of the depth camera"),
        ("teacher", "noisy", "--noise: go2-teacher has no depth camera, whose noise it would be"),
    ],
)
def test_what_cannot_be_is_one_line(exports: dict[str, ExportResult], stage: str, preset: str, message: str) -> None:
    with pytest.raises(ParkourError) as caught:
        noise(exports[stage].folder, preset)
    assert caught.value.message == message


def test_the_policy_sees_it(exports: dict[str, ExportResult]) -> None:
    from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export

    folder = exports["student"].folder

    def walk(preset: str | None) -> dict:
        options = Sim2SimOptions(terrains=("gap",), episodes=1, seconds=0.6, difficulty=(0.5, 0.5), noise=preset)
        return run_export(folder, options)

    clean, noisy = walk(None), walk("noisy")
    assert clean["protocol"]["noise"] is None and noisy["protocol"]["noise"] == "noisy"
    assert clean["episodes"] != noisy["episodes"]
    assert walk("noisy") == noisy
