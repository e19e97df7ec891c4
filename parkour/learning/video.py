"""A short film of a policy, from an environment that can render."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from parkour.engines.task_env import Rendering, TaskEnv
from parkour.policies.protocols import Actor
from parkour.storage import whole_file

SECONDS = 10.0
FRAMES_PER_SECOND = 25


def record(env: TaskEnv, policy: Actor, step_dt: float, seconds: float | None = None) -> list[np.ndarray]:
    """Frames ``[height, width, 3]`` uint8 of the environment that it renders, ``FRAMES_PER_SECOND`` of them a second.

    Empty where the environment gives no pictures.
    """
    if not isinstance(env, Rendering):
        return []
    every = max(1, round(1.0 / (FRAMES_PER_SECOND * step_dt)))
    frames: list[np.ndarray] = []
    env.reset()
    policy.reset()
    obs = env.get_observations()
    with torch.inference_mode():
        for step in range(round((SECONDS if seconds is None else seconds) / step_dt)):
            if step % every == 0:
                frame = env.render()
                if frame is None:
                    return []
                frames.append(np.asarray(frame, dtype=np.uint8))
            obs, _, dones, _ = env.step(policy(obs))
            policy.reset(dones)
    return frames


def film(env: TaskEnv, policy: Actor, step_dt: float, path: Path, say: Callable[[str], None]) -> None:
    """Record a policy into ``path`` with a suffix, and say so; a run is not lost because that cannot be done."""
    try:
        frames = record(env, policy, step_dt)
        if not frames:
            say("--video: the engine gives no pictures here; not recorded")
            return
        say(f"video {write_video(path, frames)}")
    except Exception as error:
        say(f"--video: not recorded ({type(error).__name__}: {error})")


def write_video(path: Path, frames: Iterable[np.ndarray]) -> Path:
    """Write ``path`` with the suffix of the format: MP4 where imageio-ffmpeg is installed, else animated WebP.

    Raises:
        StorageError: it cannot be written.
    """
    frames = list(frames)
    try:
        import imageio_ffmpeg  # pyright: ignore[reportMissingImports]
    except ImportError:
        imageio_ffmpeg = None
    path = path.with_suffix(".webp" if imageio_ffmpeg is None else ".mp4")
    with whole_file(path, "--video") as part:
        if imageio_ffmpeg is None:
            _write_webp(part, frames)
        else:
            _write_mp4(part, frames, imageio_ffmpeg)
    return path


def _write_mp4(path: Path, frames: list[np.ndarray], ffmpeg: Any) -> None:
    height, width = frames[0].shape[:2]
    # Even sides, which the codec wants.
    height, width = height - height % 2, width - width % 2
    writer = ffmpeg.write_frames(
        str(path), (width, height), fps=FRAMES_PER_SECOND, macro_block_size=1, ffmpeg_log_level="error"
    )
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame[:height, :width]))
    writer.close()


def _write_webp(path: Path, frames: list[np.ndarray]) -> None:
    from PIL import Image

    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / FRAMES_PER_SECOND), loop=0)
