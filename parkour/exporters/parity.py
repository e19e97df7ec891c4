"""Whether the files compute what the policy computes: over many steps, with the state that runs along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tensordict import TensorDict
from torch import nn

from parkour.errors import ExportError
from parkour.exporters.graphs import DeployedGraph
from parkour.exporters.writers import Runner
from parkour.policies.protocols import Actor, FollowsImages

TOLERANCE = {"float32": 1e-4, "float16": 5e-2}
"""Greatest error allowed, of float16 relative to the greatest action where that is above 1 (it keeps three digits)."""
STEPS = 100
BATCHES = (1, 64)
PERCEPTION = "perception"
"""Group that tells a policy in training when to look; a robot runs the graphs that look at that rate instead."""


@dataclass(frozen=True)
class Parity:
    """A comparison of the files with torch."""

    inputs: str
    """``random`` or ``recorded``."""
    batch: int
    steps: int
    max_error: float
    """Greatest absolute difference of an action."""
    scale: float
    """Greatest absolute action, at least 1."""


@dataclass(frozen=True)
class GroupSpan:
    """Where a group is in a whole observation."""

    offset: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def cut(self, observation: np.ndarray) -> np.ndarray:
        """``[N, *shape]`` of observations ``[N, size]``."""
        part = observation[:, self.offset : self.offset + self.size]
        return np.ascontiguousarray(part).reshape(len(observation), *self.shape)


Spans = Mapping[str, GroupSpan]


def random_observations(spans: Spans, batch: int, steps: int, seed: int) -> np.ndarray:
    """``[T, N, size]`` standard normal float32."""
    size = sum(span.size for span in spans.values())
    return np.random.default_rng(seed).standard_normal((steps, batch, size), dtype=np.float32)


def within_limits(observations: np.ndarray, graphs: Sequence[DeployedGraph], spans: Spans) -> np.ndarray:
    """``[T, N, size]`` with every group within what a graph clips it to: beyond, it differs from torch by design."""
    found = observations.copy()
    for port in (port for graph in graphs for port in graph.inputs):
        kind, _, name = port.source.partition(":")
        if kind == "group" and port.limits is not None:
            span = spans[name]
            part = found[:, :, span.offset : span.offset + span.size]
            np.clip(part, *port.limits, out=part)
    return found


def compare(
    actor: nn.Module,
    graphs: Sequence[DeployedGraph],
    runners: Sequence[Runner],
    spans: Spans,
    observations: np.ndarray,
    *,
    period: int,
    kind: str,
) -> Parity:
    """Run the policy and the files over ``observations`` ``[T, N, size]``, each with its own state.

    Errors may grow from step to step as they would on a robot.

    Args:
        actor: the policy as evaluation and play call it.
        graphs: what was exported of it.
        runners: the files, in the same order.
        spans: of the task's groups.
        observations: as robots would have them; all episodes begin at the first.
        period: control steps between refreshes of the slow sensors.
        kind: of the observations.
    """
    observations = observations.copy()
    if PERCEPTION in spans:
        observations[:, :, spans[PERCEPTION].offset] = (np.arange(len(observations)) % period == 0)[:, None]
    files, news = _Chain(graphs, runners, spans, period), _News()
    if isinstance(actor, FollowsImages):
        actor.follow_images(news)
    worst, scale = 0.0, 1.0
    _forget(actor)
    for step, observation in enumerate(observations):
        news.refreshed = None if step % period == 0 else torch.zeros(0, dtype=torch.int64)
        expected, got = _act(actor, spans, observation), files.act(observation)
        error = float(np.abs(expected - got).max())
        worst = max(worst, error if np.isfinite(error) else float("inf"))
        scale = max(scale, float(np.abs(expected).max()))
    _forget(actor)
    return Parity(kind, observations.shape[1], len(observations), worst, scale)


def check(parities: Sequence[Parity], dtype: str, tolerance: float | None = None) -> None:
    """Whether the files are what they were made of.

    Args:
        parities: what was compared.
        dtype: of the weights.
        tolerance: of a target that is less exact than that, relative to the greatest action where that is above 1.

    Raises:
        ExportError: they differ from torch by more than the tolerance.
    """
    for parity in parities:
        allowed = TOLERANCE[dtype] * (parity.scale if dtype == "float16" else 1.0)
        if tolerance is not None:
            allowed = max(allowed, tolerance * parity.scale)
        if not parity.max_error <= allowed:
            raise ExportError(
                f"the exported policy differs from torch by {parity.max_error:.3g} on {parity.inputs} inputs "
                f"(batch {parity.batch}, {parity.steps} steps), expected at most {allowed:.3g}; nothing was kept"
            )


class _News:
    """A :class:`parkour.policies.protocols.ImageSource`: all images are new (None), or none."""

    def __init__(self) -> None:
        self.refreshed: torch.Tensor | None = None


class _Chain:
    """The files, run as ``deploy.toml`` says."""

    def __init__(self, graphs: Sequence[DeployedGraph], runners: Sequence[Runner], spans: Spans, period: int) -> None:
        self._parts = list(zip(graphs, runners, strict=True))
        self._spans, self._period, self._step = spans, period, 0
        self._held: dict[str, dict[str, np.ndarray]] = {}

    def act(self, observation: np.ndarray) -> np.ndarray:
        """``[N, J]``."""
        for graph, runner in self._parts:
            if not graph.perception or self._step % self._period == 0:
                values = [self._input(graph, index, observation) for index in range(len(graph.inputs))]
                names = [port.name for port in graph.outputs]
                self._held[graph.name] = dict(zip(names, runner(values), strict=True))
        self._step += 1
        return self._held[self._parts[-1][0].name]["actions"]

    def _input(self, graph: DeployedGraph, index: int, observation: np.ndarray) -> np.ndarray:
        port = graph.inputs[index]
        kind, _, name = port.source.partition(":")
        if kind == "observation":
            return observation
        if kind == "group":
            return self._spans[name].cut(observation)
        if kind == "state":
            held = self._held.get(graph.name)
            return held[name] if held else np.zeros((len(observation), *port.shape), np.float32)
        other, _, output = name.partition(".")
        return self._held[other][output]


def _act(actor: nn.Module, spans: Spans, observation: np.ndarray) -> np.ndarray:
    groups = {name: torch.from_numpy(span.cut(observation)) for name, span in spans.items()}
    with torch.inference_mode():
        obs = TensorDict(groups, batch_size=[len(observation)])  # pyright: ignore[reportArgumentType]
        return actor(obs).numpy()


def _forget(actor: nn.Module) -> None:
    if isinstance(actor, Actor):
        actor.reset()
