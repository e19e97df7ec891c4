"""How training ends before its last iteration: signals, a kill, the time limit, a full disk, divergence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from parkour.errors import StorageError, TrainingError
from parkour.learning.signals import StopSignals
from parkour.learning.train import train
from parkour.policies import checkpoint_file as checkpoint_module
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.checkpoint_folder import checkpoints_of, newest_checkpoint
from tests.learning.fakes import FakeEnv, fake_task
from tests.learning.runs import options, run

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0
"""How long a process that ends by itself may take: it imports torch, perhaps on a busy machine [s]."""


def start_worker(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.learning.worker", str(tmp_path), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(text):
            return
    raise AssertionError(f"the process ended before it said {text!r}")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")])
def test_signal_saves_a_checkpoint_and_says_where(tmp_path: Path, number: int, name: str) -> None:
    process = start_worker(tmp_path, "100000")
    read_until(process, "iteration 3")
    process.send_signal(number)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    end = output.splitlines()[-1].split()
    assert end[0] == "end" and end[2] == name
    loaded = load_checkpoint(Path(end[-1]))
    assert loaded.iteration == int(end[1]) >= 3 and not loaded.slim


def test_kill_leaves_a_checkpoint_from_which_the_run_goes_on(tmp_path: Path) -> None:
    process = start_worker(tmp_path, "100000")
    read_until(process, "iteration 5")
    process.kill()
    process.communicate(timeout=PATIENCE)
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    last = newest_checkpoint(folder)
    saved = load_checkpoint(last).iteration
    assert saved >= 4
    process = start_worker(tmp_path, str(saved + 2), "resume", "fast")
    output, _ = process.communicate(timeout=PATIENCE)
    assert output.splitlines()[-1] == f"end {saved + 2} done {folder / f'model_{saved + 2}.pt'}"


def test_time_limit(tmp_path: Path) -> None:
    result = run(tmp_path, iterations=10**6, time_limit=0.01)
    assert result.stopped == "0.01 minutes are over"
    assert load_checkpoint(result.checkpoint).iteration == result.iterations


def test_disk_full_while_training_keeps_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.save
    calls: list[int] = []

    def save(payload: object, file: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(payload, file)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint_module.torch, "save", save)
    with pytest.raises(StorageError, match="No space left on device"):
        run(tmp_path, iterations=6)
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    assert [p.name for p in checkpoints_of(folder)] == ["model_2.pt"]
    assert load_checkpoint(folder / "model_2.pt").iteration == 2


def test_diverged_training_stops_before_it_saves(tmp_path: Path) -> None:
    class Nan(FakeEnv):
        def step(self, actions: torch.Tensor) -> tuple:
            obs, reward, done, extras = super().step(actions)
            return obs, reward * (float("nan") if self.steps > 8 else 1.0), done, extras

    with pytest.raises(TrainingError, match="training diverged in iteration 3: loss 'value' is nan"):
        train(fake_task(), options(tmp_path), make_env=lambda task, n, device, seed: Nan(n, seed))
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    assert [p.name for p in checkpoints_of(folder)] == ["model_2.pt"]


def test_a_signal_in_the_middle_of_a_line_is_told_and_stops() -> None:
    said: list[str] = []

    def notify(line: str) -> None:
        if threading.current_thread() is threading.main_thread():
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stdout>'>")
        said.append(line)

    with StopSignals(notify) as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.reason == "SIGTERM"
        wait = time.monotonic() + PATIENCE
        while not said and time.monotonic() < wait:
            time.sleep(0.01)
    assert len(said) == 1 and "SIGTERM" in said[0]
