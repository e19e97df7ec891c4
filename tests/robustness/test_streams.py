"""Standard streams that are closed, full or read by nobody, and machines that are: one line, and nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import torch

import parkour_cli.app
from parkour_cli.__main__ import main

PARKOUR = [sys.executable, "-m", "parkour_cli", "runs", "list"]


def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*PARKOUR, "--log-root", str(tmp_path)], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("error: ") and "No space left" in done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_who_leaves_a_pipe_is_told_nothing(tmp_path: Path) -> None:
    out, into = os.pipe()
    os.close(out)
    done = subprocess.run([*PARKOUR, "--log-root", str(tmp_path)], stdout=into, stderr=subprocess.PIPE, text=True)
    os.close(into)
    assert (done.returncode, done.stderr) == (1, "")


def test_no_file_gets_the_number_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    code = (
        "from parkour.streams import open_standard_streams as ready; ready();"
        "file = open('checkpoint', 'w'); assert file.fileno() > 2; print('not into it')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, preexec_fn=_close_all)
    assert done.returncode == 0 and (tmp_path / "checkpoint").read_text() == ""


def _close_all() -> None:
    for number in range(3):
        os.close(number)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "error: out of memory"),
        (RuntimeError("[..] DefaultCPUAllocator: can't allocate memory: you tried\nC++"), "error: out of memory: [..]"),
        (RuntimeError("Failed to allocate 8 bytes on device 'cuda:0'"), "error: out of memory: Failed to allocate"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to"), "error: out of memory: CUDA out of memory"),
        (OSError(28, "No space left on device", "/a/b"), "error: /a/b: No space left on device"),
        (OSError("odd"), "error: cannot read or write: odd"),
    ],
)
def test_what_the_machine_lacks_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parkour_cli.app, "app", _raising(error))
    monkeypatch.setattr("parkour_cli.__main__.let_go", lambda handles: None)
    with pytest.raises(SystemExit) as ended:
        main(["tasks"])
    said = capfd.readouterr().err.splitlines()
    assert ended.value.code == 1 and said[0].startswith(line) and said[1].startswith("hint: ")
    monkeypatch.setenv("PARKOUR_DEBUG", "1")
    with pytest.raises(type(error)):
        main(["tasks"])


def test_a_bug_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parkour_cli.app, "app", _raising(RuntimeError("mat1 and mat2 cannot be multiplied")))
    with pytest.raises(RuntimeError, match="mat1"):
        main(["tasks"])


def _raising(error: Exception) -> Callable[..., NoReturn]:
    def app(*args: object, **options: object) -> NoReturn:
        raise error

    return app


def test_plots_need_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    with pytest.raises(SystemExit):
        main(["--version"])
    assert os.environ["MPLBACKEND"] == "agg"
