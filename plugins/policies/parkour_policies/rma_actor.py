"""The RMA actor: proprioception, encoded scan, estimated velocity and an encoded latent, to joint targets.

The latent comes from the privileged encoder while PPO collects data, and from the history encoder wherever the policy
is deployed: in evaluation, play, export, and in the DAgger iterations that teach the history encoder on the states it
will see. The estimator's output stands for the explicit privileged block always, in training too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from rsl_rl.models import MLPModel
from rsl_rl.modules import HiddenState
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import PluginError
from parkour_policies.encoders import output_shape
from parkour_policies.estimator import make_estimator
from parkour_policies.further_groups import check_flat

LatentSource = Literal["privileged", "history"]

PROPRIOCEPTION = "proprioception"
SCAN = "height_scan"
EXPLICIT = "privileged_explicit"
LATENT = "privileged_latent"
HISTORY = "proprioception_history"
GROUPS = (PROPRIOCEPTION, SCAN, EXPLICIT, LATENT, HISTORY)


@dataclass(frozen=True)
class EncoderChoice:
    """An encoder plugin, ready to be built: plain values, so that it travels through a configuration."""

    name: str
    factory: Callable[..., nn.Module]
    latent_dim: int
    params: Mapping[str, Any]

    def build(self, input_shape: Sequence[int]) -> nn.Module:
        """The module for ``[N, *input_shape]``.

        Raises:
            PluginError: its output is not ``[N, latent_dim]``.
        """
        encoder = self.factory(tuple(input_shape), self.latent_dim, **self.params)
        got = output_shape(encoder, input_shape)
        if got != (2, self.latent_dim):
            raise PluginError(
                f"encoder {self.name!r} turns a batch {(2, *input_shape)} into {got}, expected {(2, self.latent_dim)}"
            )
        return encoder


@dataclass(slots=True)
class RmaFeatures:
    """What one forward pass computes on the way to the action's mean."""

    estimate: Tensor
    """``[N, E]`` estimated explicit block, with gradient into the estimator."""
    latent: Tensor
    """``[N, Z]`` the latent that is fed in, with gradient into the encoder it comes from."""
    actor_input: Tensor
    """``[N, A]`` input of the MLP; no gradient flows from it into the estimator."""


class RmaActor(MLPModel):
    """Stochastic actor on five observation groups (:data:`GROUPS`, found by name), and on whatever others it is given,
    as they are.

    ``eval()`` switches to the deployed inputs (history latent), ``train()`` back to the privileged ones; DAgger
    iterations set :attr:`latent_source` themselves.
    """

    def __init__(
        self,
        obs: TensorDict,
        obs_groups: dict[str, list[str]],
        obs_set: str,
        output_dim: int,
        *,
        scan_encoder: EncoderChoice,
        privileged_encoder: EncoderChoice,
        history_encoder: EncoderChoice,
        estimator_dims: Sequence[int] = (128, 64),
        hidden_dims: tuple[int, ...] | list[int] = (512, 256, 128),
        activation: str = "elu",
        distribution_cfg: dict | None = None,
    ) -> None:
        # The parent asks for the input width while it is being made, before sub-modules can exist.
        self._latent_dims = (scan_encoder.latent_dim, privileged_encoder.latent_dim)
        super().__init__(
            obs, obs_groups, obs_set, output_dim, hidden_dims, activation, distribution_cfg=distribution_cfg
        )
        size = self.sizes
        frames = size[HISTORY] // size[PROPRIOCEPTION]
        self.history_shape = (frames, size[PROPRIOCEPTION])
        self.scan_encoder = scan_encoder.build((size[SCAN],))
        self.privileged_encoder = privileged_encoder.build((size[LATENT],))
        self.history_encoder = history_encoder.build(self.history_shape)
        self.estimator = make_estimator(size[PROPRIOCEPTION], size[EXPLICIT], estimator_dims, activation)
        self.latent_source: LatentSource = "privileged"

    def _get_obs_dim(self, obs: TensorDict, obs_groups: dict[str, list[str]], obs_set: str) -> tuple[list[str], int]:
        check_flat(obs, obs_groups[obs_set])
        groups, dim = super()._get_obs_dim(obs, obs_groups, obs_set)
        if missing := [name for name in GROUPS if name not in groups]:
            raise PluginError(
                f"the RMA actor needs the observation groups {', '.join(missing)}; got {', '.join(groups)}"
            )
        self.further = tuple(name for name in groups if name not in GROUPS)
        """Groups beyond :data:`GROUPS`."""
        self.sizes = {name: obs[name].shape[-1] for name in groups}
        frame, history = self.sizes[PROPRIOCEPTION], self.sizes[HISTORY]
        if history % frame:
            raise PluginError(f"{HISTORY} has {history} numbers, expected a multiple of {PROPRIOCEPTION}'s {frame}")
        more = sum(self.sizes[name] for name in self.further)
        self._input_dim = frame + self.sizes[EXPLICIT] + sum(self._latent_dims) + more
        return groups, dim

    def _get_latent_dim(self) -> int:
        return self._input_dim

    def train(self, mode: bool = True) -> RmaActor:
        super().train(mode)
        self.latent_source = "privileged" if mode else "history"
        return self

    def encode_privileged(self, obs: TensorDict) -> Tensor:
        """Latent of the privileged constants, ``[N, Z]``."""
        return self.privileged_encoder(obs[LATENT])

    def encode_history(self, obs: TensorDict) -> Tensor:
        """Latent of the recent proprioception, ``[N, Z]``."""
        return self.history_encoder(obs[HISTORY].unflatten(-1, self.history_shape))

    def features(self, obs: TensorDict) -> RmaFeatures:
        """Everything up to the MLP, with the latent of the current :attr:`latent_source`."""
        proprioception = obs[PROPRIOCEPTION]
        estimate = self.estimator(proprioception)
        latent = self.encode_history(obs) if self.latent_source == "history" else self.encode_privileged(obs)
        scan = self.scan_encoder(obs[SCAN])
        further = [obs[name] for name in self.further]
        actor_input = torch.cat((proprioception, scan, estimate.detach(), latent, *further), dim=-1)
        return RmaFeatures(estimate, latent, actor_input)

    def get_latent(self, obs: TensorDict, masks: Tensor | None = None, hidden_state: HiddenState = None) -> Tensor:
        return self.features(obs).actor_input

    def update_distribution(self, obs: TensorDict) -> RmaFeatures:
        """Set the action distribution for ``obs``, as a stochastic forward pass does, without drawing from it."""
        features = self.features(obs)
        assert self.distribution is not None
        self.distribution.update(self.mlp(features.actor_input))
        return features

    def act_inference(self, obs: TensorDict) -> Tensor:
        """Deterministic actions ``[N, J]`` from what a robot has: estimated velocity and history latent."""
        source, self.latent_source = self.latent_source, "history"
        try:
            return self(obs)
        finally:
            self.latent_source = source

    def policy_parameters(self) -> list[nn.Parameter]:
        """What PPO trains: all but the estimator and the history encoder, which have losses of their own."""
        own = {id(p) for module in (self.estimator, self.history_encoder) for p in module.parameters()}
        return [p for p in self.parameters() if id(p) not in own]

    def as_jit(self) -> nn.Module:
        return DeployedFurtherActor(self) if self.further else DeployedRmaActor(self)

    def as_onnx(self, verbose: bool) -> nn.Module:
        return self.as_jit()


class DeployedRmaActor(nn.Module):
    """The actor with its deployed inputs as plain tensors, for export."""

    is_recurrent: bool = False

    def __init__(self, actor: RmaActor) -> None:
        super().__init__()
        self.estimator = copy.deepcopy(actor.estimator)
        self.scan_encoder = copy.deepcopy(actor.scan_encoder)
        self.history_encoder = copy.deepcopy(actor.history_encoder)
        self.mlp = copy.deepcopy(actor.mlp)
        assert actor.distribution is not None
        self.output = actor.distribution.as_deterministic_output_module()
        self.frames, self.width = actor.history_shape
        self.input_names = [PROPRIOCEPTION, SCAN, HISTORY, *actor.further]
        self.output_names = ["actions"]
        self.input_sizes = [actor.sizes[name] for name in self.input_names]

    def forward(self, proprioception: Tensor, height_scan: Tensor, proprioception_history: Tensor) -> Tensor:
        """Actions ``[N, J]`` from the three groups that a robot can measure, each ``[N, size]``."""
        return self.act(self.encode(proprioception, height_scan, proprioception_history))

    def encode(self, proprioception: Tensor, height_scan: Tensor, proprioception_history: Tensor) -> list[Tensor]:
        """What the MLP takes of the three groups."""
        history = proprioception_history.view(-1, self.frames, self.width)
        return [
            proprioception,
            self.scan_encoder(height_scan),
            self.estimator(proprioception),
            self.history_encoder(history),
        ]

    def act(self, parts: list[Tensor]) -> Tensor:
        """Actions ``[N, J]`` from all that the MLP takes."""
        return self.output(self.mlp(torch.cat(parts, dim=-1)))

    @torch.jit.unused
    def get_dummy_inputs(self) -> tuple[Tensor, ...]:
        """Inputs for tracing."""
        return tuple(torch.zeros(1, size) for size in self.input_sizes)


class DeployedFurtherActor(DeployedRmaActor):
    """The same with further groups, however many: TorchScript could not compile that, only trace it."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, proprioception: Tensor, height_scan: Tensor, proprioception_history: Tensor, *further: Tensor
    ) -> Tensor:
        """Actions ``[N, J]``."""
        return self.act([*self.encode(proprioception, height_scan, proprioception_history), *further])
