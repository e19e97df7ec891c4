"""The task, the environment and the session of what is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from parkour.engines.device import choose_device
from parkour.engines.make import make_task_env
from parkour.engines.protocol import Engine
from parkour.engines.task_env import TaskEnv
from parkour.evaluation.protocol import EvaluationProtocol, TaskChanges, evaluation_task
from parkour.learning.rng import seed_everything
from parkour.mdp.drive import Drive
from parkour.policies.deployed import DeployedPolicy, load_policy
from parkour.policies.source import Weights
from parkour.policies.task import document_of
from parkour.tasks.compose import compose
from parkour.tasks.model import TaskModel
from parkour.tasks.resolved import ResolvedTask
from parkour.tasks.validation import validate
from parkour.viewing.depth import DepthFeed
from parkour.viewing.driving import Driver, DriveSource
from parkour.viewing.noise_choices import noises_of
from parkour.viewing.options import WatchOptions
from parkour.viewing.policy_choices import PolicyChoices
from parkour.viewing.session import Session
from parkour.viewing.settings import Settings
from parkour.viewing.viewer import EngineWithWorldsApart, watch_options

START, FIELD = "demo", "field"
"""Where somebody who drives begins, if nobody says where, and the terrain that is added for driving."""
LEVELS = 11
"""Difficulties from 0 to 1 that the page's slider has courses for, on each terrain."""
PLAY = EvaluationProtocol(
    name="play",
    summary="the task's overlay play, as many robots on every terrain",
    changes={"course.curriculum": False, "command.resample": "never"},
    equal_shares=True,
    stratified=False,
    overlay="play",
    difficulty=None,
    columns_per_terrain=1,
)
DRIVEN = EvaluationProtocol(
    name="demo",
    summary="as play, and episodes end only where the course does",
    changes={"course.curriculum": False, "timing.episode_length": 3600.0, "command.resample": "never"},
    equal_shares=True,
    stratified=False,
    overlay="play",
    difficulty=None,
    columns_per_terrain=1,
)


def watched_task(weights: Weights, options: WatchOptions, kind: str, engine: Engine) -> ResolvedTask:
    """The task of a checkpoint as it is watched; on the page with courses of every difficulty, to choose from.

    Args:
        weights: of the policy.
        options: how it is watched.
        kind: of viewer.
        engine: that will run it.

    Raises:
        ParkourError: a change does not fit the task, or it cannot be rebuilt.
    """
    protocol, changes = protocol_of(options), watched_changes(weights, options, kind, engine)
    if kind != "web":
        return evaluation_task(weights, protocol, changes)
    full = {"course.difficulty": "levels", "course.levels": LEVELS}
    return evaluation_task(
        weights, protocol, replace(changes, difficulty=(0.0, 1.0), changes={**full, **changes.changes})
    )


def watched_changes(weights: Weights, options: WatchOptions, kind: str, engine: Engine) -> TaskChanges:
    """Those that were asked for; for somebody who drives, with the field, and on the page with all terrains."""
    changes = options.changes
    if options.drive is None:
        return changes
    tables = document_of(weights).tables.get("terrains")
    known = tuple(tables) if isinstance(tables, dict) else ()
    apart = isinstance(engine, EngineWithWorldsApart) and engine.worlds_apart
    if not changes.terrains:
        everywhere = (*known, *(() if FIELD in known else (FIELD,)))
        changes = replace(changes, terrains=everywhere if kind == "web" and apart else (START,))
    if FIELD in known or FIELD not in changes.terrains:
        return changes
    return replace(changes, changes={f"terrain:{FIELD}": 1.0} | dict(changes.changes))


def protocol_of(options: WatchOptions) -> EvaluationProtocol:
    """Under which the task is watched."""
    return PLAY if options.drive is None else DRIVEN


def make_watched_env(engine: Engine, task: ResolvedTask, options: WatchOptions, kind: str) -> TaskEnv:
    """The engine's environment, with what it needs to be watched."""
    own = watch_options(engine, kind, video=options.video is not None)
    return make_task_env(
        engine,
        task,
        num_envs=_num_envs(options, task),
        device=choose_device(options.device),
        seed=options.seed,
        options={**own, **options.engine_options},
    )


def make_session(
    env: TaskEnv,
    task: ResolvedTask,
    weights: Weights,
    options: WatchOptions,
    source: DriveSource | None,
    notify: Callable[[str], None],
) -> Session:
    """The session, with everything that may be chosen in it."""
    mdp = env.mdp
    fitting = lambda chosen: load_policy(chosen, task, env, allow_mismatch=options.changes.allow_mismatch)  # noqa: E731
    policy: DeployedPolicy = fitting(weights)
    driver = None
    if options.drive is not None:
        driver = Driver(Drive(mdp.num_envs, mdp.device, mdp.clock.step_dt), task.model.command.speed[1], source)
    feed = DepthFeed(mdp, task.model.camera, env.get_observations())
    shown = feed.seen_by_policy or options.show_depth
    if shown and not feed.seen_by_policy:
        notify(f"{task.name} has no depth camera: shown is what one would see, the policy does not")
    policies = PolicyChoices(weights, fitting, len(task.robot.joints))
    noises = noises_of(env, task, weights, protocol_of(options), options.changes)
    # Again, because making a policy draws weights.
    seed_everything(options.seed)
    wanted = _difficulty(weights, options)
    session = Session(
        env,
        policy,
        driver=driver,
        depth=feed if shown else None,
        difficulty=wanted if wanted != task.model.course.difficulty_range else None,
    )
    session.settings = settings = Settings(session, policies, noises, task.model.command.speed[1])
    if driver is not None and not options.changes.terrains and START in settings.terrains:
        session.go_to_terrain(START)
    return session


def _difficulty(weights: Weights, options: WatchOptions) -> tuple[float, float]:
    """The range that is asked for, or the task's: read from the document, as the task is resolved already."""
    if options.changes.difficulty is not None:
        return options.changes.difficulty
    tables = compose(document_of(weights), protocol_of(options).overlay, options.changes.changes).tables
    return validate(TaskModel, tables).course.difficulty_range


def _num_envs(options: WatchOptions, task: ResolvedTask) -> int:
    if options.num_envs is not None:
        return options.num_envs
    return max(1 if options.drive is not None else len(task.terrains), options.side_by_side)
