"""What torch gives to tensors of which nobody says it: a notebook may have changed it for all code in the process."""

from __future__ import annotations

import torch

from parkour.errors import ParkourError


def check_torch_defaults() -> None:
    """Networks, plugins and libraries leave type and place of many tensors to torch: to float32, on the CPU.

    Cheap: without a look at any tensor.

    Raises:
        ParkourError: torch would give another dtype or device.
    """
    if (dtype := torch.get_default_dtype()) is not torch.float32:
        raise ParkourError(
            f"torch's default dtype is {dtype}, expected torch.float32",
            hint="torch.set_default_dtype(torch.float32), and say dtype= where you want another",
        )
    if (device := torch.get_default_device()).type != "cpu":
        raise ParkourError(
            f"torch's default device is {device}, expected cpu",
            hint="torch.set_default_device('cpu'); environments and policies are given theirs by device=",
        )
