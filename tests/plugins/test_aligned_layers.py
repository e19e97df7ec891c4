"""Layers as aligned products: the same functions and gradients, whatever their widths."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from parkour_policies.encoders import make_mlp
from parkour_policies.precision import AlignedLayers, quick_layers


def results(network: nn.Module, x: torch.Tensor, aligned: bool) -> list[torch.Tensor]:
    """Output and gradients, by everything that has one."""
    x = x.clone().requires_grad_()
    network.zero_grad()
    with AlignedLayers() if aligned else torch.enable_grad():
        y = network(x)
    (y.square().sum() / len(x)).backward()
    grads = [parameter.grad for parameter in (x, *network.parameters())]
    return [y.detach(), *(grad.clone() for grad in grads if grad is not None)]


@pytest.mark.parametrize("widths", [(753, 64, 32, 5), (16, 8, 1), (7, 13, 12), (1, 3)])
@pytest.mark.parametrize("shape", [(40,), (6, 5)], ids=["rows", "sequences"])
def test_results_and_gradients_are_the_same(widths: tuple[int, ...], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network, x = make_mlp(widths, "elu"), torch.randn(*shape, widths[0])
    mine, theirs = results(network, x, aligned=True), results(network, x, aligned=False)
    assert len(mine) == len(theirs) == 2 + 2 * (len(widths) - 1)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_inputs_without_a_gradient_get_none() -> None:
    network, x = make_mlp((16, 8), "elu"), torch.randn(4, 16)
    with AlignedLayers():
        network(x).sum().backward()
    assert x.grad is None and all(parameter.grad is not None for parameter in network.parameters())


def test_without_gradients_too() -> None:
    network, x = make_mlp((53, 8), "elu"), torch.randn(4, 53)
    with torch.inference_mode(), AlignedLayers():
        y = network(x)
    torch.testing.assert_close(y, network(x))


def test_layers_without_a_bias_are_left_alone() -> None:
    layer, x = nn.Linear(7, 3, bias=False), torch.randn(4, 7)
    with AlignedLayers():
        assert torch.equal(layer(x), x @ layer.weight.T)


def test_half_precision_is_autocasts() -> None:
    network, x = make_mlp((53, 16, 8), "elu"), torch.randn(64, 53)
    with torch.autocast("cpu", torch.bfloat16), AlignedLayers(half=True):
        y = network(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), network(x), rtol=0.05, atol=0.05)
    assert all(
        parameter.grad is not None and parameter.grad.dtype == torch.float32 for parameter in network.parameters()
    )


def test_on_a_cpu_layers_are_as_they_are() -> None:
    """What is tested there is to be exact."""
    network, x = make_mlp((53, 16, 8), "elu"), torch.randn(64, 53)
    with quick_layers("cpu", half=False):
        assert torch.equal(network(x), network(x))
        assert torch.overrides._get_current_function_mode() is None
