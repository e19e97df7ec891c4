"""Several processes on one machine, through torchrun."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence

import torch

from parkour.child_process import python_command, python_environment
from parkour.engines.device import distributed
from parkour.errors import DeviceError, ParkourError


def wants_processes(gpus: int, device: str | None) -> bool:
    """Whether to start processes: asked for more than one, and not one of them already.

    Raises:
        ParkourError: fewer than one.
        DeviceError: more than there are.
    """
    if gpus < 1:
        raise ParkourError(f"got {gpus} GPUs, expected at least 1", hint="--gpus 1")
    if gpus == 1 or distributed():
        return False
    if device != "cpu" and gpus > torch.cuda.device_count():
        raise DeviceError(f"got {gpus} GPUs, but torch sees {torch.cuda.device_count()}", hint="parkour doctor")
    return True


def run_processes(count: int, module: str, arguments: Sequence[str]) -> int:
    """Run ``python -m module arguments`` ``count`` times together; returns the exit status.

    Ctrl-C and SIGTERM reach the processes once, as SIGTERM, and they save before they end.
    """
    command = python_command("parkour.learning.torchrun", [str(count), module, *arguments])
    process = subprocess.Popen(command, start_new_session=True, env=python_environment())
    previous = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    interrupted = False
    try:
        while True:
            try:
                status = process.wait()
                return 128 + signal.SIGINT if interrupted and status == 128 + signal.SIGTERM else status
            except KeyboardInterrupt:
                interrupted = True
                process.terminate()
    finally:
        signal.signal(signal.SIGTERM, previous)
