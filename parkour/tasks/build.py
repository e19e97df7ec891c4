"""From a resolved task to its running parts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import torch

from parkour.errors import PluginError
from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.mdp.clock import Clock
from parkour.mdp.command import CommandSet, CommandTerm
from parkour.mdp.goals import GoalTracker
from parkour.mdp.heading import HeadingCommand
from parkour.mdp.modifiers import EpisodeChance, ModifierChain, NoiseRamp
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.mdp.randomization import EventSet, TimedEvent
from parkour.mdp.rewards import RewardSet, WeightedTerm
from parkour.mdp.robot import RobotLayout
from parkour.mdp.statistics import EpisodeStatistics
from parkour.mdp.task_mdp import TaskMdp
from parkour.mdp.terminations import OutcomeTerm, TerminationSet
from parkour.mdp.terms import ObservationTerm, RawObservationTerm
from parkour.specs import EventSpec, ObservationField, ObservationSpec, TerminationSpec, TerrainSpec
from parkour.tasks.names import FORWARD
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask
from parkour.terrain.curriculum import Curriculum
from parkour.terrain.field import FieldTerrain, TerrainField, build_field
from parkour.terrain.library import CourseLibrary, CourseState
from parkour.terrain.rays import RayCaster

Layout = Mapping[str, tuple[ObservationField, ...]]
"""Fields of each observation group, in the task's order."""


_last_field: list[tuple[Any, TerrainField]] = []
"""The field that was built last, and from what: a policy is scored many times on the same courses."""


def build_terrain(task: ResolvedTask, seed: int) -> TerrainField:
    """The task's field of patches, reproducible from the seed; not to be changed, as others may be given the same."""
    uses = task.model.terrains
    terrains: dict[str, FieldTerrain] = {}
    for key, part in task.terrains.items():
        assert isinstance(part.spec, TerrainSpec)
        terrains[key] = FieldTerrain(part.target, part.params, uses[key].share, part.spec.flat, part.spec.graded)
    made_of = (task.model.course, terrains, seed)
    if not _last_field or _last_field[0][0] != made_of:
        _last_field[:] = [(made_of, build_field(task.model.course, terrains, seed))]
    return _last_field[0][1]


def build_mdp(
    task: ResolvedTask, *, num_envs: int, device: str, seed: int, raycast: RayCaster | None = None
) -> TaskMdp:
    """Everything of a task but the physics, for ``num_envs`` environments on ``device``.

    ``raycast`` is the engine's way to find distances along rays, if it has a faster one than plain torch.

    Raises:
        TerrainError: a generator breaks its contract.
        PluginError: a term cannot be made with its parameters.
    """
    model = task.model
    library = CourseLibrary(build_terrain(task, seed), device)
    course = CourseState(library, num_envs, model.course.start_levels, torch.Generator(device).manual_seed(seed))
    make = _Factory(task, num_envs, device)
    camera = build_camera(task, num_envs, device, raycast)
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
        observations=make.observations(camera),
        events=make.events(),
        statistics=EpisodeStatistics(
            num_envs,
            tuple(task.terrains),
            tuple(task.rewards),
            tuple(task.terminations),
            device,
            episode_length=model.timing.episode_length,
        ),
        curriculum=make.curriculum(),
        camera=camera,
        heading=build_heading(task, num_envs, device, seed),
    )


def build_heading(task: ResolvedTask, num_envs: int, device: str, seed: int) -> HeadingCommand | None:
    """What commands the robots' heading; None where they are told the yaws to the way points."""
    said = task.model.heading
    if said.source == "way_points":
        return None
    return HeadingCommand(
        num_envs, device, task.model.step_dt,
        interval=said.interval if said.source == "operator" else None,
        reaction=said.reaction, error=said.error, seed=seed,
    )  # fmt: skip


def has_depth_camera(task: ResolvedTask) -> bool:
    """Whether an observation group of the task needs depth cameras."""
    return any("depth_camera" in _needs(part) for part in task.observations.values())


def build_camera(
    task: ResolvedTask, num_envs: int, device: str, raycast: RayCaster | None = None
) -> DepthCamera | None:
    """The robots' depth cameras, if an observation group of the task needs them."""
    if not has_depth_camera(task):
        return None
    camera = task.model.camera
    geometry = CameraGeometry(**{name: getattr(camera, name) for name in type(camera).model_fields})
    return DepthCamera(num_envs, device, geometry, raycast)


def build_observations(
    task: ResolvedTask, *, num_envs: int, device: str, camera: DepthCamera | None = None
) -> ObservationSet:
    """The task's observation groups alone: enough to ask for their layout, without a simulator.

    ``camera`` is that of an environment that is to have them; made where one is needed when None.
    """
    return _Factory(task, num_envs, device).observations(camera or build_camera(task, num_envs, device))


def observation_layout(task: ResolvedTask) -> Layout:
    """The layout of the task's observation groups; no simulator is needed for it."""
    return {name: tuple(fields) for name, fields in build_observations(task, num_envs=1, device="cpu").layout.items()}


def group_sizes(layout: Layout) -> dict[str, int]:
    """Numbers in each group, in order."""
    return {name: sum(field.size for field in fields) for name, fields in layout.items()}


def _needs(part: ResolvedComponent) -> tuple[str, ...]:
    return part.spec.needs if isinstance(part.spec, ObservationSpec) else ()


class _Factory:
    """Makes the sets of terms of one task."""

    def __init__(self, task: ResolvedTask, num_envs: int, device: str) -> None:
        self.task, self.num_envs, self.device = task, num_envs, device

    def command(self) -> CommandSet:
        assert self.task.command is not None
        # It draws first, so that it is the same whatever else is commanded.
        forward = self._command(self.task.command)
        others = {key: self._command(part) for key, part in self.task.commands.items() if key != FORWARD}
        return CommandSet(forward, others)

    def _command(self, part: ResolvedComponent) -> CommandTerm:
        return part.target(self.num_envs, self.device, self.task.model.step_dt, **part.kwargs)

    def curriculum(self) -> Curriculum | None:
        part = self.task.curriculum
        return None if part is None else Curriculum(part.id, part.target, part.kwargs, self.num_envs, self.device)

    def rewards(self) -> RewardSet:
        uses = self.task.model.rewards
        terms = {
            key: WeightedTerm(self._term(part), uses[key].weight, term_arguments(part))
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
            terms[key] = OutcomeTerm(self._term(part), part.spec.outcome, term_arguments(part))
        return TerminationSet(terms, self.num_envs, self.device)

    def observations(self, camera: DepthCamera | None) -> ObservationSet:
        uses, sensors = self.task.model.observations, {"depth_camera": camera}
        groups, ramp = {}, NoiseRamp(self.device)
        for key, part in self.task.observations.items():
            needs = {name: sensors[name] for name in _needs(part)}
            term = part.target(self.num_envs, self.device, self.task.robot, **needs, **part.kwargs)
            if not isinstance(term, ObservationTerm):
                raise PluginError(
                    f"observation {key!r} ({part.id}) made a {type(term).__name__}, expected a callable with layout() "
                    "and reset(env_ids)"
                )
            groups[key] = ClippedGroup(term, uses[key].clip, self._modifiers(key, term, ramp), sees=bool(needs))
        return ObservationSet(groups, ramp)

    def _modifiers(self, group: str, term: ObservationTerm, ramp: NoiseRamp) -> ModifierChain | None:
        parts = self.task.modifiers.get(group)
        if not parts:
            return None
        fields = tuple(term.raw_fields() if isinstance(term, RawObservationTerm) else term.layout())
        made = {key: part.target(self.num_envs, self.device, fields, **part.kwargs) for key, part in parts.items()}
        # Where every episode has all of it, nothing is drawn and nothing chosen.
        ramped = self.task.model.algorithm.noise_ramp > 0
        uses = self.task.model.observations[group].modifiers
        chances = {
            key: EpisodeChance(uses[key].chance, self.num_envs, self.device, ramp.strength)
            for key in made
            if uses[key].chance < 1.0 or ramped
        }
        return ModifierChain(group, made, chances)

    def events(self) -> EventSet:
        uses, dt = self.task.model.events, self.task.model.step_dt
        events = {}
        for key, part in self.task.events.items():
            assert isinstance(part.spec, EventSpec)
            interval, mode = uses[key].interval, uses[key].mode or part.spec.mode
            steps = max(1, round(interval / dt)) if interval else 0
            events[key] = TimedEvent(part.target, mode, part.kwargs, steps)
        return EventSet(events, self.num_envs, self.device)

    def _term(self, part: ResolvedComponent) -> Any:
        return make_term(part, self.num_envs, self.device, self.task.robot)


def make_term(part: ResolvedComponent, num_envs: int, device: str, layout: RobotLayout) -> Any:
    """A reward or termination: functions are terms as they are; classes are made once, with their parameters."""
    if inspect.isclass(part.target):
        return cast("type[Any]", part.target)(num_envs, device, layout, **part.kwargs)
    return part.target


def term_arguments(part: ResolvedComponent) -> dict[str, Any]:
    """What a reward or termination is called with, besides the state."""
    return {} if inspect.isclass(part.target) else part.kwargs
