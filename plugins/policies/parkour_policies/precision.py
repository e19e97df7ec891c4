"""Half precision where it is asked for, and where it pays: on a GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]
"""Of layers in training. Weights, optimizers and losses are float32 whatever it is."""


def is_half(precision: str, device: str | torch.device) -> bool:
    """Whether layers work in bfloat16. On a CPU that is slower, and what is tested there is to be exact."""
    return precision == "bfloat16" and torch.device(device).type == "cuda"


def half_layers(device: str | torch.device, half: bool) -> AbstractContextManager[object]:
    """Meanwhile layers on ``device`` work in bfloat16 if ``half``."""
    return torch.autocast(torch.device(device).type, torch.bfloat16) if half else nullcontext()
