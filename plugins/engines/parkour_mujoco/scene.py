"""A task as one MuJoCo model: one robot, one course, contact sensors, solver. Imports mujoco alone."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco

from parkour.mdp.robot import RobotLayout
from parkour.tasks.resolved import ResolvedTask
from parkour_mujoco.physics import SolverSettings, add_course, robot_spec
from parkour_mujoco.robot_files import RobotFiles
from parkour_mujoco.robot_model import compile_model

FORCE = 1 << mujoco.mjtConDataField.mjCONDATA_FORCE.value
"""What a contact sensor tells."""
NET_FORCE = 3
"""How it puts several contacts together: summed up, in the world's frame."""


def scene_spec(task: ResolvedTask, files: RobotFiles) -> mujoco.MjSpec:
    """The robot, under the prefix ``robot/``, on a course, under ``course/``, with a contact sensor per geom.

    The robot has no shapes that only please the eye: their poses cost time in every world.
    """
    spec = mujoco.MjSpec()
    spec.stat.extent = 2.0
    spec.attach(robot_spec(files, task.robot, visuals=False), prefix="robot/", frame=spec.worldbody.add_frame())
    # MuJoCo Warp poses geoms anew in every step only under a mocap body; straight on the world they would stay.
    stand = spec.worldbody.add_body(name="course/mocap_base", mocap=True)
    course = mujoco.MjSpec()
    add_course(course, task.model.course.max_boxes)
    spec.attach(course, prefix="course/", frame=stand.add_frame())
    for name in files.contact_geoms:
        spec.add_sensor(
            name=sensor_name(name),
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_GEOM,
            objname=f"robot/{name}",
            intprm=[FORCE, NET_FORCE, 1],
        )
    return spec


def compile_scene(
    spec: mujoco.MjSpec, robot: RobotLayout, physics_step: float, solver: SolverSettings | None = None
) -> mujoco.MjModel:
    """The model, with its solver set; ``physics_step`` in s.

    Raises:
        EngineError: MuJoCo refuses the robot.
    """
    model = compile_model(spec, robot)
    (solver or SolverSettings()).apply(model, physics_step)
    return model


def sensor_name(geom: str) -> str:
    """Name of the contact sensor of a geom."""
    return f"contact_{geom}_force"
