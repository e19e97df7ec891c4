"""Depth on the mujoco engine: its ray caster against plain torch, C MuJoCo's rays and C MuJoCo's renderer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.tasks import load_task
from parkour.terrain.box import Box
from parkour.terrain.library import CourseState
from parkour.terrain.rays import cast_rays, rotation_matrix
from parkour_cli.changes import read_changes
from parkour_mujoco.launch import choose_renderer

choose_renderer()
pytestmark = pytest.mark.mujoco

WORLDS = 5
GEOMETRY = CameraGeometry(vertical_fov=math.radians(58.0))


@pytest.fixture(scope="module")
def env() -> Any:
    from parkour_mujoco.engine import MujocoEngine

    task = load_task(
        "go2-student",
        overlay="train",
        changes=read_changes([
            *(f"terrains.{name}.share=1" for name in ("gap", "hurdle", "step", "tilt", "demo")),
            "terrains.flat.share=0",
            "course.levels=2",
            "course.columns=5",
            "course.difficulty=random",
            "course.difficulty_range=[0.5, 1.0]",
            "timing.episode_length=0.3",
        ]),
    )  # fmt: skip
    env = MujocoEngine().make_env(task, num_envs=WORLDS, device="cpu", seed=3)
    yield env
    env.close()


def poses(library: Any, patches: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bases on the patches ``[M]`` of the field: anywhere along them, tilted as a robot that climbs; none in a box."""
    rng = torch.Generator().manual_seed(seed)
    draw = lambda low, high: low + (high - low) * torch.rand(len(patches), generator=rng)  # noqa: E731
    roll, pitch, yaw = draw(-0.2, 0.2), draw(-0.4, 0.4), draw(-0.6, 0.6)
    x, y, above = draw(1.0, 12.0), draw(-0.5, 0.5), draw(0.35, 0.45)
    course = CourseState(library, len(patches))
    course.patch = patches
    # The highest ground near the camera.
    around = torch.cartesian_prod(torch.arange(-0.3, 0.61, 0.05), torch.arange(-0.3, 0.31, 0.05))
    ground = course.height(torch.stack([x, y], dim=-1)[:, None] + around).amax(dim=-1)
    half = [(torch.cos(a / 2), torch.sin(a / 2)) for a in (roll, pitch, yaw)]
    (cr, sr), (cp, sp), (cy, sy) = half
    quat = torch.stack(
        [
            cr * cp * cy + sr * sp * sy, sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy,
        ],
        dim=-1,
    )  # fmt: skip
    return torch.stack([x, y, ground + above], dim=-1), quat


@pytest.fixture(scope="module")
def courses(env: Any) -> torch.Tensor:
    """``[10, K, 10]`` every patch of the field."""
    return env.mdp.course.library.boxes


def test_warp_and_torch_agree(env: Any, courses: torch.Tensor) -> None:
    from parkour_mujoco.rays import WarpRayCaster

    patches = torch.arange(10).repeat(3)
    boxes = courses[patches]
    pos, quat = poses(env.mdp.course.library, patches, seed=0)
    error: Any = {"pitch": torch.linspace(-0.15, 0.15, len(boxes)), "roll": torch.linspace(-0.1, 0.1, len(boxes))}
    pictures = [
        DepthCamera(len(boxes), "cpu", GEOMETRY, caster).view(pos, quat, boxes, error)
        for caster in (WarpRayCaster(), cast_rays)
    ]
    assert (pictures[0] < 2.0).float().mean() > 0.3
    difference = (pictures[0] - pictures[1]).abs()
    assert difference.median() < 1e-6
    assert (difference > 1e-4).float().mean() < 1e-4  # rays that graze an edge


def test_warp_at_its_limits() -> None:
    from parkour_mujoco.rays import WarpRayCaster

    cast = WarpRayCaster()
    eye, ahead = torch.eye(3)[None], torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
    box = lambda x: torch.tensor([[[x, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25]]])  # noqa: E731
    start = torch.zeros(1, 3)
    assert cast(start, eye, ahead, box(1.0), 2.0).tolist() == [[pytest.approx(0.75), 2.0]]
    assert cast(start, eye, ahead, box(0.1), 2.0).tolist() == [[0.0, 0.0]], "inside a box"
    assert cast(start, eye, ahead, box(-1.0), 2.0).tolist() == [[2.0, 2.0]], "behind"
    assert cast(start, eye, ahead, box(2.3), 2.0).tolist() == [[2.0, 2.0]], "too far"
    assert cast(start + float("nan"), eye, ahead, box(1.0), 2.0).tolist() == [[2.0, 2.0]], "broken"
    assert cast(start[:0], eye[:0], ahead, box(1.0)[:0], 2.0).shape == (0, 2)


def course_model(boxes: np.ndarray) -> Any:
    """A C model of one patch and a camera that moves freely (a mocap body)."""
    import mujoco

    spec = mujoco.MjSpec()
    for row in boxes:
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=row[:3], quat=row[3:7], size=row[7:])
    body = spec.worldbody.add_body(name="camera", mocap=True)
    shape = [GEOMETRY.width, GEOMETRY.height]
    sensor = [pixels * 1e-5 for pixels in shape]
    body.add_camera(name="depth", focal_pixel=list(GEOMETRY.focal_length), sensor_size=sensor, resolution=shape)
    # Depth buffers resolve best with the near and the far plane close together.
    spec.stat.extent, spec.visual.map.znear, spec.visual.map.zfar = 1.0, 0.05, 20.0
    return spec.compile()


def posed(model: Any, pos: torch.Tensor, quat: torch.Tensor, pitch: float) -> tuple[Any, np.ndarray, np.ndarray]:
    """Data with the camera of a robot in this pose; the camera's position and orientation (x forward, z up)."""
    import mujoco

    base = rotation_matrix(quat).double().numpy()
    down = np.array([[math.cos(pitch), 0, math.sin(pitch)], [0, 1, 0], [-math.sin(pitch), 0, math.cos(pitch)]])
    origin, rotation = pos.double().numpy() + base @ GEOMETRY.position, base @ down
    # MuJoCo's cameras look along -z, with x to the right.
    looks = rotation @ np.array([[0, 0, -1.0], [-1, 0, 0], [0, 1, 0]])
    data = mujoco.MjData(model)
    data.mocap_pos[0] = origin
    mujoco.mju_mat2Quat(data.mocap_quat[0], looks.ravel())
    mujoco.mj_forward(model, data)
    return data, origin, rotation


def test_against_the_rays_of_c_mujoco(env: Any, courses: torch.Tensor) -> None:
    import mujoco

    pos, quat = poses(env.mdp.course.library, torch.arange(10), seed=1)
    camera = DepthCamera(len(courses), "cpu", GEOMETRY, env.mdp.camera.raycast)
    pictures = camera.view(pos, quat, courses).flatten(1).double().numpy()
    errors, below = [], 0
    for patch, boxes in enumerate(courses.double().numpy()):
        model = course_model(boxes)
        data, origin, rotation = posed(model, pos[patch], quat[patch], GEOMETRY.pitch)
        for ray in range(0, GEOMETRY.width * GEOMETRY.height, 37):
            direction = rotation @ camera.rays[ray].double().numpy()
            distance = mujoco.mj_ray(model, data, origin, direction, None, 1, -1, np.zeros(1, np.int32))
            expected = 2.0 if distance < 0 else min(distance, 2.0)
            errors.append(abs(expected - pictures[patch, ray]))
            below += expected < 2.0 and (origin + distance * direction)[2] < -0.15
    assert np.median(errors) < 1e-6 and (np.array(errors) > 1e-3).mean() < 0.002
    assert below > 50, "floors of gaps are seen"


@pytest.mark.parametrize("patch", range(10))
def test_against_the_renderer_of_c_mujoco(env: Any, courses: torch.Tensor, patch: int) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = course_model(courses[patch].double().numpy())
    try:
        renderer = mujoco.Renderer(model, GEOMETRY.height, GEOMETRY.width)
    except Exception as error:  # whatever the driver raises
        pytest.skip(f"no off-screen renderer here: {error}")
    pos, quat = poses(env.mdp.course.library, torch.tensor([patch]), seed=patch)
    error = math.radians(5.0 * (patch % 3 - 1))
    data, *_ = posed(model, pos[0], quat[0], GEOMETRY.pitch + error)
    with renderer:
        renderer.enable_depth_rendering()
        renderer.update_scene(data, camera="depth")
        planar = renderer.render().astype(np.float64)
    camera = DepthCamera(1, "cpu", GEOMETRY, env.mdp.camera.raycast)
    got = camera.view(pos, quat, courses[patch : patch + 1], {"pitch": torch.tensor([error])})
    # The renderer's depth is along the camera's axis.
    along_ray = planar / camera.rays[:, 0].double().numpy().reshape(planar.shape)
    expected = np.minimum(along_ray, GEOMETRY.range)
    difference = np.abs(got[0].double().numpy() - expected)
    assert np.median(difference) < 2e-3
    assert (difference > 0.02).mean() < 0.02  # pixels on outlines, where the renderer's rounding decides
    upside_down = np.abs(got[0].double().numpy()[::-1] - expected)
    assert (upside_down > 0.02).mean() > max(0.05, 4 * (difference > 0.02).mean()), "the picture has an up and a down"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(env: Any, courses: torch.Tensor) -> None:
    """The same pictures as on the CPU, without a host sync, and after what torch has queued."""
    from parkour_mujoco.rays import WarpRayCaster

    torch.set_float32_matmul_precision("highest")  # A test of training on this GPU may have lowered it.
    patches = torch.arange(10).repeat(20)
    pos, quat = poses(env.mdp.course.library, patches, seed=4)
    inputs = (pos, quat, courses[patches])
    expected = DepthCamera(len(patches), "cpu", GEOMETRY).view(*inputs)
    for caster in (WarpRayCaster(), cast_rays):
        camera = DepthCamera(len(patches), "cuda:0", GEOMETRY, caster)
        there = [values.to("cuda:0") for values in inputs]
        camera.view(*there)  # kernels are compiled and loaded by the first call
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            got = camera.view(*there)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert ((got.cpu() - expected).abs() > 1e-4).float().mean() < 1e-3


# -- in the environment ------------------------------------------------------------------------------------------


def test_pictures_come_at_the_perception_rate_and_after_resets(env: Any) -> None:
    """Episodes of 15 steps end at different steps, so that some begin between two perception steps."""
    env.reset()
    env.episode_length_buf = torch.tensor([0, 3, 7, 8, 11])
    mdp, camera = env.mdp, env.mdp.camera
    steps_of_resets = 0
    previous = env.get_observations()["depth"].clone()
    for _ in range(32):
        before = camera.depth.clone()
        observations, _, done, _ = env.step(torch.zeros(WORLDS, 12))
        ctx = mdp.context
        due = bool(mdp._steps % 5 == 0)
        expected = list(range(WORLDS)) if due else done.nonzero().squeeze(-1).tolist()
        assert ctx.depth_ids.tolist() == expected and ctx.perception.nonzero().squeeze(-1).tolist() == expected
        taken = DepthCamera(WORLDS, "cpu", GEOMETRY)
        taken.mounting_error = camera.mounting_error
        everyone = taken.capture(ctx.robot, mdp.course.boxes())
        stale = [i for i in range(WORLDS) if i not in expected]
        torch.testing.assert_close(ctx.depth[expected], everyone[expected], rtol=0, atol=1e-4)
        assert torch.equal(ctx.depth[stale], before[stale])
        assert torch.equal(observations["depth"][stale], previous[stale])
        for i in done.nonzero().squeeze(-1).tolist():
            # The first frame of an episode is seen at once.
            image = mdp.observations._groups["depth"].term.process(everyone[i : i + 1])[0]
            torch.testing.assert_close(observations["depth"][i], image, rtol=0, atol=1e-4)
        steps_of_resets += bool(done.any() and not due)
        previous = observations["depth"].clone()
    assert steps_of_resets > 3


def test_cameras_have_errors_of_their_mounting(env: Any) -> None:
    error = env.mdp.camera.mounting_error
    assert error["pitch"].abs().max() <= math.radians(5.0) and error["pitch"].unique().numel() == WORLDS
    assert not any(error[part].any() for part in ("roll", "yaw", "position")), "the reference has none of these"


def test_mountings_may_be_drawn_anew_for_every_episode() -> None:
    from parkour_mujoco.engine import MujocoEngine

    events = "{enabled=true, mode='reset'}"
    task = load_task(
        "go2-student", changes=read_changes([f"events.camera_{part}={events}" for part in ("roll", "yaw", "position")])
    )
    env = MujocoEngine().make_env(task, num_envs=WORLDS, device="cpu", seed=0)
    try:
        error = env.mdp.camera.mounting_error
        env.reset()
        before = {part: values.clone() for part, values in error.items()}
        env.episode_length_buf = torch.tensor([0, 998, 0, 998, 0])
        begun = torch.zeros(WORLDS, dtype=torch.bool)
        for _ in range(3):
            begun |= env.step(torch.zeros(WORLDS, 12))[2].bool()
        assert begun.any() and not begun.all()
        for part in ("roll", "yaw", "position"):
            changed = (error[part] != before[part]).reshape(WORLDS, -1).all(dim=1)
            assert torch.equal(changed, begun), part
        assert torch.equal(error["pitch"], before["pitch"]), "drawn once, at startup"
    finally:
        env.close()


def test_box_of_a_camera_in_a_wall() -> None:
    """A robot that has run its head into a hurdle sees black, not through it."""
    wall = torch.tensor(Box((0.4, 0.0, 0.5), (0.15, 1.0, 0.5)).row()[None, None], dtype=torch.float32)
    camera = DepthCamera(1, "cpu", GEOMETRY)
    quat = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert (camera.view(torch.tensor([[0.0, 0.0, 0.4]]), quat, wall) == 0.0).all()


def test_the_teacher_has_no_camera() -> None:
    from parkour.tasks.build import build_camera

    assert build_camera(load_task("go2-teacher"), 1, "cpu") is None
    camera = build_camera(
        load_task("go2-student", changes=read_changes(["camera.range=3", "camera.width=80"])), 1, "cpu"
    )
    assert camera is not None and camera.depth.shape == (1, 60, 80) and camera.geometry.range == 3.0
