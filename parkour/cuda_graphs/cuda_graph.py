"""A CUDA graph, and what has to be so before one is recorded."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import torch


class Graph(Protocol):
    """What was queued under :meth:`record`, to be queued again."""

    def record(self) -> AbstractContextManager[None]: ...

    def replay(self) -> None: ...


class CudaGraph:
    """A :class:`Graph` on the current GPU. What is recorded does not run.

    Args:
        stream: where it is recorded. Backward passes are recorded on the stream on which the function ran before
            (:func:`on_stream`): autograd remembers it.
        other: the stream of those whose memory the graph shares; a replay comes after what is queued there, and before
            what will be.
    """

    def __init__(self, stream: torch.cuda.Stream, other: torch.cuda.Stream | None = None) -> None:
        self._graph = torch.cuda.CUDAGraph()
        self._stream, self._other = stream, other

    @contextlib.contextmanager
    def record(self) -> Iterator[None]:
        here = torch.cuda.current_stream()
        generator = torch.cuda.default_generators[here.device_index]
        before = generator.get_state()
        try:
            with torch.cuda.graph(self._graph, stream=self._stream):
                yield
        except RuntimeError:
            # Where a capture ends as invalid, the generator goes on as if it were in one, and refuses to draw.
            anew = torch.Generator(here.device)
            anew.set_state(before)
            generator.graphsafe_set_state(anew.graphsafe_get_state())
            raise
        finally:
            # Where a capture fails, torch stays on the stream of the capture.
            torch.cuda.set_stream(here)

    def replay(self) -> None:
        if self._other is None:
            self._graph.replay()
            return
        here = torch.cuda.current_stream(self._other.device)
        here.wait_stream(self._other)
        self._graph.replay()
        self._other.wait_stream(here)


@contextlib.contextmanager
def on_stream(stream: torch.cuda.Stream) -> Iterator[None]:
    """Queue what follows on ``stream``, after what is queued here, and before what will be."""
    here = torch.cuda.current_stream(stream.device)
    stream.wait_stream(here)
    with torch.cuda.stream(stream):
        yield
    here.wait_stream(stream)


@contextlib.contextmanager
def watch_waits() -> Iterator[list[str]]:
    """Collects where the host waits for the GPU meanwhile, as ``file:line``: no graph can be recorded there.

    To find it out by recording would leave torch's random numbers on the GPU in a state of which they do not recover.
    """
    found: list[str] = []
    if not torch.cuda.is_initialized():
        yield found
        return
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode(before)
    for item in caught:
        if "called a synchronizing" in str(item.message):
            found.append(f"{item.filename}:{item.lineno}")
        elif "Synchronization debug mode" not in str(item.message):  # which torch says of it when it is first used
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
