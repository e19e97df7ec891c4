"""Isaac Lab's own commands start the tasks, as a process of their own would; and ours say what is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkour_isaaclab.backends.backend import DEFAULT

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

TEACHER = "Isaac-Extreme-Parkour-Teacher-Unitree-Go2-v0"
PRESETS = {"ovphysx": "ovphysx", "newton": "newton_mjwarp"}


def _isaaclab(folder: Path, *arguments: str, seconds: float = 300.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "isaaclab", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)


@contextmanager
def _killed_at_last(running: subprocess.Popen[str]) -> Iterator[None]:
    """A process that does not end by itself must not keep the tests."""
    try:
        yield
    finally:
        running.kill()


def test_isaac_lab_trains_a_task_and_plays_it(tmp_path: Path, physics: str) -> None:
    """Their runner, their PPO, their wrapper; two updates, and a checkpoint of theirs, which they play."""
    done = _isaaclab(
        tmp_path, "train", "--rl_library", "rsl_rl", "--task", TEACHER, "--num_envs", "4", "--max_iterations", "2",
        "--device", "cpu", f"physics={PRESETS[physics]}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Learning iteration 1/2" in done.stdout
    newest = max(tmp_path.glob("logs/rsl_rl/go2-teacher-isaaclab/*/model_*.pt"))
    play = TEACHER.replace("-v0", "-Play-v0")
    command = [
        sys.executable, "-m", "isaaclab", "play", "--rl_library", "rsl_rl", "--task", play, "--num_envs", "2",
        "--device", "cpu", "--checkpoint", str(newest), f"physics={PRESETS[physics]}",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            # A shell's background jobs ignore Ctrl-C, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as running,
        _killed_at_last(running),
    ):
        assert running.stdout is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if "Policy playback is running" in line:
                time.sleep(2.0)  # steps are being made by then
                running.send_signal(signal.SIGINT)
                break
        rest, _ = running.communicate(timeout=60)
        assert "Policy playback is running" in "".join(said), "".join(said)[-3000:]
        assert running.returncode == 0, rest[-3000:]


def test_a_student_is_not_trained_by_their_runner(tmp_path: Path, physics: str) -> None:
    if physics != DEFAULT:
        pytest.skip("the backend is not asked for: the same on all")
    task = TEACHER.replace("Teacher", "Student")
    done = _isaaclab(tmp_path, "train", "--rl_library", "rsl_rl", "--task", task, "--num_envs", "4", "--device", "cpu")
    assert done.returncode != 0
    assert "a student is not trained by Isaac Lab's runner" in done.stderr


def test_doctor_tries_the_backend(tmp_path: Path, physics: str) -> None:
    command = ["-m", "parkour_cli", "doctor", "--engine", "isaaclab", "--physics", physics, "--seconds", "6", "--json"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["error"] is None and report["versions"]["isaaclab"].startswith("3.0.")
