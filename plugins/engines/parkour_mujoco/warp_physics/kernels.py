"""Warp compiles kernels when they are first launched, one module after the other; here all of them at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import warp as wp

MOST_WORKERS = 16
"""Compilers at a time: each needs some hundred MB of memory, and the slowest module takes as long as all others."""

Variant = tuple[wp.Module, int | None]
"""A module, for blocks of so many threads."""


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
    """Meanwhile launches note what they would load, and do not run: Warp leaves out kernels of no loaded module."""
    found: dict[Variant, None] = {}
    load = wp.Module.load

    def note(module: wp.Module, device: Any, block_dim: int | None = None, *_: Any, **__: Any) -> None:
        found[module, block_dim] = None

    wp.Module.load = note  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield found
    finally:
        wp.Module.load = load


def _usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
