"""What this machine is, and how much of its memory a measurement took."""

from __future__ import annotations

import os
import platform
import resource
from typing import Any


def machine(device: str) -> dict[str, Any]:
    """Hardware and versions."""
    import torch

    from parkour.machine import cores, cpu_name
    from parkour.packages import versions

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if device != "cpu" else []
    return {
        "cpu": cpu_name(),
        "architecture": platform.machine(),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "gpus": gpus,
        "cuda": torch.version.cuda if gpus else None,
        "system": platform.system(),
        "versions": versions(),
        "isaaclab": _isaaclab_physics(),
    }


def _isaaclab_physics() -> list[str]:
    """What of Isaac Lab's physics can run here."""
    from parkour.engines.choice import choose_engine
    from parkour.errors import ParkourError

    try:
        _, engine = choose_engine("isaaclab")
    except ParkourError:
        return []
    if not engine.availability().ok:
        return []
    from parkour_isaaclab.backends.backend import find_backend
    from parkour_isaaclab.install import find_obstacle

    return [name for name in ("newton", "ovphysx") if find_obstacle(find_backend(name)) is None]


def host_memory() -> dict[str, float]:
    """Greatest resident memory of this process, or of a command that it ran [GiB]."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return {"host_memory_gib": max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 2**20}
