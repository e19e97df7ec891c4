"""How many kernels a control step of a task without a camera queues on a GPU, and how much memory they move, by part.

``python benchmarks/step_operators.py [--task go2-teacher] [--num-envs 64] [--json FILE]``: on a CPU, in half a minute.
Operators of tensors are counted, physics and views are not. What the step's CUDA graphs add is: parts are recorded by
:class:`parkour.cuda_graphs.StepGraphs` as on a GPU, which copies into and out of the memory of a graph. Each operator
is a kernel of 2 to 3 µs there, however few robots there are, up to some ten thousand numbers of each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from operators import Named, OperatorCounter, Tally

from parkour.cuda_graphs import StepGraphs
from parkour.storage import write_text
from parkour.tasks import load_task

WARM_UP = 30
"""Steps after which all parts are recorded."""
COUNTED = 5
"""Steps that are counted: as many as there are from one that all robots perceive at to the next."""
KEPT = "graphs: memory"
"""What a graph does with the memory of what changes from step to step."""
TWO = ("aten.masked_fill",)
"""Operators that are two kernels: a copy, and what is written into it."""


class KernelCounter(OperatorCounter):
    """Counts operators as a GPU runs them: those that are made of others as these."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:
            result = func.decompose(*args, **(kwargs or {}))
        if result is not NotImplemented:
            return result
        result = super().__torch_dispatch__(func, types, args, kwargs)
        if str(func).rpartition(".")[0] in TWO:
            self.tallies[self.part].operators += 1
        return result


class CountedGraph:
    """Stands in for a CUDA graph: a replay counts what was recorded, and does nothing."""

    def __init__(self, counter: KernelCounter) -> None:
        self._counter = counter
        self._recorded: dict[str, Tally] = {}

    @contextlib.contextmanager
    def record(self) -> Iterator[None]:
        before, self._counter.tallies = self._counter.tallies, self._recorded
        with self._counter, self._counter.named(KEPT):
            yield
        self._counter.tallies = before

    def replay(self) -> None:
        for part, tally in self._recorded.items():
            self._counter.tallies.setdefault(part, Tally()).add(tally)


def watch(counter: KernelCounter, env: Any) -> None:
    """Have the counter know the parts of an environment's step."""
    mdp = env.mdp
    for owner, attribute, part in (
        (mdp, "receive", "actions"),
        (env, "_simulate", "actions"),
        (env.accessor, "read", "state, twice"),
        (mdp, "advance", "after the physics"),
        (mdp.goals, "advance", "way points"),
        (mdp.goals, "state", "way points"),
        (mdp.goals, "hold", "way points"),
        (mdp.terminations, "compute", "terminations"),
        (mdp.rewards, "compute", "rewards: weighing, sums"),
        (env.sim, "reset", "resets: forgetting"),
        (env, "_begin_where", "resets: forgetting"),
        (mdp.statistics, "add", "statistics"),
        (mdp.course, "set_levels", "resets: courses"),
        (env.sim_handle, "write_course", "resets: courses"),
        (mdp.events, "reset", "resets: events"),
        (mdp, "disturb", "pushes"),
        (mdp, "observe", "observations: all"),
        (mdp.command, "update", "commands"),
    ):
        counter.watch(owner, attribute, part)
    if mdp.curriculum is not None:
        counter.watch(mdp.curriculum, "term", "resets: curriculum")
    for name, term in zip(mdp.rewards.names, mdp.rewards._terms, strict=True):
        object.__setattr__(term, "call", Named(counter, term.call, f"reward {name}"))
    for name, group in mdp.observations._groups.items():
        for method in ("__call__", "derive", "reset"):
            _watch_method(counter, group.term, method, f"observations: {name}")


def _watch_method(counter: KernelCounter, term: Any, method: str, part: str) -> None:
    """:meth:`OperatorCounter.watch` of a method that is looked up in the class."""
    call = getattr(type(term), method, None)
    if call is not None:
        counted = Named(counter, call, part)
        kind = type(type(term).__name__, (type(term),), {method: lambda self, *args: counted(self, *args)})
        term.__class__ = kind


def run(task: str, overlay: str | None, num_envs: int) -> dict[str, Tally]:
    """What :data:`COUNTED` steps queue, by part."""
    from parkour_mujoco.engine import MujocoEngine
    from parkour_mujoco.env import GRAPHED

    made = MujocoEngine().make_env(
        load_task(task, overlay=overlay), num_envs=num_envs, device="cpu", seed=1, cpu_sim="warp"
    )
    with closing(made) as anything, torch.inference_mode():
        env: Any = anything
        counter = KernelCounter()
        # As on a GPU, which is not asked whether anybody is done.
        env._on_gpu = True
        env._graphs = StepGraphs(env.mdp, new_graph=lambda: CountedGraph(counter), **GRAPHED)
        watch(counter, env)
        actions = torch.zeros(num_envs, env.num_actions)
        for _ in range(WARM_UP):
            env.step(actions)
        counter.tallies = {}
        with counter, counter.named("steps: around the graphs"):
            for _ in range(COUNTED):
                env.step(actions)
        if env._graphs.failure is not None:
            raise RuntimeError(f"the step runs without graphs: {env._graphs.failure}")
    return counter.tallies


def per_step(tallies: dict[str, Tally]) -> dict[str, float]:
    """Kernels of a step, by part."""
    return {part: tally.operators / COUNTED for part, tally in sorted(tallies.items())}


def table(tallies: dict[str, Tally], num_envs: int) -> str:
    """In words, one line a part, the greatest first."""
    ordered = sorted(tallies.items(), key=lambda item: -item[1].operators)
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    lines = [f"{'kernels of a control step, KiB per robot':44}"]
    for part, tally in [*ordered, ("all", total)]:
        lines.append(f"{part:44}{tally.operators / COUNTED:9.1f}{tally.bytes / COUNTED / num_envs / 1024:9.1f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="go2-teacher")
    parser.add_argument("--overlay", help="of the task")
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--json", type=Path, help="write the kernels of each part to this file, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tallies = run(options.task, options.overlay, options.num_envs)
    print(table(tallies, options.num_envs))
    if options.json:
        write_text(options.json, json.dumps(per_step(tallies), indent=1) + "\n", "--json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
