"""One measurement in a process of its own: ``python benchmarks/measure.py KIND OUT.json KEY=VALUE...``.

:mod:`run` starts these one after another, so that each has the whole device and a failure costs one figure alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from machine import host_memory, machine
from peer import peer

SEED = 1
SUCCESS = (0.80, 0.90, 0.95)
"""Shares of completed courses, the minutes to which are asked."""

Row = dict[str, Any]


def environment(
    device: str, num_envs: int, steps: int, task: str = "go2-teacher", engine: str = "mujoco", **options: Any
) -> Row:
    """The full environment step, and the physics alone with the same model, in turns; ``options`` are the engine's."""
    from dataclasses import asdict

    from parkour.engines.benchmark import measure_step
    from parkour.engines.choice import choose_engine
    from parkour.engines.device import stepping_threads
    from parkour.tasks import load_task

    resolved = load_task(task, overlay="train")
    _, found = choose_engine(engine)
    chosen: Any = _Engine(found, **options) if options else found
    with stepping_threads(device):
        rate = measure_step(resolved, chosen, num_envs=num_envs, steps=steps, device=device, seed=SEED)
    model = resolved.model.timing
    return asdict(rate) | {"decimation": model.decimation, "physics_step": model.physics_step, **host_memory()}


class _Engine:
    """An engine with options of its own already chosen."""

    def __init__(self, engine: Any, **options: Any) -> None:
        self._engine, self._options = engine, options

    def make_env(self, *args: Any, **kwargs: Any) -> Any:
        return self._engine.make_env(*args, **kwargs, **self._options)


def training(device: str, num_envs: int, iterations: int, stage: str = "teacher", gpus: int = 1) -> Row:
    """``parkour train``: all of it, as anyone runs it; the first iterations are left out."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["train", "--stage", stage, "--num-envs", str(num_envs), "--iterations", str(iterations),
                   "--log-root", folder, "--seed", str(SEED), "--save-interval", "100000"]  # fmt: skip
        command += ["--gpus", str(gpus)] if gpus > 1 else ["--device", device]
        command += ["--pretrained"] if stage == "student" else []
        seconds = _parkour(command)
        files = list(Path(folder).glob("rsl_rl/*/*/metrics.jsonl"))
        rows = [json.loads(line) for line in files[0].read_text().splitlines()]
    counted = rows[max(1, len(rows) // 5) :]
    mean = lambda key: sum(row[key] for row in counted) / len(counted)  # noqa: E731
    steps = (rows[-1]["Perf/total_steps"] - rows[-2]["Perf/total_steps"]) if len(rows) > 1 else 0
    duration = sum(steps / row["Perf/steps_per_second"] for row in counted) / len(counted)
    collection, learning = mean("Perf/collection_time"), mean("Perf/learning_time")
    return {
        "num_envs": num_envs,
        "gpus": gpus,
        "iterations": len(counted),
        "steps_per_iteration": steps,
        "steps_per_second": steps / duration,
        "iteration_s": duration,
        "collection_s": collection,
        "learning_s": learning,
        "learning_share": learning / duration,
        "command_s": seconds,
        **host_memory(),
    }


def time_to_success(device: str, num_envs: int, minutes: int, save_interval: int, courses: int) -> Row:
    """Minutes of ``parkour train`` from scratch after which ``parkour eval`` finds :data:`SUCCESS`.

    Args:
        device: where.
        num_envs: that train.
        minutes: of training.
        save_interval: iterations between two checkpoints, each of which is scored.
        courses: that each is scored on, the same for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "curve.json"
        common = ["--device", device, "--seed", str(SEED)]
        _parkour(["train", "--num-envs", str(num_envs), "--time-limit", str(minutes), "--log-root", folder,
                  "--save-interval", str(save_interval), "--keep", "0", *common])  # fmt: skip
        log = next(Path(folder).glob("rsl_rl/*/*/metrics.jsonl"))
        _parkour(["eval", "--run", str(log.parent), "--all", "--num-envs", str(courses), "--json", str(out), *common])
        trained = {row["iteration"]: row["seconds"] for row in map(json.loads, log.read_text().splitlines())}
        points = json.loads(out.read_text())["points"]
    curve = [
        (trained[point["checkpoint"]["iteration"]] / 60, point["overall"]["metrics"]["success"]["mean"])
        for point in points
    ]
    return {"num_envs": num_envs, "courses": courses, "curve": curve, "minutes_to": minutes_to(curve)}


def minutes_to(curve: Sequence[tuple[float, float]]) -> dict[str, float | None]:
    """Minutes at the first checkpoint that reaches each of :data:`SUCCESS`; None where none does."""
    return {
        f"{wanted:.2f}": next((minutes for minutes, success in curve if success >= wanted), None) for wanted in SUCCESS
    }


def evaluation(device: str, num_envs: int, steps: int, protocol: str, repeat: int = 2) -> Row:
    """``parkour eval`` of the pretrained teacher: from command to table."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "eval.json"
        command = ["eval", "--pretrained", "--protocol", protocol, "--num-envs", str(num_envs), "--steps", str(steps),
                   "--device", device, "--seed", str(SEED), "--json", str(out)]  # fmt: skip
        seconds = [_parkour(command) for _ in range(repeat)]
        report = json.loads(out.read_text())
    taken = report.get("steps") or report.get("run", {}).get("steps")
    return {"protocol": protocol, "num_envs": num_envs, "steps_wanted": steps, "steps": taken, "command_s": seconds}


def _parkour(arguments: list[str]) -> float:
    """Run a command; wall time in seconds."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "parkour_cli", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise RuntimeError(f"parkour {' '.join(arguments[:3])}: exit status {done.returncode}: {tail}")
    return time.perf_counter() - start


KINDS: dict[str, Callable[..., Row]] = {
    "machine": machine,
    "environment": environment,
    "peer": partial(peer, seed=SEED),
    "training": training,
    "evaluation": evaluation,
    "time_to_success": time_to_success,
}


def _arguments(pairs: list[str]) -> Iterator[tuple[str, Any]]:
    for pair in pairs:
        key, _, value = pair.partition("=")
        yield key, int(value) if value.isdigit() else value


def main() -> None:
    """Measure, and write the row."""
    kind, out, *pairs = sys.argv[1:]
    row = KINDS[kind](**dict(_arguments(pairs)))
    Path(out).write_text(json.dumps(row))


if __name__ == "__main__":
    main()
