"""An Intel RealSense depth camera, mounted as the export's ``[camera]`` says. Not tried on a real one."""

from __future__ import annotations

from typing import Any

import numpy as np

from parkour_deploy.depth.reproject import Intrinsics, Reprojection
from parkour_deploy.depth.source import Picture, SourceContext
from parkour_deploy.errors import DeployError

WIDTH, HEIGHT, RATE = 424, 240, 30
"""Of the stream; the policy's pictures are much coarser."""
ENOUGH = 0.9
"""Share of the policy's picture below which the camera sees too little of it."""


class RealSenseDepth:
    """See :class:`parkour_deploy.depth.source.DepthSource`; ``--depth realsense:SERIAL`` chooses one of several."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._pipeline: Any = None
        self._picture: Picture | None = None
        self._count = 0

    def open(self) -> None:
        try:
            import pyrealsense2 as rs  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise DeployError(
                f"--depth realsense: pyrealsense2 cannot be imported ({error})", hint="pip install pyrealsense2"
            ) from error
        self._pipeline, config = rs.pipeline(), rs.config()
        if self._context.argument:
            config.enable_device(self._context.argument)
        config.enable_stream(rs.stream.depth, WIDTH, HEIGHT, rs.format.z16, RATE)
        try:
            profile = self._pipeline.start(config)
        except RuntimeError as error:  # the library's only kind
            raise DeployError(f"--depth realsense: no camera starts ({error})", hint="realsense-viewer") from None
        stream = profile.get_stream(rs.stream.depth).as_video_stream_profile().get_intrinsics()
        self._scale = float(profile.get_device().first_depth_sensor().get_depth_scale())
        source = Intrinsics(stream.width, stream.height, stream.fx, stream.fy, stream.ppx, stream.ppy)
        self._reproject = Reprojection(source, self._context.camera)
        seen = self._reproject.seen
        line = f"the camera sees {100 * seen:.0f} % of the policy's picture"
        if seen < ENOUGH:
            self.close()
            raise DeployError(f"{line}, expected at least {100 * ENOUGH:.0f} %", hint="train with this camera's angles")
        self._context.notify(line)

    def newest(self) -> Picture | None:
        frames = self._pipeline.poll_for_frames()
        depth = frames.get_depth_frame() if frames else None
        if depth:
            self._count += 1
            metres = np.asanyarray(depth.get_data()).astype(np.float32) * self._scale
            self._picture = Picture(self._count, self._reproject(metres))
        return self._picture

    def close(self) -> None:
        if self._pipeline is not None:
            self._pipeline.stop()
            self._pipeline = None
