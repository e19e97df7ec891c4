"""Measures how fast this machine simulates, trains and evaluates: ``python benchmarks/run.py [-o results.json]``.

In one run: raw physics and the full environment step over numbers of environments, mjlab's own rough-terrain task at
the same sizes, teacher and student training, evaluation, memory and, where there are two GPUs, both; where Isaac Lab is
installed, the environment step on its physics; last, if ``--minutes`` allows it, training from scratch until it
succeeds. Every measurement is a process of its own, the most important ones first; the JSON is written after each. One
that fails, or for which no time is left, is recorded as such, and the rest goes on. ``python benchmarks/report.py``
makes tables and a plot of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parkour.errors import ParkourError
from parkour.storage import check_writable, write_text

HERE = Path(__file__).resolve().parent
MOST_MINUTES = 7 * 24 * 60


@dataclass(frozen=True)
class Measurement:
    """One process."""

    name: str
    kind: str
    """Which function of :mod:`measure`."""
    arguments: dict[str, Any] = field(default_factory=dict)
    limit: float = 180.0
    """Longest time it may take [s]."""
    least: float = 20.0
    """Not begun when less time is left [s]."""


def plan(device: str, gpus: int, quick: bool, isaaclab: Sequence[str] = ()) -> list[Measurement]:
    """What is measured, the most important first.

    Args:
        device: where.
        gpus: how many there are.
        quick: fewer sizes and steps, and no training until success.
        isaaclab: what of Isaac Lab's physics is installed.
    """
    if not device.startswith("cuda"):
        return _cpu_plan(quick)
    wanted = _gpu_plan(device, gpus, quick)
    wanted += [_isaaclab(device, 8192, 100 if quick else 200, physics) for physics in isaaclab]
    return wanted if quick else [*wanted, _success(device, 8192, 5)]


def _environment(device: str, size: int, steps: int, name: str = "environment", **more: Any) -> Measurement:
    arguments = {"device": device, "num_envs": size, "steps": steps, **more}
    return Measurement(f"{name}@{size}", "environment", arguments, limit=300)


def _peer(device: str, size: int, steps: int) -> Measurement:
    # Its terrain takes a while to generate, and its kernels to compile once.
    return Measurement(
        f"peer@{size}", "peer", {"device": device, "num_envs": size, "steps": steps}, limit=300, least=30
    )


def _training(name: str, device: str, size: int, iterations: int, **more: Any) -> Measurement:
    arguments = {"device": device, "num_envs": size, "iterations": iterations, **more}
    return Measurement(name, "training", arguments, limit=240, least=40)


def _evaluation(device: str, size: int, steps: int, protocol: str) -> Measurement:
    arguments = {"device": device, "num_envs": size, "steps": steps, "protocol": protocol}
    return Measurement(f"evaluation@{protocol}", "evaluation", arguments, limit=240, least=40)


def _isaaclab(device: str, size: int, steps: int, physics: str) -> Measurement:
    arguments = {"device": device, "num_envs": size, "steps": steps, "engine": "isaaclab", "physics": physics}
    # Kernels of its own are compiled once, for minutes.
    return Measurement(f"{physics}@{size}", "environment", arguments, limit=420, least=60)


def _success(device: str, size: int, minutes: int) -> Measurement:
    # A checkpoint about every 20 s; scoring all of them takes about as long as training.
    arguments = {"device": device, "num_envs": size, "minutes": minutes, "save_interval": 60, "courses": 320}
    return Measurement("time to success", "time_to_success", arguments, limit=240 * minutes, least=120 * minutes)


def _gpu_plan(device: str, gpus: int, quick: bool) -> list[Measurement]:
    steps, iterations = (100, 15) if quick else (200, 40)
    main, others = 8192, [1024] if quick else [16384, 4096, 1024, 256]
    wanted = [
        _environment(device, main, steps),
        _peer(device, main, steps),
        _training("teacher", device, main, iterations),
    ]
    if gpus > 1:
        wanted.append(_training("teacher, 2 GPUs", device, main, iterations, gpus=2))
    wanted += [
        _training("student", device, 192, 3 if quick else 6, stage="student"),
        _evaluation(device, 64, 1000, "reference"),
    ]
    wanted += [_environment(device, size, steps) for size in others]
    wanted += [_peer(device, size, steps) for size in others]
    if not quick:
        wanted += [
            _environment(device, 192, steps, "student environment", task="go2-student"),
            _evaluation(device, 256, 1500, "course"),
        ]
    return wanted


def _cpu_plan(quick: bool) -> list[Measurement]:
    steps, iterations = (50, 5) if quick else (100, 10)
    sizes = [64] if quick else [256, 64, 16]
    wanted = [_environment("cpu", size, steps) for size in sizes]
    wanted += [_environment("cpu", size, steps, "MuJoCo Warp", cpu_sim="warp") for size in sizes]
    wanted += [
        _evaluation("cpu", 64, 1000, "reference"),
        _training("teacher", "cpu", 64, iterations),
        _training("student", "cpu", 16, 2, stage="student"),
        _peer("cpu", 64, 20),
    ]
    return wanted


def run(wanted: list[Measurement], results: dict[str, Any], out: Path, seconds: float) -> None:
    """Measure what there is time for; ``results`` is written after each."""
    start = time.monotonic()
    for number, item in enumerate(wanted, 1):
        left = seconds - (time.monotonic() - start)
        if left < item.least:
            entry: dict[str, Any] = {"status": "skipped", "error": f"{left:.0f} s left, expected {item.least:.0f}"}
        else:
            _say(f"[{number}/{len(wanted)}] {item.name} ({left:.0f} s left)")
            entry = _measure(item, min(item.limit, left))
        _say(f"    {entry['status']} {_digest(entry)}")
        results["measurements"][item.name] = {**asdict(item), **entry}
        write_text(out, json.dumps(results, indent=1) + "\n", "--out")


def _measure(item: Measurement, limit: float) -> dict[str, Any]:
    """One process: its row, or why there is none."""
    begin, load = time.monotonic(), Load()
    with tempfile.TemporaryDirectory() as folder:
        row, log = Path(folder) / "row.json", Path(folder) / "log"
        pairs = [f"{key}={value}" for key, value in item.arguments.items()]
        command = [sys.executable, str(HERE / "measure.py"), item.kind, str(row), *pairs]
        with log.open("w") as stream:
            # A process group, so that whatever it started ends with it.
            process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
            try:
                code: int | None = process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        spent = {"seconds": round(time.monotonic() - begin, 1), "others": load.others()}
        if code == 0 and row.exists():
            return {"status": "ok", **spent, "row": json.loads(row.read_text())}
        tail = " | ".join(log.read_text(errors="replace").strip().splitlines()[-6:])[-800:]
    if code is None:
        return {"status": "out of time", **spent, "error": f"stopped after {limit:.0f} s: {tail}"}
    return {"status": "failed", **spent, "error": f"exit status {code}: {tail}"}


class Load:
    """How much of this machine's CPUs other programs used since."""

    def __init__(self) -> None:
        self._start, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def others(self) -> float | None:
        """Share of all CPUs, 0 to 1; None where the system does not say. Beside busy neighbours figures are too low."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        spent = busy - self._busy - (_own_seconds() - self._own)
        total = (time.monotonic() - self._start) * (os.cpu_count() or 1)
        return round(min(1.0, max(0.0, spent / total)), 3)


def _busy_seconds() -> float | None:
    """CPU time that anything has used since the system started."""
    try:
        user, nice, system = Path("/proc/stat").read_text().split(maxsplit=4)[1:4]
    except (OSError, ValueError):
        return None
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """CPU time of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _digest(entry: dict[str, Any]) -> str:
    """What to show while it runs."""
    if "row" not in entry:
        return entry.get("error", "")
    row = entry["row"]
    keys = ("environment", "physics", "ratio", "steps_per_second", "learning_share", "command_s", "memory_gib")
    return "  ".join(f"{key} {_number(row[key])}" for key in keys if row.get(key) is not None)


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_number(item) for item in value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("benchmark.json"), help="where the JSON is written")
    parser.add_argument("--device", help="cpu, cuda or cuda:N; a GPU if there is one")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, fewer steps")
    parser.add_argument("--minutes", type=float, default=9.0, help="begin nothing that does not fit (default 9)")
    parser.add_argument("--only", metavar="TEXT", help="measurements whose name begins so")
    parser.add_argument("--plot", type=Path, help="draw the plot into this PNG too")
    return parser.parse_args()


def main() -> int:
    """0 if everything was measured, else 1."""
    try:
        return _measure_all(_options())
    except ParkourError as error:
        _say(f"error: {error}")
        return 1


def _measure_all(options: argparse.Namespace) -> int:
    from parkour.engines.device import choose_device

    device = choose_device(options.device)
    if not 0 < options.minutes <= MOST_MINUTES:
        raise ParkourError(f"--minutes: got {options.minutes:g}, expected more than 0, and at most {MOST_MINUTES}")
    for file, option in ((options.out, "--out"), (options.plot, "--plot")):
        if file is not None:
            check_writable(file, option)
    found = _measure(Measurement("machine", "machine", {"device": device}), 120)
    if found["status"] != "ok":
        _say(f"error: {found['error']}")
        return 1
    results: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "quick": options.quick,
        "machine": found["row"],
        "measurements": {},
    }
    every = plan(device, len(found["row"]["gpus"]), options.quick, found["row"]["isaaclab"])
    wanted = [item for item in every if item.name.startswith(options.only or "")]
    if not wanted:
        names = ", ".join(item.name for item in every)
        raise ParkourError(f"--only: got {options.only!r}, expected the beginning of one of {names}")
    run(wanted, results, options.out, 60 * options.minutes)
    if options.plot is not None:
        from report import draw

        draw(results, options.plot)
    _say(f"written to {options.out}")
    return 0 if all(item["status"] == "ok" for item in results["measurements"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
