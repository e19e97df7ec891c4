"""A task as Isaac Lab's own configuration: robot, terrain, contact sensor, physics, and the managers' terms."""

# Isaac Lab is there only where this engine runs; its configuration classes are made by a decorator.
# pyright: reportMissingImports=false, reportAssignmentType=false, reportCallIssue=false

from __future__ import annotations

from dataclasses import MISSING

import isaaclab.sim as sim_utils
from isaaclab.assets import ArticulationCfg, AssetBaseCfg
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.managers import (
    ActionTermCfg,
    CommandTermCfg,
    CurriculumTermCfg,
    EventTermCfg,
    ObservationGroupCfg,
    ObservationTermCfg,
    RewardTermCfg,
    TerminationTermCfg,
)
from isaaclab.physics import PhysicsCfg
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sensors import ContactSensorCfg
from isaaclab.sim import SimulationCfg
from isaaclab.terrains import TerrainGeneratorCfg, TerrainImporterCfg
from isaaclab.utils import configclass

from parkour.tasks.resolved import ResolvedTask
from parkour_isaaclab import terms
from parkour_isaaclab.backends.backend import Backend
from parkour_isaaclab.course import CourseGenerator
from parkour_isaaclab.motors import motor_cfgs
from parkour_isaaclab.robot import find_robot
from parkour_isaaclab.tasks import hold_task

SOLVER_ITERATIONS = (4, 1)
"""Iterations of PhysX's solver on positions and on velocities."""


@configclass
class TaskCommandCfg(CommandTermCfg):
    """See :class:`parkour_isaaclab.terms.TaskCommand`."""

    class_type: type = terms.TaskCommand
    resampling_time_range: tuple[float, float] = (0.0, 0.0)
    task: str = MISSING
    """Name of a held task."""


@configclass
class JointTargetActionCfg(ActionTermCfg):
    """See :class:`parkour_isaaclab.terms.JointTargetAction`."""

    class_type: type = terms.JointTargetAction
    scale: float = MISSING
    """Position per unit of action [rad]."""
    clip_at: float = MISSING
    """Actions are clipped to ± this."""
    delay: int | tuple[int, int] = 0
    """Control steps by which actions come late."""


@configclass
class CourseGeneratorCfg(TerrainGeneratorCfg):
    """See :class:`parkour_isaaclab.course.CourseGenerator`."""

    class_type: type = CourseGenerator
    task: str = MISSING
    """Name of a held task."""


@configclass
class ParkourSceneCfg(InteractiveSceneCfg):
    """The scene of every task."""

    terrain: TerrainImporterCfg = MISSING
    robot: ArticulationCfg = MISSING
    contacts: ContactSensorCfg = ContactSensorCfg(
        prim_path="{ENV_REGEX_NS}/Robot/[^/]*", history_length=0, update_period=0.0, track_air_time=False
    )
    light: AssetBaseCfg = AssetBaseCfg(prim_path="/World/light", spawn=sim_utils.DomeLightCfg(intensity=750.0))


@configclass
class CommandsCfg:
    """The one command term."""

    task: TaskCommandCfg = MISSING


@configclass
class ActionsCfg:
    """The one action term."""

    joints: JointTargetActionCfg = MISSING


@configclass
class ParkourEnvCfg(ManagerBasedRLEnvCfg):
    """Isaac Lab's configuration of a task; made by :func:`environment_cfg`."""

    scene: ParkourSceneCfg = MISSING
    observations: dict[str, ObservationGroupCfg] = MISSING
    actions: ActionsCfg = MISSING
    events: dict[str, EventTermCfg] = MISSING
    rewards: dict[str, RewardTermCfg] = MISSING
    terminations: dict[str, TerminationTermCfg] = MISSING
    curriculum: dict[str, CurriculumTermCfg] = MISSING
    commands: CommandsCfg = MISSING


def environment_cfg(task: ResolvedTask, backend: Backend, *, num_envs: int, device: str, seed: int) -> ParkourEnvCfg:
    """The configuration of ``num_envs`` environments of a task.

    Raises:
        EngineError: there is no USD file of the robot.
    """
    model, name = task.model, hold_task(task)
    control, timing = model.control, model.timing
    end = lambda outcome: TerminationTermCfg(  # noqa: E731
        func=terms.task_ended, params={"outcome": outcome}, time_out=True
    )
    return ParkourEnvCfg(
        seed=seed,
        decimation=timing.decimation,
        episode_length_s=timing.episode_length,
        sim=_simulation_cfg(task, backend.physics_cfg(num_envs), device),
        scene=_scene_cfg(task, name, num_envs, seed),
        commands=CommandsCfg(task=TaskCommandCfg(task=name)),
        actions=ActionsCfg(
            joints=JointTargetActionCfg(
                asset_name="robot",
                scale=control.action_scale,
                clip_at=control.action_clip,
                delay=control.action_delay,
            )
        ),
        observations={group: _group_cfg(group) for group in task.observations},
        rewards={"task": RewardTermCfg(func=terms.task_reward, weight=1.0)},
        terminations={
            "failed": TerminationTermCfg(func=terms.task_failed),
            "succeeded": end("succeeded"),
            "timed_out": end("timed_out"),
        },
        curriculum={"course": CurriculumTermCfg(func=terms.task_course)},
        events={
            "startup": EventTermCfg(func=terms.task_startup, mode="startup"),
            "reset": EventTermCfg(func=terms.task_reset, mode="reset"),
        },
    )


def _simulation_cfg(task: ResolvedTask, physics: PhysicsCfg, device: str) -> SimulationCfg:
    timing = task.model.timing
    return SimulationCfg(
        device=device,
        dt=timing.physics_step,
        render_interval=timing.decimation,
        physics_material=_course_material(),
        physics=physics,
    )


def _course_material() -> sim_utils.RigidBodyMaterialCfg:
    """Friction 1 that is multiplied by the robot's, which is randomized: so the robot's is what counts.

    A backend that does not multiply sees to that itself (:meth:`Backend.settle_course`).
    """
    return sim_utils.RigidBodyMaterialCfg(
        static_friction=1.0,
        dynamic_friction=1.0,
        restitution=0.0,
        friction_combine_mode="multiply",
        restitution_combine_mode="multiply",
    )


def _scene_cfg(task: ResolvedTask, name: str, num_envs: int, seed: int) -> ParkourSceneCfg:
    course = task.model.course
    terrain = TerrainImporterCfg(
        prim_path="/World/ground",
        terrain_type="generator",
        terrain_generator=CourseGeneratorCfg(
            task=name, seed=seed, size=(0.0, 0.0), num_rows=course.levels, num_cols=course.columns, sub_terrains={}
        ),
        collision_group=-1,
        physics_material=_course_material(),
        visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.62, 0.60, 0.56)),
    )
    return ParkourSceneCfg(num_envs=num_envs, env_spacing=2.5, terrain=terrain, robot=_robot_cfg(task))


def _robot_cfg(task: ResolvedTask) -> ArticulationCfg:
    layout = task.robot
    robot = find_robot(task)
    position, velocity = SOLVER_ITERATIONS
    return ArticulationCfg(
        prim_path="{ENV_REGEX_NS}/Robot",
        spawn=sim_utils.UsdFileCfg(
            usd_path=str(robot.usd),
            activate_contact_sensors=True,
            rigid_props=sim_utils.RigidBodyPropertiesCfg(
                disable_gravity=False,
                linear_damping=0.0,
                angular_damping=0.0,
                max_linear_velocity=1000.0,
                max_angular_velocity=1000.0,
                max_depenetration_velocity=1.0,
            ),
            articulation_props=sim_utils.ArticulationRootPropertiesCfg(
                enabled_self_collisions=robot.self_collision,
                solver_position_iteration_count=position,
                solver_velocity_iteration_count=velocity,
            ),
        ),
        init_state=ArticulationCfg.InitialStateCfg(
            pos=(0.0, 0.0, layout.base_height),
            joint_pos=dict(zip(layout.joints, layout.default_joint_pos, strict=True)),
            joint_vel={".*": 0.0},
        ),
        actuators=motor_cfgs(layout),
    )


def _group_cfg(name: str) -> ObservationGroupCfg:
    """One group of the task as one term: what it is made of, noise and bounds are the task's."""
    group = ObservationGroupCfg(concatenate_terms=True, enable_corruption=False)
    group.task = ObservationTermCfg(func=terms.task_observation, params={"group": name})
    return group
