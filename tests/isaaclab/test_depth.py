"""Rays onto the course's boxes, which are what students see, against a camera that Isaac Lab renders."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.tasks import load_task
from parkour.terrain.rays import cast_rays, rotation_matrix
from parkour_cli.changes import read_changes
from parkour_isaaclab.backends.backend import find_backend
from parkour_isaaclab.launch import quiet_stdout

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

WIDTH, HEIGHT = 87, 58
FAR = 5.0
"""Beyond it a pixel's ray grazes the ground, and a millimetre in its direction is centimetres in its length [m]."""


def test_depth_is_what_isaac_labs_camera_renders(physics: str) -> None:
    """Newton's renderer draws the course's mesh and the robot; 99 % of the pixels agree to within 1 cm."""
    if physics != "newton":
        pytest.skip("the renderer is the same on all backends")
    env = _env_with_camera(physics)
    from parkour_isaaclab.runtime import runtime_of

    try:
        env.reset()
        runtime = runtime_of(env)
        for _ in range(3):
            env.step(torch.zeros(env.num_envs, 12))
        camera = env.scene["depth"]
        seen = _tensor(camera.data.output["depth"])[..., 0]
        cast = _cast(camera.data, runtime.mdp.course.boxes(), runtime.origins)
    finally:
        env.close()
    near = (seen > 0.3) & (seen < FAR)
    assert near.float().mean() > 0.3, "hardly anything is in view"
    wrong = ((seen - cast).abs() > 0.01)[near].float().mean()
    assert wrong < 0.01, f"{wrong:.1%} of the pixels differ by more than a centimetre"


def _env_with_camera(physics: str) -> Any:
    """In front of the head, looking down a little."""
    task = load_task("go2-teacher", overlay="play", changes=read_changes(["course.levels=2", "course.columns=5"]))
    backend = find_backend(physics)
    with quiet_stdout():
        backend.start(device="cpu", window=False, cameras=False)
        import isaaclab.sim as sim_utils
        from isaaclab.envs import ManagerBasedRLEnv
        from isaaclab.sensors import CameraCfg
        from isaaclab_newton.renderers import NewtonWarpRendererCfg

        from parkour_isaaclab.cfg import environment_cfg

        cfg = environment_cfg(task, backend, num_envs=5, device="cpu", seed=1)
        cfg.scene.depth = CameraCfg(
            prim_path="{ENV_REGEX_NS}/Robot/base_link/camera",
            offset=CameraCfg.OffsetCfg(pos=(0.4, 0.0, 0.1), rot=(0.0, 0.2, 0.0, 0.98), convention="world"),
            spawn=sim_utils.PinholeCameraCfg(clipping_range=(0.01, 20.0)),
            data_types=["depth"],
            width=WIDTH,
            height=HEIGHT,
            renderer_cfg=NewtonWarpRendererCfg(),
            # Left out, pictures are taken from where the camera was at first.
            update_latest_camera_pose=True,
        )
        return ManagerBasedRLEnv(cfg)


def _cast(data: Any, boxes: Tensor, origins: Tensor) -> Tensor:
    """``[N, HEIGHT, WIDTH]`` depth along the optical axis [m], by rays from where the camera says it is."""
    intrinsic = _tensor(data.intrinsic_matrices)[0]
    column, row = torch.arange(WIDTH) + 0.5, torch.arange(HEIGHT) + 0.5
    y = -(column - intrinsic[0, 2]) / intrinsic[0, 0]
    z = -(row - intrinsic[1, 2]) / intrinsic[1, 1]
    rays = torch.stack(torch.broadcast_tensors(torch.ones(()), y[None, :], z[:, None]), dim=-1).reshape(-1, 3)
    length = rays.norm(dim=-1)
    quat = _tensor(data.quat_w_world)[:, [3, 0, 1, 2]]
    places = _tensor(data.pos_w) - origins
    distance = cast_rays(places, rotation_matrix(quat), rays / length[:, None], boxes, 20.0)
    return (distance / length).reshape(-1, HEIGHT, WIDTH)


def _tensor(values: Any) -> Tensor:
    return values if isinstance(values, Tensor) else values.torch
