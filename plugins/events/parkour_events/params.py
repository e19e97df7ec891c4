"""Numbers of the randomisations. The events themselves have no defaults: these are the only ones."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator, FiniteFloat

from parkour.params import Params, param


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"got ({bounds[0]:g}, {bounds[1]:g}), expected the lower end first")
    return bounds


def _not_negative(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] < 0.0:
        raise ValueError(f"got ({bounds[0]:g}, {bounds[1]:g}), expected no number below 0")
    return bounds


Bounds = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_ordered)]
"""Ends of a uniform draw."""
PositiveBounds = Annotated[Bounds, AfterValidator(_not_negative)]
"""The same, at or above 0."""


def _angles(bounds: tuple[float, float]) -> tuple[float, float]:
    if max(abs(end) for end in bounds) > math.pi / 2:
        raise ValueError(f"got ({bounds[0]:g}, {bounds[1]:g}) rad, expected at most a quarter of a turn (1.57 rad)")
    return bounds


AngleBounds = Annotated[Bounds, AfterValidator(_angles)]
"""The same, of small angles; degrees are refused."""


class FrictionParams(Params):
    range: PositiveBounds = param((0.6, 2.0))
    """Ends of the uniform draw of the sliding friction coefficients."""
    buckets: int = param(64, ge=1, le=65536)
    """Different coefficients that are drawn; each robot gets one of them."""


class AddedMassParams(Params):
    range: Bounds = param((-1.0, 3.0), unit="kg")
    """Ends of the uniform draw of the mass added to the base."""


class ComOffsetParams(Params):
    x: Bounds = param((-0.02, 0.02), unit="m")
    """Ends of the uniform draw of the displacement forward."""
    y: Bounds = param((-0.02, 0.02), unit="m")
    """The same to the left."""
    z: Bounds = param((-0.02, 0.02), unit="m")
    """The same upwards."""


class GainScaleParams(Params):
    stiffness: PositiveBounds = param((0.975, 1.025))
    """Ends of the uniform draw of the factor on each joint's proportional gain."""
    damping: PositiveBounds = param((0.975, 1.025))
    """The same for the derivative gain."""


class MotorStrengthParams(Params):
    range: PositiveBounds = param((0.9, 1.1))
    """Ends of the uniform draw of the factor on each robot's torques."""


class CameraRollParams(Params):
    range: AngleBounds = param((-math.radians(2.0), math.radians(2.0)), unit="rad")
    """Ends of the uniform draw of the error; above 0 the camera's left side is up."""


class CameraPitchParams(Params):
    range: AngleBounds = param((-math.radians(5.0), math.radians(5.0)), unit="rad")
    """Ends of the uniform draw of the error; above 0 the camera looks further down."""


class CameraYawParams(Params):
    range: AngleBounds = param((-math.radians(2.0), math.radians(2.0)), unit="rad")
    """Ends of the uniform draw of the error; above 0 the camera looks further left."""


class CameraPositionParams(Params):
    x: Bounds = param((-0.01, 0.01), unit="m")
    """Ends of the uniform draw of the displacement forward."""
    y: Bounds = param((-0.01, 0.01), unit="m")
    """The same to the left."""
    z: Bounds = param((-0.01, 0.01), unit="m")
    """The same upwards."""


class ResetBaseParams(Params):
    xy_noise: float = param(0.0, unit="m", ge=0.0, le=1.0)
    """The start is displaced by a uniform draw within ± this, along x and y each."""
    yaw_noise: float = param(0.0, unit="rad", ge=0.0, le=3.1416)
    """The heading is a uniform draw within ± this; 0 faces along the course."""


class ResetJointsParams(Params):
    scale: Bounds = param((0.95, 1.05))
    """Ends of the uniform draw of the factor on each joint's default position."""


class PushParams(Params):
    x: Bounds = param((-0.5, 0.5), unit="m/s")
    """Ends of the uniform draw of the velocity along the course."""
    y: Bounds = param((-0.5, 0.5), unit="m/s")
    """The same across the course."""
