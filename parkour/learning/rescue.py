"""When one of several processes is lost: one of the others saves the last networks."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping

import torch

from parkour.errors import StorageError, TrainingError
from parkour.learning.metrics_file import MetricsFile
from parkour.learning.peers import Peers, Saved, peers_here
from parkour.learning.run_lock import RunLock
from parkour.learning.run_state import RunState
from parkour.policies.checkpoint_folder import checkpoint_path

NOTICE = 5.0
"""How long the launcher may take to notice that a process has ended [s]."""
GRACE = 10.0
"""How long a process may wait in vain for one that is lost; NCCL waits for minutes [s]."""


class PeerLostError(TrainingError):
    """Another process of the run has ended."""


@contextlib.contextmanager
def rescuing(state: RunState, begin: int) -> Iterator[None]:
    """While several processes train: the loss of one is noticed, and what the others know is saved.

    A process that waits for the lost one gets an error from gloo. NCCL lets it wait, so on GPUs a thread looks too.

    Args:
        state: of the run.
        begin: iterations that were trained before.

    Raises:
        PeerLostError: one was lost; the last networks are saved.
    """
    peers = peers_here()
    over = threading.Event()
    watch: threading.Thread | None = None
    if peers is not None:
        if state.runner.gpu_global_rank == 0:
            peers.begin(state.folder)
        if torch.device(state.runner.device).type == "cuda":
            watch = threading.Thread(target=_watch, args=(peers, state, begin, over), name="rescue", daemon=True)
            watch.start()
    try:
        yield
    except RuntimeError as error:
        lost = _speaks_of_a_peer(error) if peers is None else peers.lost_one(NOTICE)
        if not (state.runner.is_distributed and lost):
            raise
        over.set()
        _save(peers, state, begin)
        raise PeerLostError("another process of this run has ended", hint="parkour train --resume") from error
    finally:
        over.set()
        if watch is not None:
            # One that asks the store while Python closes aborts the process.
            watch.join()


def _speaks_of_a_peer(error: RuntimeError) -> bool:
    """Whether an error is of the connection between processes; gloo's is a plain RuntimeError."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)


def _watch(peers: Peers, state: RunState, begin: int, over: threading.Event) -> None:
    """Save from here where the process waits for the lost one and will not come back."""
    with contextlib.suppress(RuntimeError):  # The launcher, and its store with it, is gone.
        while not over.wait(1.0):
            if peers.lost_one():
                if not over.wait(GRACE):
                    _save(peers, state, begin)
                    os._exit(1)
                return


def _save(peers: Peers | None, state: RunState, begin: int) -> None:
    """Save the networks if this process is the one to do it, and they are worth it."""
    runner = state.runner
    if peers is None:
        if runner.gpu_global_rank != 0:
            return
    elif not peers.claim():
        return
    else:
        state.folder = peers.folder or state.folder
    iteration = runner.current_learning_iteration
    path = checkpoint_path(state.folder, iteration)
    with _beside_the_queue(runner.device), contextlib.suppress(StorageError):
        # One of exactly this iteration is better than one in the middle of the next update.
        if not path.exists() and (iteration == begin or not _finite(runner.alg.save())):
            return
        with contextlib.nullcontext() if runner.gpu_global_rank == 0 else RunLock(state.folder):
            if runner.gpu_global_rank != 0 and runner.last is not None:
                _complete_metrics(state)
            if not path.exists():
                state.save()
    if path.exists() and peers is not None:
        peers.report(Saved(runner.gpu_global_rank, path))


def _complete_metrics(state: RunState) -> None:
    """The row of the last iteration, where the first process did not get to write it."""
    last = state.runner.last
    assert last is not None
    metrics = MetricsFile(state.folder, last.index)
    try:
        if metrics.last < last.index:
            metrics.on_iteration(last)
    finally:
        metrics.close()


def _finite(value: object) -> bool:
    """Whether all numbers of all tensors are."""
    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() or bool(value.isfinite().all())
    if isinstance(value, Mapping):
        return all(_finite(item) for item in value.values())
    return True


@contextlib.contextmanager
def _beside_the_queue(device: str) -> Iterator[None]:
    """On a GPU: work that does not queue behind what waits for the lost process."""
    if torch.device(device).type != "cuda":
        yield
        return
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream()):
        yield
