"""Warp compiles kernels when they are first launched, one module after the other; here all of them at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import warp as wp

MOST_WORKERS = 16
"""Compilers at a time: each needs some hundred MB of memory, and the slowest module takes as long as all others."""

Variant = tuple[wp.Module, int | None]
"""A module, for blocks of so many threads."""

_one_at_a_time = threading.Lock()
"""What Warp loads modules with is put back by whoever replaced it."""


def compile_together(launch: Callable[[], None], device: Any, workers: int | None = None) -> list[Variant]:
    """Compile and load what ``launch`` launches, and nothing else; none of it runs.

    Args:
        launch: launches kernels, and decides nothing by what they write.
        device: Warp's.
        workers: modules that are compiled at a time; None: as many as this process may use CPUs.

    Returns:
        What is loaded now, in the order of the launches.
    """
    with _noted() as found, wp.ScopedDevice(device):
        launch()
    if workers is None:
        workers = min(_usable_cpus(), MOST_WORKERS)
    with ThreadPoolExecutor(max(workers, 1), thread_name_prefix="kernels") as pool:
        for loading in [pool.submit(module.load, device, block_dim=threads) for module, threads in found]:
            loading.result()
    return list(found)


@contextmanager
def _noted() -> Iterator[dict[Variant, None]]:
    """Meanwhile launches of this thread note what they would load, and do not run: Warp leaves out kernels of no loaded
    module. Those of other threads, which may step worlds of their own, load and run."""
    found: dict[Variant, None] = {}
    with _one_at_a_time:
        load, here = wp.Module.load, threading.get_ident()

        def note(module: wp.Module, device: Any, block_dim: int | None = None, *rest: Any, **more: Any) -> Any:
            if threading.get_ident() != here:
                return load(module, device, block_dim, *rest, **more)
            found[module, block_dim] = None
            return None

        wp.Module.load = note  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield found
        finally:
            wp.Module.load = load


def _usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
