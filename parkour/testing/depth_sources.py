"""Checks of depth sources. A camera that is not there is no fault; a picture of another shape is one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from parkour.testing.subject import NotChecked, Subject, expect

PATIENCE = 2.0
"""How long a first picture is waited for [s]."""


def gives_the_policys_pixels(subject: Subject) -> str:
    """Its pictures have the policy's pixels, and no distance is negative; without a camera it says so in a line."""
    from parkour_deploy.errors import DeployError

    camera = _camera()
    try:
        source = subject.target(_context(camera))
        source.open()
    except DeployError as error:
        expect(error.message.strip() and "\n" not in error.message, f"got {error.message!r}, expected one line")
        raise NotChecked(f"no camera here: {error.message}") from None
    try:
        picture = _first(source)
        if picture is None:
            raise NotChecked(f"no picture within {PATIENCE:g} s")
        shape, expected = np.shape(picture.depth), (camera.height, camera.width)
        expect(shape == expected, f"a picture has the shape {shape}, expected the policy's {expected}")
        known = picture.depth[np.isfinite(picture.depth)]
        expect(bool((known >= 0).all()), f"the least distance is {known.min() if known.size else 0:g} m")
        again = source.newest()
        expect(again is not None, "a picture that was there is gone")
    finally:
        source.close()
    return f"{camera.width} x {camera.height}"


def closes_unopened(subject: Subject) -> str:
    """It can be closed without having been opened, as where something else fails first."""
    from parkour_deploy.errors import DeployError

    try:
        source = subject.target(_context(_camera()))
    except DeployError as error:
        raise NotChecked(f"it is not made without more: {error.message}") from None
    try:
        source.close()
    except Exception as error:
        expect(False, f"close() before open() raised {type(error).__name__}: {error}")
    return "closed"


def _camera() -> Any:
    """The student's."""
    from parkour_deploy.contract import Camera

    return Camera((0.33, 0.0, 0.08), 0.0, 0.35, 0.0, 106, 60, 55.8, 55.8, 2.0)


def _context(camera: Any) -> Any:
    from parkour_deploy.depth.source import SourceContext

    return SourceContext(camera=camera, interface="lo")


def _first(source: Any) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        picture = source.newest()
        if picture is not None:
            return picture
        time.sleep(0.02)
    return None


CHECKS = (gives_the_policys_pixels, closes_unopened)
