"""A robot and a course as MuJoCo draws them, posed after snapshots; nothing is simulated."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.markers import BALL_RADIUS, HEADING_COLOUR, HEADING_HEIGHT, POLE_HEIGHT, UP
from parkour.viewing.snapshot import Snapshot, box_colours
from parkour_mujoco.physics import COURSE_GROUP, add_course, robot_spec
from parkour_mujoco.robot_files import load_robot_files
from parkour_mujoco.robot_model import compile_model

UNLIT = 0.8
"""Part of the courses' colours that surfaces have, so that those in the sun are not brighter than white."""
COLLISION_GROUP = 3
"""Geom group of the shapes that collide, which nobody wants to see."""


class ViewModel:
    """One robot on one course.

    Args:
        task: whose robot and how many boxes.
        picture: greatest width and height of pictures.
    """

    def __init__(self, task: ResolvedTask, picture: tuple[int, int] = (1920, 1080)) -> None:
        files = load_robot_files(task.robot_folder, task.robot, task.make_robot_model)
        spec = robot_spec(files, task.robot)
        for geom in [geom for geom in spec.geoms if geom.name in files.collision_geoms and _has_others(geom)]:
            geom.group = COLLISION_GROUP
        boxes = task.model.course.max_boxes
        add_course(spec, boxes)
        _light(spec, files.base_body)
        self.model = compile_model(spec, task.robot)
        self.model.vis.global_.offwidth, self.model.vis.global_.offheight = picture
        self.data = mujoco.MjData(self.model)
        self._boxes = np.array([self.model.geom(f"box_{k}").id for k in range(boxes)])
        self._parked = self.model.geom_pos[self._boxes].copy()
        # What is computed when a model is compiled holds for boxes that stand elsewhere by now.
        self.model.geom_sameframe[self._boxes] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE.value
        free = self.model.joint(int(self.model.body(files.base_body).jntadr[0]))
        self._base = int(free.qposadr[0])
        self._joints = np.array([int(self.model.joint(name).qposadr[0]) for name in task.robot.joints])
        self._shown: np.ndarray | None = None

    def pose(self, snapshot: Snapshot) -> bool:
        """Put robot and boxes where they are; True if the course is another one than last time."""
        changed = self._shown is None or not np.array_equal(self._shown, snapshot.boxes)
        if changed:
            self._show_course(snapshot.boxes)
        qpos = self.data.qpos
        qpos[self._base : self._base + 3] = snapshot.base_pos
        qpos[self._base + 3 : self._base + 7] = snapshot.base_quat
        qpos[self._joints] = snapshot.joint_pos
        # A broken physics state is not drawn.
        qpos[~np.isfinite(qpos)] = 0.0
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        return changed

    def _show_course(self, boxes: np.ndarray) -> None:
        used, model = self._boxes[: len(boxes)], self.model
        model.geom_pos[self._boxes] = self._parked
        model.geom_size[self._boxes] = 0.05
        model.geom_pos[used], model.geom_quat[used], model.geom_size[used] = boxes[:, :3], boxes[:, 3:7], boxes[:, 7:]
        model.geom_rbound[used] = np.linalg.norm(boxes[:, 7:], axis=-1)
        model.geom_rgba[used, :3] = UNLIT * box_colours(boxes) / 255.0
        self._shown = boxes.copy()


def draw_markers(scene: Any, snapshot: Snapshot) -> None:
    """Way points as poles with a ball on top, and the heading that is driven as an arrow, into a ``mjvScene``."""
    turn = np.eye(3).reshape(-1)
    for goal, colour in zip(snapshot.goals, snapshot.goal_colours(), strict=True):
        top = goal + POLE_HEIGHT * UP
        middle = (goal + top) / 2
        rgba = np.array([*(colour / 255.0), 1.0], np.float32)
        _add(scene, mujoco.mjtGeom.mjGEOM_CYLINDER, [0.012, POLE_HEIGHT / 2, 0.0], middle, turn, rgba)
        _add(scene, mujoco.mjtGeom.mjGEOM_SPHERE, [BALL_RADIUS, 0.0, 0.0], top, turn, rgba)
    if snapshot.heading is not None:
        start = snapshot.base_pos + HEADING_HEIGHT * UP
        ahead = np.array([np.cos(snapshot.heading), np.sin(snapshot.heading), 0.0])
        rgba = np.array([*(np.array(HEADING_COLOUR) / 255.0), 1.0], np.float32)
        geom = _add(scene, mujoco.mjtGeom.mjGEOM_ARROW, [0.0] * 3, start, turn, rgba)
        if geom is not None:
            end = start + 0.5 * ahead
            mujoco.mjv_connector(geom, mujoco.mjtGeom.mjGEOM_ARROW.value, 0.015, start, end)


def scene_options() -> Any:
    """What is drawn: no collision shapes."""
    options = mujoco.MjvOption()
    mujoco.mjv_defaultOption(options)
    options.geomgroup[:] = 1
    options.geomgroup[COLLISION_GROUP:] = 0
    options.geomgroup[COURSE_GROUP] = 1
    return options


def _add(scene: Any, kind: Any, size: list[float], pos: np.ndarray, turn: np.ndarray, rgba: np.ndarray) -> Any | None:
    if scene.ngeom >= scene.maxgeom:
        return None
    geom = scene.geoms[scene.ngeom]
    mujoco.mjv_initGeom(geom, kind.value, np.array(size), pos, turn, rgba)
    geom.category = mujoco.mjtCatBit.mjCAT_DECOR.value
    scene.ngeom += 1
    return geom


def _has_others(geom: Any) -> bool:
    """Whether its body has shapes for the eye: a model without any shows what collides."""
    return any(other.contype == 0 and other.conaffinity == 0 for other in geom.parent.geoms)


def _light(spec: mujoco.MjSpec, base_body: str) -> None:
    """A sun with shadows that goes with the robot, a sky, and a little light from the eye."""
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.62, 0.74, 0.86], rgb2=[0.93, 0.95, 0.97], width=256, height=1536,
    )  # fmt: skip
    spec.body(base_body).add_light(
        name="sun", mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACK, type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[-1.5, 2.0, 4.0], dir=[0.35, -0.45, -0.85], diffuse=[0.62, 0.62, 0.60], specular=[0.2] * 3,
        castshadow=True,
    )  # fmt: skip
    spec.visual.headlight.ambient = [0.36] * 3
    spec.visual.headlight.diffuse = [0.28] * 3
    spec.visual.headlight.specular = [0.05] * 3
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 2048, 2
    # Near and far planes and the reach of shadows are multiples of it [m].
    spec.stat.extent = 4.0
    spec.stat.center = [0.0, 0.0, 0.3]
    spec.visual.map.znear, spec.visual.map.zfar, spec.visual.map.shadowclip = 0.01, 15.0, 2.0
