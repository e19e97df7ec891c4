"""A depth encoder over whole sequences: the same as its steps one after the other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from parkour_policies.depth_encoders import DepthGru, Unsplit, depth_gru
from parkour_policies.depth_sequences import SequenceEncoder, advance_all
from parkour_policies.strided_encoder import depth_strided_gru
from tests.learning.student_fakes import IMAGE

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"


def make_encoder(strided: bool) -> DepthGru:
    torch.manual_seed(3)
    encoder: Any = (
        depth_strided_gru((*IMAGE, 53), 34, channels=(4, 6), frame_latent=32, memory=20)
        if strided
        else depth_gru((*IMAGE, 53), 34, channels=(4, 6), hidden_dim=24, memory=20)
    )
    return encoder.to(DEVICE)


def gradients(encoder: torch.nn.Module) -> list[Tensor]:
    found = [p.grad for p in encoder.parameters() if p.grad is not None]
    encoder.zero_grad()
    return found


@pytest.mark.parametrize("strided", [False, True])
def test_sequence_is_its_steps_one_after_the_other(strided: bool) -> None:
    """Episodes begin at any step, the first and the last included, and several times."""
    encoder = make_encoder(strided)
    assert isinstance(encoder, SequenceEncoder)
    begins = torch.rand(9, 7, device=DEVICE) < 0.3
    begins[0, 0], begins[8, 1], begins[:, 2], begins[:, 3] = True, True, True, False
    features, felt = torch.randn(9, 7, 32, device=DEVICE), torch.randn(9, 7, 53, device=DEVICE)
    state, weights = torch.randn(7, 1, 20, device=DEVICE), torch.randn(9, 7, 34, device=DEVICE)
    got = advance_all(encoder, features, felt, state, begins)
    (got * weights).sum().backward()
    grads = gradients(encoder)
    expected = advance_all(StepByStep(encoder), features, felt, state, begins)  # type: ignore[arg-type]
    (expected * weights).sum().backward()
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if ON_GPU else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(got, expected, **tolerance)
    wanted = gradients(encoder)
    assert len(grads) == len(wanted) > 6
    for mine, theirs in zip(grads, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, **tolerance)


class StepByStep(Unsplit):
    """The same encoder without its way with sequences."""

    def advance(self, features: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder.advance(features, proprioception, state)  # type: ignore[operator]
