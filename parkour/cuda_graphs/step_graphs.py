"""Parts of a step, of the environment or of learning, as CUDA graphs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from parkour.cuda_graphs.cuda_graph import CudaGraph, Graph, on_stream, watch_waits
from parkour.cuda_graphs.tensor_state import Leaf, Path, TensorState, clone_all, copy_all, replaced

WARM_UP = 3
"""Calls of a part that run as they are, and are watched, before it is captured."""


class NotCapturableError(Exception):
    """A part does what a graph cannot repeat."""


@dataclass
class _Part:
    calls: int = 0
    failure: str | None = None
    """Why this part alone runs as it is."""
    graph: Graph | None = None
    inputs: tuple[Any, ...] = ()
    outputs: Any = None
    context: Any = None
    counts: dict[str, int] = field(default_factory=dict)


class StepGraphs:
    """Runs functions of fixed shapes; from the fifth call on, as a CUDA graph each.

    What the functions keep between steps they keep in tensors that ``owner`` holds. A graph reads and writes fixed
    memory: where a function replaces a tensor by a new one, the graph ends with a copy into the old one, and the old
    one stays in its place. Plain numbers that change from call to call, shapes that do, and host syncs
    cannot be captured: :attr:`failure` then says why, and everything runs as it is written.

    Args:
        owner: whose tensors the functions read and change.
        new_graph: makes a graph, such as a :class:`CudaGraph`.
        what: what the functions are; named in the line that says why there are no graphs.
        volatile: attributes of ``owner`` that hold results and no memory: each graph has its own.
        numbers: attributes of ``owner`` that the functions count up, and replays by as much.
        foreign: packages whose objects hold no state of the functions.
        before: context in which functions run before they are captured.
    """

    def __init__(
        self,
        owner: object,
        *,
        new_graph: Callable[[], Graph],
        what: str = "steps",
        volatile: tuple[str, ...] = (),
        numbers: tuple[str, ...] = (),
        foreign: tuple[str, ...] = (),
        before: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._owner, self._volatile, self._numbers, self._new_graph = owner, volatile, numbers, new_graph
        self._what, self._before = what, before
        self._state = TensorState(owner, (*volatile, *numbers), foreign)
        self._parts: dict[Hashable, _Part] = {}
        self._kept: dict[Path, Tensor] = {}
        """The memory of the graphs."""
        self._left: dict[Path, Leaf] = {}
        """What the owner held after the last call that was watched."""
        self._told: set[str] = set()
        """Why parts alone run as they are."""
        self.failure: str | None = None

    def disable(self, reason: str) -> None:
        """Run everything as it is written from now on, without a word; ``reason`` is the :attr:`failure`."""
        self.failure = reason
        self._parts.clear()

    def forget(self) -> None:
        """Record all graphs anew: tensors that they know are no longer those of the owner."""
        self._parts.clear()
        self._kept.clear()
        self._left.clear()

    def captured(self, key: Hashable) -> bool:
        """Whether the next call of this part replays a graph."""
        part = self._parts.get(key)
        return self.failure is None and part is not None and part.graph is not None

    def __call__(self, key: Hashable, function: Callable[..., Any], *inputs: Any, optional: bool = False) -> Any:
        """``function(*inputs)``; ``key`` names it, and whatever else decides what it does. Results are the caller's.

        Inputs and results are tensors, or tuples and dictionaries of them. Where an ``optional`` part cannot be
        captured, the others are graphs nevertheless.
        """
        if self.failure is not None:
            return function(*inputs)
        part = self._parts.setdefault(key, _Part())
        if part.failure is not None:
            return function(*inputs)
        alone = part if optional else None
        if part.graph is None and part.calls < 1 + WARM_UP:
            return self._watch(part, function, inputs, alone)
        try:
            self._restore()
            if part.graph is None:
                self._capture(part, function, inputs)
        except (NotCapturableError, RuntimeError, TypeError) as error:
            self._give_up(str(error).splitlines()[0], alone)
            return function(*inputs)
        return self._replay(part, inputs)

    # -- before --------------------------------------------------------------------------------------------------

    def _watch(self, part: _Part, function: Callable[..., Any], inputs: tuple[Any, ...], alone: _Part | None) -> Any:
        """Run it as it is. Other things than tensors may change in the first call, once and for all."""
        # What somebody else replaces between the calls: a graph would go on reading the old one.
        self._keep(replaced(self._left, self._state.leaves())[0])
        before = self._state.leaves()
        with watch_waits() as waits, self._before():
            result = function(*inputs)
        tensors, others = replaced(before, self._state.leaves())
        if part.calls > 0 and others:
            self._give_up(f"{_name(min(others, key=str))} is no tensor of fixed shape, and changes", alone)
        elif part.calls > 0 and waits:
            self._give_up(f"{waits[0]} forces a host sync", alone)
        part.calls += 1
        self._keep(tensors)
        self._left = self._state.leaves()
        return result

    def _keep(self, paths: set[Path]) -> None:
        """Let the tensors at ``paths`` be the memory of all graphs; those recorded before know others there."""
        for path in paths - self._kept.keys():
            # A copy: two attributes may hold one tensor now, and will not later.
            self._kept[path] = self._state.get(path).clone()
            self._state.put(path, self._kept[path])
            for part in self._parts.values():
                part.graph = None

    # -- capture -------------------------------------------------------------------------------------------------

    def _capture(self, part: _Part, function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        part.inputs = clone_all(inputs)
        before = self._state.leaves()
        graph = self._new_graph()
        numbers = {name: getattr(self._owner, name) for name in self._numbers}
        try:
            with graph.record():
                part.outputs = function(*part.inputs)
                unknown = replaced(before, self._state.leaves())[0] - self._kept.keys()
                self._copy_back()
        finally:
            part.context = {name: getattr(self._owner, name) for name in self._volatile}
            part.counts = {name: getattr(self._owner, name) - value for name, value in numbers.items()}
            # Nothing has happened yet: a replay does all of it.
            for name, value in numbers.items():
                setattr(self._owner, name, value)
            for path, values in self._kept.items():
                self._state.put(path, values)
        if unknown:
            raise NotCapturableError(f"{_name(min(unknown, key=str))} is replaced at some steps only")
        part.graph = graph

    def _copy_back(self) -> None:
        """Within a capture: new values into the old memory."""
        now = {path: self._state.get(path) for path in self._kept}
        changed = {path: values for path, values in now.items() if values is not self._kept[path]}
        memory = {values.untyped_storage().data_ptr() for values in self._kept.values()}
        # What stands in the memory itself, of another attribute, is read before any of it is overwritten.
        values = {
            path: new.clone() if new.untyped_storage().data_ptr() in memory else new for path, new in changed.items()
        }
        copy_all([self._kept[path] for path in values], list(values.values()))

    # -- after ---------------------------------------------------------------------------------------------------

    def _replay(self, part: _Part, inputs: tuple[Any, ...]) -> Any:
        copy_all(part.inputs, inputs)
        assert part.graph is not None
        part.graph.replay()
        for name, value in part.context.items():
            setattr(self._owner, name, value)
        for name, count in part.counts.items():
            setattr(self._owner, name, getattr(self._owner, name) + count)
        return clone_all(part.outputs)

    def _restore(self) -> None:
        """Take up what somebody else has put in the place of a graph's memory."""
        for path, kept in self._kept.items():
            now = self._state.get(path)
            if now is not kept:
                if not isinstance(now, Tensor) or now.shape != kept.shape:
                    raise NotCapturableError(f"{_name(path)} is no tensor of fixed shape, and changes")
                kept.copy_(now)
                self._state.put(path, kept)

    def _give_up(self, reason: str, alone: _Part | None = None) -> None:
        """Run everything as it is written, or one part alone."""
        if alone is None:
            self.disable(reason)
            print(f"[INFO] {self._what} run without CUDA graphs: {reason}", file=sys.stderr)
            return
        alone.failure, alone.graph = reason, None
        if reason not in self._told:
            print(f"[INFO] part of the {self._what} runs without a CUDA graph: {reason}", file=sys.stderr)
        self._told.add(reason)


def graphs_on(
    device: str | torch.device, owner: object, what: str, other: torch.cuda.Stream | None = None, **options: Any
) -> StepGraphs:
    """Graphs for functions on ``device``; on anything but a GPU they run as they are.

    Args:
        device: where.
        owner: as for :class:`StepGraphs`, like ``what`` and ``options``.
        what: see there.
        other: as for :class:`CudaGraph`.
    """
    if torch.device(device).type != "cuda":
        graphs = StepGraphs(owner, new_graph=CudaGraph, what=what, **options)  # type: ignore[arg-type] - never made
        graphs.disable(f"{device} is no GPU")
        return graphs
    stream = torch.cuda.Stream(device)
    before = {} if other else {"before": lambda: on_stream(stream)}
    return StepGraphs(owner, new_graph=lambda: CudaGraph(stream, other), what=what, **before, **options)


def _name(path: Path) -> str:
    return "".join(f".{key}" if kind == "attr" else f"[{key!r}]" for kind, key in path).lstrip(".")
