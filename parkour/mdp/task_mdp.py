"""The Markov decision process of a task, apart from physics.

An engine owns the simulator and calls, in this order:

1. :meth:`TaskMdp.startup` once, then a reset of all environments;
2. in every control step, after the physics: :meth:`TaskMdp.advance`, which says who is done and what they earned;
   :meth:`TaskMdp.disturb` (interval events); for those that are done :meth:`TaskMdp.next_course`, whose boxes the
   simulator is shown, and :meth:`TaskMdp.reset`; and, when the simulator's state is up to date again,
   :meth:`TaskMdp.observe`.

The same object serves training, evaluation and play on every engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from parkour.mdp.camera import DepthCamera
from parkour.mdp.clock import Clock
from parkour.mdp.command import CommandSet
from parkour.mdp.context import Contacts, GoalState, PreviousStep, Privileged, StepContext
from parkour.mdp.drive import Drive
from parkour.mdp.episode_ends import ended_episodes, record_ends
from parkour.mdp.events import SimHandle
from parkour.mdp.goals import GoalTracker
from parkour.mdp.heading import HeadingCommand
from parkour.mdp.measurement import Measurement
from parkour.mdp.observations import ObservationSet
from parkour.mdp.randomization import EventSet
from parkour.mdp.rewards import RewardSet
from parkour.mdp.robot import RobotLayout
from parkour.mdp.statistics import EpisodeStatistics
from parkour.mdp.terminations import TerminationSet
from parkour.terrain.curriculum import Curriculum, EndedEpisodes
from parkour.terrain.library import CourseState


class TaskMdp:
    """See the module's text. Tensors have ``num_envs`` rows and live on ``device``."""

    def __init__(
        self,
        *,
        num_envs: int,
        device: str,
        layout: RobotLayout,
        clock: Clock,
        course: CourseState,
        goals: GoalTracker,
        command: CommandSet,
        rewards: RewardSet,
        terminations: TerminationSet,
        observations: ObservationSet,
        events: EventSet,
        statistics: EpisodeStatistics,
        curriculum: Curriculum | None,
        camera: DepthCamera | None = None,
        heading: HeadingCommand | None = None,
    ) -> None:
        self.num_envs, self.device, self.layout, self.clock = num_envs, device, layout, clock
        self.course, self.goals, self.command = course, goals, command
        self.rewards, self.terminations, self.observations = rewards, terminations, observations
        self.events, self.statistics, self.curriculum = events, statistics, curriculum
        self.camera, self.heading = camera, heading
        joints, feet = layout.num_joints, layout.num_feet
        self.default_joint_pos = torch.tensor(layout.default_joint_pos, device=device)
        self.privileged = Privileged.nominal(num_envs, joints, device)
        # In one place: it is written at once, and blanked at once where an episode begins.
        self._last_step = torch.zeros(num_envs, 4, joints, device=device)
        *previous, self.action = self._last_step.unbind(1)
        self.previous = PreviousStep(*previous)
        self.previous_foot_force = torch.zeros(num_envs, feet, 3, device=device)
        self.broken = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self.unfit = torch.zeros(num_envs, dtype=torch.bool, device=device)
        """``[N]`` whose action at this control step was not finite; written in place. Such a robot is broken."""
        self.context: StepContext | None = None
        """The state that the last terminations and rewards, or observations, were computed from."""
        self.monitor: Callable[[StepContext, Tensor, Tensor], None] | None = None
        """Told of every step by :meth:`advance`, before any reset: the context, done ``[N]`` and reward ``[N]``."""
        self.choose_levels: Callable[[Tensor], Tensor] | None = None
        """In place of the curriculum: levels ``[M]`` for next episodes of environments ``[M]`` int64, taken up by those
        that ended."""
        self.drive: Drive | None = None
        """Somebody's speed and heading, in place of the drawn command and the yaws to the way points."""
        self.refreshed: Tensor | None = None
        """``[M]`` int64: environments whose slow sensors the last :meth:`observe` refreshed; None: all of them, and
        always without a camera.

        How many they are is known without asking the device, unlike with ``StepContext.perception``.
        """
        self._everyone = torch.arange(num_envs, device=device)
        self._nobody = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self._begun = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self._lived = torch.zeros(num_envs, dtype=torch.int64, device=device)
        """``[N]`` control steps that were really taken since each episode's start."""
        self._steps = 0

    # -- called by the engine ------------------------------------------------------------------------------------

    def startup(self, sim: SimHandle) -> None:
        """Draw what stays the same for the life of an environment."""
        self.events.startup(sim)

    def receive(self, actions: Tensor) -> Tensor:
        """``[N, J]`` actions without NaN and infinity: whose are not finite stand for zeros, and break in this step.

        A clamp lets NaN pass, and a simulator that is given it has no state any more.
        """
        finite = torch.nan_to_num(actions, nan=0.0, posinf=0.0, neginf=0.0)
        self.unfit |= (finite != actions).any(dim=-1)
        return finite

    def advance(self, seen: Measurement, action: Tensor, episode_step: Tensor) -> tuple[Tensor, Tensor]:
        """After the physics of a control step.

        Args:
            seen: the state now.
            action: ``[N, J]`` the action that was executed, clipped.
            episode_step: ``[N]`` int64, this step included.

        Returns:
            ``[N]`` bool: done; ``[N]`` reward. How each ended is in :attr:`terminations`.
        """
        self._steps += 1
        self._lived += 1
        robot = seen.robot
        measured = torch.cat([robot.base_pos, robot.base_quat, robot.joint_pos, robot.joint_vel], dim=-1)
        # Of numbers among which one is NaN the greatest is NaN too, and not less than anything.
        self.broken = ~(torch.linalg.vector_norm(measured, math.inf, dim=-1) < math.inf) | self.unfit
        self.goals.advance(robot.base_pos[:, :2], self.course.goals, self.course.goal_count, self.clock.step_dt)
        goals = self.goals.state(robot.base_pos[:, :2], robot.yaw, self.course.goals, self.course.goal_count)
        self.context = ctx = self._context(seen, goals, episode_step, self._nobody, action)
        done = self.terminations.compute(ctx, self.broken)
        reward = self.rewards.compute(ctx, self.broken)
        if self.monitor is not None:
            self.monitor(ctx, done, reward)
        torch.stack([robot.joint_vel, robot.joint_torque, action, action], dim=1, out=self._last_step)
        self.statistics.add_unfit(self.unfit)
        self.unfit.zero_()
        return done, reward

    @property
    def is_perception_step(self) -> bool:
        """Whether the slow sensors of all environments refresh at this step."""
        return self._steps % self.clock.perception_period == 0

    def disturb(self, sim: SimHandle) -> None:
        """Run the interval events that are due."""
        self.events.step(sim)

    def reset(self, sim: SimHandle, which: Tensor) -> None:
        """Begin new episodes on the courses that :meth:`next_course` chose: forget, and let events place the robots.

        Args:
            sim: the simulator. Given a mask, it is asked to place all robots, and writes only those that begin.
            which: ``[N]`` bool, or ``[M]`` int64. A mask causes no host sync.
        """
        begun = self._mask(which)
        for part in (self.rewards, self.terminations, self.observations, self.goals):
            part.reset(begun)
        if self.camera is not None:
            self._begun |= begun
        self._lived.masked_fill_(begun, 0)
        self._last_step.masked_fill_(begun[:, None, None], 0.0)
        # A new tensor, not in place: whoever looks at a step afterwards still has what was before it.
        self.previous_foot_force = self.previous_foot_force.masked_fill(begun[:, None, None], 0.0)
        self.events.reset(sim, self._everyone if which.dtype is torch.bool else which)

    def next_course(self, which: Tensor, episode_step: Tensor, *, ended: bool) -> Tensor:
        """Count the episodes that end and choose the next patch of each.

        Args:
            which: ``[N]`` bool, or ``[M]`` int64. A mask causes no host sync.
            episode_step: ``[N]`` int64.
            ended: whether these episodes came to an end (:meth:`advance` said so); False where somebody breaks them
                off or none has been yet: then nothing is counted and levels stay. Nor is an episode counted that began
                at a later ``episode_step`` than 0.

        Returns:
            Boxes of the patches, centre, quaternion, half extents: ``[N, K, 10]`` of all, new where the mask is set,
            or ``[M, K, 10]`` of those asked for.
        """
        if ended:
            begun = self._mask(which)
            # Training begins with episodes of random age, so that they do not all end at once. Those say nothing of
            # the policy: they are cut short, and by the distance walked they would lose a level.
            whole = begun & (self._lived == episode_step)
            self._record(whole, episode_step, self.broken & begun)
            if self.choose_levels is not None:
                self.course.set_levels(begun, self.choose_levels(self._everyone))
            elif self.curriculum is not None:
                self.course.set_levels(whole, self.curriculum(self._ended(whole)))
        return self.course.boxes(None if which.dtype is torch.bool else which)

    def observe(self, seen: Measurement, episode_step: Tensor, pictures: Tensor | None = None) -> dict[str, Tensor]:
        """The observation groups, from a state that is up to date for every environment.

        Args:
            seen: that state.
            episode_step: ``[N]`` int64.
            pictures: ``[C]`` int64, each once: who takes a picture though it is no perception step, and padding; where
                the observations take it. :attr:`refreshed` is the caller's to set then. When None, the device is asked
                who began, a host sync.
        """
        perception = episode_step == 0
        padded = False
        if self.is_perception_step:
            perception = torch.ones_like(perception)
            self.refreshed = None
        elif self.camera is not None:
            # Only the host can make as few pictures as are due.
            padded = pictures is not None
            self.refreshed = self._begun.nonzero().squeeze(-1) if pictures is None else pictures
        if self.camera is not None:
            self._begun.zero_()
        self.command.update(episode_step)
        robot = seen.robot
        goals = self.goals.state(robot.base_pos[:, :2], robot.yaw, self.course.goals, self.course.goal_count)
        if self.heading is not None:
            goals = self.heading.aim(goals, robot.yaw, episode_step)
        if self.drive is not None:
            self.command.speed = self.drive.speed.clone()
            goals = self.drive.aim(goals, robot.yaw, episode_step == 0)
        goals = self.goals.hold(goals, perception)
        self.context = ctx = self._context(seen, goals, episode_step, perception, self.action)
        if self.camera is not None:
            ctx.padded = padded
            ctx.depth_ids = self.camera.update(robot, self.course, self.refreshed, perception if padded else None)
        self.previous_foot_force = seen.foot_force.clone()
        return self.observations.compute(ctx)

    # -- called by the runner ------------------------------------------------------------------------------------

    def drain_statistics(self) -> dict[str, Tensor]:
        """Means over the episodes that ended since the last call; scalars on the device."""
        return self.statistics.drain(self.course.mean_levels(), self.course.terrain) | self.rewards.drain_not_finite()

    def state_dict(self) -> dict[str, object]:
        """What a checkpoint keeps of the environment: levels, and what the curriculum remembers."""
        remembered = {} if self.curriculum is None else self.curriculum.state_dict()
        return {"course": self.course.state_dict(), **({"curriculum": remembered} if remembered else {})}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Takes up :meth:`state_dict`. Reset all environments afterwards: they stand on their old courses."""
        self.course.load_state_dict(state["course"])  # type: ignore[arg-type]
        if self.curriculum is not None:
            self.curriculum.load_state_dict(state.get("curriculum", {}))  # type: ignore[arg-type]

    def restart(self, seed: int) -> None:
        """As at the beginning: levels drawn anew, times counted from 0. Reset all environments afterwards.

        What is drawn once in the life of an environment (:meth:`startup`) stays.
        """
        self.course.restart(seed)
        self.events.restart()
        self._steps = 0

    # -- details -------------------------------------------------------------------------------------------------

    def _context(
        self, seen: Measurement, goals: GoalState, episode_step: Tensor, perception: Tensor, action: Tensor
    ) -> StepContext:
        return StepContext(
            robot=seen.robot,
            contacts=Contacts(seen.foot_force, self.previous_foot_force, seen.body_force),
            previous=self.previous,
            goals=goals,
            course=self.course,
            privileged=self.privileged,
            command=self.command.speed,
            action=action,
            layout=self.layout,
            default_joint_pos=self.default_joint_pos,
            episode_step=episode_step,
            max_episode_steps=self.clock.max_episode_steps,
            step_dt=self.clock.step_dt,
            perception=perception,
            commands=self.command.values,
            depth=None if self.camera is None else self.camera.depth,
        )

    def _record(self, ended: Tensor, episode_step: Tensor, broken: Tensor) -> None:
        record_ends(
            self.statistics, ended, episode_step, broken,
            course=self.course, goals=self.goals, terminations=self.terminations, rewards=self.rewards,
        )  # fmt: skip

    def _ended(self, ended: Tensor) -> EndedEpisodes:
        assert self.context is not None
        return ended_episodes(
            ended, self.context.robot.base_pos, self.command.speed,
            course=self.course, goals=self.goals, terminations=self.terminations, clock=self.clock,
        )  # fmt: skip

    def _mask(self, which: Tensor) -> Tensor:
        """``[N]`` bool of a mask or of indices."""
        if which.dtype is torch.bool:
            return which
        return torch.zeros_like(self._begun).index_fill_(0, which, True)
