"""Depth encoders: images to a latent, with or without memory.

An encoder of kind ``depth`` without memory is a module ``[N, H, W] → [N, latent_dim]``, made as every encoder:
``(input_shape, latent_dim, **params)`` with ``input_shape = (H, W)``. A recurrent one (``EncoderSpec.recurrent``) also
reads proprioception and declares its state: see :class:`RecurrentDepthEncoder`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from parkour import Params, param
from parkour.errors import PluginError
from parkour.params import within
from parkour_policies.encoders import Activation, Widths, make_activation, make_mlp
from parkour_policies.pooled_convolution import pays, pooled_convolution
from parkour_policies.rma_actor import EncoderChoice


class RecurrentDepthEncoder(Protocol):
    """Made as ``(input_shape, latent_dim, **params)`` with ``input_shape = (H, W, proprioception)``."""

    def initial_state(self, num_envs: int) -> Tensor:
        """``[N, …]``: what an environment remembers at the start of its episode."""
        ...

    def __call__(self, depth: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Images ``[N, H, W]``, proprioception ``[N, P]`` and state to a latent ``[N, latent_dim]``, and next state."""
        ...


@runtime_checkable
class SplitDepthEncoder(Protocol):
    """A depth encoder in two parts: one that sees each image by itself, and one that remembers.

    Training asks for the two apart, so that all images of a rollout can be encoded together and in bounded memory.
    """

    def initial_state(self, num_envs: int) -> Tensor: ...

    def compress(self, depth: Tensor) -> Tensor:
        """Images ``[M, H, W]`` to features ``[M, …]``."""
        ...

    def advance(self, features: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Features, proprioception ``[M, P]`` and state ``[M, …]`` to the latent ``[M, latent_dim]`` and next state."""
        ...


class DepthCnnParams(Params):
    channels: Annotated[tuple[int, int], within(1, 16_384)] = (32, 64)
    """Output channels of the two convolutions."""
    kernels: Annotated[tuple[int, int], within(1, 64)] = (5, 3)
    """Their kernel sizes [pixels]."""
    pool: int = param(2, ge=1, le=64, doc="Size of the max-pooling between them [pixels].")
    hidden_dim: int = param(128, ge=1, le=16_384, doc="Width of the hidden linear layer.")
    activation: Activation = "elu"
    """After every layer, the last one included."""
    products: bool = False
    """Whether training computes the first convolution and a small pooling as one matrix product, for tensor cores."""


class DepthGruParams(DepthCnnParams):
    frame_latent: int = param(32, ge=1, le=16_384, doc="Size of an encoded image.")
    combination_dims: Widths = (128, 32)
    """Widths of the layers that join image and proprioception."""
    memory: int = param(512, ge=1, le=16_384, doc="Size of the recurrent state.")


class DepthCnn(nn.Module):
    """Two convolutions and two linear layers: images ``[N, H, W]`` to ``[N, latent_dim]``.

    With ``products`` training mode computes the first of them in a form that suits a GPU's tensor cores, equal up to
    rounding. Evaluation mode, and what is exported, has the layers as they are written.

    Raises:
        ValueError: the image is too small for the kernels.
    """

    def __init__(
        self, image_shape: Sequence[int], latent_dim: int, channels: Sequence[int], kernels: Sequence[int], pool: int,
        hidden_dim: int, activation: str, products: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        height, width = ((size - kernels[0] + 1) // pool - kernels[1] + 1 for size in image_shape)
        if height < 1 or width < 1:
            least = kernels[1] * pool + kernels[0] - 1
            raise ValueError(
                f"an image of {image_shape[0]}x{image_shape[1]} pixels is too small, expected at least {least}x{least}"
            )
        self.image_compression = nn.Sequential(
            nn.Conv2d(1, channels[0], kernels[0]),
            nn.MaxPool2d(pool),
            make_activation(activation),
            nn.Conv2d(channels[0], channels[1], kernels[1]),
            make_activation(activation),
            nn.Flatten(),
            nn.Linear(channels[1] * height * width, hidden_dim),
            make_activation(activation),
            nn.Linear(hidden_dim, latent_dim),
        )
        self.output_activation = make_activation(activation)
        self.in_products = products and pays(kernels[0], pool)
        """Whether training mode computes the first convolution as a matrix product."""

    def forward(self, depth: Tensor) -> Tensor:
        if self.training and self.in_products:
            return self.output_activation(self._compress_in_products(depth))
        return self.output_activation(self.image_compression(depth.unsqueeze(1)))

    def _compress_in_products(self, depth: Tensor) -> Tensor:
        """``image_compression``, with channels last in memory throughout."""
        layers: list[Any] = [*self.image_compression]
        first, pool, activate, second, _, _, linear, _, last = layers
        shown = activate(pooled_convolution(depth, first.weight, first.bias, pool.kernel_size))
        shown = activate(second(shown.permute(0, 3, 1, 2)))
        # The weights are put in the order of the pixels: there are a hundred times fewer of them.
        weight = linear.weight.unflatten(1, shown.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        hidden = functional.linear(shown.permute(0, 2, 3, 1).flatten(1), weight, linear.bias)
        return last(activate(hidden))


class DepthGru(nn.Module):
    """Images and proprioception to a latent in (-1, 1), through a gated recurrent unit: a split, recurrent encoder.

    Args:
        proprioception: numbers of it.
        latent_dim: of the output.
        backbone: images ``[N, H, W]`` to ``[N, frame_latent]``.
        frame_latent: size of an encoded image.
        combination_dims: widths of the layers that join image and proprioception.
        memory: size of the recurrent state.
        activation: of those layers.
        past_memory: whether the output also reads what enters the memory, so that what is in the image need not pass
            through gates that have to be learnt first.
    """

    def __init__(
        self, proprioception: int, latent_dim: int, backbone: nn.Module, frame_latent: int,
        combination_dims: Sequence[int], memory: int, activation: str, *, past_memory: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.base_backbone = backbone
        self.past_memory = past_memory
        joined = (frame_latent + proprioception, *combination_dims)
        self.combination_mlp = make_mlp(joined, activation)
        self.rnn = nn.GRU(joined[-1], memory, batch_first=True)
        self.output_mlp = make_mlp((memory + past_memory * joined[-1], latent_dim), activation, last="tanh")

    def initial_state(self, num_envs: int) -> Tensor:
        """Zeros ``[N, layers, memory]``."""
        return next(self.parameters()).new_zeros(num_envs, self.rnn.num_layers, self.rnn.hidden_size)

    def compress(self, depth: Tensor) -> Tensor:
        return self.base_backbone(depth)

    def advance(self, features: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        joined = self.combination_mlp(torch.cat((features, proprioception), dim=-1))
        output, state = self.rnn(joined.unsqueeze(1), state.transpose(0, 1).contiguous())
        return self._tell(output.squeeze(1), joined), state.transpose(0, 1)

    def advance_all(self, features: Tensor, proprioception: Tensor, state: Tensor, begins: Tensor) -> Tensor:
        """See :class:`parkour_policies.depth_sequences.SequenceEncoder`. Episodes become rows of one batch."""
        joined = self.combination_mlp(torch.cat((features, proprioception), dim=-1))
        episode, time = begins.long().cumsum(dim=0), torch.arange(len(begins), device=begins.device)[:, None]
        episodes = episode[-1] + 1
        first_row = episodes.cumsum(0) - episodes
        row, place = first_row + episode, time - torch.where(begins, time, 0).cummax(dim=0).values
        before = self.initial_state(int(episodes.sum())).index_copy(0, first_row, state)
        padded = joined.new_zeros(len(before), len(begins), joined.shape[-1]).index_put((row, place), joined)
        outputs, _ = self.rnn(padded, before.transpose(0, 1).contiguous())
        return self._tell(outputs[row, place], joined)

    def _tell(self, remembered: Tensor, joined: Tensor) -> Tensor:
        return self.output_mlp(torch.cat((remembered, joined), dim=-1) if self.past_memory else remembered)

    def forward(self, depth: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.advance(self.compress(depth), proprioception, state)


class Memoryless(nn.Module):
    """An encoder without memory as a split one with an empty state."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def initial_state(self, num_envs: int) -> Tensor:
        return next(self.parameters()).new_zeros(num_envs, 0)

    def compress(self, depth: Tensor) -> Tensor:
        return self.encoder(depth)

    def advance(self, features: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return features, state


class Unsplit(nn.Module):
    """A recurrent encoder that is not split: the images are its features, and gradients are computed anew from them."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def initial_state(self, num_envs: int) -> Tensor:
        return self.encoder.initial_state(num_envs)  # type: ignore[operator]

    def compress(self, depth: Tensor) -> Tensor:
        return depth

    def advance(self, features: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not torch.is_grad_enabled():
            return self.encoder(features, proprioception, state)
        return checkpoint(self.encoder, features, proprioception, state, use_reentrant=False)  # type: ignore[return-value]


def depth_cnn(
    input_shape: Sequence[int],
    latent_dim: int,
    channels: Sequence[int] = (32, 64),
    kernels: Sequence[int] = (5, 3),
    pool: int = 2,
    hidden_dim: int = 128,
    activation: str = "elu",
    products: bool = False,
) -> nn.Module:
    """Images ``[N, H, W]`` to a latent ``[N, latent_dim]``, without memory."""
    return DepthCnn(input_shape, latent_dim, channels, kernels, pool, hidden_dim, activation, products)


def depth_gru(
    input_shape: Sequence[int],
    latent_dim: int,
    channels: Sequence[int] = (32, 64),
    kernels: Sequence[int] = (5, 3),
    pool: int = 2,
    hidden_dim: int = 128,
    activation: str = "elu",
    frame_latent: int = 32,
    combination_dims: Sequence[int] = (128, 32),
    memory: int = 512,
    products: bool = False,
) -> nn.Module:
    """Images ``[N, H, W]``, proprioception ``[N, P]`` and a state to a latent in (-1, 1) and the next state."""
    *image_shape, proprioception = input_shape
    backbone = DepthCnn(image_shape, frame_latent, channels, kernels, pool, hidden_dim, activation, products)
    return DepthGru(proprioception, latent_dim, backbone, frame_latent, combination_dims, memory, activation)


def build_depth_encoder(
    choice: EncoderChoice, recurrent: bool, image_shape: Sequence[int], proprioception: int
) -> nn.Module:
    """A depth encoder plugin as a :class:`SplitDepthEncoder`.

    Raises:
        PluginError: it takes no such image, or returns another size.
    """
    shape = (*image_shape, proprioception) if recurrent else tuple(image_shape)
    try:
        encoder = choice.factory(shape, choice.latent_dim, **choice.params)
        split = encoder if isinstance(encoder, SplitDepthEncoder) else (Unsplit if recurrent else Memoryless)(encoder)
        with torch.no_grad():
            state = split.initial_state(2)
            features = split.compress(torch.zeros(2, *image_shape))
            output, after = split.advance(features, torch.zeros(2, proprioception), state)
    except (ValueError, RuntimeError, AttributeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise PluginError(
            f"encoder {choice.name!r} cannot read images of {_shape(image_shape)} and {proprioception} numbers: "
            f"{reason}"
        ) from error
    if tuple(output.shape) != (2, choice.latent_dim) or after.shape != state.shape:
        raise PluginError(
            f"encoder {choice.name!r} returns {_shape(output.shape)} and a state {_shape(after.shape)}, "
            f"expected {_shape((2, choice.latent_dim))} and {_shape(state.shape)}"
        )
    return cast("nn.Module", split)


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape)
