"""States of robots on courses, recorded from a simulator, to try terms on without one.

The built-in recording: a trained teacher on the built-in courses in the mujoco engine, steady in the first
environments and more and more disturbed in the others, some of which fall. :func:`record` made it (``python
docs/make_recording.py``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from parkour.mdp.context import Contacts, GoalState, PreviousStep, Privileged, RobotState, StepContext
from parkour.mdp.measurement import Measurement
from parkour.mdp.robot import RobotLayout
from parkour.tasks.robot import load_robot
from parkour.terrain.field import TerrainField
from parkour.terrain.library import CourseLibrary, CourseState
from parkour.terrain.raster import Grid

FILE = "recorded_states.npz"
_PARTS: dict[str, type[Any]] = {
    "robot": RobotState,
    "contacts": Contacts,
    "previous": PreviousStep,
    "goals": GoalState,
    "privileged": Privileged,
}
_OWN = ("command", "action", "episode_step", "perception")
_FIELD = ("boxes", "goals", "goal_count", "spawn", "difficulty", "terrain", "flat", "height", "edge")


@dataclass(frozen=True)
class Moment:
    """One control step of all environments."""

    acted: StepContext
    """What terminations and rewards of this step are computed from."""
    ended: Tensor
    """``[M]`` int64: environments whose episode ended with it; they begin a new one before they observe."""
    observed: StepContext
    """What the observations that follow are computed from."""


def recorded_moments() -> list[Moment]:
    """The built-in recording, in order. New tensors at every call, so that nobody spoils another's."""
    arrays = _recorded()
    library, (layout, _) = CourseLibrary(_field(arrays)), load_robot(str(arrays["robot"]))
    return [_moment(arrays, library, layout, step) for step in range(len(arrays["ended"]))]


def measurement(ctx: StepContext) -> Measurement:
    """What an engine would have measured in a state."""
    return Measurement(ctx.robot, ctx.contacts.foot_force, ctx.contacts.body_force)


def record(env: Any, act: Callable[[Any], Tensor], steps: int, path: Path) -> None:
    """Writes the states of ``steps`` control steps.

    Args:
        env: of an engine; on any device.
        act: actions of the observations.
        steps: how many.
        path: ``.npz`` to write.
    """
    mdp = env.mdp
    rows: list[dict[str, np.ndarray]] = []

    def monitor(ctx: StepContext, done: Tensor, reward: Tensor) -> None:
        rows.append({f"acted.{name}": value for name, value in _arrays(ctx)} | {"ended": _numpy(done)})

    mdp.monitor = monitor
    obs = env.get_observations()
    with torch.inference_mode():
        for _ in range(steps):
            obs = env.step(act(obs))[0]
            rows[-1].update({f"observed.{name}": value for name, value in _arrays(mdp.context)})
    arrays: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    library = mdp.course.library
    arrays |= {f"field.{name}": _numpy(getattr(library, name)) for name in _FIELD}
    if library.ceiling is not None:
        arrays["field.ceiling"] = _numpy(library.ceiling)
    arrays["field.names"] = np.array(library.names)
    arrays["field.numbers"] = np.array([library.levels, library.columns, library.cell])
    arrays["robot"] = np.array(mdp.layout.name)
    arrays["clock"] = np.array([mdp.clock.step_dt, mdp.clock.max_episode_steps])
    np.savez_compressed(path, **arrays)


def _arrays(ctx: StepContext) -> Iterator[tuple[str, np.ndarray]]:
    for part, cls in _PARTS.items():
        for field in dataclasses.fields(cls):
            yield f"{part}.{field.name}", _numpy(getattr(getattr(ctx, part), field.name))
    for name in _OWN:
        yield name, _numpy(getattr(ctx, name))
    yield "level", _numpy(ctx.course.level)


def _numpy(value: Tensor) -> np.ndarray:
    array = value.detach().cpu().numpy()
    small = {np.dtype(np.int64): np.int16}.get(array.dtype, array.dtype)
    return array.astype(small, copy=True)


@cache
def _recorded() -> Mapping[str, np.ndarray]:
    source = files("parkour.testing").joinpath(FILE)
    with source.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _field(arrays: Mapping[str, np.ndarray]) -> TerrainField:
    levels, columns, cell = arrays["field.numbers"].tolist()
    parts: dict[str, Any] = {name: arrays[f"field.{name}"] for name in _FIELD}
    parts["ceiling"] = arrays.get("field.ceiling")
    for name in ("goal_count", "terrain"):
        parts[name] = parts[name].astype(np.int64)
    names = tuple(str(name) for name in arrays["field.names"])
    return TerrainField(names=names, levels=int(levels), columns=int(columns), grid=Grid.of_patch(cell), **parts)


def _moment(arrays: Mapping[str, np.ndarray], library: CourseLibrary, layout: RobotLayout, step: int) -> Moment:
    ended = torch.from_numpy(np.flatnonzero(arrays["ended"][step]))
    acted, observed = (_context(arrays, library, layout, phase, step) for phase in ("acted", "observed"))
    return Moment(acted, ended, observed)


def _context(
    arrays: Mapping[str, np.ndarray], library: CourseLibrary, layout: RobotLayout, phase: str, step: int
) -> StepContext:
    def tensor(name: str) -> Tensor:
        array = arrays[f"{phase}.{name}"][step]
        return torch.from_numpy(array.astype(np.int64 if array.dtype == np.int16 else array.dtype))

    parts: dict[str, Any] = {
        part: cls(**{field.name: tensor(f"{part}.{field.name}") for field in dataclasses.fields(cls)})
        for part, cls in _PARTS.items()
    }
    course = CourseState(library, len(tensor("command")))
    course.set_levels(torch.arange(course.num_envs), tensor("level"))
    step_dt, max_episode_steps = arrays["clock"].tolist()
    own: dict[str, Any] = {name: tensor(name) for name in _OWN}
    return StepContext(
        **parts,
        **own,
        course=course,
        layout=layout,
        default_joint_pos=torch.tensor(layout.default_joint_pos),
        max_episode_steps=int(max_episode_steps),
        step_dt=step_dt,
        # Nobody told these robots to.
        commands={name: torch.zeros(course.num_envs) for name in ("lateral_speed", "turn_rate")},
    )
