"""Numbers of the observation groups. The groups themselves have no defaults: these are the only ones."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import model_validator

from parkour.params import ORDERED, DrawnParams, Params, middle, param, within

Span = Annotated[tuple[float, float], within(-20.0, 20.0), ORDERED]
"""First and last coordinate of a row of points."""


MOST_POINTS = 10_000
"""Of a height scan."""


class ProprioceptionParams(Params):
    ang_vel_scale: float = param(0.25, unit="s/rad", ge=0.0, le=1000.0)
    """Factor on the base's angular velocity."""
    joint_vel_scale: float = param(0.05, unit="s/rad", ge=0.0, le=1000.0)
    """Factor on the joint velocities."""
    contact_force: float = param(2.0, unit="N", ge=0.0, le=1000.0)
    """A foot is in contact when its force, now or one control step ago, is above this."""


class HistoryParams(ProprioceptionParams):
    """The blocks are computed with these numbers: a task that changes proprioception's changes them here too."""

    length: int = param(10, ge=1, le=1000)
    """Number of blocks."""


class HeightScanParams(Params):
    x: Span = param((-0.45, 1.20), unit="m")
    """First and last column of the grid, forward of the base."""
    y: Span = param((-0.75, 0.75), unit="m")
    """First and last row of the grid, to the left of the base."""
    spacing: float = param(0.15, unit="m", ge=0.01, le=10.0)
    """Distance between neighbouring points."""
    clearance: float = param(0.3, unit="m", ge=-10.0, le=10.0)
    """Height of the base that reads 0."""
    limit: float = param(1.0, unit="m", ge=0.0, le=100.0)
    """Readings are clipped to ± this."""
    ceiling: bool = param(False)
    """Whether a second scan follows, of what hangs overhead: how far the ceiling comes down into the ``limit`` above
    the base, 0 where nothing does."""

    @model_validator(mode="after")
    def _whole_steps(self) -> HeightScanParams:
        if math.prod((last - first) / self.spacing + 1 for first, last in (self.x, self.y)) > MOST_POINTS:
            raise ValueError(f"at most {MOST_POINTS:,} points")
        for name, (first, last) in (("x", self.x), ("y", self.y)):
            steps = (last - first) / self.spacing
            if abs(steps - round(steps)) > 1e-3:
                raise ValueError(
                    f"{name}: got {steps:.3f} spacings between {first:g} and {last:g} m, expected a whole number"
                )
        return self


class PrivilegedExplicitParams(Params):
    lin_vel_scale: float = param(2.0, unit="s/m", ge=0.0, le=1000.0)
    """Factor on the base's velocity."""
    reserved: int = param(6, ge=0, le=1000)
    """Zeros after the velocity, kept so that the block has the size of published policies."""


class DepthImageParams(DrawnParams):
    height: int = param(58, ge=1, le=4096)
    """Rows of the image."""
    width: int = param(87, ge=1, le=4096)
    """Columns of the image."""
    crop_top: int = param(0, ge=0, le=4096)
    """Rows of the camera's picture that are cut off at the top."""
    crop_bottom: int = param(2, ge=0, le=4096)
    """Rows that are cut off at the bottom."""
    crop_sides: int = param(4, ge=0, le=4096)
    """Columns that are cut off on each side."""
    antialias: bool = param(False)
    """Whether the bicubic resize smooths what it shrinks (torchvision's does so from 0.17 on, and did not before)."""
    latency: Annotated[int | tuple[int, int], within(0, 20), ORDERED] = param(1)
    """Frames by which the image is older than the newest one; of a pair, a number between them (ends included) that
    each robot draws at each episode's begin."""

    def deployed(self) -> Self:
        """With the middle of the latencies, which a robot is built for."""
        return self.model_copy(update={"latency": middle(self.latency)})


class YawValidParams(Params):
    limit: float = param(0.6, unit="rad", ge=0.0, le=3.1416)
    """Yaws to the way point smaller than this, to either side, count as ahead."""


class CommandsParams(Params):
    names: tuple[str, ...] = ("lateral_speed", "turn_rate")
    """Command terms of the task, in this order."""
