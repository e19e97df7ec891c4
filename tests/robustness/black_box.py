"""The command line from outside: the ``parkour`` of this checkout, or that of another version.

``PARKOUR_EXECUTABLE=/other/checkout/.venv/bin/parkour python -m pytest tests/robustness/test_faults*.py`` shows which
faults the other version has; give it this checkout's own to try all cases on it. Nothing but files and what a command
prints is used, so any version can be tried.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

EXECUTABLE = "PARKOUR_EXECUTABLE"
COMPARES = bool(os.environ.get(EXECUTABLE))
"""Whether all of a fault's cases are tried, or the first: CI has the others as tests that start no process."""
PATIENCE = 120.0
"""After which a command hangs [s]."""
ITERATIONS = 8
"""Of the run that is made for all tests."""
TRAINS = ("--num-envs", "2", "--device", "cpu", "--logger", "none", "--set", "algorithm.steps_per_env=4",
          "--set", "course.levels=2", "--set", "course.columns=5")  # fmt: skip
"""Options of a training that takes no time."""


def cases(*all_of_them: Any) -> tuple[Any, ...]:
    """Those of a fault to try."""
    return all_of_them if COMPARES else all_of_them[:1]


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    status: int
    out: str
    err: str
    memory: float
    """Most that was in RAM [MiB]."""
    seconds: float
    """Of processors."""

    @property
    def text(self) -> str:
        return self.out + self.err

    def refused(self, *words: str) -> None:
        """Whether it ended with one line that names ``words``, and perhaps one with what to try."""
        assert self.status not in (0, -signal.SIGKILL), self.text
        assert "Traceback" not in self.text, self.text
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.text
        assert all(word in self.text for word in words), self.text


def _as_in_a_terminal() -> None:
    """Signals as a shell in a terminal sets them, whoever runs the tests: under nohup they are ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Running:
    """A command that runs.

    Args:
        arguments: after ``parkour``.
        folder: to work in; a file of what it prints is made beside it.
        variables: of its environment, besides those it needs.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> None:
        executable = os.environ.get(EXECUTABLE) or str(Path(sys.executable).with_name("parkour"))
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._said = folder.with_name(f"{folder.name}.{time.monotonic_ns()}.txt")
        self._errors = self._said.with_suffix(".err")
        self._memory = 0.0
        with self._said.open("wb") as out, self._errors.open("wb") as err:
            self.process = subprocess.Popen(
                [executable, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=kept | {"HOME": str(folder), "OMP_NUM_THREADS": "1", "MUJOCO_GL": "egl"} | dict(variables or {}),
                start_new_session=True, preexec_fn=_as_in_a_terminal,
            )  # fmt: skip
        self._result: tuple[int, float] | None = None

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace") + self._errors.read_text(errors="replace")

    def wait_for(self, come: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Until something is there, and the command still runs."""
        end = time.monotonic() + seconds
        while not come():
            assert not self.ended() and time.monotonic() < end, self.said
            time.sleep(0.02)

    def ended(self) -> bool:
        if self._result is None:
            self._memory = max(self._memory, _peak(self.process.pid))
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self._result = self.process.returncode, usage.ru_utime + usage.ru_stime
        return self._result is not None

    def wait(self, seconds: float = PATIENCE) -> Done:
        """Until it ends, by itself or killed after ``seconds``."""
        end = time.monotonic() + seconds
        while not self.ended() and time.monotonic() < end:
            time.sleep(0.02)
        self.kill()
        assert self._result is not None
        texts = [path.read_text(errors="replace") for path in (self._said, self._errors)]
        return Done(self._result[0], *texts, memory=self._memory, seconds=self._result[1])

    def kill(self) -> None:
        """It and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        while not self.ended():
            time.sleep(0.01)


def parkour(
    *arguments: str, folder: Path, seconds: float = PATIENCE, variables: Mapping[str, str] | None = None
) -> Done:
    """Run a command to its end."""
    return Running(arguments, folder, variables).wait(seconds)


@contextlib.contextmanager
def running(*arguments: str, folder: Path) -> Iterator[Running]:
    """A command that runs until the block ends."""
    command = Running(arguments, folder)
    try:
        yield command
    finally:
        command.kill()


# -- what commands are given -----------------------------------------------------------------------------------------


def make_run(folder: Path) -> Path:
    """A run of go2-teacher that is complete; its folder."""
    total = str(ITERATIONS)
    done = parkour("train", "go2-teacher", *TRAINS, "--iterations", total, "--save-interval", "1", folder=folder)
    assert done.status == 0, done.text
    return next(folder.glob("logs/rsl_rl/*/*"))


def copy_run(run: Path, folder: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(run, folder / "logs" / "rsl_rl" / run.parent.name / run.name))


def newest(run: Path) -> Path:
    """Its last checkpoint."""
    return run / f"model_{ITERATIONS}.pt"


def tampered(checkpoint: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A checkpoint with other contents, as a stranger makes it: without a checksum, which earlier files have not."""
    data = torch.load(checkpoint, weights_only=True)
    data.pop("sha256", None)
    change(data)
    torch.save(data, path)
    return path


def rows(run: Path) -> list[int]:
    """Iterations of which the metrics have a row."""
    found = []
    for line in (run / "metrics.jsonl").read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line)["iteration"])
    return found


def plant(site: Path, modules: Mapping[str, str], version: str = "1.0", entry_points: Sequence[str] = ()) -> str:
    """A distribution ``parkour-stranger`` as pip leaves it, and the ``PYTHONPATH`` that finds it."""
    info = site / "parkour_stranger-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: parkour-stranger\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("\n".join(["[parkour]", *(f"{name} = {name}" for name in entry_points), ""]))
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source)
    return str(site)


def _peak(pid: int) -> float:
    """Most memory of a process since it began [MiB]; that of ``wait4`` has its parent's in it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return 0.0


def processes_of(parent: int) -> dict[int, int]:
    """Processes that a launcher started, by their rank."""
    ranks: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            if os.getsid(int(place.name)) != parent and parent not in _ancestors(int(place.name)):
                continue
            variables = (place / "environ").read_bytes().split(b"\0")
            rank = next(int(item[5:]) for item in variables if item.startswith(b"RANK="))
            ranks[rank] = int(place.name)
    return ranks


def _ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found
