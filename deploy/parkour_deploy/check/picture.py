"""The camera's picture beside what a simulator would show on level ground."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from parkour_deploy.check.finding import Finding
from parkour_deploy.check.png import write_png
from parkour_deploy.contract import Camera
from parkour_deploy.depth.reproject import ray_directions
from parkour_deploy.depth.source import DepthSource, Picture
from parkour_deploy.errors import DeployError
from parkour_deploy.links.link import RobotLink

FIRST = 5.0
"""How long the first picture is waited for [s]."""
HOLES = 0.5
"""Share of pixels without depth that is one too many."""
STANDING = 0.3
"""Height of the base above level ground, standing [m]."""


def level_ground(camera: Camera, height: float = STANDING) -> np.ndarray:
    """``[H, W]`` distances along the rays that a robot sees which stands on level ground [m]."""
    directions = ray_directions(camera)
    right, down, forward = np.moveaxis(directions, -1, 0)
    # Along the camera's axes turned by its roll: how fast a ray goes down in the world. Its yaw changes nothing.
    below = down * math.cos(camera.roll) + right * math.sin(camera.roll)
    sinking = forward * math.sin(camera.pitch) + below * math.cos(camera.pitch)
    above = height + camera.position[2]
    with np.errstate(divide="ignore"):
        length = np.where(sinking > 0, above / sinking, np.inf) * np.linalg.norm(directions, axis=-1)
    return np.minimum(length, camera.range)


def check_picture(source: DepthSource, link: RobotLink, camera: Camera, path: Path) -> Finding:
    """Take a picture and write it beside the simulator's, black near and white far."""
    picture = _first(source, link)
    if picture is None:
        return Finding("camera", False, f"no picture within {FIRST:.0f} s")
    depth, expected = picture.depth, level_ground(camera)
    holes = float((~np.isfinite(depth)).mean())
    shown = np.where(np.isfinite(depth), depth, camera.range).clip(0, camera.range)
    gap = np.full((camera.height, 4), camera.range)
    both = np.concatenate([shown, gap, expected], axis=1)
    try:
        write_png(path, np.repeat(np.repeat(255 * both / camera.range, 4, axis=0), 4, axis=1).astype(np.uint8))
    except OSError as error:
        raise DeployError(f"cannot write {path}: {error.strerror or error}", hint="--picture FILE") from None
    both_known = np.isfinite(depth) & (expected < camera.range)
    apart = float(np.median(np.abs(depth - expected)[both_known])) if both_known.any() else float("nan")
    return Finding(
        "camera",
        holes <= HOLES,
        f"{path}: the camera's picture and, on its right, level ground from a standing robot; "
        f"{100 * holes:.0f} % holes, median difference {apart:.2f} m",
    )


def _first(source: DepthSource, link: RobotLink) -> Picture | None:
    end = time.monotonic() + FIRST
    while time.monotonic() < end:
        picture = source.newest()
        if picture is not None:
            return picture
        link.receive(0.01)  # a simulated robot's time goes on with its states
    return None
