"""The student: a depth encoder in place of the height scan, and a copy of the teacher's actor.

At a perception step the encoder looks at the newest image and says what the scan's latent and the two yaws are; both
are held until the next one. An environment that begins an episode sees at once and remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from rsl_rl.modules import HiddenState
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.policies.protocols import ImageSource
from parkour_policies.commanded_heading import heading_is_commanded
from parkour_policies.depth_actor import DepthActor
from parkour_policies.depth_encoders import SplitDepthEncoder, build_depth_encoder
from parkour_policies.depth_pixels import legible
from parkour_policies.depth_sequences import like
from parkour_policies.further_groups import check_flat, joined
from parkour_policies.glimpses import Glimpse
from parkour_policies.rma_actor import HISTORY, PROPRIOCEPTION, EncoderChoice
from parkour_policies.student_groups import DEPTH, PERCEPTION, YAW_VALID, flat_sizes

if TYPE_CHECKING:
    from parkour.exporters.graphs import DeployedGraph

YawSource = Literal["where_valid", "predicted", "observed"]
ImageView = Callable[[Tensor, Tensor | None], Tensor]
"""Images ``[M, H, W]`` of the environments ``[M]`` int64 (None: all) to those that are encoded."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is carried from step to step."""

    state: Tensor
    """``[N, …]`` the encoder's."""
    output: Tensor
    """``[N, L + Y]`` scan latent and unscaled yaws, as last seen."""


class StudentModel(nn.Module):
    """Policy on the groups :data:`parkour_policies.student_groups.GROUPS`; deterministic.

    In training mode the predicted yaws replace the true ones where ``yaw_valid`` says that a robot could tell them; in
    evaluation mode everywhere, as on a robot, which has no others. Where its heading is commanded
    externally (on flat ground, where there is nothing to see), the yaws are those of the proprioception in both modes.

    Args:
        obs: gives the sizes.
        obs_groups: unused but for rsl-rl's interface, as ``obs_set``.
        obs_set: see above.
        output_dim: actions.
        depth_encoder: its latent is the scan's and the yaws'.
        recurrent: whether it is a :class:`parkour_policies.depth_encoders.RecurrentDepthEncoder`.
        yaw_columns: where the yaws are in the proprioception.
        yaw_scale: of the encoder's last outputs [rad].
        steered_columns: of the proprioception; where one of them is 1, the heading is commanded externally.
        further: groups beyond :data:`parkour_policies.student_groups.GROUPS` that the actor reads, as they are.
    """

    is_recurrent = True

    yaw_columns: Tensor
    steered_columns: Tensor

    def __init__(
        self, obs: TensorDict, obs_groups: Mapping[str, Sequence[str]], obs_set: str, output_dim: int, *,
        depth_encoder: EncoderChoice, recurrent: bool, history_encoder: EncoderChoice, scan_latent: int,
        yaw_columns: Sequence[int], yaw_scale: float, steered_columns: Sequence[int] = (),
        estimator_dims: Sequence[int] = (128, 64), hidden_dims: Sequence[int] = (512, 256, 128),
        activation: str = "elu", further: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = flat_sizes(obs)
        check_flat(obs, further)
        self.further = tuple(further)
        self.further_sizes = tuple(int(obs[name].shape[-1]) for name in self.further)
        self.scan_latent, self.yaw_scale = scan_latent, yaw_scale
        self.image_shape, self.num_actions = tuple(obs[DEPTH].shape[1:]), output_dim
        self.actor = DepthActor(
            sizes, output_dim, scan_latent, history_encoder, estimator_dims, hidden_dims, activation,
            sum(self.further_sizes),
        )  # fmt: skip
        self.depth_encoder = build_depth_encoder(depth_encoder, recurrent, self.image_shape, sizes[PROPRIOCEPTION])
        self.register_buffer("yaw_columns", torch.tensor(tuple(yaw_columns)), persistent=False)
        self.register_buffer("steered_columns", torch.tensor(tuple(steered_columns), dtype=torch.int64), False)
        self.memory: Memory | None = None
        self.yaw_source: YawSource = "where_valid"
        # A function, so that copies of the network follow the same environment, not a copy of it.
        self._images: Callable[[], Tensor | None] | None = None

    @property
    def encoder(self) -> SplitDepthEncoder:
        return cast("SplitDepthEncoder", self.depth_encoder)

    # -- looking -----------------------------------------------------------------------------------------------------

    def follow_images(self, source: object) -> None:
        """See :class:`parkour.policies.protocols.FollowsImages`.

        Without a source every image is encoded at every step, and the group ``perception`` says which ones count.
        """
        self._images = (lambda: source.refreshed) if isinstance(source, ImageSource) else None

    def look(self, obs: TensorDict, view: ImageView | None = None) -> Glimpse | None:
        """What is new to the encoder at this step; None when nothing is. Moves the memory on.

        ``view`` stands between the images and the encoder.
        """
        glimpse = self._glimpse(obs, view)
        if glimpse is not None:
            memory = self.memory or self.blank(len(obs[PROPRIOCEPTION]))
            self.memory = self.remember(memory, glimpse, glimpse.features)
        return glimpse

    def blank(self, num_envs: int) -> Memory:
        """The memory of those who have seen nothing."""
        state = self.encoder.initial_state(num_envs)
        outputs = self.scan_latent + len(self.yaw_columns)
        return Memory(state, state.new_zeros(num_envs, outputs))

    def remember(self, memory: Memory, glimpse: Glimpse, features: Tensor) -> Memory:
        """The memory after a glimpse, whose features are given for themselves so that they may carry gradients."""
        ids, mask = glimpse.env_ids, glimpse.mask
        before = memory.state if ids is None else memory.state[ids]
        output, state = self.encoder.advance(features, glimpse.proprioception, before)
        if ids is not None:
            return Memory(memory.state.index_copy(0, ids, state), memory.output.index_copy(0, ids, output))
        if mask is not None:
            state = torch.where(like(mask, state), state, memory.state)
            output = torch.where(mask, output, memory.output)
        return Memory(state, output)

    def forget(self, memory: Memory, dones: Tensor) -> Memory:
        """The memory with the environments ``dones`` (``[N]``) as at the start of an episode."""
        first = self.encoder.initial_state(len(dones))
        return Memory(torch.where(like(dones.view(-1, 1) > 0, first), first, memory.state), memory.output)

    def _glimpse(self, obs: TensorDict, view: ImageView | None) -> Glimpse | None:
        images, proprioception = obs[DEPTH], obs[PROPRIOCEPTION]
        env_ids, mask = None, None
        if self.memory is not None:
            if self._images is None:
                mask = obs[PERCEPTION] > 0
            elif (env_ids := self._images()) is not None:
                if len(env_ids) == 0:
                    return None
                images, proprioception = images[env_ids], proprioception[env_ids]
        images = legible(images if view is None else view(images, env_ids))
        blind = proprioception.index_fill(-1, self.yaw_columns, 0.0)
        return Glimpse(env_ids, mask, images, blind, self.encoder.compress(images))

    # -- acting ------------------------------------------------------------------------------------------------------

    def split(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's output ``[…, L + Y]`` as scan latent ``[…, L]`` and yaws ``[…, Y]`` [rad]."""
        return output[..., : self.scan_latent], output[..., self.scan_latent :] * self.yaw_scale

    def yaws(self, proprioception: Tensor) -> Tensor:
        """The yaws ``[…, Y]`` that a proprioception ``[…, P]`` holds."""
        return proprioception.index_select(-1, self.yaw_columns)

    def act(
        self,
        output: Tensor,
        proprioception: Tensor,
        history: Tensor,
        yaw_valid: Tensor,
        further: Tensor | None = None,
    ) -> Tensor:
        """Actions ``[N, J]`` for an encoder's output ``[N, L + Y]``.

        The yaws enter without gradient: they have a loss of their own.
        """
        latent, predicted = self.split(output)
        if self.yaw_source == "observed":
            return self.actor(proprioception, latent, history, further)
        given = heading_is_commanded(proprioception, self.steered_columns)
        if self.yaw_source == "where_valid":
            given = given | (yaw_valid <= 0)
        yaw = torch.where(given, self.yaws(proprioception), predicted.detach())
        return self.actor(proprioception.index_copy(-1, self.yaw_columns, yaw), latent, history, further)

    def forward(
        self, obs: TensorDict, masks: Tensor | None = None, hidden_state: HiddenState = None,
        stochastic_output: bool = False,
    ) -> Tensor:  # fmt: skip
        """Actions ``[N, J]``; call it once per control step, and :meth:`reset` with the dones that follow."""
        self.look(obs)
        return self.act_blind(obs)

    def act_blind(self, obs: TensorDict) -> Tensor:
        """Actions ``[N, J]`` from what was seen, without looking."""
        assert self.memory is not None, "act before the first look"
        return self.act_on(self.memory.output, obs)

    def act_on(self, output: Tensor, groups: TensorDict | dict[str, Tensor]) -> Tensor:
        """:meth:`act` on rows of observation groups, by name."""
        further = joined(groups, self.further)
        return self.act(output, groups[PROPRIOCEPTION], groups[HISTORY], groups[YAW_VALID], further)

    def train(self, mode: bool = True) -> StudentModel:
        super().train(mode)
        self.yaw_source = "where_valid" if mode else "predicted"
        return self

    def use_observed_yaw(self, observed: bool) -> None:
        """Go by the yaws of the observations, an externally commanded heading, or again by what the camera shows."""
        self.yaw_source = "observed" if observed else "predicted"

    # -- rsl-rl's interface ------------------------------------------------------------------------------------------

    def reset(self, dones: Tensor | None = None, hidden_state: HiddenState = None) -> None:
        """Forget the environments ``dones`` (``[N]``), or everything."""
        if dones is None:
            self.memory = None
        elif self.memory is not None:
            self.memory = self.forget(self.memory, dones)

    def get_hidden_state(self) -> HiddenState:
        return None if self.memory is None else self.memory.state

    def detach_hidden_state(self, dones: Tensor | None = None) -> None:
        if self.memory is not None:
            self.memory = Memory(self.memory.state.detach(), self.memory.output.detach())

    def update_normalization(self, obs: TensorDict) -> None:
        """Nothing is normalised."""

    def deployed_graphs(self) -> Sequence[DeployedGraph]:
        """What is exported; see :class:`parkour.exporters.graphs.DeployableActor`."""
        from parkour_policies.deployed_student import student_graphs

        return student_graphs(self)

    @property
    def output_std(self) -> Tensor:
        """Actions are deterministic."""
        return torch.zeros(1, device=self.yaw_columns.device)
