"""The face for Python: load, make, roll out, evaluate, train, export; each in one call.

The commands are thin over the same functions. Everything here is also an attribute of :mod:`parkour`; heavy libraries
are imported when a call needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parkour.arguments import instance, options_or, place, seed_number, whole
from parkour.errors import ParkourError
from parkour.tasks.resolved import ResolvedTask

if TYPE_CHECKING:
    import torch

    from parkour.engines.gymnasium_env import GymnasiumEnv
    from parkour.evaluation.evaluate import Evaluation, EvaluationOptions
    from parkour.exporters.exporter import ExportOptions, ExportResult
    from parkour.learning.options import RunResult, TrainOptions
    from parkour.policies.loaded import LoadedPolicy
    from parkour.policies.source import Weights
    from parkour.tasks.changes import Changes

Task = str | Path | Mapping[str, Any] | ResolvedTask
"""A registered task's name, a TOML file, its tables, or a task that was resolved before."""

PRETRAINED = "pretrained"


def load_task(task: Task, *, overlay: str | None = None, changes: Changes | None = None) -> ResolvedTask:
    """A task with its components imported and checked; no simulator is started.

    Args:
        task: see :data:`Task`; a resolved one is returned as it is.
        overlay: ``train``, ``eval``, ``play``, or another that the task has; ``train+noisy`` is both, one after the
            other.
        changes: ``{"rewards.feet_edge.weight": -2.0, "terrain:balance_beam": 0.2}``, applied last.

    Raises:
        ParkourError: there is no such task or component, or a number does not validate.
    """
    from parkour.tasks.resolve import load_task as load

    if isinstance(task, ResolvedTask):
        if overlay is not None or changes:
            raise ParkourError("got a resolved task with an overlay or changes, expected its name, file or tables")
        return task
    return load(task, overlay=overlay, changes=changes)


def make_env(
    task: Task,
    num_envs: int = 1,
    *,
    overlay: str | None = None,
    changes: Changes | None = None,
    engine: str | None = None,
    device: str | torch.device | None = None,
    seed: int = 1,
    flat: bool = False,
    render_mode: str | None = None,
    **engine_options: Any,
) -> GymnasiumEnv:
    """Environments of a task, with the interface of ``gymnasium.vector.VectorEnv``; ``env.env`` has rsl-rl's.

    Args:
        task: see :data:`Task`; that of a policy, ``policy.task``, is what its weights were trained for.
        num_envs: N.
        overlay: of a task that is not resolved yet; ``train`` when None.
        changes: applied to it; see :func:`load_task`.
        engine: name of the simulator; the first that can run here when None.
        device: ``cpu`` or ``cuda:N``; a GPU if there is one when None.
        seed: of courses, and of what is drawn once per environment.
        flat: observe one vector ``[N, D]`` rather than a dictionary of groups.
        render_mode: ``rgb_array`` for pictures.
        engine_options: options of the engine's own.

    Raises:
        ParkourError: there is no such task, engine or device, or nothing can run here.
    """
    from parkour.engines.gymnasium_env import make_vec_env

    resolved = isinstance(task, ResolvedTask)
    ready = load_task(task, overlay=overlay if resolved else overlay or "train", changes=changes)
    return make_vec_env(
        ready, num_envs, engine=engine, device=device, seed=seed, flat=flat, render_mode=render_mode, **engine_options
    )


def load_policy(
    source: str | Path = PRETRAINED,
    task: str | None = None,
    *,
    overlay: str | None = "eval",
    changes: Changes | None = None,
    device: str | torch.device = "cpu",
    allow_mismatch: bool = False,
    allow_missing: bool = False,
) -> LoadedPolicy:
    """A trained policy, which knows its task.

    Args:
        source: ``pretrained``, a checkpoint file, or a run folder (its newest checkpoint).
        task: name of the task that it must be of; chooses among the pretrained ones, where None is the teacher's.
        overlay: under which its task is rebuilt; as it was trained when None.
        changes: applied to that; see :func:`load_task`.
        device: of the network.
        allow_mismatch: use the weights though inputs or actions mean something else than in training.
        allow_missing: leave out rewards, events, commands, noise and terrains whose plugins are not installed.

    Raises:
        CheckpointError: there is none, it is damaged, or does not fit.
        DeviceError: there is no such device.
    """
    from parkour.engines.device import check_device
    from parkour.policies.loaded import LoadedPolicy
    from parkour.policies.task import task_of
    from parkour.tasks.missing import TRAINING

    weights, device = _weights(source, task), check_device(device)
    known = task_of(weights, overlay, changes, spare=TRAINING if allow_missing else ())
    return LoadedPolicy(weights, known, device, allow_mismatch=allow_mismatch)


def evaluate(
    policy: LoadedPolicy | str | Path,
    *,
    protocol: str = "course",
    num_envs: int = 256,
    steps: int = 1500,
    seed: int = 1,
    device: str | torch.device | None = None,
    engine: str | None = None,
    noise: str | None = None,
    changes: Changes | None = None,
    options: EvaluationOptions | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """Score a policy on courses, as ``parkour eval`` does.

    Args:
        policy: a loaded one, or what :func:`load_policy` takes.
        protocol: ``course``, ``reference``, or one of a plugin.
        num_envs: environments.
        steps: control steps at least; fewer where all episodes end earlier.
        seed: of courses, randomization and commands.
        device: ``cpu`` or ``cuda:N``; a GPU if there is one when None.
        engine: name of the simulator; the first that can run here when None.
        noise: an overlay of sensor noise, such as ``noisy``.
        changes: applied to the protocol's task; those that the policy was loaded with are not.
        options: everything else; the arguments above replace theirs.
        notify: told in a line what to beware of.

    Raises:
        ParkourError: bad options, weights that do not fit, no such device or engine.
    """
    from parkour.evaluation.evaluate import EvaluationOptions
    from parkour.evaluation.evaluate import evaluate as score

    given = options_or(options, EvaluationOptions())
    asked = replace(
        given.changes, noise=noise or given.changes.noise, changes={**given.changes.changes, **(changes or {})}
    )
    given = replace(
        given, protocol=protocol, num_envs=whole("num_envs", num_envs), steps=whole("steps", steps),
        seed=seed_number("seed", seed), device=device, engine=engine, changes=asked,
    )  # fmt: skip
    return score(_weights_of(policy), given, notify=notify)


def train(
    task: Task,
    *,
    overlay: str | None = None,
    changes: Changes | None = None,
    num_envs: int | None = None,
    iterations: int | None = None,
    time_limit: float | None = None,
    teacher: LoadedPolicy | str | Path | None = None,
    seed: int | None = None,
    device: str | torch.device | None = None,
    engine: str | None = None,
    log_root: str | Path = "logs",
    options: TrainOptions | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> RunResult:
    """Train a task in this process and leave checkpoints, metrics and the task in a run folder.

    Args:
        task: see :data:`Task`.
        overlay: of a task that is not resolved yet; ``train`` when None.
        changes: applied to it; see :func:`load_task`.
        num_envs: environments; the task's number for the device when None.
        iterations: at most; the task's when None.
        time_limit: minutes at most.
        teacher: whom a student learns from: a loaded policy, or what :func:`load_policy` takes.
        seed: of all random numbers.
        device: ``cpu`` or ``cuda:N``; a GPU if there is one when None.
        engine: name of the simulator; the first that can run here when None.
        log_root: runs are in ``<log_root>/rsl_rl/<task>``.
        options: everything else, such as ``TrainOptions(resume=True)``; the arguments above replace theirs where they
            are given.
        notify: told in a line what was chosen.

    Returns:
        The run folder, its last checkpoint, and the last metrics.

    Raises:
        ParkourError: bad options, no such device, an engine that cannot run, a checkpoint that does not fit.
    """
    from parkour.learning.options import TrainOptions
    from parkour.learning.train import train as run

    resolved = isinstance(task, ResolvedTask)
    ready = load_task(task, overlay=overlay if resolved else overlay or "train", changes=changes)
    numbers = {"num_envs": num_envs, "iterations": iterations, "seed": seed}
    given: dict[str, Any] = {key: whole(key, value) for key, value in numbers.items() if value is not None}
    given |= {"time_limit": time_limit, "device": device, "engine": engine}
    given["checkpoint"] = None if teacher is None else _weights_of(teacher).path
    chosen = options_or(options, TrainOptions(progress=False))
    chosen = replace(chosen, log_root=place("log_root", log_root))
    return run(
        ready, replace(chosen, **{key: value for key, value in given.items() if value is not None}), notify=notify
    )


def export(
    policy: LoadedPolicy | str | Path,
    out: str | Path,
    *,
    format: str = "onnx",
    options: ExportOptions | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> ExportResult:
    """Write a policy as ONNX, TorchScript or a plugin's format, with what a robot needs to know; compared with torch.

    Args:
        policy: a loaded one, or what :func:`load_policy` takes.
        out: folder; made where it does not exist.
        format: ``onnx``, ``jit``, or the name of a plugin's export target.
        options: everything else.
        notify: told in a line what could not be done.

    Raises:
        ParkourError: the policy cannot be exported, the files differ from torch, or the folder cannot be written.
    """
    from parkour.exporters.exporter import ExportOptions, export_policy
    from parkour.exporters.targets import make_target

    given = options_or(options, ExportOptions())
    folder, chosen = place("out", out), replace(given, format=instance("format", format, str))
    make_target(format, chosen.params)  # Before weights are read, which takes seconds.
    return export_policy(_weights_of(policy), folder, chosen, notify=notify)


def _weights_of(policy: LoadedPolicy | str | Path) -> Weights:
    from parkour.policies.loaded import LoadedPolicy

    return policy.weights if isinstance(policy, LoadedPolicy) else _weights(policy, None)


def _weights(source: str | Path, task: str | None) -> Weights:
    from parkour.policies.source import PolicySource, load_weights

    if source == PRETRAINED:
        return load_weights(PolicySource(task=task, pretrained=True))
    path = place("the policy", source)
    named = PolicySource(task=task, run=path) if path.is_dir() else PolicySource(task=task, checkpoint=path)
    return load_weights(named)
