"""Checks of engines."""

from __future__ import annotations

from typing import Any

import torch

from parkour.engines.protocol import Availability
from parkour.mdp.task_mdp import TaskMdp
from parkour.stopwatch import Stopwatch
from parkour.tasks import load_task
from parkour.testing.subject import CheckFailed, NotChecked, Subject, expect

SOON = 1.0
"""Longest that an engine may take to say whether it is available [s]."""


def says_whether_it_can_run(subject: Subject) -> str:
    """It says quickly whether it can run here, and if not, why and what to do."""
    watch = Stopwatch()
    found = subject.target().availability()
    seconds = watch.seconds()
    if not isinstance(found, Availability):
        raise CheckFailed(f"availability() returned a {type(found).__name__}, expected an Availability")
    expect(seconds < SOON, f"availability() took {seconds:.1f} s, expected less than {SOON:g}")
    if not found.ok:
        expect(found.reason and found.hint, "it cannot run here and gives no reason, or no hint")
    return "available" if found.ok else f"not available: {found.reason}"


def steps_a_task(subject: Subject) -> str:
    """It makes an environment of a built-in task and steps it."""
    engine = subject.target()
    found = engine.availability()
    if not found.ok:
        raise NotChecked(f"not available: {found.reason}")
    items = [item for item in subject.registry.specs("task") if item.builtin]
    if not items:
        raise NotChecked("no task is registered")
    task = load_task(
        items[0].id, overlay="train", changes={"course.levels": 1, "course.columns": 5}, registry=subject.registry
    )
    env: Any = engine.make_env(task, num_envs=2, device="cpu", seed=0)
    try:
        expect(isinstance(env.mdp, TaskMdp), "its environment has no mdp, the task's TaskMdp")
        obs = env.get_observations()
        missing = [name for name in task.observations if name not in obs]
        expect(not missing, f"it observes no {', '.join(missing)}")
        for _ in range(3):
            obs, reward, done, extras = env.step(torch.zeros(2, env.num_actions))
            expect("time_outs" in extras, "its extras have no time_outs")
            expect(tuple(reward.shape) == (2,) == tuple(done.shape), "reward or done is not one number per environment")
            for name, value in obs.items():
                expect(torch.isfinite(value).all(), f"observation group {name!r} has NaN or infinite numbers")
    finally:
        env.close()
    return f"{items[0].id}, 2 robots, 3 control steps"


CHECKS = (says_whether_it_can_run, steps_a_task)
