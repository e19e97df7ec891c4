"""PhysX 5 without Kit: NVIDIA's ``ovphysx``."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from torch import Tensor

from parkour_isaaclab.backends.physx import RIGID_PATCHES


class OvPhysxBackend:
    """See :class:`parkour_isaaclab.backends.backend.Backend`."""

    name = "ovphysx"
    package = "isaaclab_ov"
    distributions = ("ovphysx", "ovstage")
    libraries = (
        "ovstage/bin/libovstage.so",
        "ovstage/bin/plugins/omni.usd_resolver/libomni_usd_resolver.so",
        "ovphysx/lib/libovphysx.so",
    )
    install = "pip install 'isaaclab[ovphysx]==3.0.0'"
    renders = False

    def start(self, *, device: str, window: bool, cameras: bool) -> None:
        use_pageable_memory()

    def physics_cfg(self, num_envs: int) -> Any:
        from isaaclab_ov.physics import OvPhysxCfg

        return OvPhysxCfg(gpu_max_rigid_patch_count=RIGID_PATCHES)

    def settle_course(self, env: Any) -> None:
        """Nothing to do: materials are configured to multiply."""

    def set_friction(self, robot: Any, env_ids: Tensor, friction: Tensor) -> None:
        import warp as wp

        kind, materials = _materials(robot)
        rows = env_ids.to(materials.device)
        materials[rows, :, :2] = friction.to(materials.device)[:, None, None]
        changed = wp.from_torch(materials.contiguous(), dtype=wp.float32)
        robot.root_view.set_attribute(kind, changed, indices=wp.from_torch(rows.int()))

    def friction(self, robot: Any) -> Tensor:
        return _materials(robot)[1][..., :2].amax(dim=-1)


def _materials(robot: Any) -> tuple[Any, Tensor]:
    """The attribute, and ``[N, S, 3]`` a copy of it: static and dynamic friction, restitution."""
    import warp as wp
    from isaaclab_ov.tensor_types import SHAPE_FRICTION_AND_RESTITUTION

    view = robot.root_view
    return SHAPE_FRICTION_AND_RESTITUTION, wp.to_torch(view.get_attribute(SHAPE_FRICTION_AND_RESTITUTION))


def use_pageable_memory() -> None:
    """Without a CUDA driver there is no pinned memory, which Isaac Lab asks for whatever the device."""
    import warp as wp

    wp.init()
    if not wp.is_cuda_available():
        cpu = wp.get_device("cpu")
        cpu.pinned_allocator = cpu.default_allocator  # pyright: ignore[reportAttributeAccessIssue]
