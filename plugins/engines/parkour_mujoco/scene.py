"""A task as mjlab's configuration: one robot, one course, contact sensors, solver."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
from mjlab.entity import EntityCfg
from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.scene import SceneCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg
from mjlab.sim import MujocoCfg, SimulationCfg
from mjlab.viewer.viewer_config import ViewerConfig

from parkour.tasks.resolved import ResolvedTask
from parkour_mujoco.physics import SolverSettings, add_course, robot_spec
from parkour_mujoco.robot_files import RobotFiles

CONTACT_SENSOR = "contact"


def course_spec(boxes: int) -> mujoco.MjSpec:
    """A course of ``boxes`` box geoms; their poses and sizes are set per world at reset."""
    spec = mujoco.MjSpec()
    add_course(spec, boxes)
    return spec


def environment_cfg(
    task: ResolvedTask,
    files: RobotFiles,
    *,
    num_envs: int,
    seed: int,
    render: bool = False,
    solver: SolverSettings | None = None,
) -> ManagerBasedRlEnvCfg:
    """mjlab's configuration of the scene; what an episode is made of comes from the task's own MDP."""
    model = task.model
    sensor = ContactSensorCfg(
        name=CONTACT_SENSOR,
        primary=ContactMatch(mode="geom", pattern=files.contact_geoms, entity="robot"),
        fields=("force",),
        reduce="netforce",
    )
    scene = SceneCfg(
        num_envs=num_envs,
        env_spacing=0.0,
        entities={
            "robot": EntityCfg(spec_fn=lambda: robot_spec(files, task.robot, visuals=render)),
            "course": EntityCfg(spec_fn=lambda: course_spec(model.course.max_boxes)),
        },
        sensors=(sensor,),
        extent=2.0,
    )
    return ManagerBasedRlEnvCfg(
        seed=seed,
        decimation=model.timing.decimation,
        episode_length_s=model.timing.episode_length,
        scene=scene,
        events={},
        sim=_simulation_cfg(model.timing.physics_step, solver or SolverSettings()),
        viewer=_viewer_cfg(),
    )


def _simulation_cfg(physics_step: float, solver: SolverSettings) -> SimulationCfg:
    return SimulationCfg(
        nconmax=solver.contacts_per_world,
        njmax=solver.constraints_per_world,
        mujoco=MujocoCfg(
            timestep=physics_step,
            integrator="implicitfast",
            solver="newton",
            cone="pyramidal",
            iterations=solver.iterations,
            ls_iterations=solver.ls_iterations,
            tolerance=solver.tolerance,
            ls_tolerance=solver.ls_tolerance,
            ccd_iterations=solver.ccd_iterations,
            impratio=solver.impratio,
            gravity=(0.0, 0.0, -solver.gravity),
        ),
    )


def _viewer_cfg() -> ViewerConfig:
    return ViewerConfig(
        width=960,
        height=540,
        # Other environments' robots stand on other courses: only one can be drawn truthfully.
        max_extra_envs=0,
        origin_type=ViewerConfig.OriginType.ASSET_ROOT,
        entity_name="robot",
        distance=3.0,
        elevation=-20.0,
        azimuth=120.0,
    )


def sensor_name(geom: str) -> str:
    """Name that mjlab gives the contact sensor of a geom."""
    return f"{CONTACT_SENSOR}_{geom}_force"
