"""Numbers of the reward terms and terminations. The terms themselves have no defaults: these are the only ones."""

from __future__ import annotations

from parkour.params import Params, param


class TrackingParams(Params):
    sigma: float = param(0.25, ge=1e-4, le=100.0)
    """What the squared error is divided by [(m/s)² or (rad/s)²]."""


class VerticalSpeedParams(Params):
    off_flat: float = param(0.5, ge=0.0, le=1.0)
    """Factor on terrains that are not flat, where a robot must climb and drop."""


class CollisionParams(Params):
    force: float = param(0.1, unit="N", ge=0.0, le=1000.0)
    """A body touches something when its net contact force is above this."""


class StumbleParams(Params):
    ratio: float = param(4.0, ge=0.0, le=1000.0)
    """A foot stumbles when its horizontal force is above this many times its vertical force."""


class EdgeParams(Params):
    force: float = param(2.0, unit="N", ge=0.0, le=1000.0)
    """A foot is in contact when its force, now or one control step ago, is above this."""
    above_level: int = param(3, ge=-1, le=1000)
    """Counts only above this level of the field; -1 counts everywhere."""


class CeilingParams(Params):
    reach: float = param(0.08, unit="m", ge=0.0, le=2.0)
    """The body is to stay this far, measured from the base's origin, below what hangs overhead."""
    ahead: float = param(0.5, unit="m", ge=0.0, le=5.0)
    """How far forward of the base the ceiling counts."""
    behind: float = param(0.3, unit="m", ge=0.0, le=5.0)
    """How far backward."""
    side: float = param(0.15, unit="m", ge=0.0, le=5.0)
    """How far to the left and right."""
    most: float = param(0.3, unit="m", ge=0.0, le=5.0)
    """Not more than this is counted: what nobody fits under is no worse than a low bar."""


class OrientationLimitParams(Params):
    limit: float = param(1.5, unit="rad", ge=0.0, le=3.1416)
    """Greatest roll and pitch, either way."""


class HeightLimitParams(Params):
    height: float = param(-0.25, unit="m", ge=-100.0, le=100.0)
    """Least height of the base above the start platform."""


class WayPointBehindParams(Params):
    limit: float = param(1.9, unit="rad", ge=0.0, le=3.1416)
    """Yaw to the way point, either way, from which on it lies behind."""
    patience: float = param(1.0, unit="s", ge=0.0, le=1000.0)
    """How long it may lie there; robots are past a way point, too, while they stay within its radius."""
