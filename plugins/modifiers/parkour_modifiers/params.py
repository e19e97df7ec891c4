"""Numbers of the modifiers. The modifiers themselves have no defaults: these are the only ones.

A magnitude may be a pair: then each robot has a number between the two, drawn anew at each episode's begin.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from parkour.params import ORDERED, Magnitude, Params, param, within

Probability = Annotated[Magnitude, within(0.0, 1.0), ORDERED]
"""A share, or the ends of its draw."""
UpTo10 = Annotated[Magnitude, within(0.0, 10.0), ORDERED]
UpTo1000 = Annotated[Magnitude, within(0.0, 1000.0), ORDERED]
Zoom = Annotated[Magnitude, within(1.0, 10.0), ORDERED]
Scale = Annotated[Magnitude, within(0.1, 10.0), ORDERED]
Signed = Annotated[Magnitude, within(-10.0, 10.0), ORDERED]
Frames = Annotated[Magnitude, within(0.0, 10000.0), ORDERED]
Count = Annotated[int | tuple[int, int], within(0.0, 16.0), ORDERED]
Reads = Annotated[float | Annotated[tuple[float, ...], Field(min_length=1, max_length=100)], within(0.0, 100.0)]
"""One reading, or several, of which each robot has one per episode."""


class GaussianNoiseParams(Params):
    sigma: UpTo1000 = param(0.01)
    """Standard deviation, in the unit of each field before its scale."""
    only: tuple[str, ...] = ()
    """Names of the fields it is applied to; all when empty."""


class GaussianRangeNoiseParams(Params):
    sigma: UpTo10 = param(0.005, unit="m")
    """Standard deviation close by."""
    growth: UpTo10 = param(0.0, unit="1/m")
    """What the square of the distance adds to it, per square metre."""


class StereoRangeNoiseParams(Params):
    """The defaults are data-sheet numbers of a RealSense D435 at 848 x 480 pixels: 1.4 cm at 2 m."""

    baseline: float = param(0.05, unit="m", ge=0.001, le=1.0)
    """Distance between the two lenses."""
    focal_length: float = param(447.0, unit="px", ge=1.0, le=10000.0)
    """Of the sensor that matches the two views, not of the reduced picture."""
    subpixel: UpTo10 = param(0.08, unit="px")
    """Standard deviation of the disparity."""
    quantum: float = param(0.0, unit="px", ge=0.0, le=10.0)
    """Disparities are multiples of this; 0 for a continuum."""


class EdgeDropoutParams(Params):
    jump: float = param(0.1, unit="m", ge=0.0, le=10.0)
    """Difference of neighbouring pixels from which on there is an edge."""
    width: int = param(1, unit="px", ge=1, le=32)
    """Pixels to each side that belong to the edge."""
    probability: Probability = param(0.5)
    """That a pixel of an edge is missing."""
    reads: Reads = param(0.0, unit="m")
    """What a missing pixel reads: 0 as cameras say that they do not know; of a list, one of them per episode."""


class BlindZoneParams(Params):
    distance: UpTo10 = param(0.2, unit="m")
    """Nearer than this nothing is measured."""
    reads: Reads = param(0.0, unit="m")
    """What a blind pixel reads: 0 as cameras say that they do not know; of a list, one of them per episode."""


class DroppedFramesParams(Params):
    probability: Probability = param(0.05)
    """That a measurement is lost."""


class LatencyJitterParams(Params):
    frames: int = param(1, ge=0, le=20)
    """Greatest delay, in measurements of the group."""


class ZoomParams(Params):
    factor: Zoom = param(1.0)
    """How many times larger things look: tan(a / 2) / tan(b / 2) for a lens of b in place of the camera's a."""
    aspect: Scale = param(1.0)
    """Factor on that from top to bottom, which stays at least 1: below 1 a picture that is narrower, not lower."""


class RangeErrorParams(Params):
    scale: Scale = param(1.0)
    """Factor on the distances."""
    bias: Signed = param(0.0, unit="m")
    """Added to them."""


class OcclusionParams(Params):
    patches: Count = param(1)
    """How many patches there are; of a pair, one number between them, ends included."""
    size: Probability = param((0.1, 0.4))
    """Sides of a patch, as shares of the picture's; of a pair, each side is drawn whenever the patch is."""
    reads: Reads = param((0.0, 0.15, 2.0), unit="m")
    """What a covered pixel reads; of a list, one of them for each patch."""
    hold: Frames = param(0.0, unit="frames")
    """Mean time for which a patch stays in its place; 0: the whole episode."""


class SpeckleParams(Params):
    share: Probability = param(0.01)
    """Of the pixels: half of them read 0, half the limit."""


class ConstantErrorParams(Params):
    spread: UpTo1000 = param(0.01)
    """Greatest error to either side, in the unit of each field before its scale."""
    only: tuple[str, ...] = ()
    """Names of the fields it is applied to; all when empty."""


class ContactFaultsParams(Params):
    only: tuple[str, ...] = ()
    """Names of the fields that hold contacts; all when empty."""
    dead: Probability = param(0.1)
    """That a sensor never comes on in an episode; each one is drawn for itself."""
    flicker: Probability = param(0.0)
    """That a sensor misses its contact at a control step."""
    off: float = param(-0.5, ge=-1000.0, le=1000.0)
    """What a sensor reads without contact."""
