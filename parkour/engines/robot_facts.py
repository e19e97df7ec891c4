"""What an engine finds in a robot's model, for checks of robots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from parkour.tasks.resolved import ResolvedTask

Vector = tuple[float, float, float]
"""In the base's frame."""


@dataclass(frozen=True)
class JointFacts:
    """A joint in the default pose."""

    anchor: Vector
    """[m]"""
    axis: Vector
    limits: tuple[float, float] | None
    """[rad]; None for a joint without a range."""


@dataclass(frozen=True)
class BodyFacts:
    """A rigid body in the default pose."""

    mass: float
    """[kg]"""
    com: Vector
    """Centre of mass [m]."""


@dataclass(frozen=True)
class RobotFacts:
    """A robot's model in its default pose."""

    joints: Mapping[str, JointFacts]
    """Those of ``robot.toml``, by name."""
    bodies: Mapping[str, BodyFacts]
    """All bodies, by name."""
    feet: Mapping[str, tuple[Vector, float]]
    """Centre and radius of each foot [m]."""
    unnamed_shapes: tuple[str, ...]
    """Shapes that collide in the model, and that ``[collision]`` does not name."""

    @property
    def mass(self) -> float:
        """Of the whole robot [kg]."""
        return sum(body.mass for body in self.bodies.values())


@runtime_checkable
class EngineWithRobotFacts(Protocol):
    """An engine that can say what is in a robot's model."""

    def robot_facts(self, task: ResolvedTask) -> RobotFacts:
        """The model of the task's robot.

        Raises:
            EngineError: it cannot be read, or lacks a joint, foot, shape or site of ``robot.toml``.
        """
        ...
