"""A depth encoder over a rollout: whole sequences are steps one after the other, and compiled images are images."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from parkour_policies.depth_encoders import DepthGru, Unsplit, depth_gru
from parkour_policies.encoder_passes import CompiledCompress, SequenceEncoder, advance_all
from tests.learning.student_fakes import IMAGE

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"


def make_encoder() -> DepthGru:
    torch.manual_seed(3)
    encoder: Any = depth_gru((*IMAGE, 53), 34, channels=(4, 6), hidden_dim=24, memory=20)
    return encoder.to(DEVICE)


def gradients(encoder: torch.nn.Module) -> list[Tensor]:
    found = [p.grad for p in encoder.parameters() if p.grad is not None]
    encoder.zero_grad()
    return found


def test_sequence_is_its_steps_one_after_the_other() -> None:
    """Episodes begin at any step, the first and the last included, and several times."""
    encoder = make_encoder()
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


def test_failed_compilation_is_told_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compile_nothing(function: Any) -> Any:
        def fail(*args: Any) -> None:
            raise RuntimeError("no compiler was found\nand more of it")

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    encoder = make_encoder()
    images = torch.randn(6, *IMAGE, device=DEVICE)
    expected = encoder.compress(images)
    compress = CompiledCompress(encoder, DEVICE, torch.float32)
    for _ in range(2):
        torch.testing.assert_close(compress(images), expected)
    assert capsys.readouterr().err == "[INFO] the depth encoder is not compiled: no compiler was found\n"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_images_have_the_features_and_gradients_of_plain_ones(dtype: torch.dtype) -> None:
    plain, fast = make_encoder(), make_encoder()
    fast.load_state_dict(copy.deepcopy(plain.state_dict()))
    compress = CompiledCompress(fast, DEVICE, dtype)
    for count in (6, 11):
        images = torch.randn(count, *IMAGE, device=DEVICE)
        expected, got = plain.compress(images), compress(images)
        assert got.dtype is torch.float32
        weights = torch.randn_like(got)
        (expected * weights).sum().backward()
        (got * weights).sum().backward()
        relative = 1e-4 if dtype is torch.float32 and not ON_GPU else 0.1
        assert (got - expected).norm() <= relative * expected.norm()
        for mine, theirs in zip(gradients(fast), gradients(plain), strict=True):
            assert (mine - theirs).norm() <= relative * theirs.norm() + 1e-6
    assert compress.failure is None
