"""Encoders of depth images: sizes, state, what they refuse, and those of other people."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from parkour.errors import PluginError
from parkour.learning.runner import TrainingRunner
from parkour.tasks import load_task
from parkour_policies.depth_encoders import Memoryless, Unsplit, build_depth_encoder, depth_cnn, depth_gru
from parkour_policies.rma_actor import EncoderChoice
from parkour_policies.rma_student import rma_student
from parkour_policies.student_model import StudentModel
from tests.learning.student_fakes import (
    IMAGE,
    FakeStudentEnv,
)
from tests.plugins.student_runs import numbers, small_gru


def test_sizes_of_the_depth_encoder_are_those_of_the_specification() -> None:
    linear = lambda *dims: sum((a + 1) * b for a, b in pairwise(dims))  # noqa: E731
    encoder: Any = depth_gru((58, 87, 53), 34)
    convolutions = (25 + 1) * 32 + (32 * 9 + 1) * 64
    # 58 x 87 → 54 x 83 → 27 x 41 → 25 x 39 pixels
    assert numbers(encoder.base_backbone) == convolutions + linear(64 * 25 * 39, 128, 32)
    assert numbers(encoder.combination_mlp) == linear(32 + 53, 128, 32)
    assert numbers(encoder.rnn) == 3 * 512 * (32 + 512 + 2)
    assert numbers(encoder.output_mlp) == linear(512, 34)
    task = load_task("go2-student")
    student: StudentModel = TrainingRunner(
        FakeStudentEnv(2, image=(58, 87)), {**rma_student(task).train_cfg, "num_steps_per_env": 1}
    ).alg.student
    assert numbers(student.depth_encoder) == numbers(encoder)
    assert numbers(student.actor.mlp) == linear(53 + 32 + 9 + 20, 512, 256, 128, 12)


def test_encoder_keeps_what_it_says_in_its_state() -> None:
    """Step by step with the state outside, it is the recurrent unit run over the whole sequence."""
    encoder, frames = small_gru(), torch.randn(7, 3, *IMAGE)
    proprioception = torch.randn(7, 3, 53)
    state, outputs = encoder.initial_state(3), []
    for image, numbers_ in zip(frames, proprioception, strict=True):
        output, state = encoder(image, numbers_, state)
        outputs.append(output)
    features = torch.stack([encoder.compress(image) for image in frames])
    joined = encoder.combination_mlp(torch.cat((features, proprioception), dim=-1))
    whole, last = encoder.rnn(joined.transpose(0, 1))
    torch.testing.assert_close(torch.stack(outputs), encoder.output_mlp(whole).transpose(0, 1))
    torch.testing.assert_close(state, last.transpose(0, 1))
    assert torch.stack(outputs).abs().max() <= 1.0


@pytest.mark.parametrize("shape", [(5, 87), (58, 9), (3, 3)])
def test_image_that_is_too_small_is_told(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"{shape[0]}x{shape[1]} pixels is too small, expected at least 10x10"):
        depth_cnn(shape, 32)
    assert depth_cnn((10, 10), 32)(torch.zeros(1, 10, 10)).shape == (1, 32)


def test_third_party_encoders_are_wrapped_and_checked() -> None:
    class Plain(nn.Module):
        """Recurrent, and not split."""

        def __init__(self, shape: tuple[int, ...], latent: int) -> None:
            super().__init__()
            self.latent = latent

        def initial_state(self, num_envs: int) -> Tensor:
            return torch.zeros(num_envs, 4)

        def forward(self, depth: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(depth), self.latent), state + 1.0

    def build(factory: Any, recurrent: bool) -> nn.Module:
        return build_depth_encoder(EncoderChoice("mine:eye", factory, 6, {}), recurrent, IMAGE, 53)

    assert isinstance(build(Plain, True), Unsplit)
    assert isinstance(build(lambda shape, latent: depth_cnn(shape, latent), False), Memoryless)
    with pytest.raises(PluginError, match=r"'mine:eye' returns 2x7 and a state 2x4, expected 2x6 and 2x4"):
        build(lambda shape, latent: Plain(shape, latent + 1), True)
    with pytest.raises(PluginError, match=r"'mine:eye' cannot read images of 16x18 and 53 numbers"):
        build(lambda shape, latent: nn.Linear(5, latent), False)
