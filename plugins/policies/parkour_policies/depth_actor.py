"""What the student has of its teacher: the actor, on what a robot has, with any latent in place of the scan's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from rsl_rl.modules import MLP
from torch import Tensor, nn

from parkour_policies.estimator import make_estimator
from parkour_policies.rma_actor import EXPLICIT, HISTORY, PROPRIOCEPTION, EncoderChoice

ACTOR_PARTS = ("estimator", "history_encoder", "mlp")
"""What the student's actor has of the teacher's."""


class DepthActor(nn.Module):
    """The part of :class:`parkour_policies.rma_actor.RmaActor` that acts on deployed inputs, for any scan latent."""

    def __init__(
        self, sizes: Mapping[str, int], actions: int, scan_latent: int, history_encoder: EncoderChoice,
        estimator_dims: Sequence[int], hidden_dims: Sequence[int], activation: str, further: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        width, explicit = sizes[PROPRIOCEPTION], sizes[EXPLICIT]
        self.history_shape = (sizes[HISTORY] // width, width)
        self.history_encoder = history_encoder.build(self.history_shape)
        self.estimator = make_estimator(width, explicit, estimator_dims, activation)
        inputs = width + scan_latent + explicit + history_encoder.latent_dim + further
        self.mlp = MLP(inputs, actions, list(hidden_dims), activation)
        # The action's loss reaches the teacher's actor through everything but the estimator; so it does here.
        self.estimator.requires_grad_(False)

    def forward(
        self, proprioception: Tensor, scan_latent: Tensor, history: Tensor, further: Tensor | None = None
    ) -> Tensor:
        """Actions ``[N, J]``; ``further`` are the groups that the task adds, one after the other."""
        estimate = self.estimator(proprioception).detach()
        latent = self.history_encoder(history.unflatten(-1, self.history_shape))
        parts = (proprioception, scan_latent, estimate, latent)
        return self.mlp(torch.cat(parts if further is None else (*parts, further), dim=-1))

    def copy_teacher(self, weights: Mapping[str, Tensor]) -> None:
        """Take up the weights of a teacher's actor (its state dict)."""
        self.load_state_dict({key: value for key, value in weights.items() if key.split(".")[0] in ACTOR_PARTS})
