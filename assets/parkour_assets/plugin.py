"""Registers the built-in robots."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import RobotSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_robots() -> Iterable[RobotSpec]:
    yield RobotSpec(
        name="go2",
        summary="Unitree Go2, of spheres and capsules: 12 joints, 15 kg",
        target="parkour_assets:go2",
    )
