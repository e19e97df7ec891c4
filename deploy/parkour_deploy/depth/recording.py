"""Depth from a log of ``parkour deploy run``, over and over: a robot without a camera, or a replay."""

from __future__ import annotations

import time
from pathlib import Path

from parkour_deploy.depth.source import Picture, SourceContext
from parkour_deploy.errors import DeployError
from parkour_deploy.log import read_log


class RecordedDepth:
    """See :class:`parkour_deploy.depth.source.DepthSource`; ``--depth recording:FILE.npz``."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._begun = 0.0

    def open(self) -> None:
        if not self._context.argument:
            raise DeployError(
                "--depth recording: expected a log to take pictures from", hint="--depth recording:LOG.npz"
            )
        log = read_log(Path(self._context.argument))
        self._pictures, self._times = log.pictures, log.picture_ticks / 1000.0
        camera = self._context.camera
        if len(self._pictures) == 0 or self._pictures.shape[1:] != (camera.height, camera.width):
            raise DeployError(
                f"{self._context.argument}: got pictures of shape {self._pictures.shape}, expected some of "
                f"{camera.height} x {camera.width} pixels"
            )
        self._begun = time.monotonic()

    def newest(self) -> Picture | None:
        times = self._times - self._times[0]
        length = float(times[-1]) + 0.1
        rounds, now = divmod(time.monotonic() - self._begun, length)
        index = int((times <= now).sum()) - 1
        return Picture(int(rounds) * len(times) + index, self._pictures[index])

    def close(self) -> None:
        """Nothing is held."""
