"""The state that terms of plugins read, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from parkour.mdp.robot import RobotLayout
from parkour.mdp.twins import TwinContacts, TwinContext, TwinGoals, TwinPreviousStep, TwinRobot
from parkour_mujoco.sim2sim.courses import Patch
from parkour_mujoco.sim2sim.world import State


class Nothing(Mapping[str, float]):
    """Of command terms beyond the forward speed 0 is asked for, whatever their names."""

    def __getitem__(self, name: str) -> float:
        return 0.0

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Contexts:
    """Makes the contexts of one episode, in the order in which :class:`parkour.mdp.task_mdp.TaskMdp` makes its own.

    Args:
        layout: of the robot.
        patch: the course.
        step_dt: control step [s].
        max_steps: control steps of an episode.
        command: [m/s].
    """

    def __init__(self, layout: RobotLayout, patch: Patch, *, step_dt: float, max_steps: int, command: float) -> None:
        self.layout, self.patch = layout, patch
        self.step_dt, self.max_steps, self.command = step_dt, max_steps, command
        self.last_force = np.zeros((layout.num_feet, 3))
        """``[F, 3]`` on each foot at the last observation [N]."""
        self.step = 0
        """Control steps since the episode's start."""
        self._default = np.array(layout.default_joint_pos)
        self._previous = TwinPreviousStep(*(np.zeros(layout.num_joints) for _ in range(3)))
        self._depth: np.ndarray | None = None

    def acted(self, state: State, torque: np.ndarray, goals: TwinGoals, action: np.ndarray) -> TwinContext:
        """After the physics of a control step: what terminations read.

        Args:
            state: now.
            torque: ``[J]`` of the last physics step [N m].
            goals: with the yaws of now.
            action: ``[J]`` that was executed, clipped.
        """
        self.step += 1
        made = self._make(state, torque, goals, action, perception=False)
        self._previous = TwinPreviousStep(state.joint_vel, torque, action)
        return made

    def observed(
        self,
        state: State,
        torque: np.ndarray,
        goals: TwinGoals,
        action: np.ndarray,
        *,
        perception: bool,
        depth: np.ndarray | None = None,
    ) -> TwinContext:
        """Before the next action: what observation groups read.

        Args:
            state: now, with the feet up to date.
            torque: ``[J]`` of the last physics step [N m].
            goals: with the yaws of the last perception step.
            action: ``[J]`` the last one, clipped.
            perception: whether the slow sensors refresh.
            depth: ``[H, W]`` a new picture [m], if there is one.
        """
        self._depth = self._depth if depth is None else depth
        made = self._make(state, torque, goals, action, perception=perception)
        self.last_force = state.foot_force
        return made

    def _make(
        self, state: State, torque: np.ndarray, goals: TwinGoals, action: np.ndarray, *, perception: bool
    ) -> TwinContext:
        robot = TwinRobot(
            base_pos=state.base_pos,
            base_quat=state.quat,
            base_lin_vel_w=state.rotation @ state.lin_vel,
            base_lin_vel_b=state.lin_vel,
            base_ang_vel_b=state.ang_vel,
            projected_gravity=-state.rotation[2],
            roll=state.roll,
            pitch=state.pitch,
            yaw=state.yaw,
            joint_pos=state.joint_pos,
            joint_vel=state.joint_vel,
            joint_torque=torque,
            feet_pos=state.feet_pos,
        )
        return TwinContext(
            robot=robot,
            contacts=TwinContacts(state.foot_force, self.last_force, state.body_force),
            previous=self._previous,
            goals=goals,
            course=self.patch,
            command=self.command,
            action=action,
            layout=self.layout,
            default_joint_pos=self._default,
            episode_step=self.step,
            max_episode_steps=self.max_steps,
            step_dt=self.step_dt,
            perception=perception,
            depth=self._depth,
            commands=Nothing(),
        )
