"""From a resolved task to its running parts."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch

from parkour.mdp.command import SpeedCommand
from parkour.mdp.goals import GoalTracker
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.mdp.randomisation import EventSet, TimedEvent
from parkour.mdp.rewards import RewardSet, WeightedTerm
from parkour.mdp.statistics import EpisodeStatistics
from parkour.mdp.task_mdp import Clock, TaskMdp
from parkour.mdp.terminations import OutcomeTerm, TerminationSet
from parkour.specs import EventSpec, TerminationSpec, TerrainSpec
from parkour.tasks.resolve import ResolvedComponent, ResolvedTask
from parkour.terrain.field import FieldTerrain, TerrainField, build_field
from parkour.terrain.library import CourseLibrary, CourseState


def build_terrain(task: ResolvedTask, seed: int) -> TerrainField:
    """The task's field of patches, reproducible from the seed."""
    uses = task.model.terrains
    terrains = {
        key: FieldTerrain(
            part.target, part.params, uses[key].share, isinstance(part.spec, TerrainSpec) and part.spec.flat
        )
        for key, part in task.terrains.items()
    }
    return build_field(task.model.course, terrains, seed)


def build_mdp(task: ResolvedTask, *, num_envs: int, device: str, seed: int) -> TaskMdp:
    """Everything of a task but the physics, for ``num_envs`` environments on ``device``.

    Raises:
        TerrainError: a generator breaks its contract.
        PluginError: a term cannot be made with its parameters.
    """
    model = task.model
    library = CourseLibrary(build_terrain(task, seed), device)
    course = CourseState(library, num_envs, model.course.start_levels, torch.Generator(device).manual_seed(seed))
    make = _Factory(task, num_envs, device)
    return TaskMdp(
        num_envs=num_envs,
        device=device,
        layout=task.robot,
        clock=Clock(model.step_dt, model.max_episode_steps, model.timing.perception_period),
        course=course,
        goals=GoalTracker(num_envs, device, radius=model.goals.radius, dwell=model.goals.dwell),
        command=make.command(),
        rewards=make.rewards(),
        terminations=make.terminations(),
        observations=make.observations(),
        events=make.events(),
        statistics=EpisodeStatistics(
            tuple(task.terrains),
            tuple(task.rewards),
            tuple(task.terminations),
            device,
            episode_length=model.timing.episode_length,
        ),
        curriculum=model.course.curriculum,
    )


class _Factory:
    """Makes the sets of terms of one task."""

    def __init__(self, task: ResolvedTask, num_envs: int, device: str) -> None:
        self.task, self.num_envs, self.device = task, num_envs, device

    def command(self) -> SpeedCommand:
        command, dt = self.task.model.command, self.task.model.step_dt
        steps = None if command.resample == "never" else max(1, round(command.resample / dt))
        return SpeedCommand(
            self.num_envs, self.device, speed=command.speed, resample_steps=steps, deadband=command.deadband
        )

    def rewards(self) -> RewardSet:
        uses = self.task.model.rewards
        terms = {
            key: WeightedTerm(self._term(part), uses[key].weight, self._call_kwargs(part))
            for key, part in self.task.rewards.items()
        }
        return RewardSet(
            terms,
            self.num_envs,
            self.device,
            step_dt=self.task.model.step_dt,
            clip_at_zero=self.task.model.clip_reward_at_zero,
        )

    def terminations(self) -> TerminationSet:
        terms = {}
        for key, part in self.task.terminations.items():
            assert isinstance(part.spec, TerminationSpec)
            terms[key] = OutcomeTerm(self._term(part), part.spec.outcome, self._call_kwargs(part))
        return TerminationSet(terms, self.num_envs, self.device)

    def observations(self) -> ObservationSet:
        uses = self.task.model.observations
        return ObservationSet(
            {
                key: ClippedGroup(
                    part.target(self.num_envs, self.device, self.task.robot, **part.kwargs), uses[key].clip
                )
                for key, part in self.task.observations.items()
            }
        )

    def events(self) -> EventSet:
        uses, dt = self.task.model.events, self.task.model.step_dt
        events = {}
        for key, part in self.task.events.items():
            assert isinstance(part.spec, EventSpec)
            interval = uses[key].interval
            steps = max(1, round(interval / dt)) if interval else 0
            events[key] = TimedEvent(part.target, part.spec.mode, part.kwargs, steps)
        return EventSet(events, self.num_envs, self.device)

    def _term(self, part: ResolvedComponent) -> Any:
        """Functions are terms as they are; classes are made once, with their parameters."""
        if inspect.isclass(part.target):
            return cast("type[Any]", part.target)(self.num_envs, self.device, self.task.robot, **part.kwargs)
        return part.target

    def _call_kwargs(self, part: ResolvedComponent) -> dict[str, Any]:
        return {} if inspect.isclass(part.target) else part.kwargs
