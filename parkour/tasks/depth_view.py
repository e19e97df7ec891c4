"""What a task's depth camera sees of a patch, for pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from parkour.errors import TaskError
from parkour.mdp.camera import DepthCamera
from parkour.tasks.build import build_camera
from parkour.tasks.resolved import ResolvedTask
from parkour.terrain.field import Patch
from parkour.terrain.preview import DepthView


class DepthViewer:
    """Pictures from a patch's start: what the camera measures, and the images that are made of it.

    Args:
        task: with a depth camera; modifiers and latency do not show.

    Raises:
        TaskError: no observation group of the task needs a camera.
    """

    def __init__(self, task: ResolvedTask) -> None:
        camera = build_camera(task, 1, "cpu")
        if camera is None:
            raise TaskError(f"task {task.name!r} has no depth camera", hint="--task go2-student")
        self._camera: DepthCamera = camera
        self._height = task.robot.base_height
        self._groups: dict[str, Any] = {
            key: part.target(1, "cpu", task.robot, depth_camera=camera, **part.kwargs)
            for key, part in task.observations.items()
            if "depth_camera" in getattr(part.spec, "needs", ())
        }

    def __call__(self, patch: Patch) -> tuple[DepthView, ...]:
        """The raw picture, then each observation group that is an image."""
        x, y, z = patch.sub_terrain.spawn
        base = torch.tensor([[x, y, z + self._height]], dtype=torch.float32)
        boxes = torch.tensor(np.stack([box.row() for box in patch.boxes])[None], dtype=torch.float32)
        geometry = self._camera.geometry
        upright = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
        raw = self._camera.view(base, upright, boxes)
        size = f"{geometry.height} × {geometry.width}"
        views = [DepthView(f"depth camera, {size}", raw[0].numpy(), 0.0, geometry.range, "distance [m]")]
        for name, group in self._groups.items():
            process: Any = getattr(group, "process", None)
            if process is not None:
                image = process(raw)[0].numpy()
                rows, columns = image.shape
                views.append(DepthView(f"observation {name!r}, {rows} × {columns}", image, -0.5, 0.5))
        return tuple(views)
