"""Pipes, devices and files of terabytes where files belong, as an archive of a stranger can hold them: nobody waits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.exporters.manifest_file import read_manifest
from parkour.exporters.recording import load_recording
from parkour.learning.curves import read_curves
from parkour.learning.metrics_file import MetricsFile
from parkour.learning.retention import RECORD_FILE
from parkour.learning.run_lock import LOCK_FILE, in_use, read_holder
from parkour.learning.run_options import read_run_options
from parkour.learning.runs import read_run
from parkour.pipeline.record import read_record
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.checkpoint_folder import begin_of, completed_courses
from parkour.reading import read_text
from parkour.tasks import load_task
from parkour.terrain.importing.file import load_course
from parkour.terrain.importing.readers import Scales, read_surface
from parkour_deploy.contract import read_contract
from parkour_deploy.errors import DeployError
from parkour_deploy.log import read_log
from parkour_loggers.weights_and_biases import wandb_id
from tests.robustness.fuzzing import Case, fuzz

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "options": ("options.toml", lambda path: read_run_options(path.parent)),
    "begin": ("options.toml", lambda path: begin_of(path.parent)),
    "metrics": ("metrics.jsonl", lambda path: (read_run(path.parent), completed_courses(path.parent))),
    "going on": ("metrics.jsonl", lambda path: MetricsFile(path.parent, 5).close()),
    "id": ("wandb_id.txt", lambda path: wandb_id(path.parent)),
    "curves": ("metrics.jsonl", lambda path: read_curves([path.parent])),
    "best": (RECORD_FILE, lambda path: read_run(path.parent)),
    "lock": (LOCK_FILE, lambda path: (in_use(path.parent), read_holder(path.parent))),
    "stage": ("stage.json", lambda path: read_record(path.parent)),
    "task": ("task.toml", load_task),
    "checkpoint": ("model_1.pt", load_checkpoint),
    "contract": ("deploy.toml", lambda path: read_contract(path.parent)),
    "manifest": ("deploy.toml", lambda path: read_manifest(path.parent)),
    "recording": ("x.npz", lambda path: load_recording(path, 5)),
    "log": ("x.npz", read_log),
    "course": ("x.npz", load_course),
    "ground": ("x.npy", lambda path: read_surface(path, Scales(), 0.05)),
    "mesh": ("x.stl", lambda path: read_surface(path, Scales(), 0.05)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "terabyte"])
def test_nobody_waits_for_a_pipe(name: str, kind: str, tmp_path: Path) -> None:
    file, read = READERS[name]
    if kind == "pipe":
        os.mkfifo(tmp_path / file)
    elif kind == "terabyte":  # Of zeros, which take no room on the disk.
        (tmp_path / file).touch()
        os.truncate(tmp_path / file, 1 << 40)
    else:
        (tmp_path / file).symlink_to("/dev/zero")
    case: Case = lambda rng: read(tmp_path / file) and None  # noqa: E731
    assert fuzz({name: (1, case)}, 1).failures == []


def test_what_users_name_themselves_may_be_a_pipe() -> None:
    """As ``<(command)`` of a shell is."""
    out, into = os.pipe()
    os.write(into, b"name = 1")
    os.close(into)
    assert read_text(Path(f"/dev/fd/{out}")) == "name = 1"
    os.close(out)


def test_errors_of_pipes_say_what_they_are(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "deploy.toml")
    with pytest.raises(DeployError, match="pipe or device"):
        read_contract(tmp_path)
    os.mkfifo(tmp_path / "stage.json")
    with pytest.raises(ParkourError, match="pipe or device"):
        read_record(tmp_path)
