"""A command that is told to end: by which status it does so, what it says, and what stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkour.errors import TerminatedError
from parkour.registry.isolation import run_isolated
from parkour_cli import ending

PATIENCE = 120.0
COMMAND = """
import subprocess, sys, tempfile, time
import typer
import parkour_cli.app, parkour_cli.ending
from parkour_cli.__main__ import main
app = typer.Typer()
@app.command()
def command():
    {body}
parkour_cli.app.app = app
main([])
"""
BUSY = """
    with tempfile.TemporaryDirectory() as folder:
        child = "import os, time; print(os.getpid(), sys.argv[1], flush=True); time.sleep(600)"
        subprocess.run([sys.executable, "-c", "import sys; " + child, folder])
"""
BREAKS = """
    try:
        print("ready", flush=True); time.sleep(600)
    except KeyboardInterrupt:
        raise ImportError("half a module") from None
"""
DEAF = """
    for _ in range(2):
        try:
            print("ready", flush=True); time.sleep(600)
        except KeyboardInterrupt:
            pass
"""


def _as_in_a_terminal() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def running(body: str, more: str = "") -> Iterator[subprocess.Popen[str]]:
    """A command that has said that it runs."""
    code = more + COMMAND.format(body=body.strip())
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_as_in_a_terminal,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its status, and what it said to people."""
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def lives(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", ending.STANDS)
def test_nothing_of_it_stays(number: int) -> None:
    with running(BUSY) as process:
        child, folder = said(process).split()
        assert Path(folder).is_dir()
        process.send_signal(number)
        assert ended(process) == (128 + number, "")
        assert not Path(folder).exists()
    # It was killed; it may still be on its way.
    end = time.monotonic() + PATIENCE
    while lives(int(child)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_breaks_on_the_way_is_not_told() -> None:
    with running(BREAKS) as process:
        said(process)
        process.terminate()
        assert ended(process) == (143, "")


def test_the_second_time_it_ends_where_it_stands() -> None:
    with running(DEAF) as process:
        for _ in range(2):
            assert said(process) == "ready\n"
            process.terminate()
        assert ended(process) == (-signal.SIGTERM, "")


def test_one_that_goes_on_is_killed() -> None:
    with running(DEAF, "import parkour_cli.ending\nparkour_cli.ending.GRACE = 1\n") as process:
        said(process)
        process.terminate()
        assert ended(process) == (-signal.SIGALRM, "")


def test_nohup_keeps_it_running() -> None:
    with running(DEAF, "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n") as process:
        said(process)
        process.send_signal(signal.SIGHUP)
        process.terminate()
        assert said(process) == "ready\n", "SIGTERM was the first"


def test_ctrl_c_during_imports_ends_it_at_once() -> None:
    code = (
        "import time; from parkour_cli.ending import importing\n"
        "with importing(): print('ready', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_as_in_a_terminal,
    )  # fmt: skip
    said(process)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (-signal.SIGINT, "")


def test_handlers_are_put_back_and_others_left_alone() -> None:
    before = {number: signal.getsignal(number) for number in ending.STANDS}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with ending.unwound() as came:
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        assert not came
    finally:
        signal.signal(signal.SIGTERM, before[signal.SIGTERM])
    assert {number: signal.getsignal(number) for number in ending.STANDS} == before


def test_it_is_no_fault_of_a_plugin() -> None:
    def told_to_end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    with pytest.raises(TerminatedError), ending.unwound() as came:
        run_isolated("somebody", told_to_end)
    assert came == [signal.SIGTERM]
