"""Stands for ``parkour`` in pipelines: writes at once what its commands write, and notes how it was called.

``FAKE_FOLDER`` holds ``calls.jsonl``, which it appends to, and ``orders.json``: success rates of ``teacher``,
``clean``, ``noisy`` and ``sim2sim``, and under ``die``, ``crash`` and ``wait`` the command that fails, breaks, or
trains on until it is told to stop; ``stopped`` under ``wait``: training that SIGSTOP has stopped. Under ``damaged`` is
a checkpoint that cannot be read.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FAKE_FOLDER"])
ORDERS: dict[str, Any] = json.loads((FOLDER / "orders.json").read_text(encoding="utf-8"))


def main(arguments: list[str]) -> int:
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(arguments) + "\n")
    command = arguments[0]
    if ORDERS.get("die") == command:
        print("[INFO] something else\nerror: no GPU is left\nhint: parkour doctor", file=sys.stderr)
        return 1
    if ORDERS.get("damaged") in arguments:
        from parkour.policies.checkpoint_file import EARLIER  # Imports torch, which takes a second.

        print(f"error: checkpoint is damaged\nhint: {EARLIER}", file=sys.stderr)
        return 1
    if ORDERS.get("crash") == command:
        raise RuntimeError("a bug")
    named = {name: value for name, value in pairwise(arguments) if name.startswith("--")}
    return {"train": train, "eval": evaluate, "export": export, "sim2sim": sim2sim}[command](arguments, named)


def train(arguments: list[str], named: dict[str, str]) -> int:
    if "--resume" in arguments:
        run = Path(named["--run"])
    else:
        run = Path(named["--log-root"]) / "rsl_rl" / arguments[1] / f"2026-01-31_12-00-{time.time_ns() % 10**9:09d}"
        run.mkdir(parents=True)
    metrics = run / "metrics.jsonl"
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.exists() else []
    before = json.loads(lines[-1])["Perf/total_minutes"] if lines else 0.0
    limit = float(named["--time-limit"])
    stopped: list[int] = []
    if ORDERS.get("wait") == "stopped":
        (FOLDER / "waits").touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    if ORDERS.get("wait") == arguments[0]:
        signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
        (FOLDER / "waits").touch()
        while not stopped:
            time.sleep(0.02)
        limit /= 2.0
    iteration = 10 * (len(lines) + 1)
    numbers = {"Perf/total_minutes": before + limit, "total_steps": 1000 * iteration, "Episode/success": 0.5}
    with metrics.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"iteration": iteration, **numbers}) + "\n")
    (run / f"model_{iteration}.pt").touch()
    return 143 if stopped else 0


def evaluate(arguments: list[str], named: dict[str, str]) -> int:
    gauntlet = named.get("--protocol") == "gauntlet"
    which = "clean" if gauntlet else "noisy" if "--noise" in named else "teacher"
    figures = scores(ORDERS[which])
    if gauntlet:
        degradations = [
            {"name": name, "part": "camera", "loss": {"loss": 0.1}, **scores(0.6)}
            for name in named["--only"].split(",")
        ]  # fmt: skip
        figures = {"clean": figures, "degradations": degradations}
    Path(named["--json"]).write_text(json.dumps(figures), encoding="utf-8")
    Path(named["--html"]).write_text("<p>page</p>", encoding="utf-8")
    return 0


def export(arguments: list[str], named: dict[str, str]) -> int:
    out = Path(named["--out"])
    if arguments[1] == "weights":
        out.write_bytes(b"0" * 2_800_000)
        print(out)
        return 0
    out.mkdir(exist_ok=True)
    (out / "deploy.toml").touch()
    print(json.dumps({"folder": str(out), "files": [str(out / "deploy.toml")], "max_error": 2e-6, "checks": []}))
    return 0


def sim2sim(arguments: list[str], named: dict[str, str]) -> int:
    figures = {**scores(ORDERS["sim2sim"]), "simulator": "mujoco 3.11.0"}
    Path(named["--json"]).write_text(json.dumps(figures), encoding="utf-8")
    return 0


def scores(rate: float) -> dict[str, Any]:
    group = {"episodes": 24, "metrics": {"success": {"mean": rate}}}
    return {"overall": group, "by_terrain": {"gap": group, "flat": group}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
