"""Make the README's moving picture: ``python docs/make_film.py [OUT.gif] [OPTIONS]``.

The pretrained student on one hard course after another, as ``parkour play`` films it. ``OPTIONS`` are those of
``parkour play``, another policy for instance. Needs the ``mujoco`` extra, imageio-ffmpeg and a driver for off-screen
drawing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

OUT = Path(__file__).parent / "pictures" / "go2_student.gif"
SCENES = {"gap": (3.2, 7.04), "hurdle": (2.16, 5.6), "step": (3.0, 6.6), "tilt": (2.6, 6.2)}
"""Seconds shown of each terrain, from where the obstacles begin."""
SIZE = (512, 288)
RATE = 12.5
"""Pictures a second."""
COLOURS = 96


def film(terrain: str, end: float, options: list[str], folder: Path) -> tuple[list[np.ndarray], float]:
    """Pictures ``[height, width, 3]`` uint8 of one robot on ``terrain``, and how many there are in a second."""
    path = folder / f"{terrain}.mp4"
    command = [sys.executable, "-m", "parkour_cli", "play", *options, "--terrain", terrain, "--num-envs", "1"]
    subprocess.run([*command, "--video", str(path), "--steps", str(round(end * 50))], check=True)
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    width, height = about["size"]
    return [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader], about["fps"]


def scene(frames: list[np.ndarray], rate: float, begin: float) -> list[Image.Image]:
    """Those from ``begin`` [s] on, fewer and smaller."""
    chosen = frames[round(begin * rate) :: round(rate / RATE)]
    return [Image.fromarray(frame).resize(SIZE, Image.Resampling.LANCZOS) for frame in chosen]


def write(pictures: list[Image.Image], out: Path) -> None:
    """One palette for all pictures and no dithering: what stands still then costs nothing."""
    strip = Image.new("RGB", (SIZE[0], SIZE[1] * 8))
    for row, picture in enumerate(pictures[:: max(1, len(pictures) // 8)][:8]):
        strip.paste(picture, (0, SIZE[1] * row))
    palette = strip.quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    drawn = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    drawn[0].save(out, save_all=True, append_images=drawn[1:], duration=round(1000 / RATE), loop=0, optimize=True)


def main() -> None:
    given = sys.argv[1:]
    out = Path(given.pop(0)) if given and given[0].endswith(".gif") else OUT
    options = given or ["go2-student", "--pretrained", "--difficulty", "0.8:1"]
    pictures: list[Image.Image] = []
    with tempfile.TemporaryDirectory() as folder:
        for terrain, (begin, end) in SCENES.items():
            pictures += scene(*film(terrain, end, options, Path(folder)), begin)
    write(pictures, out)
    print(f"wrote {out}: {len(pictures)} pictures, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
