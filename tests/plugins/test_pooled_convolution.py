"""Convolution and pooling as one matrix product: the same outputs and gradients, in training mode alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from parkour_policies.depth_encoders import DepthCnn, depth_cnn
from parkour_policies.pooled_convolution import pays, pooled_convolution

CASES = [((58, 87), 5, 2), ((16, 18), 5, 2), ((11, 10), 5, 2), ((20, 23), 7, 3), ((9, 14), 3, 1), ((10, 10), 1, 1)]


def weights(kernel: int, channels: int = 6) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(channels, 1, kernel, kernel, requires_grad=True), torch.randn(channels, requires_grad=True)


def ground(count: int, shape: tuple[int, int]) -> Tensor:
    """Pictures of which a part reads the same everywhere, as what is out of the camera's range does."""
    torch.manual_seed(1)
    images = torch.rand(count, *shape, dtype=torch.float32) - 0.5
    images[:, : shape[0] // 2] = 0.5
    return images


@pytest.mark.parametrize(("shape", "kernel", "pool"), CASES)
def test_outputs_and_gradients_are_those_of_the_two_layers(shape: tuple[int, int], kernel: int, pool: int) -> None:
    images = ground(3, shape).requires_grad_()
    weight, bias = weights(kernel)
    found: list[list[Tensor]] = []
    for product in (True, False):
        if product:
            got = pooled_convolution(images, weight, bias, pool).permute(0, 3, 1, 2)
        else:
            got = functional.max_pool2d(functional.conv2d(images.unsqueeze(1), weight, bias), pool)
        torch.manual_seed(2)
        grads = torch.autograd.grad(got, (weight, bias), torch.randn(got.shape))
        found.append([got.detach(), *grads])
    for product, layers in zip(*found, strict=True):
        torch.testing.assert_close(product, layers, rtol=1e-4, atol=1e-4)


def test_gradient_reaches_the_pixels_too() -> None:
    images = torch.randn(2, 11, 12, dtype=torch.float64, requires_grad=True)
    weight, bias = (value.detach().double().requires_grad_() for value in weights(5, 3))
    assert torch.autograd.gradcheck(lambda x, w, b: pooled_convolution(x, w, b, 2), (images, weight, bias))


def test_equal_outputs_of_a_window_share_the_gradient() -> None:
    images = torch.zeros(1, 6, 6, requires_grad=True)
    weight, bias = torch.ones(1, 1, 5, 5), torch.zeros(1)
    pooled_convolution(images, weight, bias, 2).sum().backward()
    assert images.grad is not None
    torch.testing.assert_close(images.grad[0, 0], torch.tensor([0.25, 0.5, 0.5, 0.5, 0.5, 0.25]))
    assert images.grad.sum() == 25.0


def test_autocast_decides_the_precision() -> None:
    images, (weight, bias) = ground(2, (16, 18)), weights(5)
    exact = pooled_convolution(images, weight, bias, 2)
    with torch.autocast("cpu", torch.bfloat16):
        half = pooled_convolution(images, weight, bias, 2)
    assert (exact.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert (half - exact).norm() < 0.01 * exact.norm()


@pytest.mark.parametrize(("kernel", "pool", "expected"), [(5, 2, True), (3, 2, True), (5, 4, False), (64, 8, False)])
def test_where_it_pays(kernel: int, pool: int, expected: bool) -> None:
    assert pays(kernel, pool) is expected


def encoder(**params: Any) -> DepthCnn:
    torch.manual_seed(0)
    made = depth_cnn((58, 87), 32, products=True, **params)
    assert isinstance(made, DepthCnn)
    return made


def test_it_is_off_unless_it_is_asked_for() -> None:
    plain = depth_cnn((58, 87), 32)
    assert isinstance(plain, DepthCnn) and not plain.in_products and encoder().in_products


def test_training_and_evaluation_mode_are_the_same_function() -> None:
    made, images, found = encoder(), ground(5, (58, 87)), []
    for training in (True, False):
        made.train(training).zero_grad()
        latent = made(images)
        latent.square().sum().backward()
        found.append([latent.detach(), *(parameter.grad for parameter in made.parameters())])
    for product, layers in zip(*found, strict=True):
        torch.testing.assert_close(product, layers, rtol=1e-4, atol=1e-5)


def test_evaluation_mode_has_the_layers_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores and exported graphs are the same to the bit, whatever training does."""
    made, images = encoder().eval(), ground(2, (58, 87))
    expected = made.output_activation(made.image_compression(images.unsqueeze(1)))
    monkeypatch.setattr("parkour_policies.depth_encoders.pooled_convolution", None)
    assert torch.equal(made(images), expected)
    assert [name for name, _ in made.named_parameters()][:2] == [
        "image_compression.0.weight",
        "image_compression.0.bias",
    ]


def test_pooling_that_does_not_pay_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    made = encoder(pool=4)
    monkeypatch.setattr("parkour_policies.depth_encoders.pooled_convolution", None)
    assert made.train()(ground(2, (58, 87))).shape == (2, 32)
