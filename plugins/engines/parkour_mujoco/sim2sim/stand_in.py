"""Terms of torch on the state of one robot in plain MuJoCo: a stand-in for the batched state of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from parkour.exporters.manifest import Manifest
from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.mdp.context import Contacts, GoalState, PreviousStep, Privileged, RobotState, StepContext
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.mdp.terminations import OutcomeTerm, TerminationSet
from parkour.mdp.twins import TwinContext
from parkour.registry import default_registry
from parkour.specs import Kind, ObservationSpec, TerminationSpec
from parkour.tasks.build import make_term, term_arguments
from parkour.tasks.components import resolve_component
from parkour.tasks.resolved import ResolvedComponent
from parkour.tasks.versions import compare_version
from parkour.terrain.library import CourseLibrary, CourseState
from parkour_mujoco.sim2sim.courses import Patch

CPU = "cpu"
Part = TypeVar("Part")


class TorchTerms:
    """The task's own terms, in a batch of one.

    Args:
        manifest: of the export; its parameters are those of a robot, without what is drawn in training.
        terminations: which of its terminations, by key.
        groups: which of its observation groups, by name.
        friction: sliding friction of the robot's shapes.

    Raises:
        UnknownNameError, PluginError, TaskError: a term cannot be made.
    """

    def __init__(self, manifest: Manifest, terminations: Sequence[str], groups: Sequence[str], friction: float) -> None:
        torch.set_num_threads(1)
        self._manifest, self._layout = manifest, manifest.robot.layout()
        camera = manifest.camera
        geometry = None if camera is None else CameraGeometry(**camera.model_dump())
        self._camera = None if geometry is None else DepthCamera(1, CPU, geometry)
        self._ends = TerminationSet({key: self._end(key) for key in terminations}, 1, CPU)
        self._groups = ObservationSet({name: ClippedGroup(self._group(name), None) for name in groups})
        self._default = torch.tensor(self._layout.default_joint_pos)
        self._privileged = Privileged.nominal(1, self._layout.num_joints, CPU, friction)
        self._robot = torch.zeros(1, dtype=torch.int64)
        self._library: tuple[object, CourseLibrary] | None = None
        self._course: CourseState | None = None
        self._observed: tuple[TwinContext, dict[str, np.ndarray]] | None = None

    def begin(self, patch: Patch) -> None:
        """An episode begins on ``patch``."""
        if self._library is None or self._library[0] is not patch.field:
            self._library = patch.field, CourseLibrary(patch.field)
        course = CourseState(self._library[1], 1)
        course.set_columns(self._robot, patch.column)
        course.set_levels(self._robot, torch.tensor([patch.level]))
        # Terms know the task's terrains by their place in it; here there are those that were asked for.
        names = list(self._manifest.terrains)
        course.terrain = torch.tensor([names.index(patch.name) if patch.name in names else len(names)])
        self._course = course
        self._ends.reset(self._robot)
        self._groups.reset(self._robot)

    @torch.no_grad()
    def outcomes(self, ctx: TwinContext) -> set[str]:
        """Outcomes of the terminations that fire."""
        if not self._ends.names:
            return set()
        self._ends.compute(self._context(ctx), torch.zeros(1, dtype=torch.bool))
        ends = {"failure": self._ends.failed, "success": self._ends.succeeded, "time_out": self._ends.timed_out}
        return {outcome for outcome, fired in ends.items() if bool(fired)}

    @torch.no_grad()
    def observe(self, ctx: TwinContext) -> dict[str, np.ndarray]:
        """``[size]`` numbers of every group; computed once in a control step, since terms remember."""
        if self._observed is None or self._observed[0] is not ctx:
            values = self._groups.compute(self._context(ctx))
            self._observed = ctx, {name: value[0].flatten().double().numpy() for name, value in values.items()}
        return self._observed[1]

    def _context(self, ctx: TwinContext) -> StepContext:
        assert self._course is not None
        depth = None if ctx.depth is None else _tensor(ctx.depth)
        return StepContext(
            robot=_batched(RobotState, ctx.robot),
            contacts=_batched(Contacts, ctx.contacts),
            previous=_batched(PreviousStep, ctx.previous),
            goals=_batched(GoalState, ctx.goals),
            course=self._course,
            privileged=self._privileged,
            command=_tensor(ctx.command),
            action=_tensor(ctx.action),
            layout=self._layout,
            default_joint_pos=self._default,
            episode_step=_tensor(ctx.episode_step),
            max_episode_steps=ctx.max_episode_steps,
            step_dt=ctx.step_dt,
            perception=_tensor(ctx.perception),
            depth=depth,
            depth_ids=None if depth is None else self._robot[: int(ctx.perception)],
            commands=_Commands(ctx.commands),
        )

    def _end(self, key: str) -> OutcomeTerm:
        entry = self._manifest.terminations[key]
        part = self._component("termination", key, entry.use, entry.params)
        assert isinstance(part.spec, TerminationSpec)
        return OutcomeTerm(make_term(part, 1, CPU, self._layout), part.spec.outcome, term_arguments(part))

    def _group(self, name: str) -> Any:
        entry = next(group for group in self._manifest.observation.groups if group.name == name)
        part = self._component("observation", name, entry.use, entry.params)
        assert isinstance(part.spec, ObservationSpec)
        sensors = {"depth_camera": self._camera}
        needs = {sensor: sensors[sensor] for sensor in part.spec.needs}
        return part.target(1, CPU, self._layout, **needs, **part.kwargs)

    def _component(self, kind: Kind, key: str, use: str, params: Any) -> ResolvedComponent:
        version = self._manifest.task.components.get(f"{kind}.{key}", "").rpartition(" ")[2] or None
        path = (f"{kind}s", key, "params")
        part = resolve_component(kind, key, use, params, version, path, default_registry())
        if version is not None:
            compare_version(part.id.rpartition(":")[0], version, part.version)
        return part


class _Commands(Mapping[str, Tensor]):
    """``[1]`` of each command, as a term asks for it."""

    def __init__(self, of_one: Mapping[str, float]) -> None:
        self._of_one = of_one

    def __getitem__(self, name: str) -> Tensor:
        return _tensor(float(self._of_one[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._of_one)

    def __len__(self) -> int:
        return len(self._of_one)


def _batched(kind: type[Part], of_one: Any) -> Part:
    """A part of the state, of one robot, as a batch."""
    values = {each.name: _tensor(getattr(of_one, each.name)) for each in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    return kind(**values)


def _tensor(value: Any) -> Tensor:
    """``[1, …]`` of one robot's array or number; numbers that are not whole are float32."""
    dtype = {"f": np.float32, "i": np.int64, "b": np.bool_}[np.asarray(value).dtype.kind]
    # A copy: a term may hold on to it, and the simulator goes on writing.
    return torch.from_numpy(np.array(value, dtype))[None]
