"""PPO with what RMA adds: the estimator's loss, the latent regularisation and the DAgger iterations.

Nothing in an update waits for the device: losses add up in a tensor, the learning rate that adapts to the KL divergence
is a tensor that fused Adam reads, and one transfer at the end brings everything to the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.models import MLPModel
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import TaskError
from parkour_policies.rma_actor import EXPLICIT, RmaActor

LEARNING_RATE_RANGE = (1e-5, 1e-2)
"""Bounds of the adaptive learning rate."""


def ramp(iteration: int, values: tuple[float, float], between: tuple[int, int]) -> float:
    """``values[0]`` up to iteration ``between[0]``, ``values[1]`` from ``between[1]`` on, linear in between."""
    first, last = between
    part = min(max((iteration - first) / max(last - first, 1), 0.0), 1.0)
    return values[0] + part * (values[1] - values[0])


class RmaPPO(PPO):
    """PPO on an :class:`RmaActor`; call :meth:`begin_iteration` before each rollout."""

    actor: RmaActor  # pyright: ignore[reportIncompatibleVariableOverride] - never assigned another model

    def __init__(
        self,
        actor: RmaActor,
        critic: MLPModel,
        storage: RolloutStorage,
        *,
        estimator_learning_rate: float = 1e-4,
        history_learning_rate: float = 1e-3,
        latent_regularisation: tuple[float, float] = (0.0, 0.1),
        latent_regularisation_iterations: tuple[int, int] = (2000, 5000),
        dagger_interval: int = 20,
        **ppo: Any,
    ) -> None:
        super().__init__(actor, critic, storage, **ppo)
        samples = storage.num_envs * storage.num_transitions_per_env
        if samples < 2 * self.num_mini_batches:
            raise TaskError(
                f"a rollout of {storage.num_envs} environments and {storage.num_transitions_per_env} steps is too "
                f"small for {self.num_mini_batches} mini-batches",
                hint="more environments (--num-envs), or --set algorithm.steps_per_env=24",
            )
        self.latent_regularisation = latent_regularisation
        self.latent_regularisation_iterations = latent_regularisation_iterations
        self.dagger_interval = dagger_interval
        self.iteration = 0
        self.dagger = False
        self._lr = torch.tensor(self.learning_rate, device=self.device)
        # A tensor as learning rate needs the fused kernel; a Python number would need a transfer per mini-batch.
        self.optimizer = torch.optim.Adam(self._ppo_parameters(), lr=self._lr, fused=True)
        self.estimator_optimizer = torch.optim.Adam(
            actor.estimator.parameters(), lr=estimator_learning_rate, fused=True
        )
        self.history_optimizer = torch.optim.Adam(
            actor.history_encoder.parameters(), lr=history_learning_rate, fused=True
        )

    def begin_iteration(self, iteration: int) -> None:
        """Choose what the next rollout and update do: PPO, or DAgger in every ``dagger_interval``-th iteration."""
        self.iteration = iteration
        self.dagger = self.dagger_interval > 0 and iteration > 0 and iteration % self.dagger_interval == 0
        self.actor.latent_source = "history" if self.dagger else "privileged"

    @property
    def regularisation(self) -> float:
        """Coefficient of the latent regularisation in this iteration."""
        return ramp(self.iteration, self.latent_regularisation, self.latent_regularisation_iterations)

    def compute_returns(self, obs: TensorDict) -> None:
        if not self.dagger:
            super().compute_returns(obs)

    def update(self) -> dict[str, float]:
        """Train on the stored rollout; mean losses, by name."""
        losses = self._fit_history() if self.dagger else self._update_policy()
        self.storage.clear()
        return losses

    def _update_policy(self) -> dict[str, float]:
        names = ("value", "surrogate", "entropy", "estimator", "latent_regularisation", "kl")
        total = torch.zeros(len(names), device=self.device)
        coefficient = self.regularisation
        for batch in self._batches():
            assert batch.observations is not None and batch.actions is not None
            features = self.actor.update_distribution(batch.observations)
            surrogate = self._surrogate_loss(batch)
            value = self._value_loss(batch, self.critic(batch.observations))
            entropy = self.actor.output_entropy.mean()
            estimator = (features.estimate - batch.observations[EXPLICIT]).square().mean()
            # The estimate enters the actor without gradient, so that one backward pass serves both losses.
            loss = surrogate + self.value_loss_coef * value - self.entropy_coef * entropy + estimator
            gap = torch.zeros_like(loss)
            if coefficient > 0.0:
                with torch.no_grad():
                    target = self.actor.encode_history(batch.observations)
                gap = (features.latent - target).norm(dim=-1).mean()
                loss = loss + coefficient * gap
            kl = self._kl(batch)
            self._step_policy(loss, kl)
            total += torch.stack((value, surrogate, entropy, estimator, gap, kl)).detach()
        updates = self.num_learning_epochs * self.num_mini_batches
        *means, self.learning_rate = torch.cat((total / updates, self._lr[None])).tolist()
        return dict(zip(names, means, strict=True))

    def _fit_history(self) -> dict[str, float]:
        """DAgger: the history encoder imitates the privileged one on the states that it led to."""
        total = torch.zeros((), device=self.device)
        parameters = list(self.actor.history_encoder.parameters())
        for batch in self._batches():
            assert batch.observations is not None
            with torch.no_grad():
                target = self.actor.encode_privileged(batch.observations)
            loss = (self.actor.encode_history(batch.observations) - target).norm(dim=-1).mean()
            self.history_optimizer.zero_grad()
            loss.backward()
            self._average_over_ranks(parameters)
            nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
            self.history_optimizer.step()
            total += loss.detach()
        return {"history_latent": (total / (self.num_learning_epochs * self.num_mini_batches)).item()}

    def _batches(self) -> Iterator[RolloutStorage.Batch]:
        """The mini-batches of all epochs: rsl-rl shuffles once per update, so each is gathered once."""
        batches = list(self.storage.mini_batch_generator(self.num_mini_batches, 1))
        for _ in range(self.num_learning_epochs):
            yield from batches

    def _surrogate_loss(self, batch: RolloutStorage.Batch) -> Tensor:
        assert batch.actions is not None and batch.old_actions_log_prob is not None and batch.advantages is not None
        ratio = torch.exp(self.actor.get_output_log_prob(batch.actions) - batch.old_actions_log_prob.squeeze(-1))
        advantage = batch.advantages.squeeze(-1)
        clipped = ratio.clamp(1.0 - self.clip_param, 1.0 + self.clip_param)
        return -torch.min(advantage * ratio, advantage * clipped).mean()

    def _value_loss(self, batch: RolloutStorage.Batch, values: Tensor) -> Tensor:
        assert batch.values is not None and batch.returns is not None
        error = (values - batch.returns).square()
        if not self.use_clipped_value_loss:
            return error.mean()
        near = batch.values + (values - batch.values).clamp(-self.clip_param, self.clip_param)
        return torch.max(error, (near - batch.returns).square()).mean()

    @torch.no_grad()
    def _kl(self, batch: RolloutStorage.Batch) -> Tensor:
        assert batch.old_distribution_params is not None
        now = self.actor.output_distribution_params
        return self.actor.get_kl_divergence(batch.old_distribution_params, now).mean()

    def _step_policy(self, loss: Tensor, kl: Tensor) -> None:
        self.optimizer.zero_grad()
        self.estimator_optimizer.zero_grad()
        loss.backward()
        self._average_over_ranks((*self._ppo_parameters(), *self.actor.estimator.parameters()), kl)
        self._adapt_learning_rate(kl)
        nn.utils.clip_grad_norm_(self.actor.policy_parameters(), self.max_grad_norm)
        nn.utils.clip_grad_norm_(self.critic.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.estimator_optimizer.step()

    @torch.no_grad()
    def _adapt_learning_rate(self, kl: Tensor) -> None:
        """Slower when the policy moved more than twice the target, faster when less than half of it."""
        if self.schedule != "adaptive" or self.desired_kl is None:
            return
        faster = torch.where((kl < self.desired_kl / 2.0) & (kl > 0.0), self._lr * 1.5, self._lr)
        lr = torch.where(kl > self.desired_kl * 2.0, self._lr / 1.5, faster)
        self._lr.copy_(lr.clamp(*LEARNING_RATE_RANGE))

    def _average_over_ranks(self, parameters: Iterable[nn.Parameter], *values: Tensor) -> None:
        """Average gradients (and scalars, in place) over all processes in one message."""
        if not self.is_multi_gpu:
            return
        tensors = [p.grad for p in parameters if p.grad is not None] + list(values)
        flat = torch.cat([t.reshape(-1) for t in tensors])
        torch.distributed.all_reduce(flat, op=torch.distributed.ReduceOp.SUM)
        flat /= self.gpu_world_size
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def _ppo_parameters(self) -> list[nn.Parameter]:
        return [*self.actor.policy_parameters(), *self.critic.parameters()]

    def broadcast_parameters(self) -> None:
        """Give every rank the first one's weights."""
        for tensor in (*self.actor.state_dict().values(), *self.critic.state_dict().values()):
            torch.distributed.broadcast(tensor, src=0)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Everything with a state that a resumed run needs."""
        return {"ppo": self.optimizer, "estimator": self.estimator_optimizer, "history": self.history_optimizer}

    def save(self) -> dict[str, Any]:
        return {
            "actor_state_dict": self.actor.state_dict(),
            "critic_state_dict": self.critic.state_dict(),
            "optimizer_state_dicts": {name: opt.state_dict() for name, opt in self.optimizers().items()},
        }

    def load(self, loaded_dict: dict, load_cfg: dict | None = None, strict: bool = True) -> bool:
        wanted = load_cfg if load_cfg is not None else {"actor": True, "critic": True, "optimizer": True}
        if wanted.get("actor"):
            self.actor.load_state_dict(loaded_dict["actor_state_dict"], strict=strict)
        if wanted.get("critic"):
            self.critic.load_state_dict(loaded_dict["critic_state_dict"], strict=strict)
        if wanted.get("optimizer"):
            for name, optimizer in self.optimizers().items():
                optimizer.load_state_dict(loaded_dict["optimizer_state_dicts"][name])
            # Loading puts a copy of the saved rate into the optimizer; the tensor that adapts must be the one it reads.
            self._lr.copy_(self.optimizer.param_groups[0]["lr"])
            self.optimizer.param_groups[0]["lr"] = self._lr
            self.learning_rate = float(self._lr)
        return bool(wanted.get("iteration", True))
