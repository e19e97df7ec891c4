"""The small depth encoder: what it reads, what it weighs, and what half precision of its images changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from parkour.policies.definition import define_policy
from parkour.policies.deployed import build_actor
from parkour.tasks import load_task
from parkour_policies.depth_encoders import depth_gru
from parkour_policies.strided_encoder import StridedCnn, depth_strided_gru, space_to_depth
from tests.exporters.conftest import blank_observations

IMAGE = (58, 87)


def encoder(**params: Any) -> Any:
    torch.manual_seed(0)
    return depth_strided_gru((*IMAGE, 53), 34, **params)


def test_space_to_depth_is_that_of_torch() -> None:
    images = torch.randn(3, 20, 24)
    got = space_to_depth(images, 4)
    assert torch.equal(got, functional.pixel_unshuffle(images.unsqueeze(1), 4))
    assert got.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(58, 87), (60, 88), (57, 85), (5, 3), (1, 1)])
def test_every_pixel_is_seen_whatever_the_size_of_the_image(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    images = torch.randn(2, *shape, requires_grad=True)
    StridedCnn(shape, 16, 4, (8, 8, 8), "elu")(images).square().sum().backward()
    assert images.grad is not None and (images.grad != 0.0).all()


def test_no_convolution_is_told() -> None:
    with pytest.raises(ValueError, match="channels: got none, expected at least one convolution"):
        encoder(channels=())


def test_student_of_the_overlay_is_below_three_megabytes_in_half_precision() -> None:
    task = load_task("go2-student", overlay="train+fast+compact")
    actor: Any = build_actor(define_policy(task), blank_observations(task), 12, "cpu")
    numbers = sum(parameter.numel() for parameter in actor.parameters())
    assert actor.depth_encoder.rnn.hidden_size == 384
    assert 2 * numbers < 3e6


def test_picture_takes_a_third_of_the_arithmetic() -> None:
    images, operations = torch.randn(2, *IMAGE), []
    for made in (depth_gru((*IMAGE, 53), 34), encoder()):
        compress: Any = made.compress
        with FlopCounterMode(display=False) as counter:
            compress(images).sum().backward()
        operations.append(counter.get_total_flops())
    assert operations[1] < operations[0] / 3.5


def test_half_precision_of_the_images_changes_little() -> None:
    """What autocast does on a GPU, on a CPU: features and gradients are within the precision of bfloat16."""
    made, images = encoder(), torch.rand(32, *IMAGE) - 0.5
    weights = torch.randn(32, 128)

    def run(half: bool) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            features = made.compress(images)
        made.zero_grad()
        (features.float() * weights).sum().backward()
        return features.float(), torch.cat([p.grad.flatten() for p in made.base_backbone.parameters()])

    (exact, exact_grad), (half, half_grad) = run(False), run(True)
    assert half.dtype == torch.float32 and not torch.equal(half, exact)
    assert (half - exact).norm() < 0.01 * exact.norm()
    assert functional.cosine_similarity(half_grad, exact_grad, dim=0) > 0.9995
