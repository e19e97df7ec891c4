"""What is in a robot's model. Imports mujoco alone."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco

from parkour.engines.robot_facts import BodyFacts, JointFacts, RobotFacts, Vector
from parkour.tasks.resolved import ResolvedTask
from parkour_mujoco.robot_files import load_robot_files
from parkour_mujoco.robot_model import compile_model, read_model


def robot_facts(task: ResolvedTask) -> RobotFacts:
    """See :meth:`parkour.engines.robot_facts.EngineWithRobotFacts.robot_facts`."""
    layout = task.robot
    files = load_robot_files(task.robot_folder, layout, task.make_robot_model)
    model = compile_model(read_model(files, layout), layout)
    data = mujoco.MjData(model)
    free = model.joint(int(model.body(files.base_body).jntadr[0]))
    start = int(free.qposadr[0])
    data.qpos[start : start + 7] = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    for name, angle in zip(layout.joints, layout.default_joint_pos, strict=True):
        data.qpos[int(model.joint(name).qposadr[0])] = angle
    mujoco.mj_kinematics(model, data)
    return RobotFacts(
        joints={name: _joint(model, data, name) for name in layout.joints},
        bodies={
            model.body(i).name: BodyFacts(float(model.body_mass[i]), _vector(data.xipos[i]))
            for i in range(1, model.nbody)
        },
        feet={
            foot: (_vector(data.geom_xpos[model.geom(geom).id]), float(model.geom(geom).size[0]))
            for foot, geom in zip(layout.feet, files.foot_geoms, strict=True)
        },
        unnamed_shapes=tuple(
            model.geom(i).name or f"number {i}, without a name"
            for i in range(model.ngeom)
            if (model.geom_contype[i] or model.geom_conaffinity[i]) and model.geom(i).name not in files.collision_geoms
        ),
    )


def _joint(model: mujoco.MjModel, data: mujoco.MjData, name: str) -> JointFacts:
    joint = model.joint(name)
    limits = (float(joint.range[0]), float(joint.range[1])) if joint.limited[0] else None
    return JointFacts(_vector(data.xanchor[joint.id]), _vector(data.xaxis[joint.id]), limits)


def _vector(values: Any) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
