"""Checks of tasks: do they resolve, and do they run on recorded states?"""

from __future__ import annotations

import tomllib

import torch

from parkour.policies.definition import define_policy
from parkour.specs import TaskSpec
from parkour.tasks import ResolvedTask, load_task, task_to_toml
from parkour.tasks.build import build_mdp
from parkour.tasks.changes import Changes
from parkour.tasks.document import OVERLAYS, read_registered
from parkour.testing.recorded import measurement, recorded_moments
from parkour.testing.sim import RecordingSim
from parkour.testing.subject import DoesNotApply, NotChecked, Subject, expect

FIELD = {"course.levels": 2, "course.columns": 12}
"""A field large enough for every terrain of a task, and quickly made."""


def _load(subject: Subject, overlay: str | None, changes: Changes | None = None) -> ResolvedTask:
    return load_task(subject.registered.id, overlay=overlay, changes=changes, registry=subject.registry)


def resolves(subject: Subject) -> str:
    """It resolves under each of its overlays: every name, number and signature."""
    document = read_registered(subject.registered, subject.registry)
    overlays = dict.fromkeys((*OVERLAYS, *document.overlays))
    for overlay in overlays:
        _load(subject, overlay)
    task = _load(subject, "train")
    return f"{', '.join(overlays)}; {len(task.terrains)} terrains, {len(task.rewards)} rewards"


def aliases_resolve(subject: Subject) -> str:
    """Its other names lead to it."""
    assert isinstance(subject.spec, TaskSpec)
    if not subject.spec.aliases:
        raise DoesNotApply("it has none")
    for alias in subject.spec.aliases:
        found = load_task(alias.name, registry=subject.registry)
        got = found.origin.task if found.origin else found.name
        expect(got == subject.registered.id, f"alias {alias.name!r} leads to {got!r}")
    return ", ".join(alias.name for alias in subject.spec.aliases)


def reads_back(subject: Subject) -> str:
    """Written into a run folder it reads back the same."""
    task = _load(subject, "train")
    again = load_task(tomllib.loads(task_to_toml(task)), registry=subject.registry)
    expect(task_to_toml(again) == task_to_toml(task), "written as TOML and read back, it is another task")
    return "as TOML"


def runs_on_recorded_states(subject: Subject) -> str:
    """Its courses build, and its terms run over recorded states with finite numbers."""
    task, moments = _load(subject, "train", FIELD), recorded_moments()
    first = moments[0].acted
    if first.layout.joints != task.robot.joints:
        raise NotChecked(f"the recorded states are of the robot {first.layout.name!r}, not of {task.robot.name!r}")
    num_envs = first.num_envs
    mdp = build_mdp(task, num_envs=num_envs, device="cpu", seed=0)
    sim, step, everyone = RecordingSim(num_envs, task.robot), torch.zeros(num_envs, dtype=torch.int64), None
    with torch.inference_mode():
        mdp.startup(sim)
        everyone = torch.arange(num_envs)
        mdp.next_course(everyone, step, ended=False)
        mdp.reset(sim, everyone)
        mdp.observe(measurement(moments[0].observed), step)
        for moment in moments:
            step = step + 1
            done, reward = mdp.advance(measurement(moment.acted), moment.acted.action, step)
            expect(torch.isfinite(reward).all(), "NaN or infinite reward")
            mdp.disturb(sim)
            ids = done.nonzero().squeeze(-1)
            if len(ids):
                mdp.next_course(ids, step, ended=True)
                mdp.reset(sim, ids)
                step[ids] = 0
            for name, value in mdp.observe(measurement(moment.observed), step).items():
                expect(torch.isfinite(value).all(), f"observation group {name!r} has NaN or infinite numbers")
    return f"{num_envs} robots, {len(moments)} control steps"


def has_its_policy(subject: Subject) -> str:
    """Its policy finds the observation groups and encoders that it needs."""
    task = _load(subject, "train")
    define_policy(task)
    encoders = ", ".join(component.id for component in task.encoders.values())
    return f"{task.policy.id}{f' with {encoders}' if encoders else ''}"


CHECKS = (resolves, aliases_resolve, reads_back, runs_on_recorded_states, has_its_policy)
