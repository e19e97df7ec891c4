"""Which weights a command uses: ``--pretrained | --checkpoint FILE | --run DIR``, or the newest run.

Evaluation, play and export all choose in this one way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from parkour.entry_points import BUILTIN
from parkour.errors import CheckpointError, ParkourError
from parkour.policies.checkpoint import Checkpoint
from parkour.policies.checkpoint_file import read_checkpoint
from parkour.policies.checkpoint_folder import (
    METRICS_FILE,
    NewestRuns,
    checkpoints_of,
    completed_courses,
    experiment_folders,
    is_checkpoint_name,
    named_checkpoint,
    newest_checkpoint,
    newest_runs,
    runs_named,
)
from parkour.registry import default_registry
from parkour.tasks.document import read_task
from parkour.tasks.resolve import load_model
from parkour.text import counted

PRETRAINED_PACKAGE = "parkour_assets"
"""Package whose folders ``pretrained_<stage>`` hold the pretrained weights."""
PRETRAINED_ROBOT = "go2"
"""Whose they are."""
DEFAULT_TASK = "go2-teacher"
"""Named in hints where nobody names a task."""
LOG_ROOT = Path("logs")
"""Where runs are made and looked for when nobody says where."""


@dataclass(frozen=True)
class PolicySource:
    """What was asked for on a command line."""

    task: str | None = None
    """Name or alias of the task that the weights must be of; any when None."""
    checkpoint: Path | None = None
    """A file, or the folder of a model card, or with a name alone (``model_500.pt``, ``500``) that of the run."""
    run: Path | None = None
    """A run folder, or its name among the runs."""
    pretrained: bool = False
    log_root: Path = LOG_ROOT
    """Where ``rsl_rl`` is; the folder of an experiment will do."""
    experiment: str | None = None
    """Folder of the runs; all are looked through when None."""

    @property
    def names_nothing(self) -> bool:
        """Whether the choice, and the place to look, are left to us."""
        return not (self.names_weights or self.experiment) and self.log_root == LOG_ROOT

    @property
    def names_weights(self) -> bool:
        """Whether weights are named, so that the newest run does not matter."""
        return bool(self.checkpoint or self.run or self.pretrained)


@dataclass(frozen=True)
class Weights:
    """A checkpoint that was found and read."""

    path: Path
    checkpoint: Checkpoint
    digest: str
    """SHA-256 of the file, hexadecimal."""

    @property
    def label(self) -> str:
        """Task and iteration, for titles."""
        return f"{self.checkpoint.stamp.name} after {counted(self.checkpoint.iteration, 'iteration')}"


def load_weights(source: PolicySource, notify: Callable[[str], None] = lambda line: None) -> Weights:
    """Find and read the checkpoint that ``source`` means; where nothing is named and no run is there, the pretrained.

    Args:
        source: what was asked for.
        notify: told in a line that the weights are the pretrained ones, of a newer run without a checkpoint, or that a
            run has completed no course yet.

    Raises:
        ParkourError: options that exclude each other.
        CheckpointError: there is none (the message says where was looked), it is damaged, or of another task.
        UnknownNameError: no task has this name.
    """
    task_name, stage = task_named(source.task)
    runs = None if source.names_weights else _search(source, task_name)
    path = _pretrained_without_runs(source, runs, task_name, stage, notify)
    path = path or _find(source, runs, task_name, stage)
    checkpoint, digest = read_checkpoint(path)
    if runs is not None and runs.saved == path.parent and runs.unsaved is not None:
        notify(f"run {runs.unsaved} has no checkpoint yet: this is {path.parent}, begun before it")
    if source.checkpoint is None and completed_courses(path.parent) is False:
        others = "; --pretrained takes weights that complete them" if _robot_of_pretrained(checkpoint) else ""
        notify(f"run {path.parent}: no course completed by iteration {checkpoint.iteration}{others}")
    if stage is not None and checkpoint.stamp.stage != stage:
        raise CheckpointError(
            f"checkpoint {path} is a {checkpoint.stamp.stage} ({checkpoint.stamp.name}), expected a {stage} "
            f"({task_name})",
            hint=f"leave the task out: it is rebuilt from the checkpoint; or name a checkpoint of {task_name}",
        )
    if task_name is not None and checkpoint.stamp.name != task_name:
        raise CheckpointError(
            f"checkpoint {path} is of task {checkpoint.stamp.name!r}, expected {task_name!r}",
            hint="leave the task out: it is rebuilt from the checkpoint, and --set and --with change it",
        )
    return Weights(path, checkpoint, digest)


def _robot_of_pretrained(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is of the robot that the pretrained weights are of."""
    return checkpoint.task.get("robot", PRETRAINED_ROBOT) in (PRETRAINED_ROBOT, f"{BUILTIN}:{PRETRAINED_ROBOT}")


def find_checkpoint(source: PolicySource, task_name: str | None = None, stage: str | None = None) -> Path:
    """The file that ``source`` means, unread.

    Args:
        source: what was asked for.
        task_name: resolved name of ``source.task``.
        stage: of that task; the teacher's weights are the pretrained ones when None.

    Raises:
        ParkourError: options that exclude each other.
        CheckpointError: there is none.
    """
    return _find(source, None, task_name, stage)


def _find(source: PolicySource, runs: NewestRuns | None, task_name: str | None, stage: str | None) -> Path:
    """As :func:`find_checkpoint`; ``runs`` is what was found of runs, where it was searched for before."""
    named = source.checkpoint is not None and not source.checkpoint.exists() and is_checkpoint_name(source.checkpoint)
    given = [
        name
        for name, wanted in (
            ("--checkpoint", source.checkpoint is not None and not (named and source.run is not None)),
            ("--run", source.run is not None),
            ("--pretrained", source.pretrained),
        )
        if wanted
    ]
    if len(given) > 1:
        raise ParkourError(f"got {' and '.join(given)}, expected one of them")
    if source.pretrained:
        return pretrained_checkpoint(stage or "teacher")
    if source.checkpoint is not None and not named:
        return newest_checkpoint(source.checkpoint) if source.checkpoint.is_dir() else source.checkpoint
    run = _named_run(source) if source.run is not None else _newest_run(source, runs, task_name)
    return newest_checkpoint(run) if source.checkpoint is None else named_checkpoint(run, source.checkpoint.name)


def _pretrained_without_runs(
    source: PolicySource,
    runs: NewestRuns | None,
    task_name: str | None,
    stage: str | None,
    notify: Callable[[str], None],
) -> Path | None:
    """The pretrained weights for those who name none and have trained none, if there are any of the task."""
    if not source.names_nothing or runs is None or runs.saved is not None:
        return None
    try:
        found = pretrained_checkpoint(stage or "teacher")
    except CheckpointError:
        return None
    if task_name is not None and read_checkpoint(found)[0].stamp.name != task_name:
        return None
    missing = f"no run of {task_name or 'any task'} under {source.log_root}"
    if runs.unsaved is not None:
        missing = f"run {runs.unsaved} has no checkpoint yet"
    notify(f"{missing}: the pretrained weights are used")
    return found


def _named_run(source: PolicySource) -> Path:
    """The run folder that ``--run`` means: a path, its name among the runs, or the newest that ``--run-name`` named.

    A folder here that is no run, such as an export of the same name, hides none.
    """
    assert source.run is not None
    if len(source.run.parts) != 1 or checkpoints_of(source.run) or (source.run / METRICS_FILE).is_file():
        return source.run
    folders = experiment_folders(source.log_root, source.experiment)
    found = [folder / source.run for folder in folders if (folder / source.run).is_dir()]
    found = found or runs_named(folders, source.run.name)[-1:]
    if not found and source.run.is_dir():
        return source.run
    if not found:
        looked = ", ".join(str(folder) for folder in folders) or str(source.log_root)
        alike = [path.name for folder in folders for path in sorted(folder.glob("*/")) if source.run.name in path.name]
        raise CheckpointError(
            f"run folder {source.run} does not exist, neither here nor in {looked}",
            hint=f"--run {alike[-1]}" if alike else "--run DIR; parkour runs list shows them",
        )
    return found[0]


def weights_at(path: Path) -> Weights:
    """The weights of a checkpoint file, or the newest of a run folder.

    Raises:
        CheckpointError: there are none.
    """
    return load_weights(PolicySource(run=path) if path.is_dir() else PolicySource(checkpoint=path))


def pretrained_checkpoint(stage: str) -> Path:
    """The pretrained weights of a stage.

    Raises:
        CheckpointError: none are.
    """
    folder = Path(str(files(PRETRAINED_PACKAGE))) / f"pretrained_{stage}"
    found = checkpoints_of(folder) or sorted(folder.glob("*.pt"))
    if not found:
        raise CheckpointError(
            f"no pretrained {stage} is installed: looked in {folder}",
            hint=f"train one: parkour train go2-{stage}, then --run DIR or --checkpoint FILE",
        )
    return found[-1]


def is_pretrained(path: Path) -> bool:
    """Whether a file is among the pretrained weights."""
    return path.resolve().is_relative_to(Path(str(files(PRETRAINED_PACKAGE))).resolve())


def task_named(name: str | None) -> tuple[str | None, str | None]:
    """Name and stage of a task, if one is named.

    It is not resolved for that: the task that runs is the checkpoint's.

    Raises:
        UnknownNameError: no task has this name.
        TaskError: it does not validate.
    """
    if name is None:
        return None, None
    model = load_model(read_task(name, default_registry())[0])
    return model.name, model.stage


def _search(source: PolicySource, task_name: str | None) -> NewestRuns:
    return newest_runs(experiment_folders(source.log_root, source.experiment), task_name)


def _newest_run(source: PolicySource, runs: NewestRuns | None, task_name: str | None) -> Path:
    """The newest run, of the task or of all."""
    run = (runs or _search(source, task_name)).saved
    if run is not None:
        return run
    where = source.log_root / "rsl_rl" / (source.experiment or "*")
    of_task = f" of a run of {task_name}" if task_name else ""
    raise CheckpointError(
        f"no checkpoint found: looked in {where} for model_<iteration>.pt{of_task}",
        hint=f"parkour train {task_name or DEFAULT_TASK}, or name one: --run DIR, --checkpoint FILE, --pretrained",
    )
