"""CUDA graphs of what Warp launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import warp as wp

from parkour.quick_imports import uncollected


def record(act: Callable[[], None], device: Any) -> Any:
    """What ``act`` launches on ``device`` as a graph; it does not run. Its kernels are loaded before."""
    # An old graph that is collected meanwhile, of another environment say, would leave its end in the new one.
    with uncollected(), wp.ScopedDevice(device), wp.ScopedCapture() as capture:
        act()
    return capture.graph
