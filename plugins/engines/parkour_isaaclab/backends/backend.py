"""What a physics backend provides, and which there are."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from parkour.errors import EngineError

if TYPE_CHECKING:
    from isaaclab.assets import Articulation  # pyright: ignore[reportMissingImports]
    from isaaclab.envs import ManagerBasedRLEnv  # pyright: ignore[reportMissingImports]
    from isaaclab.physics import PhysicsCfg  # pyright: ignore[reportMissingImports]

_TARGETS = MappingProxyType(
    {
        "ovphysx": "parkour_isaaclab.backends.ovphysx:OvPhysxBackend",
        "newton": "parkour_isaaclab.backends.newton:NewtonBackend",
        "kit": "parkour_isaaclab.backends.kit:KitBackend",
    }
)
NAMES = tuple(_TARGETS)
"""What ``--physics`` takes."""
DEFAULT = "ovphysx"


class Backend(Protocol):
    """One way to simulate an Isaac Lab scene. Made without arguments; imports nothing heavy until used."""

    name: str
    package: str
    """Isaac Lab's package that its physics configuration is of."""
    distributions: tuple[str, ...]
    """What must be installed besides ``isaaclab``."""
    libraries: tuple[str, ...]
    """Files of those that load shared libraries of the system; see :mod:`parkour_isaaclab.shared_libraries`."""
    install: str
    """How to install it."""
    renders: bool
    """Whether it has a window and a renderer of its own."""

    def start(self, *, device: str, window: bool, cameras: bool) -> None:
        """Make Isaac Lab usable in this process; once is enough.

        Args:
            device: where physics runs.
            window: whether the simulator's own window is to open, where it has one.
            cameras: whether its own renderer will make pictures, where it has one.
        """
        ...

    def physics_cfg(self, num_envs: int) -> PhysicsCfg:
        """Isaac Lab's configuration of it, with room for as many robots."""
        ...

    def settle_course(self, env: ManagerBasedRLEnv) -> None:
        """See to it that the robot's friction, which is randomized, is what counts on a course of friction 1."""
        ...

    def set_friction(self, robot: Articulation, env_ids: Tensor, friction: Tensor) -> None:
        """Of all shapes of robots ``env_ids`` ``[M]``; friction ``[M]``."""
        ...

    def friction(self, robot: Articulation) -> Tensor:
        """``[N, S]`` as the simulator has it, of every shape that collides."""
        ...


def find_backend(name: str) -> Backend:
    """The backend of one of :data:`NAMES`."""
    module, _, attribute = _TARGETS[name].partition(":")
    return getattr(import_module(module), attribute)()


def backend_of(physics_cfg: Any) -> Backend:
    """The backend that a configuration is of; Isaac Lab's own scripts may have put another one in place.

    Raises:
        EngineError: it is of none of :data:`NAMES`.
    """
    package = type(physics_cfg).__module__.partition(".")[0]
    for name in NAMES:
        backend = find_backend(name)
        if backend.package == package:
            return backend
    raise EngineError(
        f"Isaac Lab's physics is {type(physics_cfg).__name__}, expected that of {', '.join(NAMES)}",
        hint=f"--physics {DEFAULT}",
    )
