"""The task's field in the place of Isaac Lab's terrain generator."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import trimesh

from parkour.tasks.build import build_terrain
from parkour_isaaclab.tasks import held_task
from parkour_isaaclab.terrain import cell_origins, field_mesh


class CourseGenerator:
    """What Isaac Lab's terrain importer asks of a generator: the mesh, where its cells lie, and no flat patches."""

    def __init__(self, cfg: Any, device: str = "cpu") -> None:
        field = build_terrain(held_task(cfg.task), cfg.seed or 0)
        vertices, faces = field_mesh(field)
        self.cfg, self.device = cfg, device
        self.terrain_mesh = trimesh.Trimesh(vertices=vertices, faces=faces, process=False)
        self.terrain_origins = cell_origins(field.levels, field.columns, field.grid)
        """``[levels, columns, 3]`` [m]."""
        self.flat_patches: dict[str, Any] = {}
