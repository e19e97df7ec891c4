"""One robot on one course in C MuJoCo."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from parkour.mdp.robot import RobotLayout
from parkour.tasks.sections import Camera
from parkour.terrain.palette import height_colours
from parkour_mujoco.physics import SolverSettings, add_course, robot_spec
from parkour_mujoco.robot_files import RobotFiles
from parkour_mujoco.robot_model import compile_model
from parkour_mujoco.sim2sim.depth import mount
from parkour_mujoco.sim2sim.motors import Motors


@dataclass(frozen=True)
class State:
    """A robot, in canonical order and the patch's frame."""

    base_pos: np.ndarray
    """``[3]`` [m]."""
    quat: np.ndarray
    """``[4]`` (w, x, y, z)."""
    rotation: np.ndarray
    """``[3, 3]`` columns are the base's axes."""
    lin_vel: np.ndarray
    """``[3]`` of the base, in its own frame [m/s]."""
    ang_vel: np.ndarray
    """``[3]`` of the base, in its own frame [rad/s]."""
    roll: float
    pitch: float
    yaw: float
    """[rad]"""
    joint_pos: np.ndarray
    """``[J]`` [rad]."""
    joint_vel: np.ndarray
    """``[J]`` [rad/s]."""
    feet_pos: np.ndarray
    """``[F, 3]`` [m]."""
    foot_force: np.ndarray
    """``[F, 3]`` net contact force on each foot [N]."""
    body_force: np.ndarray
    """``[B, 3]`` the same on each watched body [N]."""

    @property
    def finite(self) -> bool:
        """Whether the physics is in order."""
        parts = (self.base_pos, self.rotation, self.joint_pos, self.joint_vel)
        return all(bool(np.isfinite(part).all()) for part in parts)


class World:
    """A course's boxes and the robot, compiled into one model.

    Args:
        files: the robot's model.
        layout: its names and constants.
        boxes: ``[K, 10]`` centre, quaternion (w, x, y, z), half extents.
        timestep: physics step [s].
        solver: how contacts are solved; the task's.
        friction: sliding friction of the robot's shapes; the model's own when None.
        visuals: keep the shapes that only please the eye.
        camera: put this depth camera on the robot.
    """

    def __init__(
        self,
        files: RobotFiles,
        layout: RobotLayout,
        boxes: np.ndarray,
        *,
        timestep: float,
        solver: SolverSettings,
        friction: float | None = None,
        visuals: bool = False,
        camera: Camera | None = None,
    ) -> None:
        self.layout = layout
        self.model = _compile(files, layout, boxes, visuals, camera)
        solver.apply(self.model, timestep)
        if friction is not None:
            for name in files.collision_geoms:
                self.model.geom(name).friction[0] = friction
        self.data = mujoco.MjData(self.model)
        self.motors = Motors(layout)
        self.torque = np.zeros(layout.num_joints)
        """``[J]`` given in the last physics step [N m]."""
        joints = [self.model.joint(name) for name in layout.joints]
        self._q = np.array([int(joint.qposadr[0]) for joint in joints])
        self._v = np.array([int(joint.dofadr[0]) for joint in joints])
        base = self.model.body(files.base_body)
        self.base_body = int(base.id)
        free = self.model.joint(int(base.jntadr[0]))
        self._base_q, self._base_v = int(free.qposadr[0]), int(free.dofadr[0])
        self._feet = np.array([self.model.geom(name).id for name in files.foot_geoms])
        parts = ((name,) for name in files.foot_geoms), files.body_geoms
        owners = [names for group in parts for names in group]
        self._owner = {int(self.model.geom(name).id): index for index, names in enumerate(owners) for name in names}
        """Feet, then watched bodies, by the shapes that they own."""
        self._owners = len(owners)

    def place(self, base_pos: np.ndarray, joint_pos: np.ndarray) -> State:
        """The robot at rest and upright, facing +x."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self._base_q : self._base_q + 3] = base_pos
        self.data.qpos[self._base_q + 3 : self._base_q + 7] = (1.0, 0.0, 0.0, 0.0)
        self.data.qpos[self._q] = joint_pos
        self.torque = np.zeros(self.layout.num_joints)
        return self.settle()

    def hold(self, target: np.ndarray, steps: int) -> State:
        """Drive the joints to ``target`` ``[J]`` [rad] for ``steps`` physics steps.

        The state's forces and feet are those of the last step's beginning, as in the batched engine.
        """
        for _ in range(steps):
            self.torque = self.motors.torque(target, *self.joints())
            self.data.ctrl[:] = self.torque
            mujoco.mj_step(self.model, self.data)
        return self.state()

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [rad] and velocities [rad/s] ``[J]``."""
        return self.data.qpos[self._q], self.data.qvel[self._v]

    def pin(self, base_pos: np.ndarray) -> None:
        """Hold the base in the air, upright and at rest; the joints are free."""
        self.data.qpos[self._base_q : self._base_q + 3] = base_pos
        self.data.qpos[self._base_q + 3 : self._base_q + 7] = (1.0, 0.0, 0.0, 0.0)
        self.data.qvel[self._base_v : self._base_v + 6] = 0.0

    def settle(self) -> State:
        """The state with feet and camera up to date; forces are the last physics step's, as in the batched engine."""
        for part in (mujoco.mj_kinematics, mujoco.mj_comPos, mujoco.mj_camlight):
            part(self.model, self.data)
        return self.state()

    def state(self) -> State:
        """What the robot is like now."""
        data = self.data
        pose, vel = data.qpos[self._base_q : self._base_q + 7], data.qvel[self._base_v : self._base_v + 6]
        rotation, forces = _rotation(pose[3:]), self._forces()
        return State(
            base_pos=pose[:3].copy(),
            quat=pose[3:].copy(),
            rotation=rotation,
            lin_vel=rotation.T @ vel[:3],
            ang_vel=vel[3:].copy(),
            roll=float(np.arctan2(rotation[2, 1], rotation[2, 2])),
            pitch=float(np.arcsin(np.clip(-rotation[2, 0], -1.0, 1.0))),
            yaw=float(np.arctan2(rotation[1, 0], rotation[0, 0])),
            joint_pos=data.qpos[self._q].copy(),
            joint_vel=data.qvel[self._v].copy(),
            feet_pos=data.geom_xpos[self._feet].copy(),
            foot_force=forces[: len(self._feet)],
            body_force=forces[len(self._feet) :],
        )

    def _forces(self) -> np.ndarray:
        """``[F + B, 3]`` sums over the contacts; MuJoCo's contact force acts on the second of the two shapes."""
        forces = np.zeros((self._owners, 3))
        wrench = np.zeros(6)
        for index in range(self.data.ncon):
            contact = self.data.contact[index]
            for geom, sign in ((int(contact.geom[0]), -1.0), (int(contact.geom[1]), 1.0)):
                if geom in self._owner:
                    mujoco.mj_contactForce(self.model, self.data, index, wrench)
                    forces[self._owner[geom]] += sign * (contact.frame.reshape(3, 3).T @ wrench[:3])
        return forces


def _compile(
    files: RobotFiles, layout: RobotLayout, boxes: np.ndarray, visuals: bool, camera: Camera | None
) -> mujoco.MjModel:
    spec = robot_spec(files, layout, visuals=visuals)
    rows = boxes.astype(np.float64)
    for geom, row, colour in zip(
        add_course(spec, len(boxes)), rows, height_colours(rows[:, 2] + rows[:, 9]) / 255.0, strict=True
    ):
        geom.pos, geom.quat, geom.size = row[:3], row[3:7], row[7:]
        geom.rgba = [*colour, 1.0]
    if camera is not None:
        mount(spec, files.base_body, camera)
    if visuals:
        _decorate(spec)
    return compile_model(spec, layout)


def _decorate(spec: mujoco.MjSpec) -> None:
    """Light and sky for pictures."""
    spec.worldbody.add_light(
        pos=[5, -5, 8], dir=[-0.3, 0.4, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, castshadow=True
    )
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.75, 0.82, 0.9],
        rgb2=[0.95, 0.96, 0.97],
        width=256,
        height=256,
    )
    spec.visual.headlight.ambient = [0.35, 0.35, 0.35]
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 960, 540


def _rotation(quat: np.ndarray) -> np.ndarray:
    """``[3, 3]`` of a quaternion (w, x, y, z)."""
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, quat / np.linalg.norm(quat))
    return matrix.reshape(3, 3)
