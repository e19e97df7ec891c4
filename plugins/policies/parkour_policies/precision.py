"""How layers compute while a GPU trains: half precision where it is asked for, and shapes that tensor cores like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.overrides import TorchFunctionMode

Precision = Literal["float32", "bfloat16"]
"""Of layers in training. Weights, optimizers and losses are float32 whatever it is."""
ALIGNED = 8
"""Rows of so many numbers serve tensor cores in any precision."""


def is_half(precision: str, device: str | torch.device) -> bool:
    """Whether layers work in bfloat16. On a CPU that is slower, and what is tested there is to be exact."""
    return precision == "bfloat16" and torch.device(device).type == "cuda"


@contextmanager
def quick_layers(device: str | torch.device, half: bool) -> Iterator[None]:
    """Meanwhile layers on a GPU are the same functions in :class:`AlignedLayers`, in bfloat16 if ``half``."""
    on_gpu = torch.device(device).type == "cuda"
    with half_layers(device, half), AlignedLayers(half=half) if on_gpu else nullcontext():
        yield


def half_layers(device: str | torch.device, half: bool) -> AbstractContextManager[object]:
    """Meanwhile layers on ``device`` work in bfloat16 if ``half``."""
    return torch.autocast(torch.device(device).type, torch.bfloat16) if half else nullcontext()


class AlignedLayers(TorchFunctionMode):
    """Linear layers whose inputs are of any width, as products of aligned matrices.

    The 753 observations of a teacher's critic cost its first layer four times what 760 would: products of rows that do
    not begin at multiples of 16 bytes are slow. So columns are added, a one and zeros, and the bias is a column of the
    weights. Other layers get their bias's gradient as a product with ones, where torch sums over the batch, which
    takes twice to five times as long. Results and gradients are the same up to rounding.

    Args:
        half: layers work in bfloat16 (autocast): their biases' gradients stay torch's.
    """

    def __init__(self, *, half: bool = False) -> None:
        super().__init__()
        self._half = half

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not F.linear or kwargs or len(args) != 3 or args[2] is None:
            return func(*args, **(kwargs or {}))
        x, weight, bias = args
        if missing := -x.shape[-1] % ALIGNED:
            return _padded_linear(x, weight, bias, missing)
        if self._half or not torch.is_grad_enabled():
            return F.linear(x, weight, bias)
        return _Linear.apply(x, weight, bias)


def _padded_linear(x: Tensor, weight: Tensor, bias: Tensor, columns: int) -> Tensor:
    """``linear`` with ``columns`` more: the bias, and nothing."""
    one = F.pad(x.new_ones(1), (0, columns - 1)).expand(*x.shape[:-1], columns)
    weights = torch.cat((weight, F.pad(bias[:, None], (0, columns - 1))), dim=1)
    return F.linear(torch.cat((x, one), dim=-1), weights)


class _Linear(torch.autograd.Function):
    """``linear`` with a product for the gradient of the bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, weight = ctx.saved_tensors
        rows = grad.flatten(0, -2)
        by_x = grad @ weight if ctx.needs_input_grad[0] else None
        return by_x, rows.T @ x.flatten(0, -2), rows.new_ones(len(rows)) @ rows
