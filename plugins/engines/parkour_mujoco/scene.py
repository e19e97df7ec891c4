"""A task as mjlab's configuration: one robot, one course, contact sensors, solver."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco
from mjlab.entity import EntityCfg
from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.scene import SceneCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg
from mjlab.sim import MujocoCfg, SimulationCfg
from mjlab.viewer.viewer_config import ViewerConfig

from parkour.mdp.robot import RobotLayout
from parkour.tasks.resolve import ResolvedTask
from parkour_mujoco.robot_files import RobotFiles

COURSE_GROUP = 1
"""Geom group that holds the course and nothing else, so that rays can be restricted to it."""
CONTACT_SENSOR = "contact"


@dataclass(frozen=True)
class SolverSettings:
    """Held for 250 million control steps on box courses without a NaN."""

    iterations: int = 10
    ls_iterations: int = 20
    constraints_per_world: int = 220
    contacts_per_world: int = 45


def course_spec(boxes: int) -> mujoco.MjSpec:
    """A fixed body with ``boxes`` box geoms, parked far below; their poses and sizes are set per world at reset."""
    spec = mujoco.MjSpec()
    body = spec.worldbody.add_body(name="course")
    for k in range(boxes):
        body.add_geom(
            name=f"box_{k}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[0.5, 0.5, 0.5],
            pos=[0, 0, -50 - 2 * k],
            contype=0,
            conaffinity=1,
            condim=3,
            friction=[1.0, 0.005, 0.0001],
            group=COURSE_GROUP,
            rgba=[0.62, 0.60, 0.56, 1.0],
        )
    return spec


def robot_spec(files: RobotFiles, layout: RobotLayout, *, visuals: bool = True) -> mujoco.MjSpec:
    """The robot with one torque motor per joint, in canonical order: control ``j`` drives joint ``j``.

    Without ``visuals`` the shapes that only please the eye are left out: their poses cost time in every world.
    """
    spec = mujoco.MjSpec.from_file(str(files.model))
    if not visuals:
        for geom in [geom for geom in spec.geoms if geom.name not in files.collision_geoms]:
            spec.delete(geom)
    for name in layout.joints:
        motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_motor()
        spec.joint(name).armature = layout.armature
    for geom in spec.geoms:
        collides = geom.name in files.collision_geoms
        geom.contype, geom.conaffinity = int(collides), 0
        # The robot's friction, which is randomised, rules over the course's.
        geom.priority = int(collides)
        geom.condim = 3
    return spec


def environment_cfg(
    task: ResolvedTask,
    files: RobotFiles,
    *,
    num_envs: int,
    seed: int,
    render: bool = False,
    solver: SolverSettings = SolverSettings(),
) -> ManagerBasedRlEnvCfg:
    """mjlab's configuration of the scene; what an episode is made of comes from the task's own MDP."""
    model = task.model
    boxes = model.course.max_boxes
    sensor = ContactSensorCfg(
        name=CONTACT_SENSOR,
        primary=ContactMatch(mode="geom", pattern=files.contact_geoms, entity="robot"),
        fields=("force",),
        reduce="netforce",
    )
    return ManagerBasedRlEnvCfg(
        seed=seed,
        decimation=model.timing.decimation,
        episode_length_s=model.timing.episode_length,
        scene=SceneCfg(
            num_envs=num_envs,
            env_spacing=0.0,
            entities={
                "robot": EntityCfg(spec_fn=lambda: robot_spec(files, task.robot, visuals=render)),
                "course": EntityCfg(spec_fn=lambda: course_spec(boxes)),
            },
            sensors=(sensor,),
            extent=2.0,
        ),
        events={},
        sim=SimulationCfg(
            nconmax=solver.contacts_per_world,
            njmax=solver.constraints_per_world,
            mujoco=MujocoCfg(
                timestep=model.timing.physics_step,
                iterations=solver.iterations,
                ls_iterations=solver.ls_iterations,
            ),
        ),
        viewer=ViewerConfig(
            width=960,
            height=540,
            # Other environments' robots stand on other courses: only one can be drawn truthfully.
            max_extra_envs=0,
            origin_type=ViewerConfig.OriginType.ASSET_ROOT,
            entity_name="robot",
            distance=3.0,
            elevation=-20.0,
            azimuth=120.0,
        ),
    )


def sensor_name(geom: str) -> str:
    """Name that mjlab gives the contact sensor of a geom."""
    return f"{CONTACT_SENSOR}_{geom}_force"
