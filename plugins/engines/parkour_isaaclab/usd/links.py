"""A robot as rigid links, hinges and shapes: what is between MJCF and USD."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

ShapeKind = Literal["sphere", "capsule", "cylinder", "box", "ellipsoid"]


@dataclass(frozen=True)
class Shape:
    """A shape in its link's frame. Capsules and cylinders lie along z."""

    name: str
    kind: ShapeKind
    size: tuple[float, ...]
    """Radius; radius and half length; half extents; semi-axes [m]."""
    pos: np.ndarray
    quat: np.ndarray
    """(w, x, y, z)."""
    collides: bool
    colour: tuple[float, float, float]
    """Red, green, blue, 0 to 1, as seen on a screen."""


@dataclass
class Link:
    """A rigid body in its pose at zero joint angles."""

    name: str
    pos: np.ndarray
    rotation: np.ndarray
    """``[3, 3]``."""
    mass: float
    com: np.ndarray
    """Centre of mass in the link's frame [m]."""
    inertia: np.ndarray
    """``[3, 3]`` about the centre of mass, axes of the link's frame [kg m²]."""
    shapes: list[Shape] = field(default_factory=list)


@dataclass(frozen=True)
class Hinge:
    """A joint that turns; its frame is the child link's."""

    name: str
    parent: str
    child: str
    axis: Literal["X", "Y", "Z"]
    limits: tuple[float, float]
    """[rad]"""
    pos: np.ndarray
    """Of the child in the parent's frame [m]."""
    quat: np.ndarray


@dataclass(frozen=True)
class Weld:
    """A child that does not move in its parent's frame, and is not turned there."""

    parent: str
    child: str
    pos: np.ndarray


@dataclass(frozen=True)
class RobotLinks:
    """A whole robot; the first link is its root."""

    name: str
    links: list[Link]
    hinges: list[Hinge]
    welds: list[Weld]
