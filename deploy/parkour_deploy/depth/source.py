"""What a depth source is.

A plugin adds its own: entry-point group ``parkour.depth_sources``, ``name = "module:Class"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol

import numpy as np

from parkour_deploy.contract import Camera
from parkour_deploy.links.link import RobotLink


@dataclass(frozen=True)
class Picture:
    """A depth picture on the policy's own camera."""

    number: int
    """Different from that of the picture before."""
    depth: np.ndarray
    """``[H, W]`` distance along each pixel's ray [m], rows from top to bottom; not finite where nothing is known."""
    tick: int | None = None
    """The robot's clock when it was taken [ms], where the source knows."""


@dataclass(frozen=True)
class SourceContext:
    """What a source is made with."""

    camera: Camera
    """That the policy was trained with; pictures are of its pixels."""
    interface: str
    """Network interface of the robot."""
    domain: int = 0
    """Of DDS."""
    argument: str = ""
    """Of the source's own: ``--depth NAME:ARGUMENT``."""
    link: RobotLink | None = None
    """The robot, for a source that is part of it."""
    notify: Callable[[str], None] = lambda line: None
    """Told in a line what an operator should know."""


class DepthSource(Protocol):
    """A camera, or what stands in for one. Made as ``Source(context)``."""

    def open(self) -> None:
        """Begin to take pictures.

        Raises:
            DeployError: there is no camera.
        """
        ...

    def newest(self) -> Picture | None:
        """The newest picture, the same one until there is another; None before the first. Never waits."""
        ...

    def close(self) -> None:
        """Let go of the camera."""
        ...
