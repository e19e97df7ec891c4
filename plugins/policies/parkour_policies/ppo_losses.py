"""What a PPO update computes of a mini-batch, and the returns that it is computed from; pure functions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict
from torch import Tensor


class MiniBatch(NamedTuple):
    """Samples of a rollout, ``[B, …]``: plain tensors of fixed shapes."""

    observations: dict[str, Tensor]
    actions: Tensor
    values: Tensor
    """Of the critic when they were collected."""
    advantages: Tensor
    returns: Tensor
    log_prob: Tensor
    """Of the actions when they were drawn."""
    distribution: tuple[Tensor, ...]
    """Parameters of the distribution from which they were drawn."""
    target: Tensor | None
    """``[B, Z]`` the latent that another one is compared with; None where none is."""

    @classmethod
    def of(cls, batch: RolloutStorage.Batch, target: Tensor | None) -> MiniBatch:
        """rsl-rl's batch, of which RMA has all but masks and hidden states."""
        fields = (batch.actions, batch.values, batch.advantages, batch.returns, batch.old_actions_log_prob)
        actions, values, advantages, returns, log_prob = (value for value in fields if value is not None)
        assert batch.observations is not None and batch.old_distribution_params is not None
        observations = groups_of(batch.observations)
        return cls(observations, actions, values, advantages, returns, log_prob, batch.old_distribution_params, target)


def groups_of(obs: TensorDict) -> dict[str, Tensor]:
    """Observation groups as plain tensors by name."""
    return {str(name): group for name, group in obs.items() if isinstance(group, Tensor)}


def as_observations(groups: dict[str, Tensor]) -> TensorDict:
    """Observation groups as networks take them."""
    return TensorDict(groups, batch_size=[len(next(iter(groups.values())))])  # pyright: ignore[reportArgumentType]


def surrogate_loss(log_prob: Tensor, batch: MiniBatch, clip: float) -> Tensor:
    """PPO's clipped surrogate; ``log_prob`` ``[B]`` of the batch's actions now."""
    return surrogate(log_prob, batch.log_prob.squeeze(-1), batch.advantages.squeeze(-1), clip).mean()


def surrogate(log_prob: Tensor, before: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """PPO's clipped surrogate ``[B]``, of log-probabilities now and when the actions were drawn, and advantages."""
    ratio = torch.exp(log_prob - before)
    return -torch.min(advantage * ratio, advantage * ratio.clamp(1.0 - clip, 1.0 + clip))


def value_loss(values: Tensor, batch: MiniBatch, clip: float | None) -> Tensor:
    """Squared error of ``values`` ``[B, 1]``; their change is clipped unless ``clip`` is None."""
    return value_error(values, batch.values, batch.returns, clip).mean()


def value_error(values: Tensor, before: Tensor, returns: Tensor, clip: float | None) -> Tensor:
    """Squared errors of ``values`` ``[B, 1]``; their change since ``before`` is clipped unless ``clip`` is None."""
    error = (values - returns).square()
    if clip is None:
        return error
    near = before + (values - before).clamp(-clip, clip)
    return torch.max(error, (near - returns).square())


def advantages(rewards: Tensor, values: Tensor, dones: Tensor, last: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalised advantage estimates ``[T, N, 1]`` (Schulman et al. 2016).

    Args:
        rewards: ``[T, N, 1]``.
        values: ``[T, N, 1]`` of the states in which they were earned.
        dones: ``[T, N, 1]`` whether an episode ended with them.
        last: ``[N, 1]`` value of the state after the last one.
        gamma: discount per step.
        lam: decay of the estimates.
    """
    goes_on = gamma * (1.0 - dones.float())
    error = rewards + goes_on * torch.cat((values[1:], last[None])) - values
    decay, advantage, found = lam * goes_on, torch.zeros_like(last), []
    for step in reversed(range(len(rewards))):
        advantage = torch.addcmul(error[step], decay[step], advantage)
        found.append(advantage)
    return torch.stack(found[::-1])
