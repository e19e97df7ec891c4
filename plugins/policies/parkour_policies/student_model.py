"""The student: a depth encoder in place of the height scan, and a copy of the teacher's actor.

At a perception step the encoder looks at the newest image and says what the scan's latent and the two yaws are; both
are held until the next one. An environment that begins an episode sees at once and remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from rsl_rl.modules import MLP, HiddenState
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import PluginError
from parkour.policies.protocols import ImageSource
from parkour_policies.commanded_heading import heading_is_commanded
from parkour_policies.depth_encoders import SplitDepthEncoder, build_depth_encoder
from parkour_policies.depth_pixels import legible
from parkour_policies.estimator import make_estimator
from parkour_policies.further_groups import check_flat, joined
from parkour_policies.rma_actor import EXPLICIT, HISTORY, PROPRIOCEPTION, EncoderChoice

DEPTH = "depth"
YAW_VALID = "yaw_valid"
PERCEPTION = "perception"
GROUPS = (PROPRIOCEPTION, EXPLICIT, HISTORY, DEPTH, YAW_VALID, PERCEPTION)
"""Of the explicit privileged block only the size is read."""

if TYPE_CHECKING:
    from parkour.exporters.graphs import DeployedGraph

YawSource = Literal["where_valid", "predicted", "observed"]
ACTOR_PARTS = ("estimator", "history_encoder", "mlp")
"""What the student's actor has of the teacher's."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is carried from step to step."""

    state: Tensor
    """``[N, …]`` the encoder's."""
    output: Tensor
    """``[N, L + Y]`` scan latent and unscaled yaws, as last seen."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What the encoder is given at one control step: ``M`` of the ``N`` environments, or all."""

    env_ids: Tensor | None
    """``[M]`` int64; None: all, in order."""
    mask: Tensor | None
    """``[N, 1]`` bool, with all environments: those that count; None: all do."""
    images: Tensor
    """``[M, H, W]``."""
    proprioception: Tensor
    """``[M, P]``, both yaws 0."""
    features: Tensor
    """``[M, …]`` of the images."""


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


class StudentModel(nn.Module):
    """Policy on the groups :data:`GROUPS`; deterministic.

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
        further: groups beyond :data:`GROUPS` that the actor reads, as they are.
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
        sizes = _sizes(obs)
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

    def look(self, obs: TensorDict) -> Glimpse | None:
        """What is new to the encoder at this step; None when nothing is. Moves the memory on."""
        glimpse = self._glimpse(obs)
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

    def _glimpse(self, obs: TensorDict) -> Glimpse | None:
        images, proprioception = obs[DEPTH], obs[PROPRIOCEPTION]
        env_ids, mask = None, None
        if self.memory is not None:
            if self._images is None:
                mask = obs[PERCEPTION] > 0
            elif (env_ids := self._images()) is not None:
                if len(env_ids) == 0:
                    return None
                images, proprioception = images[env_ids], proprioception[env_ids]
        images = legible(images)
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


def _sizes(obs: TensorDict) -> dict[str, int]:
    """Numbers of the flat groups.

    Raises:
        PluginError: a group is missing or of another form.
    """
    found = [str(name) for name in obs.keys()]  # noqa: SIM118 - a TensorDict iterates over rows
    if missing := [name for name in GROUPS if name not in found]:
        raise PluginError(f"the student needs the observation groups {', '.join(missing)}; got {', '.join(found)}")
    if obs[DEPTH].ndim != 3:
        raise PluginError(f"group {DEPTH!r} has shape {_shape(obs[DEPTH].shape[1:])}, expected height x width")
    for name in (YAW_VALID, PERCEPTION):
        if obs[name].shape[1:] != (1,):
            raise PluginError(f"group {name!r} has shape {_shape(obs[name].shape[1:])}, expected 1")
    sizes = {name: obs[name].shape[-1] for name in (PROPRIOCEPTION, EXPLICIT, HISTORY)}
    if sizes[HISTORY] % sizes[PROPRIOCEPTION]:
        raise PluginError(
            f"{HISTORY} has {sizes[HISTORY]} numbers, expected a multiple of {PROPRIOCEPTION}'s {sizes[PROPRIOCEPTION]}"
        )
    return sizes


def like(mask: Tensor, values: Tensor) -> Tensor:
    """A mask ``[N, 1]`` with as many dimensions as ``values``."""
    return mask.view(-1, *[1] * (values.ndim - 1))


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape)
