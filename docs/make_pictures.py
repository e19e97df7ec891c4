"""Draw the pictures of the documentation: ``python docs/make_pictures.py``.

Needs the ``mujoco`` extra and a driver for off-screen drawing (EGL or OSMesa; ``MUJOCO_GL`` chooses).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np

from parkour.registry import default_registry, resolve_target
from parkour.terrain.box import IDENTITY, Box
from parkour.terrain.sub_terrain import PATCH_LENGTH
from parkour_assets import robot_dir

PICTURES = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1200, 600
OVERSAMPLING = 2
LANE_WIDTH = 2.2
"""Lanes are cut to this width [m]."""
LEGS = ("FL", "FR", "RL", "RR")
LINK, FOOT_RADIUS = 0.213, 0.022
Color = tuple[float, float, float, float]
GROUND: Color = (0.60, 0.63, 0.67, 1.0)
PIT: Color = (0.30, 0.32, 0.36, 1.0)


@dataclass(frozen=True)
class Lane:
    """A patch in the picture; the lanes lie side by side, the first one at y = 0, the next to its left."""

    terrain: str
    difficulty: float
    seed: int
    color: Color
    shift: float = 0.0
    """How far the patch is moved along x [m]."""


@dataclass(frozen=True)
class Pose:
    """A robot in the picture."""

    lane: int
    x: float
    y: float = 0.0
    height: float = 0.31
    """Of the base over the ground below its middle [m]."""
    pitch: float = 0.0
    """Nose down is positive [rad]."""
    strides: Sequence[float] = (0.0, 0.0, 0.0, 0.0)
    """How far each foot stands ahead of its hip, FL FR RL RR [m]."""
    in_air: Sequence[tuple[float, float]] = ()
    """Thigh and calf of the front and of the rear legs [rad]; given, the feet are not put on the ground."""


LANES = (
    Lane("gap", 0.8, 2, (0.26, 0.55, 0.60, 1.0)),
    Lane("tilt", 0.7, 3, (0.74, 0.40, 0.37, 1.0), shift=0.2),
    Lane("step", 0.4, 1, (0.92, 0.56, 0.25, 1.0), shift=-0.6),
    Lane("hurdle", 0.8, 1, (0.48, 0.61, 0.36, 1.0), shift=-3.0),
)
POSES = (
    Pose(0, 4.87, -0.1, height=0.86, pitch=-0.12, in_air=((0.25, -1.15), (1.75, -1.0))),
    Pose(1, 3.75, 0.15, height=0.29, strides=(0.06, -0.04, -0.06, 0.03)),
    Pose(2, 4.0, -0.1, height=0.30, pitch=-0.42, strides=(0.05, 0.0, -0.06, -0.02)),
)
CAMERA = {"lookat": (4.35, 1.05, 0.05), "distance": 3.6, "azimuth": 132.0, "elevation": -23.0}


def lane_boxes(lane: Lane) -> list[Box]:
    """The boxes of a lane, those that reach past the patch cut off at its edge."""
    spec: Any = default_registry().get("terrain", lane.terrain).spec
    params = resolve_target(spec.params)()
    sub_terrain = resolve_target(spec.target)(lane.difficulty, np.random.default_rng(lane.seed), params)
    return [clipped(box) for box in sub_terrain.boxes]


def clipped(box: Box) -> Box:
    if box.quat != IDENTITY:
        return box
    center, half = np.array(box.center), np.array(box.half_size)
    low = np.maximum(center - half, (0.0, -LANE_WIDTH / 2, -np.inf))
    high = np.minimum(center + half, (PATCH_LENGTH, LANE_WIDTH / 2, np.inf))
    return replace(box, center=tuple((low + high) / 2), half_size=tuple((high - low) / 2))


def scene(lanes: Sequence[Lane], robots: int) -> Any:
    """A model of the lanes with so many robots."""
    import mujoco

    spec = mujoco.MjSpec()
    add_surroundings(spec)
    for number, lane in enumerate(lanes):
        for box in lane_boxes(lane):
            offset = (lane.shift, number * LANE_WIDTH, 0.0)
            spec.worldbody.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=np.add(box.center, offset),
                quat=box.quat,
                size=box.half_size,
                material=material(spec, box, lane),
            )
    layout = tomllib.loads((robot_dir("go2") / "robot.toml").read_text())
    for number in range(robots):
        robot = mujoco.MjSpec.from_file(str(robot_dir("go2") / layout["model"]["file"]))
        spec.attach(robot, prefix=f"{number}/", frame=spec.worldbody.add_frame())
    return spec.compile()


def material(spec: Any, box: Box, lane: Lane) -> str:
    top = box.center[2] + box.half_size[2]
    obstacle = box.quat != IDENTITY or top > 0.05 or box.half_size[0] < 1.2
    color = lane.color if obstacle else GROUND if top > -0.05 else PIT
    name = f"surface{color}"
    if spec.material(name) is None:
        spec.add_material(name=name, rgba=color, specular=0.1, shininess=0.1)
    return name


def add_surroundings(spec: Any) -> None:
    """Sky, light and picture quality."""
    import mujoco

    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.93, 0.95, 0.98),
        rgb2=(0.62, 0.72, 0.84),
        width=256,
        height=1536,
    )
    spec.worldbody.add_light(
        pos=(3.5, -0.5, 6.0),
        dir=(0.15, 0.45, -1.0),
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        diffuse=(0.62, 0.61, 0.58),
        specular=(0.2, 0.2, 0.2),
        castshadow=True,
    )
    # Shadows are drawn as far as this from the light's axis [m].
    spec.stat.extent = 6.0
    spec.stat.center = (4.0, 2.0, 0.0)
    visual = spec.visual
    visual.headlight.ambient = (0.36, 0.37, 0.40)
    visual.headlight.diffuse = (0.22, 0.22, 0.22)
    visual.headlight.specular = (0.05, 0.05, 0.05)
    visual.quality.shadowsize = 8192
    visual.quality.offsamples = 8
    visual.map.shadowclip = 1.0
    visual.global_.offwidth, visual.global_.offheight = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING


def place(model: Any, data: Any, number: int, pose: Pose, lane: Lane) -> None:
    """Put a robot into its pose, its feet on the ground."""
    import mujoco

    x, y = pose.x + lane.shift, pose.y + pose.lane * LANE_WIDTH
    half = pose.pitch / 2
    start = model.joint(f"{number}/base_free").qposadr[0]
    height = ground(model, data, x, y) + pose.height
    data.qpos[start : start + 7] = (x, y, height, np.cos(half), 0.0, np.sin(half), 0.0)
    for leg, stride in zip(LEGS, pose.strides, strict=True):
        if pose.in_air:
            thigh, calf = pose.in_air[leg[0] == "R"]
        else:
            mujoco.mj_kinematics(model, data)
            hip = data.body(f"{number}/{leg}_thigh").xpos
            foot = np.array([hip[0] + stride, hip[1], 0.0])
            foot[2] = ground(model, data, foot[0], foot[1]) + FOOT_RADIUS
            thigh, calf = leg_angles(foot - hip, pose.pitch)
        data.qpos[model.joint(f"{number}/{leg}_thigh_joint").qposadr[0]] = thigh
        data.qpos[model.joint(f"{number}/{leg}_calf_joint").qposadr[0]] = calf


def leg_angles(reach: np.ndarray, pitch: float) -> tuple[float, float]:
    """Thigh and calf angles [rad] that put the foot at ``reach`` from the hip [m], as far as the leg goes."""
    distance = min(float(np.hypot(reach[0], reach[2])), 1.98 * LINK)
    calf = np.arccos(1 - distance**2 / (2 * LINK**2)) - np.pi
    return float(np.arctan2(-reach[0], -reach[2]) - pitch - calf / 2), float(calf)


def ground(model: Any, data: Any, x: float, y: float) -> float:
    """Height of the boxes at a point [m]."""
    import mujoco

    boxes_only = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)
    top = 10.0
    hit = np.zeros(1, dtype=np.int32)
    return top - mujoco.mj_ray(model, data, np.array([x, y, top]), np.array([0.0, 0.0, -1.0]), boxes_only, 1, -1, hit)


def draw(lanes: Sequence[Lane], poses: Sequence[Pose], camera: dict[str, Any]) -> np.ndarray:
    """``[HEIGHT, WIDTH, 3]`` picture, uint8."""
    import mujoco

    model = scene(lanes, len(poses))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    for number, pose in enumerate(poses):
        place(model, data, number, pose, lanes[pose.lane])
    mujoco.mj_forward(model, data)
    view = mujoco.MjvCamera()
    view.lookat[:] = camera["lookat"]
    view.distance, view.azimuth, view.elevation = camera["distance"], camera["azimuth"], camera["elevation"]
    with mujoco.Renderer(model, HEIGHT * OVERSAMPLING, WIDTH * OVERSAMPLING, max_geom=5000) as renderer:
        renderer.update_scene(data, view)
        large = renderer.render().astype(np.float64)
    blocks = large.reshape(HEIGHT, OVERSAMPLING, WIDTH, OVERSAMPLING, 3)
    return blocks.mean(axis=(1, 3)).round().astype(np.uint8)


def main() -> None:
    os.environ.setdefault("MUJOCO_GL", "egl")
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / "go2_course.png"
    matplotlib.image.imsave(path, draw(LANES, POSES, CAMERA))
    print(f"{path}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
