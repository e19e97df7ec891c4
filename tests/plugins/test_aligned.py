"""Aligned layers: the numbers, gradients and parameters of a plain linear layer."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from parkour_policies.aligned import ALIGNMENT, AlignedLinear


@pytest.mark.parametrize("inputs", [5, 8, 753])
def test_padding_changes_no_number(inputs: int) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(inputs, 7)
    aligned = AlignedLinear(copy.deepcopy(plain))
    assert (inputs + aligned.extra) % ALIGNMENT == 0
    assert plain.state_dict().keys() == aligned.state_dict().keys()
    x = torch.randn(16, inputs)
    plain(x).square().mean().backward()
    aligned.padded(x).square().mean().backward()
    torch.testing.assert_close(aligned.padded(x), plain(x))
    torch.testing.assert_close(aligned(x), plain(x), rtol=0.0, atol=0.0)
    for mine, theirs in zip(aligned.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_padding_changes_no_number_on_a_gpu() -> None:
    plain = nn.Linear(753, 512, device="cuda")
    x = torch.randn(64, 753, device="cuda")
    torch.testing.assert_close(AlignedLinear(plain)(x), plain(x), rtol=1e-2, atol=1e-2)
