"""Whether a file computes what torch computes: over many steps, with the state that runs along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from parkour.errors import ExportError
from parkour.export.graphs import DeployedGraph
from parkour.export.writers import Runner

TOLERANCE = {"float32": 1e-4, "float16": 5e-2}
"""Greatest error allowed, relative to the greatest output where that is above 1. Half precision keeps three digits."""
STEPS = 100
BATCHES = (1, 64)


@dataclass(frozen=True)
class Parity:
    """A comparison of a file with torch."""

    graph: str
    inputs: str
    """``random`` or ``recorded``."""
    batch: int
    steps: int
    max_error: float
    """Greatest absolute difference of an output."""
    scale: float
    """Greatest absolute output, at least 1."""


def random_inputs(graph: DeployedGraph, batch: int, steps: int, seed: int) -> list[list[np.ndarray]]:
    """Standard normal inputs for ``steps`` steps, ``[batch, *shape]`` each; those of a state are left to the run."""
    rng = np.random.default_rng(seed)
    draw = lambda shape: rng.standard_normal((batch, *shape)).astype(np.float32)  # noqa: E731
    return [[draw(port.shape) for port in graph.inputs] for _ in range(steps)]


def recorded_inputs(
    graph: DeployedGraph, recording: np.ndarray, spans: Mapping[str, tuple[int, int]]
) -> list[list[np.ndarray]] | None:
    """The graph's inputs in a recording, step by step; None where it reads what is not recorded (another graph).

    Args:
        graph: whose inputs.
        recording: ``[T, N, size]`` whole observations.
        spans: offset and size of each observation group.
    """
    steps: list[list[np.ndarray]] = []
    for row in recording:
        values: list[np.ndarray] = []
        for port in graph.inputs:
            kind, _, name = port.source.partition(":")
            if kind == "observation":
                values.append(row)
            elif kind == "group":
                start, size = spans[name]
                values.append(np.ascontiguousarray(row[:, start : start + size]).reshape(len(row), *port.shape))
            elif kind == "state":
                values.append(np.zeros((len(row), *port.shape), np.float32))
            else:
                return None
        steps.append(values)
    return steps


def compare(
    graph: DeployedGraph, torch_runner: Runner, file_runner: Runner, steps: Sequence[Sequence[np.ndarray]], kind: str
) -> Parity:
    """Run both over the steps. Each keeps its own state, so that errors may grow as they would on a robot."""
    names = [port.name for port in graph.outputs]
    states = {
        index: names.index(port.source.removeprefix("state:"))
        for index, port in enumerate(graph.inputs)
        if port.source.startswith("state:")
    }
    batch = len(steps[0][0])
    kept = [{i: np.zeros((batch, *graph.inputs[i].shape), np.float32) for i in states} for _ in range(2)]
    worst, scale = 0.0, 1.0
    for values in steps:
        results = []
        for side, runner in enumerate((torch_runner, file_runner)):
            results.append(runner([kept[side].get(i, value) for i, value in enumerate(values)]))
            kept[side] = {i: results[side][output] for i, output in states.items()}
        for expected, got in zip(*results, strict=True):
            worst = max(worst, float(np.abs(expected - got).max(initial=0.0)))
            if not np.isfinite(got).all():
                worst = float("inf")
            scale = max(scale, float(np.abs(expected).max(initial=0.0)))
    return Parity(graph.name, kind, batch, len(steps), worst, scale)


def check(parities: Sequence[Parity], dtype: str) -> None:
    """Raises :class:`ExportError` where a file differs from torch by more than the tolerance."""
    limit = TOLERANCE[dtype]
    for parity in parities:
        allowed = limit * parity.scale if dtype == "float16" else limit
        if not parity.max_error <= allowed:
            raise ExportError(
                f"the exported graph {parity.graph!r} differs from torch by {parity.max_error:.3g} on {parity.inputs} "
                f"inputs (batch {parity.batch}, {parity.steps} steps), expected at most {allowed:.3g}; nothing was kept"
            )
