"""Numbers of the modifiers. The modifiers themselves have no defaults: these are the only ones."""

from __future__ import annotations

from parkour.params import Params, param


class GaussianNoiseParams(Params):
    sigma: float = param(0.01, ge=0.0, le=1000.0)
    """Standard deviation, in the unit of each field before its scale."""
    only: tuple[str, ...] = ()
    """Names of the fields it is laid on; all when empty."""


class GaussianRangeNoiseParams(Params):
    sigma: float = param(0.005, unit="m", ge=0.0, le=10.0)
    """Standard deviation close by."""
    growth: float = param(0.0, unit="1/m", ge=0.0, le=10.0)
    """What the square of the distance adds to it, per square metre."""


class StereoRangeNoiseParams(Params):
    """The defaults are data-sheet numbers of a RealSense D435 at 848 x 480 pixels: 1.4 cm at 2 m."""

    baseline: float = param(0.05, unit="m", ge=0.001, le=1.0)
    """Distance between the two lenses."""
    focal_length: float = param(447.0, unit="px", ge=1.0, le=10000.0)
    """Of the sensor that matches the two views, not of the reduced picture."""
    subpixel: float = param(0.08, unit="px", ge=0.0, le=10.0)
    """Standard deviation of the disparity."""
    quantum: float = param(0.0, unit="px", ge=0.0, le=10.0)
    """Disparities are multiples of this; 0 for a continuum."""


class EdgeDropoutParams(Params):
    jump: float = param(0.1, unit="m", ge=0.0, le=10.0)
    """Difference of neighbouring pixels from which on there is an edge."""
    width: int = param(1, unit="px", ge=1, le=32)
    """Pixels to each side that belong to the edge."""
    probability: float = param(0.5, ge=0.0, le=1.0)
    """That a pixel of an edge is missing."""
    reads: float = param(0.0, unit="m", ge=0.0, le=100.0)
    """What a missing pixel reads: 0 as cameras say that they do not know."""


class BlindZoneParams(Params):
    distance: float = param(0.2, unit="m", ge=0.0, le=10.0)
    """Nearer than this nothing is measured."""
    reads: float = param(0.0, unit="m", ge=0.0, le=100.0)
    """What a blind pixel reads: 0 as cameras say that they do not know."""


class DroppedFramesParams(Params):
    probability: float = param(0.05, ge=0.0, le=1.0)
    """That a measurement is lost."""


class LatencyJitterParams(Params):
    frames: int = param(1, ge=0, le=20)
    """Greatest delay, in measurements of the group."""
