"""Ranges of the domain randomization. The events themselves have no defaults: these are the only ones."""

from __future__ import annotations

import math
from typing import Annotated

from parkour.params import ORDERED, Params, param, within

Pair = tuple[float, float]
"""The ends of a uniform draw."""
Friction = Annotated[Pair, within(0.0, 10.0), ORDERED]
Mass = Annotated[Pair, within(-10.0, 50.0), ORDERED]
"""[kg]; engines refuse what leaves a base lighter than nothing."""
Offset = Annotated[Pair, within(-0.5, 0.5), ORDERED]
"""[m]"""
Factor = Annotated[Pair, within(0.0, 10.0), ORDERED]
PoseFactor = Annotated[Pair, within(-10.0, 10.0), ORDERED]
Velocity = Annotated[Pair, within(-20.0, 20.0), ORDERED]
"""[m/s]"""
Angle = Annotated[Pair, within(-math.pi / 2, math.pi / 2), ORDERED]
"""[rad]; degrees are refused."""


class FrictionParams(Params):
    range: Friction = param((0.6, 2.0))
    """Ends of the uniform draw of the sliding friction coefficients."""
    buckets: int = param(64, ge=1, le=65536)
    """Different coefficients that are drawn; each robot gets one of them."""


class AddedMassParams(Params):
    range: Mass = param((-1.0, 3.0), unit="kg")
    """Ends of the uniform draw of the mass added to the base."""


class ComOffsetParams(Params):
    x: Offset = param((-0.02, 0.02), unit="m")
    """Ends of the uniform draw of the displacement forward."""
    y: Offset = param((-0.02, 0.02), unit="m")
    """The same to the left."""
    z: Offset = param((-0.02, 0.02), unit="m")
    """The same upwards."""


class GainScaleParams(Params):
    stiffness: Factor = param((0.975, 1.025))
    """Ends of the uniform draw of the factor on each joint's proportional gain."""
    damping: Factor = param((0.975, 1.025))
    """The same for the derivative gain."""


class MotorStrengthParams(Params):
    range: Factor = param((0.9, 1.1))
    """Ends of the uniform draw of the factor on each robot's torques."""


class CameraRollParams(Params):
    range: Angle = param((-math.radians(2.0), math.radians(2.0)), unit="rad")
    """Ends of the uniform draw of the error; above 0 the camera's left side is up."""


class CameraPitchParams(Params):
    range: Angle = param((-math.radians(5.0), math.radians(5.0)), unit="rad")
    """Ends of the uniform draw of the error; above 0 the camera looks further down."""


class CameraYawParams(Params):
    range: Angle = param((-math.radians(2.0), math.radians(2.0)), unit="rad")
    """Ends of the uniform draw of the error; above 0 the camera looks further left."""


class CameraPositionParams(Params):
    x: Offset = param((-0.01, 0.01), unit="m")
    """Ends of the uniform draw of the displacement forward."""
    y: Offset = param((-0.01, 0.01), unit="m")
    """The same to the left."""
    z: Offset = param((-0.01, 0.01), unit="m")
    """The same upwards."""


class ResetBaseParams(Params):
    xy_noise: float = param(0.0, unit="m", ge=0.0, le=1.0)
    """The start is displaced by a uniform draw within ± this, along x and y each."""
    yaw_noise: float = param(0.0, unit="rad", ge=0.0, le=3.1416)
    """The heading is a uniform draw within ± this; 0 faces along the course."""


class ResetJointsParams(Params):
    scale: PoseFactor = param((0.95, 1.05))
    """Ends of the uniform draw of the factor on each joint's default position."""


class PushParams(Params):
    x: Velocity = param((-0.5, 0.5), unit="m/s")
    """Ends of the uniform draw of the velocity along the course."""
    y: Velocity = param((-0.5, 0.5), unit="m/s")
    """The same across the course."""
