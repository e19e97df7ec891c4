"""The exported graphs in onnxruntime."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, Iterator

import numpy as np

# onnxruntime from 1.29 on reports to its makers what it runs.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from parkour_deploy.contract import Contract, Graph, Port
from parkour_deploy.errors import ContractError
from parkour_deploy.wiring import ACTIONS, check_wiring

PATIENCE = 20.0
"""What the first run of a graph may take [s]: one with a loop in it may never end."""
PRIORITY = 10
"""Of the thread of slow graphs, in SCHED_FIFO; the control loop has more."""
Outputs = Dict[str, np.ndarray]


class GraphPolicy:
    """Runs the graphs in their order, holds what slow ones return, and carries states from step to step.

    Args:
        contract: of the export.
        batch: rows that are run together.
        background: run graphs slower than the control in a thread of their own, so that their time delays no action;
            the first run of an episode is waited for, since there is nothing to act on before it.

    Raises:
        ContractError: the export is not ONNX, its graphs do not fit each other, or onnxruntime cannot load them.
    """

    def __init__(self, contract: Contract, batch: int = 1, *, background: bool = False) -> None:
        if contract.kind != "onnx":
            held = "a TorchScript export" if contract.kind == "jit" else f"an export of kind {contract.kind[:80]!r}"
            raise ContractError(f"{contract.folder} holds {held}, expected an ONNX one", hint="parkour export onnx")
        if contract.batch not in ("dynamic", batch):
            raise ContractError(
                f"{contract.folder} was exported for batches of {contract.batch}, expected dynamic or {batch}",
                hint="parkour export onnx --batch dynamic",
            )
        check_wiring(contract)
        self._graphs, self._batch = contract.graphs, batch
        self._spans = {group.name: (group.offset, group.size) for group in contract.groups}
        self._sessions = {graph.name: _session(contract, graph) for graph in contract.graphs}
        self._worker = _worker() if background and any(graph.period > 1 for graph in contract.graphs) else None
        self._pending: dict[str, Future[Outputs]] = {}
        self._ran: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Episodes begin: states are zeros, and every graph runs at the next step."""
        self.wait()
        self._held: dict[str, Outputs] = {}
        self._step = 0
        self.adopted: list[int] = []
        """Steps at which results of the background came in since the episode began."""

    def wait(self) -> None:
        """Until nothing runs in the background."""
        for pending in self._pending.values():
            pending.exception()
        self._pending = {}

    @property
    def busy(self) -> bool:
        """Whether a graph still runs in the background."""
        return any(not pending.done() for pending in self._pending.values())

    def warm_up(self, observation_size: int) -> None:
        """Run every graph a few times: the first runs allocate, and nobody should stand on them meanwhile."""
        zeros = np.zeros((self._batch, observation_size), np.float32)
        for _ in range(3):
            self.reset()
            self(zeros)
        self.reset()

    def __call__(self, observation: np.ndarray, adopt: bool | None = None) -> np.ndarray:
        """``[N, J]`` actions of ``[N, size]`` observations, float32.

        Args:
            observation: of this control step.
            adopt: of a replay: whether a result of the background came in at this step.

        Raises:
            ContractError: a graph cannot be run, or returns something else than the export says.
        """
        if self._step > 0:
            self._collect(adopt)
        for graph in self._graphs:
            if self._step % graph.period != 0:
                continue
            inputs = {port.name: self._input(graph, port, observation) for port in graph.inputs}
            if self._worker is not None and graph.period > 1 and self._step > 0:
                self._pending[graph.name] = self._worker.submit(self._run, graph, inputs)
            else:
                self._held[graph.name] = self._run(graph, inputs)
        self._step += 1
        return self._held[self._graphs[-1].name][ACTIONS]

    def _collect(self, adopt: bool | None) -> None:
        """Take what the background has finished; a graph that is due again is waited for first."""
        for graph in self._graphs:
            pending = self._pending.get(graph.name)
            if pending is None:
                continue
            due = self._step % graph.period == 0
            if adopt if adopt is not None else pending.done() or due:
                self._held[graph.name] = pending.result()
                del self._pending[graph.name]
                self.adopted.append(self._step)

    def _run(self, graph: Graph, inputs: Outputs) -> Outputs:
        names = [port.name for port in graph.outputs]
        try:
            with self._ends(graph) as options:
                found = dict(zip(names, self._sessions[graph.name].run(names, inputs, options)))
        except Exception as error:  # onnxruntime raises types of its own
            reason = " ".join(str(error).split())[:200]
            raise ContractError(f"onnxruntime cannot run {graph.file} ({reason})") from None
        for port in graph.outputs:
            got = found[port.name]
            if not isinstance(got, np.ndarray) or got.shape != (self._batch, *port.shape) or got.dtype != np.float32:
                what = f"{got.dtype} {got.shape}" if isinstance(got, np.ndarray) else type(got).__name__
                wanted = f"float32 {(self._batch, *port.shape)}"
                raise ContractError(f"{graph.file}: got {port.name!r} of {what}, expected {wanted}")
        return found

    @contextlib.contextmanager
    def _ends(self, graph: Graph) -> Iterator[Any]:
        """Options of a run, whose end is seen to where it is the first of its graph."""
        if graph.name in self._ran:
            yield None
            return
        options = onnxruntime.RunOptions()
        timer = threading.Timer(PATIENCE, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            yield options
        finally:
            timer.cancel()
        self._ran.add(graph.name)

    def _input(self, graph: Graph, port: Port, observation: np.ndarray) -> np.ndarray:
        kind, _, name = port.source.partition(":")
        if kind == "observation":
            return observation
        if kind == "group":
            start, size = self._spans[name]
            return np.ascontiguousarray(observation[:, start : start + size]).reshape(self._batch, *port.shape)
        if kind == "state":
            held = self._held.get(graph.name)
            return held[name] if held else np.zeros((self._batch, *port.shape), np.float32)
        other, _, output = name.partition(".")
        return self._held[other][output]


def _session(contract: Contract, graph: Graph) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # What is wrong is raised as well.
    path = contract.folder / graph.file
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises types of its own
        reason = " ".join(str(error).split())[:200]
        raise ContractError(f"onnxruntime cannot load {path} ({reason})") from error


def _worker() -> ThreadPoolExecutor:
    """One thread that gives way to the control loop, and to nothing else where the machine allows."""
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="perception")
    # It starts with its first piece of work, which must not be when the loop has taken real-time priority: a thread
    # inherits that.
    worker.submit(_give_way).result()
    return worker


def _give_way() -> None:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # an ordinary thread will do
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
