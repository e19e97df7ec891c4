"""Train an hour of simulated time with all domain randomization on: ``python benchmarks/hour.py [-o hour.json]``.

The teacher under the overlay ``robust`` on a CPU: friction, masses, motors, gains, delays and pushes are drawn, on
rough courses. An hour passes on the clock of every robot, 180,000 control steps. Once in each minute, summed over the
robots, the velocity of one of them is set to NaN, as a diverging solver leaves it. What comes out: the memory of the
process over the run, how many of those states were counted, and whether any number that was logged, or any weight, was
not finite. Exit status 1 if memory grew or a NaN was lost.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

TASK = "go2-teacher"
OVERLAY = "train+robust"
STEPS = 96
"""Control steps of a rollout."""
WARM = 0.2
"""Share of the run after which memory should not grow any more."""
ALLOWED = 10.0
"""MiB that it may grow after that."""


class Watcher:
    """Breaks a robot now and then, and follows memory and numbers.

    Args:
        every: iterations between broken states.
    """

    def __init__(self, every: int, last: int) -> None:
        self.env: Any = None
        self._every, self._last = every, last
        self.broken = 0
        self.counted = 0.0
        self.not_finite: list[str] = []
        self.memory: list[tuple[int, float]] = []
        """Iteration and resident set [MiB]."""
        self.begin = time.monotonic()

    def on_iteration(self, iteration: Any) -> None:
        self.counted += iteration.scalars.get("Physics/nan_resets", 0.0)
        bad = [name for name, value in iteration.scalars.items() if not math.isfinite(value)]
        self.not_finite += [f"{name} in iteration {iteration.index}" for name in bad]
        self.memory.append((iteration.index, resident()))
        if iteration.index % self._every == 0 and iteration.index < self._last:
            self.env.sim.data.qvel[self.broken % self.env.num_envs, 1] = float("nan")
            self.broken += 1
        if iteration.index % 20 == 0:
            print(
                f"{iteration.index}: {self.memory[-1][1]:.1f} MiB, {self.counted:g} of {self.broken}", file=sys.stderr
            )

    def close(self) -> None:
        pass


def resident() -> float:
    """Memory of this process that is in RAM [MiB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(robots: int, minutes: float) -> dict[str, Any]:
    """Train; the figures."""
    import torch

    from parkour.engines.choice import choose_engine
    from parkour.engines.make import make_task_env
    from parkour.learning.options import TrainOptions
    from parkour.learning.train import train
    from parkour.policies.checkpoint_file import load_checkpoint
    from parkour.tasks import load_task

    task = load_task(TASK, overlay=OVERLAY, changes={"algorithm.steps_per_env": STEPS})
    minute = 60.0 / (task.model.step_dt * STEPS)
    iterations = math.ceil(minutes * minute)
    watcher = Watcher(max(round(minute / robots), 1), iterations)
    engine = choose_engine("mujoco")[1]

    def make_env(task: Any, num_envs: int, device: str, seed: int) -> Any:
        watcher.env = make_task_env(engine, task, num_envs=num_envs, device=device, seed=seed)
        return watcher.env

    with tempfile.TemporaryDirectory() as folder:
        options = TrainOptions(
            num_envs=robots, iterations=iterations, save_interval=iterations, device="cpu", log_root=Path(folder),
            logger="tensorboard", progress=False,
        )  # fmt: skip
        result = train(task, options, make_env=make_env, listeners=[watcher])
        weights = load_checkpoint(result.checkpoint).model
    finite = all(
        bool(value.isfinite().all())
        for part in weights.values() if isinstance(part, dict)
        for value in part.values() if isinstance(value, torch.Tensor) and value.is_floating_point()
    )  # fmt: skip
    after = [size for index, size in watcher.memory if index > WARM * iterations]
    indices = [index for index, _ in watcher.memory if index > WARM * iterations]
    growth = float(np.polyfit(indices, after, 1)[0]) * (indices[-1] - indices[0]) if len(after) > 1 else 0.0
    events = {name: event for name, event in task.model.events.items() if event.enabled}
    return {
        "robots": robots, "minutes_of_each_robot": round(iterations * STEPS * task.model.step_dt / 60.0, 2),
        "minutes_of_all_robots": round(robots * iterations * STEPS * task.model.step_dt / 60.0, 1),
        "iterations": result.iterations, "control_steps_of_each_robot": iterations * STEPS,
        "control_steps_of_all_robots": iterations * STEPS * robots,
        "wall_minutes": round((time.monotonic() - watcher.begin) / 60.0, 1), "events": sorted(events),
        "action_delay": task.model.control.action_delay, "states_broken": watcher.broken,
        "states_counted": watcher.counted, "not_finite": watcher.not_finite, "weights_finite": finite,
        "memory_start": round(watcher.memory[0][1], 1), "memory_warm": round(after[0], 1),
        "memory_end": round(after[-1], 1), "memory_growth_after_warm": round(growth, 2),
        "memory": [[index, round(size, 2)] for index, size in watcher.memory[:: max(1, iterations // 400)]],
    }  # fmt: skip


def plot(figures: dict[str, Any]) -> bytes:
    """Memory over simulated time, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.add_subplot()
    minutes = figures["minutes_of_each_robot"] / figures["iterations"]
    axes.plot(
        [index * minutes for index, _ in figures["memory"]], [size for _, size in figures["memory"]], linewidth=1.2
    )
    top = 1.2 * max(size for _, size in figures["memory"])
    axes.set(xlabel="simulated time of each robot [min]", ylabel="resident memory [MiB]", ylim=(0, top))
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=60.0, help="simulated, on the clock of each robot")
    parser.add_argument("-o", "--out", type=Path, help="write the figures as JSON, and the curve beside it as PNG")
    options = parser.parse_args()
    figures = measure(options.robots, options.minutes)
    print(json.dumps({name: value for name, value in figures.items() if name != "memory"}, indent=1))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")
        options.out.with_suffix(".png").write_bytes(plot(figures))
    whole = figures["states_counted"] >= figures["states_broken"] and figures["weights_finite"]
    flat = figures["memory_growth_after_warm"] <= ALLOWED
    return 0 if whole and flat and not figures["not_finite"] else 1


if __name__ == "__main__":
    sys.exit(main())
