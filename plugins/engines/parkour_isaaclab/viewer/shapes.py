"""The robot as the page in the browser draws it: its asset's shapes for the eye, where the simulator has its links."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from isaaclab.assets import Articulation
from pxr import Usd, UsdPhysics

from parkour.errors import EngineError
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.web.shapes import BodyMesh
from parkour_isaaclab.runtime import ROBOT, runtime_of
from parkour_isaaclab.viewer.usd_meshes import link_meshes


class UsdShapes:
    """See :class:`parkour.viewing.web.shapes.RobotShapes`. Bodies are the asset's links, in its order.

    Args:
        env: Isaac Lab's environment.

    Raises:
        EngineError: the asset's links are not on the stage.
    """

    def __init__(self, env: Any) -> None:
        self._runtime = runtime_of(env)
        self._robot: Articulation = env.scene[ROBOT]
        root = f"{env.scene.env_prim_paths[0]}/{self._robot.cfg.prim_path.rpartition('/')[2]}"
        prim = env.scene.stage.GetPrimAtPath(root)
        links = {
            one.GetName(): one
            for one in (Usd.PrimRange(prim, Usd.TraverseInstanceProxies()) if prim else ())
            if one.HasAPI(UsdPhysics.RigidBodyAPI)
        }
        missing = [name for name in self._robot.body_names if name not in links]
        if missing:
            raise EngineError(f"--viewer web: the stage has no link {', '.join(missing)} below {root}")
        self._links = [links[name] for name in self._robot.body_names]

    def meshes(self) -> Sequence[BodyMesh]:
        return [mesh for body, link in enumerate(self._links) for mesh in link_meshes(link, body)]

    def poses(self, snapshot: Snapshot) -> Mapping[int, tuple[np.ndarray, np.ndarray]]:
        """As measured: links of the asset that the task does not know are posed too."""
        env_id, data = snapshot.env_id, self._robot.data
        places = (data.body_link_pos_w.torch[env_id] - self._runtime.origins[env_id]).cpu().numpy()
        turns = data.body_link_quat_w.torch[env_id][:, [3, 0, 1, 2]].cpu().numpy()  # Isaac Lab has w last
        return {body: (places[body], turns[body]) for body in range(len(self._links))}
