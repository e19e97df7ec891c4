"""An MP4 or GIF file, written frame by frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from parkour.errors import EngineError, ParkourError, StorageError
from parkour.storage import check_writable, discard, part_of, put_in_place

FRAMES_PER_SECOND = 25
SIZE, GIF_SIZE = (960, 540), (480, 270)
"""Width and height of an MP4 and of a GIF where nobody says them."""
SIDES = (64, 4096)
"""Least and greatest width and height."""
SUFFIXES = (".mp4", ".gif")
_MP4: dict[str, Any] = {"macro_block_size": 1}
# Half the pictures, each with the 256 colours that suit it.
_GIF: dict[str, Any] = {
    "macro_block_size": 1, "codec": "gif", "pix_fmt_out": "pal8", "quality": None, "bitrate": None,
    "output_params": ["-filter_complex", f"fps={FRAMES_PER_SECOND / 2:g},split[a][b];"
                      "[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"],
}  # fmt: skip


def check_video(path: Path) -> None:
    """Before anything slow happens: the name, the folder and the encoder.

    Raises:
        ParkourError: it is no .mp4 or .gif file.
        EngineError: no encoder is installed.
        StorageError: it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ParkourError(
            f"--video: got {path.name!r}, expected an .mp4 file or a .gif", hint=f"--video {path.stem}.mp4"
        )
    try:
        import imageio_ffmpeg  # pyright: ignore[reportMissingImports]

        imageio_ffmpeg.get_ffmpeg_exe()
    except ImportError:
        raise EngineError("--video: no encoder is installed", hint="pip install imageio-ffmpeg") from None
    except RuntimeError as error:
        raise EngineError(
            f"--video: no encoder is found ({error})", hint="apt install ffmpeg, or pip install imageio-ffmpeg"
        ) from None
    check_writable(path, "--video")


def picture_size(path: Path, wanted: str | None) -> tuple[int, int]:
    """Width and height [pixels] that ``WIDTHxHEIGHT`` means; what suits the file when None.

    Raises:
        ParkourError: it means none.
    """
    if wanted is None:
        return GIF_SIZE if path.suffix.lower() == ".gif" else SIZE
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", wanted)
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    low, high = SIDES
    if not all(low <= side <= high and side % 2 == 0 for side in sides):
        raise ParkourError(
            f"--video-size: got {wanted!r}, expected WIDTHxHEIGHT, even numbers from {low} to {high}",
            hint="--video-size 1280x720",
        )
    return sides


class VideoWriter:
    """Writes frames ``[height, width, 3]`` uint8 at :data:`FRAMES_PER_SECOND`; the file is there after :meth:`close`.

    Until then it has another name beside it, so that a file of the wanted name is always whole.

    Args:
        path: ``.mp4`` or ``.gif``; see :func:`check_video`.
        size: width and height, both even.
    """

    def __init__(self, path: Path, size: tuple[int, int] = SIZE) -> None:
        check_video(path)
        import imageio_ffmpeg  # pyright: ignore[reportMissingImports]

        self.path, self.frames = path, 0
        self._part = part_of(path)
        self._writer: Any = imageio_ffmpeg.write_frames(
            str(self._part), size, fps=FRAMES_PER_SECOND, ffmpeg_log_level="error",
            **(_GIF if path.suffix.lower() == ".gif" else _MP4),
        )  # fmt: skip
        try:
            self._writer.send(None)
        except BaseException:  # Ctrl-C, too, while the encoder starts.
            self._writer.close()
            discard(self._part)
            raise

    def add(self, frame: np.ndarray) -> None:
        """One more frame.

        Raises:
            StorageError: the encoder stopped: the disk is full, perhaps.
        """
        try:
            self._writer.send(np.ascontiguousarray(frame))
        except OSError as error:
            discard(self._part)
            raise StorageError(f"--video {self.path}: {' '.join(str(error).split())[:200]}") from None
        self.frames += 1

    def close(self) -> Path:
        """Finish the file; without a frame there is none.

        Raises:
            StorageError: it could not be finished.
        """
        self._writer.close()
        if self.frames == 0:
            discard(self._part)
            return self.path
        try:
            put_in_place(self._part, self.path)
        except OSError as error:
            discard(self._part)
            raise StorageError(f"--video {self.path}: {error.strerror or error}") from None
        return self.path
