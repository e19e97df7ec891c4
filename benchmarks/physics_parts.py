"""Which of our own parts of the physics, or which graphs, make a step other than MuJoCo Warp's own?

``python benchmarks/physics_parts.py [--device cuda:0] [--json FILE]``: about a minute on a GPU, without training.
Random actions from a standing start, with pushes, resets, randomized masses and all rewards: once with MuJoCo Warp's
own parts and no graphs of the environment's steps, and then with each part and each kind of graph. Two comparisons:

- step by step: every step is taken from the state that the first run took it from, with the same random numbers;
- on average: every run goes its own way; means per robot and step, in standard errors.

As a GPU does not repeat itself to the bit, the first run is done twice, and a part is named that differs from it by
more than it does from itself. Exit status 1 if any is.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from physics_traces import (
    ALLOWED,
    Difference,
    Rows,
    Trace,
    WatchedEnv,
    averages,
    begin,
    deviations,
    differences,
    record,
)

from parkour.storage import write_text
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from parkour_mujoco.physics import OWN_PARTS as PARTS
from parkour_mujoco.physics import STOCK_PARTS as STOCK

COURSES = ("course.levels=4", "course.columns=10", "course.start_levels=[0,3]")
EVENTS = ("events.push.interval=1.0",)
MARGIN = 3.0
"""A part is named that differs by so many times what the first run differs from itself ..."""
RARE = 0.002
"""... and in more than this share of robots and steps besides."""
FAR = 5.0
"""Standard errors by which means differ that are not the same."""


@dataclass(frozen=True)
class Variant:
    """One run that is compared with the first."""

    name: str
    parts: tuple[str, ...] = ()
    """Of :data:`PARTS`; the others are MuJoCo Warp's."""
    step_graphs: bool = False
    """Rewards, resets and observations as CUDA graphs."""
    physics_graphs: bool = True
    """The physics as CUDA graphs, as far as there are any."""


FIRST = Variant("MuJoCo Warp's own")
AGAIN = Variant("the same again")


@dataclass(frozen=True)
class Outcome:
    """How a variant differs from the first run."""

    name: str
    steps: dict[str, Difference]
    """By quantity, after single steps."""
    means: dict[str, float]
    """By quantity, standard errors."""
    room: str
    """What found no room in the simulator's arrays; empty: nothing, or nobody counts."""
    seconds: float

    def unlike(self, noise: Outcome) -> list[str]:
        """Quantities that differ by more than ``noise``, the first run's difference from itself."""
        steps = [
            name for name, found in self.steps.items() if found.share > MARGIN * noise.steps[name].share + RARE
        ]  # fmt: skip
        return steps + [f"mean {name}" for name, errors in self.means.items() if abs(errors) > FAR]


def plan(device: str) -> list[Variant]:
    """What is compared, the most telling first; on a CPU there are no graphs."""
    single = [(part.replace("_", " "), (part,)) for part in PARTS]
    every = ("all parts", tuple(PARTS))
    plain = [Variant(name, parts) for name, parts in (every, *single)]
    if device == "cpu":
        return plain
    graphed = [Variant(f"{name}, step graphs", parts, step_graphs=True) for name, parts in (every, *single)]
    own = Variant("own, step graphs", step_graphs=True)
    return [own, *graphed, *plain, Variant("all parts, no graphs", tuple(PARTS), physics_graphs=False)]


class Comparison:
    """Runs variants and compares each with the first.

    Args:
        device: ``cuda[:N]``, or ``cpu``, where MuJoCo Warp steps too.
        num_envs: robots.
        steps: control steps of each run.
        seed: of everything.
        size: standard deviation of the actions; 1 is a policy's that has not learned yet.
    """

    def __init__(self, device: str, num_envs: int, steps: int, seed: int = 1, size: float = 1.0) -> None:
        self.device, self.num_envs, self.seed = device, num_envs, seed
        draw = torch.Generator().manual_seed(seed)
        self.actions = (size * torch.randn(steps, num_envs, 12, generator=draw)).to(device)
        with closing(self._environment(FIRST)) as env:
            self.names = env.mdp.rewards.names
            self.first = self._run(env)
        self.means: Rows = averages(self.first, self.names)
        self.noise = self.compare(AGAIN)

    def compare(self, variant: Variant) -> Outcome:
        """Its steps from the states of the first run, and its own run."""
        started = time.monotonic()
        with closing(self._environment(variant)) as env:
            steps = differences(self.first, self._run(env, like=self.first))
            means = deviations(self.means, averages(self._run(env), self.names))
            room = env.sim.room()
        del env
        gc.collect()  # Its graphs go now, and not while the next one's are recorded.
        complaint = None if room is None else room.complaint(self.num_envs)
        return Outcome(variant.name, steps, means, complaint or "", time.monotonic() - started)

    def _run(self, env: WatchedEnv, like: Trace | None = None) -> Trace:
        begin(env, self.seed, len(self.actions))
        return record(env, self.actions, self.seed, like)

    def _environment(self, variant: Variant) -> WatchedEnv:
        parts = STOCK | {part: PARTS[part] for part in variant.parts}
        sets = [f"physics.{part}={value}" for part, value in parts.items()]
        task = load_task("go2-teacher", overlay="train", changes=read_changes((*COURSES, *EVENTS, *sets)))
        graphs = variant.step_graphs
        env = WatchedEnv(
            task, num_envs=self.num_envs, device=self.device, seed=self.seed, cpu_sim="warp", cuda_graphs=graphs
        )
        if not variant.physics_graphs:
            env.drop_physics_graphs()
        return env


def table(outcomes: list[Outcome], noise: Outcome) -> str:
    """Markdown: a row per quantity, a column per run; bold where it is not the first run's."""
    columns = [noise, *outcomes]
    unlike = [set(outcome.unlike(noise)) for outcome in columns]
    rows = [["after a step, more than", *(outcome.name for outcome in columns)], ["---"] * (len(columns) + 1)]
    for name, allowed in ALLOWED.items():
        cells = [f"{100 * outcome.steps[name].share:.3f} %" for outcome in columns]
        rows.append([f"{name} {allowed:g}", *_bold(name, cells, unlike)])
    for name in noise.means:
        cells = [f"{outcome.means[name]:+.1f}" for outcome in columns]
        rows.append([f"mean {name}", *_bold(f"mean {name}", cells, unlike)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _bold(name: str, cells: list[str], unlike: list[set[str]]) -> list[str]:
    return [f"**{cell}**" if name in found else cell for cell, found in zip(cells, unlike, strict=True)]


def verdict(outcomes: list[Outcome], noise: Outcome) -> str:
    """In words: which runs are not like the first, and by what."""
    if found := noise.unlike(noise):
        return f"nothing can be said: {FIRST.name} differs from itself in {', '.join(found)}"
    guilty = {outcome.name: found for outcome in outcomes if (found := outcome.unlike(noise))}
    if not guilty:
        return f"no part: all {len(outcomes)} runs are {FIRST.name}'s, as far as it is its own"
    return "\n".join(f"GUILTY {name}: {', '.join(found)}" for name, found in guilty.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--num-envs", type=int, help="robots (1024; on a CPU 16)")
    parser.add_argument("--steps", type=int, help="control steps of each run (200; on a CPU 40)")
    parser.add_argument("--actions", type=float, default=1.0, help="standard deviation of the random actions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=55.0, help="what is left is skipped; kernels not counted")
    parser.add_argument("--only", default="", help="runs whose names contain this")
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args()
    on_cpu = options.device == "cpu"
    num_envs, steps = options.num_envs or (16 if on_cpu else 1024), options.steps or (40 if on_cpu else 200)
    comparison = Comparison(options.device, num_envs, steps, options.seed, options.actions)
    started, outcomes, skipped = time.monotonic(), list[Outcome](), list[str]()
    noise = comparison.noise
    for variant in plan(options.device):
        if options.only not in variant.name:
            continue
        if time.monotonic() - started + noise.seconds > options.seconds:
            skipped.append(variant.name)
            continue
        outcomes.append(outcome := comparison.compare(variant))
        said = ", ".join(outcome.unlike(noise)) or "as MuJoCo Warp's own"
        print(f"[{time.monotonic() - started:5.1f} s] {outcome.name}: {said} {outcome.room}", flush=True)
    print(f"\n{num_envs} robots, {steps} control steps, {options.device}\n\n{table(outcomes, noise)}\n")
    if skipped:
        print(f"skipped, no time: {', '.join(skipped)} (--seconds)")
    said = verdict(outcomes, noise)
    print(said)
    if options.json is not None:
        rows = {"robots": num_envs, "steps": steps, "device": options.device, "verdict": said, "skipped": skipped}
        rows |= {"noise": asdict(noise), "runs": [asdict(outcome) for outcome in outcomes]}
        write_text(options.json, json.dumps(rows, indent=1) + "\n", "--json")
    return 1 if any(outcome.unlike(noise) for outcome in [noise, *outcomes]) else 0


if __name__ == "__main__":
    sys.exit(main())
