"""What weights were trained under, and what it means to use them under something else.

A difference that changes what a network's inputs or outputs mean (robot, control step, actions, how observations are
computed) is refused unless the caller says that it is meant. One that a robustness test makes (delays, noise, the
physics step) is one line of warning.
"""

from __future__ import annotations

import logging
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from parkour.errors import CheckpointError, TaskError
from parkour.params import DrawnParams
from parkour.tasks.resolved import ResolvedTask
from parkour.tasks.sections import Control, Timing
from parkour.tasks.uses import ObservationUse
from parkour.tasks.validation import validate

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conditions:
    """What of a task a policy depends on beside the sizes of its observations."""

    __pydantic_config__ = ConfigDict(allow_inf_nan=False)  # pyright: ignore[reportUnannotatedClassAttribute]
    robot: str
    """Id, or the name where no more is known."""
    robot_version: str
    """Of the distribution that registers it; empty where nobody knows, as the joints are."""
    joints: tuple[str, ...]
    """In the order of the actions."""
    default_joint_pos: tuple[float, ...]
    """Joint positions [rad] that an action of 0 means."""
    physics_step: float
    """[s]"""
    control_step: float
    """[s]"""
    perception_period: int
    """Control steps between refreshes of scan, yaws and depth."""
    action_scale: float
    action_clip: float
    action_delay: tuple[int, int]
    """Least and greatest, in control steps."""
    observations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Parameters and clip of each observation group."""
    noise: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Modifiers of each observation group that has any."""
    robot_model: str = ""
    """Version of the robot itself (:attr:`parkour.specs.RobotSpec.model_version`); empty where nobody knows."""

    def as_dict(self) -> dict[str, Any]:
        """Tables, lists, numbers and text."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()} | {
            "noise": {group: list(names) for group, names in self.noise.items()}
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Conditions:
        """The reverse of :meth:`as_dict`.

        Raises:
            TaskError: something is missing, or of another type.
        """
        return validate(cls, data)


def conditions_of(task: ResolvedTask) -> Conditions:
    """Those of a task."""
    observations = {
        group: {**_plain(part.params), "clip": task.model.observations[group].clip}
        for group, part in task.observations.items()
    }
    return Conditions(
        robot=task.robot_id or task.model.robot,
        robot_version=task.robot_version,
        robot_model=task.robot_model_version,
        joints=task.robot.joints,
        default_joint_pos=tuple(task.robot.default_joint_pos),
        observations=observations,
        noise={group: tuple(parts) for group, parts in task.modifiers.items()},
        **_numbers(task.model.timing, task.model.control),
    )


def conditions_in(tables: Mapping[str, Any]) -> Conditions:
    """Those of a resolved task as tables, for checkpoints that do not say them apart.

    Raises:
        TaskError: the tables are malformed.
    """
    observations: dict[str, dict[str, Any]] = {}
    noise: dict[str, tuple[str, ...]] = {}
    for group, table in tables.get("observations", {}).items():
        use = validate(ObservationUse, {key: value for key, value in table.items() if key != "version"})
        if use.enabled:
            observations[group] = {**table.get("params", {}), "clip": use.clip}
            if names := tuple(name for name, modifier in use.modifiers.items() if modifier.enabled):
                noise[group] = names
    timing, control = validate(Timing, tables.get("timing", {})), validate(Control, tables.get("control", {}))
    robot = str(tables.get("robot", "go2"))
    return Conditions(robot, "", (), (), observations=observations, noise=noise, **_numbers(timing, control))


def check_conditions(
    path: Path,
    trained: Conditions,
    task: ResolvedTask,
    groups: Collection[str],
    *,
    allow_mismatch: bool = False,
) -> None:
    """Whether weights trained under ``trained`` mean the same in ``task``; differences that are no matter are logged.

    Args:
        path: of the weights, for messages.
        trained: what they were trained under.
        task: what they are used in.
        groups: observation groups that the network reads.
        allow_mismatch: warn of what would be refused.

    Raises:
        CheckpointError: inputs or outputs of the network would mean something else.
    """
    now = conditions_of(task)
    drawn = {group: _drawn_fields(part.params) for group, part in task.observations.items()}
    meaning = [*_other_meaning(trained, now), *_other_inputs(trained, now, groups, drawn)]
    if meaning and not allow_mismatch:
        raise CheckpointError(
            f"checkpoint {path} was trained under {_listed(meaning)}: its inputs or outputs would mean something else",
            hint="train under these numbers, or use the weights all the same: --allow-mismatch",
        )
    if told := [*meaning, *_robustness(trained, now, groups, drawn)]:
        _log.warning("%s was trained under %s", path.name, _listed(told))


Difference = tuple[str, object, object]
"""What, as trained, and now."""


def _other_meaning(trained: Conditions, now: Conditions) -> Iterator[Difference]:
    known = bool(trained.joints)
    joints = (trained.joints, trained.default_joint_pos) != (now.joints, now.default_joint_pos)
    if _other_robot(trained.robot, now.robot) or (known and joints):
        yield "robot", _versioned(trained), _versioned(now)
    for name in ("control_step", "action_scale", "action_clip"):
        before, after = getattr(trained, name), getattr(now, name)
        if abs(before - after) > 1e-9:
            yield name.replace("_", " "), f"{before:g}", f"{after:g}"


def _other_robot(trained: str, now: str) -> bool:
    """Whether two ids mean different robots; a name alone may be of any distribution."""
    if ":" in trained and ":" in now:
        return trained != now
    return trained.rpartition(":")[2] != now.rpartition(":")[2]


def _other_inputs(
    trained: Conditions, now: Conditions, groups: Collection[str], drawn: Mapping[str, frozenset[str]]
) -> Iterator[Difference]:
    for group, name, before, after in _changed(trained, now, groups):
        if name not in drawn.get(group, ()):
            yield f"{group}.{name}", before, after


def _robustness(
    trained: Conditions, now: Conditions, groups: Collection[str], drawn: Mapping[str, frozenset[str]]
) -> Iterator[Difference]:
    if not _covers(trained.action_delay, now.action_delay):
        yield "action delay", _span(trained.action_delay), _span(now.action_delay)
    if trained.robot_model and trained.robot_model != now.robot_model:
        yield f"robot {now.robot} of version", trained.robot_model, now.robot_model
    for name in ("physics_step", "perception_period"):
        if getattr(trained, name) != getattr(now, name):
            yield name.replace("_", " "), f"{getattr(trained, name):g}", f"{getattr(now, name):g}"
    for group, name, before, after in _changed(trained, now, groups):
        if name in drawn.get(group, ()) and not _covers(before, after):
            yield f"{group}.{name}", _span(before), _span(after)
    for group in groups:
        if added := [name for name in now.noise.get(group, ()) if name not in trained.noise.get(group, ())]:
            yield f"noise of {group}", ", ".join(trained.noise.get(group, ())) or "none", ", ".join(added)


def _changed(
    trained: Conditions, now: Conditions, groups: Collection[str]
) -> Iterator[tuple[str, str, object, object]]:
    """Parameters of observation groups that both say, and that differ."""
    for group in groups:
        before, after = trained.observations.get(group, {}), now.observations.get(group, {})
        for name in before.keys() & after.keys():
            if before[name] != after[name]:
                yield group, name, before[name], after[name]


def _covers(trained: Any, now: Any) -> bool:
    """Whether numbers (a number, or the ends of a draw) are within those of training."""
    before, after = _ends(trained), _ends(now)
    if before is None or after is None:
        return trained == now
    return before[0] <= after[0] and after[1] <= before[1]


def _ends(value: Any) -> tuple[float, float] | None:
    """None for what is neither, as a checkpoint of strangers may say."""
    ends = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    return ends if len(ends) == 2 and all(isinstance(end, (int, float)) for end in ends) else None


def _span(value: Any) -> str:
    if (ends := _ends(value)) is None:
        return str(value)
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


def _listed(differences: list[Difference]) -> str:
    return ", ".join(f"{what} {before}, the task has {after}" for what, before, after in differences)


def _versioned(conditions: Conditions) -> str:
    return f"{conditions.robot} {conditions.robot_version}".strip()


def _numbers(timing: Timing, control: Control) -> dict[str, Any]:
    delay = control.action_delay
    low, high = delay if isinstance(delay, tuple) else (delay, delay)
    return {
        "physics_step": timing.physics_step,
        "control_step": timing.physics_step * timing.decimation,
        "perception_period": timing.perception_period,
        "action_scale": control.action_scale,
        "action_clip": control.action_clip,
        "action_delay": (int(low), int(high)),
    }


def _plain(params: Any) -> dict[str, Any]:
    return params.model_dump(mode="json") if isinstance(params, BaseModel) else {}


def _drawn_fields(params: Any) -> frozenset[str]:
    """Those that may be a number or the ends of a draw: what a robustness test changes."""
    if not isinstance(params, DrawnParams):
        return frozenset()
    unions = {
        name: get_args(item.annotation)
        for name, item in type(params).model_fields.items()
        if get_origin(item.annotation) in (Union, types.UnionType)
    }
    return frozenset(name for name, branches in unions.items() if any(get_origin(each) is tuple for each in branches))


def trained_conditions(path: Path, stated: Conditions | None, tables: Mapping[str, Any]) -> Conditions:
    """What a checkpoint was trained under: what its stamp states, or else what its task says.

    Raises:
        CheckpointError: it says neither.
    """
    if stated is not None:
        return stated
    try:
        return conditions_in(tables)
    except (TaskError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {path} does not say what it was trained under ({error})") from None
