"""Window and films where the physics has neither: those of the mujoco engine, which draw a robot of any simulator."""

from __future__ import annotations

from typing import Protocol

from parkour.errors import EngineError, ParkourError
from parkour.registry import default_registry, resolve_target
from parkour.viewing.viewer import EngineWithCamera, EngineWithViewers

LENDER = "mujoco"
"""Its viewers know the task's robot and course and pose them after snapshots; nothing is simulated in them."""


class Lender(EngineWithViewers, EngineWithCamera, Protocol):
    """An engine with viewers and a camera."""


def mujoco_viewing(asked_by: str) -> Lender:
    """What can be asked for a window or a camera.

    Args:
        asked_by: the option, for the message.

    Raises:
        EngineError: there is no such engine here.
    """
    try:
        spec = default_registry().get("engine", LENDER).spec
        return resolve_target(spec.target, owner=f"engine {LENDER!r}")()
    except ParkourError as error:
        raise EngineError(
            f"{asked_by}: this physics has no renderer of its own, and that of the engine {LENDER!r} is not there "
            f"({error.message})",
            hint="--viewer web, or: --physics kit",
        ) from error
