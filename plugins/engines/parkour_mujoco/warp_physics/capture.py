"""CUDA graphs of what Warp launches."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import warp as wp


def record(act: Callable[[], None], device: Any) -> Any:
    """What ``act`` launches on ``device`` as a graph; it does not run. Its kernels are loaded before."""
    with no_garbage_collection(), wp.ScopedDevice(device), wp.ScopedCapture() as capture:
        act()
    return capture.graph


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """An old graph that is collected meanwhile, of another environment say, would leave its end in the new one."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
