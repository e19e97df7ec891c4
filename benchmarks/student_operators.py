"""How many operators a control step of distillation queues, and how much memory they move, part by part.

``python benchmarks/student_operators.py [--num-envs 64] [--overlay train+fast+compact+pipeline+robust] [--json FILE]``:
on a CPU, in under a minute. A GPU runs the same operators, each of which the host queues by itself where there is no
CUDA graph (some 8 µs), and which it works through at the speed of its memory where the batch is large. So both numbers
say where a GPU's time goes without having one. Views, which queue nothing, are not counted.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from operators import Named, OperatorCounter, Tally

from parkour.policies.definition import define_training
from parkour.storage import write_text
from parkour.tasks import load_task

TASK = "go2-student"
OVERLAYS = ("train+fast+compact+pipeline+robust+nominal-body", "train+fast+compact")
WARM_UP = 10
KINDS = ("perception", "between", "nobody")
"""Steps at which all robots take a picture, those at which some who begin do, and those at which nobody does."""


@dataclass(frozen=True)
class Step:
    """One control step."""

    kind: str
    """One of :data:`KINDS`."""
    parts: dict[str, Tally]


def watch(counter: OperatorCounter, env: Any, algorithm: Any) -> None:
    """Have the counter know the parts of an environment's and an algorithm's step."""
    mdp = env.mdp
    for owner, attribute, part in (
        (mdp, "advance", "goals, terminations, rewards"),
        (mdp, "disturb", "interval events"),
        (env, "_begin_ended", "resets"),
        (mdp, "observe", "observe"),
        (env.accessor, "read", "state"),
        (algorithm, "act", "algorithm: act"),
        (algorithm, "process_env_step", "algorithm: after the step"),
    ):
        counter.watch(owner, attribute, part)
    if mdp.camera is not None:
        counter.watch(mdp.camera, "update", "camera: render")
    for name, group in mdp.observations._groups.items():
        counter.watch(group.term, "process" if name == "depth" else "layout", f"{name}: resize")
        if group.modifiers is None:
            continue
        for key, modifier in group.modifiers.modifiers.items():
            group.modifiers.modifiers[key] = Named(counter, modifier, f"{name}: {key}")


def run(overlay: str, num_envs: int, steps: int) -> list[Step]:
    """Distil for some steps, an untrained student driving."""
    from parkour_mujoco.engine import MujocoEngine
    from parkour_policies.distillation import RmaDistillation

    task = load_task(TASK, overlay=overlay)
    with closing(MujocoEngine().make_env(task, num_envs=num_envs, device="cpu", seed=1)) as env, torch.inference_mode():
        cfg = copy.deepcopy(define_training(task).train_cfg)
        cfg["num_steps_per_env"], cfg["multi_gpu"] = WARM_UP + steps + 1, None
        obs = env.get_observations()
        algorithm = RmaDistillation.construct_algorithm(obs, env, cfg, "cpu")
        algorithm.teacher_loaded = True
        algorithm.begin_iteration(5)
        counter, found = OperatorCounter(), []
        watch(counter, env, algorithm)
        # As in training, where episodes end one by one and not all at once.
        env.episode_length_buf = int(env.max_episode_length) - torch.arange(num_envs) % (WARM_UP + steps)
        actions = algorithm.act(obs)
        with counter:
            for index in range(WARM_UP + steps):
                counter.tallies = {}
                obs, rewards, dones, extras = env.step(actions)
                algorithm.process_env_step(obs, rewards, dones, extras)
                actions = algorithm.act(obs)
                if index >= WARM_UP:
                    seen = env.mdp.refreshed
                    kind = "perception" if seen is None else "between" if len(seen) else "nobody"
                    found.append(Step(kind, counter.tallies))
    return found


def means(steps: list[Step]) -> dict[str, dict[str, dict[str, float]]]:
    """Of each kind of step, by part: operators, waits and bytes."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind in KINDS:
        chosen = [step for step in steps if step.kind == kind]
        sums: dict[str, Tally] = {}
        for step in chosen:
            for part, tally in step.parts.items():
                sums.setdefault(part, Tally()).add(tally)
        if chosen:
            count = len(chosen)
            found[kind] = {
                part: {"operators": s.operators / count, "waits": s.waits / count, "bytes": s.bytes / count}
                for part, s in sums.items()
            }
    return found


def table(overlay: str, num_envs: int, steps: list[Step]) -> str:
    """In words, one line a part."""
    found, kinds = means(steps), Counter(step.kind for step in steps)
    shown = [kind for kind in KINDS if kind in found]
    parts = list(dict.fromkeys(part for kind in shown for part in found[kind]))
    lines = [
        f"{TASK} {overlay}, {num_envs} robots: " + ", ".join(f"{kinds[kind]} steps of kind '{kind}'" for kind in shown),
        f"{'operators, KiB per robot':40}" + "".join(f"{kind:>24}" for kind in shown),
    ]
    for part in [*parts, "all"]:
        cells = []
        for kind in shown:
            rows = list(found[kind].values()) if part == "all" else [found[kind].get(part, {})]
            operators = sum(row.get("operators", 0.0) for row in rows)
            moved = sum(row.get("bytes", 0.0) for row in rows) / num_envs / 1024
            waits = sum(row.get("waits", 0.0) for row in rows)
            cells.append(f"{operators:9.1f}{moved:11.1f}{f' w{waits:.0f}' if waits else '':>4}")
        lines.append(f"{part:40}" + "".join(cells))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--overlay", action="append", help="of the task; may be given several times")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write the means to this file, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for overlay in options.overlay or OVERLAYS:
        steps = run(overlay, options.num_envs, options.steps)
        print(table(overlay, options.num_envs, steps), flush=True)
        results[overlay] = means(steps)
    if options.json:
        write_text(options.json, json.dumps(results, indent=1) + "\n", "--json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
