"""The viewport's camera, pointed at the robot that is watched."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import numpy as np

from parkour.viewing.follow import Follow, View
from parkour.viewing.snapshot import Snapshot
from parkour_isaaclab.runtime import runtime_of


class Pointing:
    """Follows as in every viewer.

    Args:
        env: Isaac Lab's environment.
        view: where the camera is.
    """

    def __init__(self, env: Any, view: View) -> None:
        self._env, self._runtime = env, runtime_of(env)
        self._view: View = view
        self._follow = Follow()

    def origin(self, snapshot: Snapshot) -> np.ndarray:
        """``[3]`` where the patch of the robot in a snapshot has its origin in the world [m]."""
        return self._runtime.origins[snapshot.env_id].cpu().numpy().astype(np.float64)

    def point(self, snapshot: Snapshot) -> None:
        """Move on to a snapshot."""
        target = self._follow.update(snapshot)
        eye, origin = self._follow.eye(self._view), self.origin(snapshot)
        self._env.sim.set_camera_view(eye=tuple((eye + origin).tolist()), target=tuple((target + origin).tolist()))
