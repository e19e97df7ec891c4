"""A run folder: one process at a time, its total of iterations, its order among runs, its id at wandb."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parkour.errors import StorageError
from parkour.learning import run_lock as lock_module
from parkour.learning.run_folder import make_run_folder
from parkour.learning.run_lock import LOCK_FILE, Holder, RunLock, in_use, read_holder
from parkour.learning.run_options import RunOptions, read_run_options, write_run_options
from parkour.learning.train import train
from parkour.policies.checkpoint_folder import LARGEST_NUMBER, checkpoints_of, find_run, newest_checkpoint
from tests.learning.fakes import fake_task, make_env
from tests.learning.runs import options, run
from tests.learning.test_train_ends import PATIENCE, read_until, start_worker


def iterations_of(folder: Path) -> list[int]:
    return [json.loads(line)["iteration"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


# -- the lock ----------------------------------------------------------------------------------------------------------


def test_a_second_process_is_refused_and_told_who_trains(tmp_path: Path) -> None:
    process = start_worker(tmp_path, "100000")
    read_until(process, "iteration 3")
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    files = sorted(path.name for path in folder.iterdir() if not path.name.startswith(("model_", ".model_")))
    with pytest.raises(StorageError) as caught:
        run(tmp_path, resume=True, iterations=10**6)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert "\n" not in caught.value.message
    assert f"run folder {folder} is in use by process {process.pid} on {socket.gethostname()}" in caught.value.message
    assert "worker.py" in caught.value.message and f"kill {process.pid}" in (caught.value.hint or "")
    assert LOCK_FILE in files and not (folder / LOCK_FILE).exists()
    last = int(newest_checkpoint(folder).stem.removeprefix("model_"))
    assert iterations_of(folder) == list(range(1, last + 1))


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    process = start_worker(tmp_path, "100000")
    read_until(process, "iteration 3")
    process.kill()
    process.communicate(timeout=PATIENCE)
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    assert (holder := read_holder(folder)) is not None and holder.pid == process.pid
    (folder / f".model_9.{os.getppid()}.part.pt").write_bytes(b"half")
    said: list[str] = []
    total = int(newest_checkpoint(folder).stem.removeprefix("model_")) + 2
    again = options(tmp_path, iterations=total, resume=True, num_envs=None)
    train(fake_task(), again, make_env=make_env, notify=said.append)
    assert any(line.startswith(f"process {process.pid} on ") and "taking over" in line for line in said)
    assert iterations_of(folder) == list(range(1, total + 1))
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        assert in_use(tmp_path) and read_holder(tmp_path) == Holder.here()
        with pytest.raises(StorageError, match="is in use by process"), RunLock(tmp_path):
            pass
    assert not in_use(tmp_path) and not (tmp_path / LOCK_FILE).exists()
    (tmp_path / LOCK_FILE).write_text("no json \x1b[2J")
    with RunLock(tmp_path):
        assert read_holder(tmp_path) == Holder.here()


def test_a_file_system_without_locks_goes_by_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_here(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock_module.fcntl, "flock", none_here)
    monkeypatch.setattr(lock_module, "_SETTLE", 0.0)
    path = tmp_path / LOCK_FILE
    with RunLock(tmp_path):
        assert read_holder(tmp_path) == Holder.here()
    path.write_text(json.dumps({"pid": os.getppid(), "host": socket.gethostname(), "command": "x"}))
    with pytest.raises(StorageError, match=f"in use by process {os.getppid()} on "), RunLock(tmp_path):
        pass
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere\x1b[2J", "command": "x"}))
    with pytest.raises(StorageError, match=r"process 1 on elsewhere\\x1b") as caught, RunLock(tmp_path):
        pass
    assert caught.value.hint == f"wait until it ends; if it has, remove {path}"
    path.write_text(json.dumps({"pid": 99999999, "host": socket.gethostname(), "command": "x"}))
    with RunLock(tmp_path):
        pass
    assert not path.exists()


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("text")
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(StorageError, match="cannot lock run folder"), RunLock(tmp_path):
        pass
    assert (tmp_path / "precious").read_text() == "text"


# -- what a run keeps --------------------------------------------------------------------------------------------------


def test_a_resumed_run_keeps_its_total_and_says_when_it_is_complete(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=6, time_limit=1e-9)
    assert first.iterations < 6 and first.stopped
    plain = options(tmp_path, resume=True, iterations=None)
    second = train(fake_task(), plain, make_env=make_env)
    assert second.iterations == 6 and not second.stopped
    said: list[str] = []
    third = train(fake_task(), plain, make_env=make_env, notify=said.append)
    assert third.run == first.run and third.iterations == 6 and third.checkpoint == second.checkpoint
    assert any(f"run {first.run} is complete after 6 iterations; more with" in line for line in said)
    assert iterations_of(first.run) == [1, 2, 3, 4, 5, 6]
    more = train(fake_task(), replace(plain, iterations=7), make_env=make_env)
    assert more.iterations == 7 and (kept := read_run_options(first.run)) is not None and kept.iterations == 7


def test_the_newest_run_is_the_one_begun_last_whatever_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SetBack(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2001, 1, 1)

    first = run(tmp_path, iterations=1)
    monkeypatch.setattr("parkour.learning.run_folder.datetime", SetBack)
    second = run(tmp_path, iterations=1)
    assert second.run.name < first.run.name
    os.utime(first.run, (2e9, 2e9))
    assert find_run([first.run.parent]) == second.run
    # Folders of before say nothing, and come first.
    old = make_run_folder(options(tmp_path), "go2-teacher", datetime(2100, 1, 1))
    (old / "model_1.pt").touch()
    write_run_options(old, RunOptions("e", "cpu", 1, 1))
    assert find_run([first.run.parent]) == second.run


def test_a_run_that_went_back_goes_on_from_there(tmp_path: Path) -> None:
    """And not with the past that was given up, which stays."""
    first = run(tmp_path, iterations=6)
    run(tmp_path, resume=True, checkpoint=first.run / "model_2.pt", iterations=3)
    assert [path.name for path in checkpoints_of(first.run)] == ["model_2.pt", "model_3.pt"]
    assert [path.name for path in checkpoints_of(first.run / "given_up")] == ["model_4.pt", "model_6.pt"]
    assert iterations_of(first.run / "given_up") == [1, 2, 3, 4, 5, 6]
    run(tmp_path, resume=True, iterations=5)
    assert iterations_of(first.run) == [1, 2, 3, 4, 5]
    run(tmp_path, resume=True, checkpoint=first.run / "model_3.pt", iterations=4)
    assert [path.name for path in checkpoints_of(first.run / "given_up-2")] == ["model_4.pt", "model_5.pt"]
    assert find_run([first.run.parent]) == first.run


@pytest.mark.parametrize("number", [LARGEST_NUMBER, 2**63 - 1, -5])
def test_a_strangers_number_spoils_no_run_that_follows(number: int, tmp_path: Path) -> None:
    first = run(tmp_path, iterations=1)
    kept = read_run_options(first.run)
    assert kept is not None
    write_run_options(first.run, replace(kept, number=number, began="2001-01-01T00:00:00+00:00"))
    second = run(tmp_path, iterations=1)
    assert find_run([first.run.parent]) == second.run
    assert run(tmp_path, resume=True, run=second.run, iterations=2).iterations == 2


@pytest.mark.parametrize("key", ["num_envs", "seed", "iterations", "number", "save_interval", "keep"])
@pytest.mark.parametrize("value", [-1, 2**63 - 1, 1.5, True, "3"])
def test_options_of_a_run_are_numbers_that_runs_have(key: str, value: Any, tmp_path: Path) -> None:
    write_run_options(tmp_path, replace(RunOptions("e", "cpu", 1, 1), **{key: value}))
    if (key, value) == ("seed", 2**63 - 1):
        return
    with pytest.raises(StorageError, match=f"{key}: got .*, expected a whole number from 0 to"):
        read_run_options(tmp_path)


def test_a_lock_that_names_no_process_is_nobodys(tmp_path: Path) -> None:
    """Or somebody is told to ``kill -1``."""
    (tmp_path / LOCK_FILE).write_text(json.dumps({"pid": -1, "host": socket.gethostname(), "command": "x"}))
    assert read_holder(tmp_path) is None


def test_a_run_that_resumes_is_one_run_at_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []

    def init(**settings: object) -> SimpleNamespace:
        calls.append(settings)
        return SimpleNamespace(log=lambda *a, **k: None, finish=lambda: None)

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Error=ValueError, init=init))
    first = run(tmp_path, iterations=2, logger="wandb")
    run(tmp_path, iterations=4, logger="wandb", resume=True)
    assert calls[0]["id"] == calls[1]["id"] and len(str(calls[0]["id"])) == 8
    assert [call["resume"] for call in calls] == ["allow", "allow"]
    run(tmp_path, iterations=2, logger="wandb")
    assert calls[2]["id"] != calls[0]["id"]
    # No value from a file becomes a path.
    (first.run / "wandb_id.txt").write_text("../../etc")
    run(tmp_path, iterations=6, logger="wandb", resume=True, run=first.run)
    assert len(str(calls[3]["id"])) == 8 and "/" not in str(calls[3]["id"])


# -- a terminal that is gone -------------------------------------------------------------------------------------------


def test_a_dropped_terminal_saves_a_checkpoint(tmp_path: Path) -> None:
    """As when ssh drops: SIGHUP, and a terminal that takes no more words."""
    process, terminal = on_a_terminal(tmp_path, [])
    os.close(terminal)
    os.kill(process.pid, signal.SIGHUP)
    assert process.wait(timeout=PATIENCE) == 0
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    last = int(newest_checkpoint(folder).stem.removeprefix("model_"))
    assert iterations_of(folder) == list(range(1, last + 1)) and len(checkpoints_of(folder)) >= 1
    assert not (folder / LOCK_FILE).exists()


def test_nohup_keeps_training(tmp_path: Path) -> None:
    process, terminal = on_a_terminal(tmp_path, ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
    os.kill(process.pid, signal.SIGHUP)
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    before = len(iterations_of(folder))
    deadline = time.monotonic() + PATIENCE
    while len(iterations_of(folder)) < before + 3 and time.monotonic() < deadline:
        read_away(terminal)
        time.sleep(0.1)
    assert process.poll() is None and len(iterations_of(folder)) >= before + 3
    process.kill()
    process.wait()
    os.close(terminal)


def on_a_terminal(tmp_path: Path, prefix: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    """A training process whose words go to a terminal of its own, after some iterations."""
    ours, theirs = os.openpty()
    command = [*prefix, sys.executable, "-m", "tests.learning.worker", str(tmp_path), "100000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, stdin=theirs, cwd=root, env=environment,
        # Who runs these tests may ignore it, as nohup does, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )  # fmt: skip
    os.close(theirs)
    experiment = tmp_path / "rsl_rl" / "go2-teacher"
    deadline = time.monotonic() + PATIENCE
    while not list(experiment.glob("*/model_4.pt")):
        assert process.poll() is None and time.monotonic() < deadline
        read_away(ours)
        time.sleep(0.05)
    return process, ours


def read_away(terminal: int) -> None:
    """What was written to it: who writes more than it holds waits."""
    os.set_blocking(terminal, False)
    with contextlib.suppress(BlockingIOError):
        os.read(terminal, 1 << 16)
