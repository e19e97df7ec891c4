"""PhysX of Isaac Sim, in the process of Kit: with a window and a renderer."""

# Isaac Lab and Isaac Sim are there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor

from parkour_isaaclab.backends.physx import RIGID_PATCHES

_runtime = ExitStack()
"""Holds Isaac Sim open; Isaac Lab closes it itself when the process ends."""


class KitBackend:
    """See :class:`parkour_isaaclab.backends.backend.Backend`."""

    name = "kit"
    package = "isaaclab_physx"
    distributions = ("isaacsim",)
    libraries = ()
    install = "pip install --extra-index-url https://pypi.nvidia.com 'isaaclab[isaacsim]==3.0.0'"
    renders = True

    def start(self, *, device: str, window: bool, cameras: bool) -> None:
        """Starts Isaac Sim, unless it runs already, as it does in Isaac Lab's own scripts."""
        from isaaclab.app import launch_simulation
        from isaaclab.utils.version import has_kit

        if has_kit():
            return
        wanted = {
            "device": device,
            "headless": not window,
            "enable_cameras": cameras,
            # Its own viewport is what is looked at in the window, and what films are made of.
            "visualizer": ["kit"] if window or cameras else [],
            "require_kit": True,
        }
        with _own_arguments():
            _runtime.enter_context(launch_simulation(None, wanted))

    def physics_cfg(self, num_envs: int) -> Any:
        from isaaclab_physx.physics import PhysxCfg

        return PhysxCfg(gpu_max_rigid_patch_count=RIGID_PATCHES)

    def settle_course(self, env: Any) -> None:
        """Nothing to do: materials are configured to multiply."""

    def set_friction(self, robot: Any, env_ids: Tensor, friction: Tensor) -> None:
        import warp as wp

        # Materials are kept on the host, whatever the device.
        rows, materials = env_ids.cpu(), wp.to_torch(robot.root_view.get_material_properties())
        materials[rows, :, :2] = friction.cpu()[:, None, None]
        robot.root_view.set_material_properties(
            wp.from_torch(materials, dtype=wp.float32), wp.from_torch(rows.int(), dtype=wp.int32)
        )

    def friction(self, robot: Any) -> Tensor:
        import warp as wp

        return wp.to_torch(robot.root_view.get_material_properties())[..., :2].amax(dim=-1)


@contextmanager
def _own_arguments() -> Iterator[None]:
    """Kit reads the command line, which is ours, and may leave another standard output in place."""
    stdout, arguments = sys.stdout, sys.argv
    sys.argv = arguments[:1]
    try:
        yield
    finally:
        sys.stdout, sys.argv = stdout, arguments
