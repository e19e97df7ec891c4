"""What this machine is: its processor and its GPUs by name."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

from parkour.child_process import python_command, python_environment

_PATIENCE = 60.0
"""For a process that imports torch [s]."""


def cpu_name() -> str:
    """The processor's; empty where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@cache
def gpu_names() -> tuple[str, ...]:
    """Of all GPUs that torch sees, asked in a process of its own: whoever asks keeps no memory of theirs."""
    try:
        done = subprocess.run(
            python_command("parkour.machine", []), capture_output=True, text=True, check=True, timeout=_PATIENCE,
            env=python_environment(),
        )  # fmt: skip
        return tuple(str(name) for name in json.loads(done.stdout))
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return ()


def _ask() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


if __name__ == "__main__":
    print(json.dumps(_ask()))
