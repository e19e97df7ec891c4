"""From a resolved task and a checkpoint to the contents of ``deploy.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from parkour.exporters.hardware import read_hardware
from parkour.exporters.manifest import (
    UNITS,
    CheckpointEntry,
    FieldEntry,
    Group,
    Observation,
    Rates,
    RobotEntry,
    TaskEntry,
    TerminationEntry,
    TerrainEntry,
    Trained,
    Withstands,
)
from parkour.params import DrawnParams
from parkour.specs import ObservationField, ObservationSpec, TerminationSpec, TerrainSpec
from parkour.tasks.build import Layout
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask


def describe_task(task: ResolvedTask, layout: Layout, read: frozenset[str]) -> dict[str, Any]:
    """The part of a :class:`Manifest` that follows from the task: keyword arguments for it."""
    model = task.model
    return {
        "robot": RobotEntry(source=task.robot_source, model_version=task.robot_model_version, **asdict(task.robot)),
        "hardware": read_hardware(Path(task.robot_folder), task.robot),
        "units": UNITS,
        "rates": Rates(
            control_hz=1.0 / model.step_dt,
            perception_hz=1.0 / (model.step_dt * model.timing.perception_period),
            action_delay=model.control.nominal_action_delay * model.step_dt,
        ),
        "timing": model.timing,
        "physics": model.physics,
        "control": model.control.model_copy(update={"action_delay": model.control.nominal_action_delay}),
        "command": model.command,
        "goals": model.goals,
        "heading": model.heading,
        "course": model.course,
        "camera": model.camera if any(_sees(part) for part in task.observations.values()) else None,
        "observation": _observation(task, layout, read),
        "terrains": {
            key: TerrainEntry(
                use=part.id,
                share=model.terrains[key].share,
                flat=isinstance(part.spec, TerrainSpec) and part.spec.flat,
                params=_params(part),
            )
            for key, part in task.terrains.items()
        },
        "terminations": {
            key: TerminationEntry(
                use=part.id,
                outcome=part.spec.outcome if isinstance(part.spec, TerminationSpec) else "failure",
                params=_params(part),
            )
            for key, part in task.terminations.items()
        },
    }


def describe_training(task: ResolvedTask) -> Withstands:
    """What a policy was trained to withstand.

    Args:
        task: as it was trained, without the overlay of the evaluation.
    """
    step_dt = task.model.step_dt
    depth = next((part for part in task.observations.values() if _sees(part)), None)
    latency = _as_drawn(depth).get("latency") if depth is not None else None
    return Withstands(
        action_delay=_delays(task.model.control.action_delay, step_dt),
        depth_delay=None if latency is None else _delays(latency, task.model.timing.perception_period * step_dt),
        events={key: Trained(use=part.id, params=_as_drawn(part)) for key, part in task.events.items()},
        faults={
            group: {key: Trained(use=part.id, params=_as_drawn(part)) for key, part in parts.items()}
            for group, parts in task.modifiers.items()
            if parts
        },
    )


def describe_origin(task: ResolvedTask, file: str, sha256: str) -> TaskEntry:
    """The task's identity, and that of every component in it."""
    origin = task.origin.task if task.origin is not None else task.name
    sections = (task.observations, task.terrains, task.rewards, task.terminations, task.events, task.encoders)
    parts = [("policy", task.policy), *(item for section in sections for item in section.items())]
    return TaskEntry(
        id=origin,
        name=task.name,
        stage=task.model.stage,
        file=file,
        sha256=sha256,
        components={f"{part.spec.kind}.{key}": f"{part.id} {part.version}" for key, part in parts},
    )


def describe_checkpoint(name: str, sha256: str, iteration: int, versions: dict[str, str]) -> CheckpointEntry:
    """The checkpoint's identity."""
    return CheckpointEntry(file=name, sha256=sha256, iteration=iteration, versions=versions)


def _as_drawn(part: ResolvedComponent) -> dict[str, Any]:
    """Parameters with the ranges that robots draw from, where :func:`_params` says one number."""
    return part.params.model_dump(mode="json") if isinstance(part.params, BaseModel) else {}


def _delays(steps: int | Sequence[int], seconds: float) -> tuple[float, float]:
    """Least and greatest [s] of a number of steps, or of a pair that each robot draws from."""
    low, high = (steps, steps) if isinstance(steps, int) else steps
    return low * seconds, high * seconds


def _sees(part: ResolvedComponent) -> bool:
    return isinstance(part.spec, ObservationSpec) and "depth_camera" in part.spec.needs


def _observation(task: ResolvedTask, layout: Layout, read: frozenset[str]) -> Observation:
    groups: list[Group] = []
    offset = 0
    for key, fields in layout.items():
        part, start = task.observations[key], offset
        entries, offset = _entries(fields, offset)
        groups.append(
            Group(
                name=key,
                use=part.id,
                version=part.version,
                read=key in read,
                offset=start,
                size=offset - start,
                clip=task.model.observations[key].clip,
                params=_params(part),
                fields=entries,
            )
        )
    return Observation(size=offset, groups=tuple(groups))


def _entries(fields: Sequence[ObservationField], offset: int) -> tuple[tuple[FieldEntry, ...], int]:
    """The fields with their places, and the place after the last."""
    entries = []
    for field in fields:
        entries.append(
            FieldEntry(name=field.name, offset=offset, size=field.size, scale=field.scale, unit=field.unit or "1")
        )
        offset += field.size
    return tuple(entries), offset


def _params(part: ResolvedComponent) -> dict[str, Any]:
    params = part.params.deployed() if isinstance(part.params, DrawnParams) else part.params
    return params.model_dump(mode="json") if isinstance(params, BaseModel) else {}
