"""Several processes: one line of an error, signals that reach all of them, and the loss of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from parkour.learning import launch as launch_module
from parkour.learning import rescue
from parkour.learning import train as train_module
from parkour.learning.launch import run_processes
from parkour.learning.peers import Peers
from parkour.learning.run_state import RunState
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.checkpoint_folder import newest_checkpoint
from tests.learning.runs import run

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = (
    "import sys; from parkour.errors import ParkourError; from parkour.quick_imports import uncollected\n"
    "with uncollected(): from parkour.learning.launch import run_processes\n"
    "say = lambda line: print(line, file=sys.stderr, flush=True)\n"
    "try: sys.exit(run_processes(int(sys.argv[1]), sys.argv[2], sys.argv[3:], say))\n"
    "except ParkourError as error: say(f'error: {error.message}'); say(f'hint: {error.hint}'); sys.exit(1)"
)

PATIENCE = 180.0
"""How long what ends by itself may take: two processes that import torch on a busy machine [s]."""


def launch(count: int, module: str, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LAUNCH, str(count), module, *arguments]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)


def children(process: subprocess.Popen[str], count: int = 2) -> list[int]:
    """Process numbers of the ranks, in order."""
    place = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + PATIENCE
    while len(found := [int(word) for word in place.read_text().split()]) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return found


def until_iteration(folder: Path, number: int) -> Path:
    """Wait until a run below ``folder`` has trained so far; its folder."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for metrics in folder.glob("rsl_rl/*/*/metrics.jsonl"):
            if len(metrics.read_bytes().splitlines()) >= number:
                return metrics.parent
        time.sleep(0.05)
    raise AssertionError("no training")


@pytest.mark.slow
@pytest.mark.mujoco
def test_error_of_all_processes_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    command = [sys.executable, "-m", "parkour_cli", "train", "go2-teacher", "--gpus", "2", "--device", "cpu",
               "--num-envs", "2", "--iterations", "1", "--log-root", str(file)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    *_, error, hint = done.stderr.splitlines()
    assert error.startswith("error: cannot make the run folder") and hint == "hint: --log-root DIR"
    said = done.stdout + done.stderr
    assert said.count("error:") == 1 and "Traceback" not in said and "elastic" not in said and "OMP_NUM" not in said


def test_signal_lets_all_processes_save_and_is_said_once() -> None:
    process = launch(2, "tests.learning.patient")
    assert process.stdout is not None
    ready = [process.stdout.readline() for _ in range(2)]
    assert sorted(ready) == ["ready 0\n", "ready 1\n"]
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert sorted(out.split("\n")) == ["", "saved 0", "saved 1"]
    assert err == "SIGTERM: saving a checkpoint, then stopping (Ctrl-C again to stop at once)\n"
    assert process.returncode == 143


def test_status_is_that_of_the_process_that_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(
        "import os, sys, time; os.environ['RANK'] == '1' or time.sleep(600); sys.exit(7)"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    begin = time.monotonic()
    assert run_processes(2, "failing", []) == 7
    assert time.monotonic() - begin < PATIENCE


@pytest.mark.parametrize("lost", [0, 1])
def test_a_killed_rank_is_named_and_another_saves(tmp_path: Path, lost: int) -> None:
    process = launch(2, "tests.learning.worker", str(tmp_path), "100000", "rare")
    ranks = children(process)
    folder = until_iteration(tmp_path, 3)
    os.kill(ranks[lost], signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    last = newest_checkpoint(folder)
    error, hint = err.splitlines()
    assert error == (
        f"error: rank {lost} of 2 (process {ranks[lost]}) was killed by SIGKILL; "
        f"rank {1 - lost} saved the last networks: {last}"
    )
    assert hint == f"hint: parkour train --resume --run {folder} --gpus 2"
    rows = [json.loads(line)["iteration"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    loaded = load_checkpoint(last)
    assert loaded.iteration >= 3 and not loaded.slim and rows == list(range(1, loaded.iteration + 1))
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".") and path.name != ".lock"]


def test_the_second_ctrl_c_ends_a_stopped_rank_too(tmp_path: Path) -> None:
    process = launch(2, "tests.learning.worker", str(tmp_path), "100000", "rare")
    ranks = children(process)
    until_iteration(tmp_path, 2)
    os.kill(ranks[1], signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said == "Ctrl-C: saving a checkpoint, then stopping (Ctrl-C again to stop at once)\n"
    time.sleep(1.0)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    # Well before the launcher gives them up by itself.
    _, err = process.communicate(timeout=launch_module.PATIENCE / 5)
    assert process.returncode == 130 and err == ""
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)


def test_every_rank_says_that_the_time_is_over(tmp_path: Path) -> None:
    process = launch(2, "tests.learning.worker", str(tmp_path), "100000", "minutes=0.02")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    ends = [line.split(maxsplit=2)[2] for line in out.splitlines() if line.startswith("end ")]
    assert len(ends) == 2 and all(end.startswith("0.02 minutes are over") for end in ends)


def test_no_thread_of_the_group_outlives_it(tmp_path: Path) -> None:
    """Python may end while a thread of gloo still holds a tensor; that aborts a process which trained well."""
    process = launch(2, "tests.learning.worker", str(tmp_path), "2", "threads")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    threads = [line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("threads ")]
    assert len(threads) == 2 and not any("pt_gloo" in line for line in threads)


def test_ctrl_c_during_imports_ends_all_at_once(tmp_path: Path) -> None:
    for wait in (0.0, 0.7):
        process = launch(2, "tests.learning.worker", str(tmp_path), "100000")
        ranks = children(process)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130 and "Traceback" not in err
        assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)


def test_one_that_waits_in_vain_saves_from_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on GPUs, where NCCL waits for a lost process for minutes."""
    states: list[RunState] = []
    restore = train_module._restore
    monkeypatch.setattr(train_module, "_restore", lambda state, *rest: (states.append(state), restore(state, *rest)))
    result = run(tmp_path, iterations=3, save_interval=10**6)
    (state,) = states
    result.checkpoint.unlink()
    peers = Peers(torch.distributed.HashStore())
    peers.begin(result.run)
    peers.lose(0)
    monkeypatch.setattr(rescue, "GRACE", 0.0)
    ended: list[int] = []
    monkeypatch.setattr(rescue.os, "_exit", ended.append)
    rescue._watch(peers, state, 0, threading.Event())
    assert ended == [1] and load_checkpoint(result.checkpoint).iteration == 3
    assert peers.saved is not None and peers.saved.path == result.checkpoint
    # Nobody else saves, and broken networks are not saved at all.
    assert not peers.claim()
    result.checkpoint.unlink()
    with torch.no_grad():
        next(iter(state.runner.alg.save()["actor_state_dict"].values())).fill_(float("nan"))
    rescue._save(None, state, 0)
    assert not result.checkpoint.exists()


def test_the_thread_that_looks_for_lost_ones_ends_with_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a question to the launcher's store it would abort the process when Python closes."""
    asks, answers = threading.Event(), threading.Event()

    class SlowPeers:
        def begin(self, folder: Path) -> None: ...

        def lost_one(self, patience: float = 0.0) -> bool:
            asks.set()
            answers.wait(PATIENCE)
            return False

    monkeypatch.setattr(rescue, "peers_here", SlowPeers)
    runner = SimpleNamespace(gpu_global_rank=0, device="cuda:0", is_distributed=True)
    with rescue.rescuing(cast(RunState, SimpleNamespace(runner=runner, folder=Path())), 0):
        assert asks.wait(PATIENCE)
        threading.Timer(0.3, answers.set).start()
    assert not [thread for thread in threading.enumerate() if thread.name == "rescue"]


def test_processes_without_their_launcher_save_and_end(tmp_path: Path) -> None:
    process = launch(2, "tests.learning.worker", str(tmp_path), "100000", "rare")
    ranks = children(process)
    folder = until_iteration(tmp_path, 2)
    process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE
    while any(alive(rank) for rank in ranks) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(rank) for rank in ranks)
    assert load_checkpoint(newest_checkpoint(folder)).iteration >= 2


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
