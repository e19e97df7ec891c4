"""Which device environments and networks run on, as one of how many processes, in how many threads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from parkour.engines.torch_defaults import check_torch_defaults
from parkour.environment import process_number
from parkour.errors import DeviceError
from parkour.text import counted

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


def distributed() -> bool:
    """Whether this process is one of several that train together."""
    return process_number("WORLD_SIZE", 1) > 1


def rank() -> int:
    """Number of this process among those that train together; 0 when it is alone."""
    return process_number("RANK")


def choose_device(wanted: str | torch.device | None) -> str:
    """``cpu`` or ``cuda:N``: what was asked for, or else a GPU if there is one. Each of several processes has its own.

    Raises:
        DeviceError: it does not exist here.
    """
    if wanted is None:
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    wanted = check_device(wanted)
    if wanted == "cpu":
        return wanted
    index = process_number("LOCAL_RANK") if distributed() else int(wanted.partition(":")[2] or 0)
    check_device(f"cuda:{index}")
    return f"cuda:{index}"


def check_device(wanted: str | torch.device) -> str:
    """Its name, if torch can compute there.

    Raises:
        DeviceError: it is no device, or does not exist here.
        ParkourError: torch's defaults are not its own, see :func:`check_torch_defaults`.
    """
    check_torch_defaults()
    device = str(wanted) if isinstance(wanted, torch.device) else wanted
    if not isinstance(device, str) or not _DEVICE.fullmatch(device):
        raise DeviceError(f"got device {device!r}, expected 'cpu', 'cuda' or 'cuda:N'")
    if device == "cpu":
        return device
    if not torch.cuda.is_available():
        raise DeviceError(f"got device {device!r}, but torch sees no CUDA GPU", hint="--device cpu, or: parkour doctor")
    if int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"got device {device!r}, but torch sees {counted(torch.cuda.device_count(), 'GPU')}, counted from 0"
        )
    return device


@contextmanager
def stepping_threads(device: str | torch.device) -> Iterator[None]:
    """While environments step on a CPU, torch works in one thread; afterwards in as many as before.

    A step is hundreds of small operations, which gain nothing from threads, and the physics has threads of its own:
    torch's would wait for their next operation on the very cores that the physics needs. An update of networks is
    another matter, so this holds for rollouts alone. On other devices nothing changes.
    """
    before = torch.get_num_threads()
    if torch.device(device).type != "cpu" or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
