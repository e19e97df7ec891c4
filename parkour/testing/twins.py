"""Numpy twins of terminations and observation groups, held against the terms themselves."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.twins import (
    StatefulTwin,
    TwinContacts,
    TwinContext,
    TwinGoals,
    TwinPreviousStep,
    TwinRobot,
    make_twin,
)
from parkour.registry import resolve_target
from parkour.specs import ObservationSpec, TerminationSpec
from parkour.testing.subject import DoesNotApply, Subject, expect

TOLERANCE = 1e-4
"""Between float32 and what numpy computes, absolute and relative."""
_PROBE = "import sys; __import__(sys.argv[1]); sys.exit('torch' in sys.modules)"
Part = TypeVar("Part")


class RowOfCourse:
    """The patch under one of the robots; a :class:`parkour.mdp.twins.TwinCourse`."""

    def __init__(self, course: Any, row: int) -> None:
        self._course, self._row = course, row
        self.level, self.difficulty = int(course.level[row]), float(course.difficulty[row])
        self.flat = bool(course.flat[row])

    def height(self, xy: np.ndarray) -> np.ndarray:
        return self._look("height", xy)

    def ceiling(self, xy: np.ndarray) -> np.ndarray:
        return self._look("ceiling", xy)

    def edge(self, xy: np.ndarray) -> np.ndarray:
        return self._look("edge", xy)

    def _look(self, what: str, xy: np.ndarray) -> np.ndarray:
        points = torch.from_numpy(np.array(xy, np.float32))
        everywhere = points.expand(len(self._course.level), *points.shape)
        return getattr(self._course, what)(everywhere)[self._row].numpy()


def twin_context(ctx: StepContext, row: int) -> TwinContext:
    """The state of one robot as a twin reads it."""
    return TwinContext(
        robot=_row(TwinRobot, ctx.robot, row),
        contacts=_row(TwinContacts, ctx.contacts, row),
        previous=_row(TwinPreviousStep, ctx.previous, row),
        goals=_row(TwinGoals, ctx.goals, row),
        course=RowOfCourse(ctx.course, row),
        command=float(ctx.command[row]),
        action=_plain(ctx.action[row]),
        layout=ctx.layout,
        default_joint_pos=ctx.default_joint_pos.double().numpy(),
        episode_step=int(ctx.episode_step[row]),
        max_episode_steps=ctx.max_episode_steps,
        step_dt=ctx.step_dt,
        perception=bool(ctx.perception[row]),
        depth=None if ctx.depth is None else _plain(ctx.depth[row]),
        commands={name: float(value[row]) for name, value in ctx.commands.items()},
    )


def check_twin(
    subject: Subject, contexts: Sequence[StepContext], expected: Sequence[Tensor], ends: Sequence[Tensor]
) -> str:
    """Whether a component's twin gives what the component gave.

    Args:
        subject: the component.
        contexts: states, in order.
        expected: what the component made of each, ``[N, …]``.
        ends: environments ``[M]`` whose episode ends after each.

    Raises:
        DoesNotApply: it has none.
        CheckFailed: it differs, or needs torch.
    """
    address = subject.spec.twin if isinstance(subject.spec, (ObservationSpec, TerminationSpec)) else None
    if address is None:
        raise DoesNotApply("it has no twin: simulators without torch import torch for it")
    target = resolve_target(address, owner=f"twin of {subject}")
    params = subject.params.model_dump(mode="json") if subject.params is not None else {}
    layout, count = contexts[0].layout, contexts[0].num_envs
    twins = [make_twin(target, layout, params) for _ in range(count)]
    worst = 0.0
    for ctx, values, ended in zip(contexts, expected, ends, strict=True):
        for row, twin in enumerate(twins):
            want = values[row].flatten().double().numpy()
            got = np.asarray(twin(twin_context(ctx, row)), float).reshape(-1)
            expect(got.shape == want.shape, f"its twin returned {got.size} numbers, expected {want.size}")
            worst = max(worst, float((np.abs(got - want) / np.maximum(1.0, np.abs(want))).max()))
        for row in ended.tolist():
            twin = twins[row]
            if isinstance(twin, StatefulTwin):
                twin.reset()
    expect(worst <= TOLERANCE, f"its twin differs by {worst:.3g} on recorded states, expected at most {TOLERANCE:g}")
    module = address.partition(":")[0]
    done = subprocess.run([sys.executable, "-c", _PROBE, module], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"importing {module}, which holds its twin, imports torch: it wants its own module")
    return f"greatest difference {worst:.1e} over {len(contexts)} steps of {count} robots"


def _row(kind: type[Part], batch: Any, row: int) -> Part:
    """One robot's part of the state."""
    names = [field.name for field in dataclasses.fields(kind)]  # pyright: ignore[reportArgumentType]
    return kind(**{name: _plain(getattr(batch, name)[row]) for name in names})


def _plain(value: Tensor) -> Any:
    """A number, or an array."""
    if value.ndim == 0:
        return value.item()
    return value.double().numpy() if value.is_floating_point() else value.numpy()
