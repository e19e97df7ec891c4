"""Several processes: one line of an error, and a signal that reaches all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parkour.learning.launch import run_processes

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.mujoco
def test_error_of_all_processes_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    command = [sys.executable, "-m", "parkour_cli", "train", "go2-teacher", "--gpus", "2", "--device", "cpu",
               "--num-envs", "2", "--iterations", "1", "--log-root", str(file)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 1
    *_, error, hint = done.stderr.splitlines()
    assert error.startswith("error: cannot make the run folder") and hint == "hint: --log-root DIR"
    said = done.stdout + done.stderr
    assert said.count("error:") == 1 and "Traceback" not in said and "elastic" not in said and "OMP_NUM" not in said


def test_signal_lets_all_processes_save_and_says_nothing_itself() -> None:
    command = [sys.executable, "-m", "parkour.learning.torchrun", "2", "tests.learning.patient"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        ready = [process.stdout.readline() for _ in range(2)]
        assert sorted(ready) == ["ready 0\n", "ready 1\n"]
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert sorted(out.split("\n")) == ["", "saved 0", "saved 1"]
    assert err == "" and process.returncode == 143


def test_status_is_that_of_the_process_that_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("import sys; sys.exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    assert run_processes(2, "failing", []) == 7
