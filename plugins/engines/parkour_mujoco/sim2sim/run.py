"""One call from an export folder to figures."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.arguments import number_within
from parkour.child_process import python_command, python_environment
from parkour.errors import EngineError, ExportError, ParkourError
from parkour.exporters.manifest import Manifest
from parkour.exporters.manifest_file import check_task_file, read_manifest
from parkour.stages import stage
from parkour.tasks.robot import find_robot
from parkour.terrain.field import TerrainField
from parkour_deploy.contract import read_contract
from parkour_deploy.errors import DeployError
from parkour_deploy.policy import GraphPolicy
from parkour_mujoco.robot_files import RobotFiles, load_robot_files
from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses, choose_terrains
from parkour_mujoco.sim2sim.episode import Conditions, Runner
from parkour_mujoco.sim2sim.noise import CameraNoise
from parkour_mujoco.sim2sim.parameters import check_parameters
from parkour_mujoco.sim2sim.report import break_down, difference, load_evaluation

FORMAT = "parkour-sim2sim"
VERSION = 1
MOST_EPISODES = 1000
"""On each terrain: as many levels as a course may have."""
ENGINE = "engine"
"""What to compare with: the batched engine, on the same courses."""


@dataclass(frozen=True)
class Sim2SimOptions:
    """How to run."""

    terrains: tuple[str, ...] = ()
    """All of the task's when empty."""
    difficulty: tuple[float, float] = (0.0, 1.0)
    episodes: int | None = None
    """Per terrain; 4 where neither they nor ``steps`` are given."""
    steps: int | None = None
    """In place of ``episodes``: control steps on each terrain at least, in whole episodes, as in ``parkour eval``."""
    seed: int = 1
    speed: float = 0.8
    """Commanded [m/s]."""
    seconds: float = 30.0
    """Time-out [s]."""
    friction: float = 1.0
    """Sliding friction of the robot's shapes."""
    noise: str | None = None
    """Of the depth camera: an overlay of the task, as in ``parkour eval --noise``."""
    compare: str | None = None
    """A JSON file, or :data:`ENGINE`."""
    video: Path | None = None
    """Film the first episode on every terrain into this file."""

    def count(self, step_dt: float) -> int:
        """Episodes on each terrain; ``step_dt`` is the control step [s].

        Raises:
            ParkourError: more than can be, or both ways of saying how many.
        """
        if self.steps is None:
            return 4 if self.episodes is None else self.episodes
        if self.episodes is not None:
            raise ParkourError("got --episodes and --steps, expected one of them")
        most = MOST_EPISODES * max(1, round(self.seconds / step_dt))
        number_within("--steps", self.steps, 1, most)
        return math.ceil(self.steps / (most // MOST_EPISODES))


OnEpisode = Callable[[int, int, dict[str, Any]], None]
"""Told of each episode: how many are done, of how many, and its figures."""


def run_export(
    folder: Path,
    options: Sim2SimOptions,
    *,
    on_episode: OnEpisode = lambda done, total, episode: None,
    notify: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run the export in ``folder`` in plain C MuJoCo.

    Args:
        folder: written by ``parkour export onnx``.
        options: see there.
        on_episode: told of every episode that ends.
        notify: told in a line what to beware of.

    Returns:
        What ``parkour sim2sim --json`` prints.

    Raises:
        ExportError: the export was edited, or reads what is not known here.
        ParkourError: options that make no sense.
    """
    _check(options)
    manifest = read_manifest(folder)
    check_parameters(manifest)
    there = load_evaluation(Path(options.compare)) if options.compare not in (None, ENGINE) else None
    if options.compare == ENGINE:
        check_task_file(folder, manifest)
    count = options.count(manifest.timing.physics_step * manifest.timing.decimation)
    plan = CoursePlan(choose_terrains(manifest, options.terrains), options.difficulty, count, options.seed)
    with stage("building courses"):
        field = build_courses(manifest, plan)
    conditions = Conditions(options.speed, options.seconds, options.friction)
    with _told_as_export_errors():
        runner = _runner(folder, manifest, conditions, options, notify)
        _warn(manifest, options, notify)
        episodes = _episodes(runner, field, options, on_episode, notify)
    head = {**_head(folder, manifest, plan, options), "torch_terms": list(runner.terms.by_torch)}
    result = {**head, **break_down(episodes), "episodes": episodes}
    if options.compare == ENGINE:
        notify("running the batched engine on the same courses")
        with stage("running the batched engine"):
            there = run_batched(folder, plan, conditions, options.noise)
    if there is not None:
        result["compared_with"] = options.compare
        result["comparison"] = difference(result, there)
    return result


@contextmanager
def _told_as_export_errors() -> Iterator[None]:
    """What the robot's side says of an export."""
    try:
        yield
    except DeployError as error:
        raise ExportError(error.message, hint=error.hint) from None


def _runner(
    folder: Path, manifest: Manifest, conditions: Conditions, options: Sim2SimOptions, notify: Callable[[str], None]
) -> Runner:
    """The robot of the export, and the policy that drives it."""
    contract = read_contract(folder)
    policy = GraphPolicy(contract)
    noise = None if options.noise is None else CameraNoise(folder, manifest, options.noise, options.seed, notify)
    return Runner(manifest, contract, _robot_files(manifest, notify), policy, conditions, notify, noise)


def _head(folder: Path, manifest: Manifest, plan: CoursePlan, options: Sim2SimOptions) -> dict[str, Any]:
    """What was run, and how."""
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "export": str(folder),
        "task": manifest.task.name,
        "checkpoint": {"sha256": manifest.checkpoint.sha256, "iteration": manifest.checkpoint.iteration},
        "simulator": f"mujoco {_mujoco_version()}",
        "protocol": {
            "speed": options.speed,
            "episode_length": options.seconds,
            "friction": options.friction,
            "noise": options.noise,
            "difficulty": list(options.difficulty),
            "terrains": list(plan.terrains),
            "episodes_per_terrain": plan.episodes,
            "seed": options.seed,
        },
    }


def run_batched(folder: Path, plan: CoursePlan, conditions: Conditions, noise: str | None = None) -> dict[str, Any]:
    """The same policy on the same courses in the engine of training, in a process of its own.

    Raises:
        EngineError: it cannot run here.
    """
    request = {
        "folder": str(folder),
        "terrains": plan.terrains,
        "difficulty": plan.difficulty,
        "episodes": plan.episodes,
        "seed": plan.seed,
        "speed": conditions.speed,
        "seconds": conditions.seconds,
        "friction": conditions.friction,
        "noise": noise,
    }
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "episodes.json"
        command = python_command("parkour_mujoco.sim2sim.batched", [json.dumps(request), str(out)])
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=python_environment())
        if done.returncode != 0 or not out.is_file():
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            reason = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[-1])
            raise EngineError(f"the batched engine did not run: {reason}", hint="parkour doctor")
        return break_down(json.loads(out.read_text(encoding="utf-8")))


def _check(options: Sim2SimOptions) -> None:
    for name, value, low, high in (
        ("--episodes", 1 if options.episodes is None else options.episodes, 1, MOST_EPISODES),
        ("--seed", options.seed, 0, 2**32 - 1),
        ("--speed", options.speed, 0.0, 5.0),
        ("--seconds", options.seconds, 0.02, 3600.0),
        ("--friction", options.friction, 0.01, 10.0),
    ):
        number_within(name, value, low, high)


def _warn(manifest: Manifest, options: Sim2SimOptions, notify: Callable[[str], None]) -> None:
    low, high = manifest.command.speed
    if not low <= options.speed <= high:
        notify(f"--speed {options.speed:g} is outside the {low:g} to {high:g} m/s that the policy was trained with")


def _robot_files(manifest: Manifest, notify: Callable[[str], None] = lambda line: None) -> RobotFiles:
    """The robot's model.

    Raises:
        ExportError: the robot that is installed is not the one of the export.
    """
    robot, entry = find_robot(manifest.robot.source), manifest.robot
    layout = entry.layout()
    for name in ("joints", "feet", "contact_bodies"):
        if getattr(robot.layout, name) != getattr(layout, name):
            raise ExportError(f"robot {entry.source!r}: its {name} are not those of the export")
    if entry.model_version and entry.model_version != robot.model_version:
        notify(
            f"robot {entry.source!r} is version {robot.model_version}, the export is of version {entry.model_version}"
        )
    return load_robot_files(robot.folder, layout, robot.make_model)


def _episodes(
    runner: Runner, field: TerrainField, options: Sim2SimOptions, on_episode: OnEpisode,
    notify: Callable[[str], None],
) -> list[dict[str, Any]]:  # fmt: skip
    from parkour_mujoco.sim2sim.film import Film

    film = Film(options.video) if options.video is not None else None
    episodes: list[dict[str, Any]] = []
    total = field.levels * field.columns
    for index in range(total):
        patch = Patch(field, index)
        wanted = film is not None and index < field.columns
        figures = runner.run(patch, watch=film.watch(runner.step_dt) if film is not None and wanted else None)
        episodes.append({"terrain": patch.name, "difficulty": patch.difficulty, **figures})
        on_episode(index + 1, total, episodes[-1])
    if film is not None:
        notify(f"video {film.close()}")
    return episodes


def _mujoco_version() -> str:
    import mujoco

    return str(mujoco.__version__)
