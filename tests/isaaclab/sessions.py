"""Sessions of the pretrained teacher on PhysX, for tests of what people see."""

from __future__ import annotations

from typing import Any

from parkour.evaluation.protocol import TaskChanges, evaluation_task
from parkour.mdp.drive import Drive
from parkour.policies.deployed import load_policy
from parkour.policies.source import Weights
from parkour.tasks import ResolvedTask
from parkour.viewing.depth import DepthFeed
from parkour.viewing.driving import Driver
from parkour.viewing.session import Session
from parkour.viewing.watch import DRIVEN, PLAY
from parkour_cli.changes import read_changes

CHANGES = TaskChanges(terrains=("hurdle", "tilt"), changes=read_changes(("course.levels=2",)))


def make_session(
    make_env: Any, weights: Weights, *, driven: bool = False, depth: bool = False, **options: Any
) -> tuple[Any, Session, ResolvedTask]:
    task = evaluation_task(weights, DRIVEN if driven else PLAY, CHANGES)
    env = make_env(task, num_envs=2, **options)
    policy = load_policy(weights, task, env)
    driver = None
    if driven:
        driver = Driver(Drive(2, "cpu", env.mdp.clock.step_dt), task.model.command.speed[1])
    feed = DepthFeed(env.mdp, task.model.camera, env.get_observations()) if depth else None
    return env, Session(env, policy, driver=driver, depth=feed), task
