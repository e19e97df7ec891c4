"""Draw what a policy does on every terrain, as one picture: ``python docs/make_contact_sheet.py OUT.jpg [OPTIONS]``.

A row for each terrain, with pictures of one film at even intervals, from left to right. ``OPTIONS`` are those of
``parkour play``: which policy (``go2-student --pretrained``, ``--checkpoint FILE``) and how difficult
(``--difficulty 0.7:0.8``). Needs the ``mujoco`` extra, imageio-ffmpeg and a driver for off-screen drawing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np

TERRAINS = ("gap", "hurdle", "step", "tilt", "flat", "demo")
COLUMNS = 6
STEPS = 600
"""Control steps of a film: 12 s."""
FIRST = 1.5
"""Time of the first picture [s]."""
PICTURE_WIDTH = 320
"""Pixels."""


def film(terrain: str, options: list[str], folder: Path) -> tuple[list[np.ndarray], float]:
    """Pictures ``[height, width, 3]`` uint8 of one robot on ``terrain``, and how many there are in a second."""
    path = folder / f"{terrain}.mp4"
    command = [sys.executable, "-m", "parkour_cli", "play", *options, "--terrain", terrain, "--num-envs", "1"]
    subprocess.run([*command, "--video", str(path), "--steps", str(STEPS)], check=True, stdout=subprocess.DEVNULL)
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    width, height = about["size"]
    return [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader], about["fps"]


def chosen(frames: list[np.ndarray], rate: float) -> list[np.ndarray]:
    """``COLUMNS`` of them at even intervals."""
    places = np.linspace(FIRST * rate, len(frames) - 1, COLUMNS).round().astype(int)
    return [frames[place] for place in places]


def draw(rows: dict[str, list[np.ndarray]], out: Path) -> None:
    """One row for each terrain, its name on the left."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    height, width, _ = next(iter(rows.values()))[0].shape
    size = COLUMNS * PICTURE_WIDTH / 100, len(rows) * PICTURE_WIDTH * height / width / 100
    figure, axes = plt.subplots(len(rows), COLUMNS, figsize=size, squeeze=False)
    figure.subplots_adjust(left=0.02, right=1, bottom=0, top=1, wspace=0.01, hspace=0.02)
    for (terrain, frames), line in zip(rows.items(), axes, strict=True):
        for frame, axis in zip(frames, line, strict=True):
            axis.imshow(frame)
            axis.axis("off")
        line[0].text(-0.03, 0.5, terrain, rotation=90, va="center", ha="right", transform=line[0].transAxes)
    figure.savefig(out, dpi=100, pil_kwargs={"quality": 80, "optimize": True})


def main() -> None:
    out, options = Path(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        draw({terrain: chosen(*film(terrain, options, Path(folder))) for terrain in TERRAINS}, out)


if __name__ == "__main__":
    main()
