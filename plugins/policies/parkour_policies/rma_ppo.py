"""PPO with what RMA adds: the estimator's loss, the latent regularisation and the DAgger iterations.

No rollout or update has a host sync: losses add up in a tensor, the learning rate that adapts to the
KL divergence is a tensor that fused Adam reads, and one transfer at the end brings everything to the host. On a GPU,
choosing actions and every gradient step are CUDA graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.models import MLPModel
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.cuda_graphs import graphs_on
from parkour.errors import TaskError
from parkour_policies.critic_rate import parameter_groups, regrouped
from parkour_policies.gradient_steps import Objective, take_step
from parkour_policies.ppo_losses import MiniBatch, advantages, as_observations, groups_of, surrogate_loss, value_loss
from parkour_policies.precision import is_half, quick_layers
from parkour_policies.rma_actor import EXPLICIT, HISTORY, RmaActor

LEARNING_RATE_RANGE = (1e-5, 1e-2)
"""Bounds of the adaptive learning rate."""
POLICY_LOSSES = ("value", "surrogate", "entropy", "estimator", "latent_regularisation", "std", "kl")
"""What is added up during an update."""


def ramp(iteration: int, values: tuple[float, float], between: tuple[int, int]) -> float:
    """``values[0]`` up to iteration ``between[0]``, ``values[1]`` from ``between[1]`` on, linear in between."""
    first, last = between
    part = min(max((iteration - first) / max(last - first, 1), 0.0), 1.0)
    return values[0] + part * (values[1] - values[0])


def _check_rollout(storage: RolloutStorage, mini_batches: int) -> None:
    """Whether a rollout has two samples for each mini-batch.

    Raises:
        TaskError: it has not.
    """
    if storage.num_envs * storage.num_transitions_per_env < 2 * mini_batches:
        raise TaskError(
            f"a rollout of {storage.num_envs} environments and {storage.num_transitions_per_env} steps is too "
            f"small for {mini_batches} mini-batches",
            hint="more environments (--num-envs), or --set algorithm.steps_per_env=24",
        )


class RmaPPO(PPO):
    """PPO on an :class:`RmaActor`; call :meth:`begin_iteration` before each rollout."""

    actor: RmaActor  # pyright: ignore[reportIncompatibleVariableOverride] - never assigned another model

    def __init__(
        self,
        actor: RmaActor,
        critic: MLPModel,
        storage: RolloutStorage,
        *,
        critic_learning_rate: float = 0.0,
        estimator_learning_rate: float = 1e-4,
        history_learning_rate: float = 1e-3,
        latent_regularisation: tuple[float, float] = (0.0, 0.1),
        latent_regularisation_iterations: tuple[int, int] = (2000, 5000),
        dagger_interval: int = 20,
        dagger_with_ppo: bool = False,
        joint_clipping: bool = False,
        precision: str = "float32",
        **ppo: Any,
    ) -> None:
        super().__init__(actor, critic, storage, **ppo)
        _check_rollout(storage, self.num_mini_batches)
        self.latent_regularisation = latent_regularisation
        self.latent_regularisation_iterations = latent_regularisation_iterations
        self.dagger_interval = dagger_interval
        self.dagger_with_ppo, self.joint_clipping = dagger_with_ppo, joint_clipping
        # Acting too: what rounding changes of the probabilities would look as if the policy had moved.
        self.half_networks = is_half(precision, self.device)
        self.iteration = 0
        self.dagger = False
        self._lr = torch.tensor(self.learning_rate, device=self.device)
        # A tensor as learning rate needs the fused kernel; a Python number would need a transfer per mini-batch.
        groups = parameter_groups(actor.policy_parameters(), [*critic.parameters()], critic_learning_rate)
        self.optimizer = self._adam(groups, self._lr)
        self.estimator_optimizer = self._adam(actor.estimator.parameters(), estimator_learning_rate)
        self.history_optimizer = self._adam(actor.history_encoder.parameters(), history_learning_rate)
        self.action_std: float | None = None
        """Mean standard deviation of the actions in the last update of the policy."""
        self._coefficient = torch.zeros((), device=self.device)
        self._sums = torch.zeros(len(POLICY_LOSSES), device=self.device)
        networks = (actor, critic)
        self.acting = graphs_on(self.device, networks, "the policy's steps")
        self.learning = graphs_on(self.device, networks, "gradient steps")
        self._policy = Objective(
            "policy",
            [*self._ppo_parameters(), *actor.estimator.parameters()],
            self._policy_gradients,
            self._step_policy,
        )
        self._history = Objective(
            "history", list(actor.history_encoder.parameters()), self._history_gradients, self._step_history
        )

    def _adam(self, parameters: Iterable[nn.Parameter] | list[dict[str, Any]], lr: float | Tensor) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, lr=lr, fused=True, capturable=self._on_gpu)

    @property
    def _on_gpu(self) -> bool:
        return torch.device(self.device).type == "cuda"

    def begin_iteration(self, iteration: int) -> None:
        """Choose what the next rollout and update do: PPO, or DAgger in every ``dagger_interval``-th iteration.

        ``dagger_with_ppo`` lets PPO train on the rollouts of DAgger iterations too.
        """
        self.iteration = iteration
        self.dagger = self.dagger_interval > 0 and iteration > 0 and iteration % self.dagger_interval == 0
        self.actor.latent_source = "history" if self.dagger else "privileged"

    @property
    def regularisation(self) -> float:
        """Coefficient of the latent regularisation in this iteration."""
        return ramp(self.iteration, self.latent_regularisation, self.latent_regularisation_iterations)

    # -- rollout -----------------------------------------------------------------------------------------------------

    def act(self, obs: TensorDict) -> Tensor:
        drawn = self.acting(("act", self.actor.latent_source), self._draw, groups_of(obs))
        now = self.transition
        now.observations = obs
        now.actions, now.values, now.actions_log_prob, *params = drawn
        now.distribution_params = tuple(params)
        return drawn[0]

    def _draw(self, groups: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Actions, their values and log-probabilities, and the parameters of their distribution."""
        obs = as_observations(groups)
        with quick_layers(self.device, self.half_networks):
            actions, values = self.actor(obs, stochastic_output=True), self.critic(obs).float()
        drawn = (actions, values, self.actor.get_output_log_prob(actions))
        return tuple(value.detach() for value in (*drawn, *self.actor.output_distribution_params))

    def compute_returns(self, obs: TensorDict) -> None:
        if self.dagger and not self.dagger_with_ppo:
            return
        with quick_layers(self.device, self.half_networks):
            now, last = self.storage, self.critic(obs).detach().float()
        found = advantages(now.rewards, now.values, now.dones, last, self.gamma, self.lam)
        now.returns[:] = found + now.values
        now.advantages = (found - found.mean()) / (found.std() + 1e-8)

    # -- update ------------------------------------------------------------------------------------------------------

    def update(self) -> dict[str, float]:
        """Train on the stored rollout; mean losses, by name."""
        losses: dict[str, float] = {}
        if not self.dagger or self.dagger_with_ppo:
            self.actor.latent_source = "privileged"
            losses |= self._update_policy()
        if self.dagger:
            losses |= self._fit_history()
        self.storage.clear()
        return losses

    def _update_policy(self) -> dict[str, float]:
        self._sums.zero_()
        regularised = self.regularisation > 0.0
        self._coefficient.fill_(self.regularisation)
        # PPO does not train the history encoder: its latents are the same in all epochs.
        for batch in self._batches(self.actor.encode_history if regularised else None):
            take_step(self.learning, self._policy, batch, regularised, self.gpu_world_size)
        *means, self.learning_rate = torch.cat((self._sums / self._updates, self._lr[None])).tolist()
        losses: dict[str, float] = dict(zip(POLICY_LOSSES, means, strict=True))
        self.action_std = losses.pop("std")
        return losses

    def _fit_history(self) -> dict[str, float]:
        """DAgger: the history encoder imitates the privileged one on the states that it led to."""
        self._sums.zero_()
        for batch in self._batches(self.actor.encode_privileged):
            batch = batch._replace(observations={HISTORY: batch.observations[HISTORY]})
            take_step(self.learning, self._history, batch, None, self.gpu_world_size)
        return {"history_latent": self._sums[0].item() / self._updates}

    def _batches(self, target: Callable[[TensorDict], Tensor] | None) -> Iterator[MiniBatch]:
        """The mini-batches of all epochs, with what ``target`` makes of their observations.

        rsl-rl shuffles once per update, so each is gathered, and its target computed, once.
        """
        batches: list[MiniBatch] = []
        for batch in self.storage.mini_batch_generator(self.num_mini_batches, 1):
            assert batch.observations is not None
            with torch.no_grad():
                batches.append(MiniBatch.of(batch, target(batch.observations) if target else None))
        for _ in range(self.num_learning_epochs):
            yield from batches

    @property
    def _updates(self) -> int:
        """Gradient steps of an update."""
        return self.num_learning_epochs * self.num_mini_batches

    def _policy_gradients(self, batch: MiniBatch) -> Tensor:
        """Gradients of all of PPO's losses and the estimator's; the KL divergence to the rollout's policy."""
        obs = as_observations(batch.observations)
        with quick_layers(self.device, self.half_networks):
            features, values = self.actor.update_distribution(obs), self.critic(obs).float()
        surrogate = surrogate_loss(self.actor.get_output_log_prob(batch.actions), batch, self.clip_param)
        value = value_loss(values, batch, self.clip_param if self.use_clipped_value_loss else None)
        entropy = self.actor.output_entropy.mean()
        estimator = (features.estimate - obs[EXPLICIT]).square().mean()
        # The estimate enters the actor without gradient, so that one backward pass serves both losses.
        loss = surrogate + self.value_loss_coef * value - self.entropy_coef * entropy + estimator
        gap = torch.zeros_like(loss)
        if batch.target is not None:
            gap = (features.latent - batch.target).norm(dim=-1).mean()
            loss = loss + self._coefficient * gap
        self.optimizer.zero_grad()
        self.estimator_optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            now = self.actor.output_distribution_params
            self._sums[:-1] += torch.stack((value, surrogate, entropy, estimator, gap, self.actor.output_std.mean()))
            return self.actor.get_kl_divergence(batch.distribution, now).mean()

    @torch.no_grad()
    def _step_policy(self, kl: Tensor) -> None:
        self._sums[-1] += kl
        self._adapt_learning_rate(kl)
        actor, critic = self.actor.policy_parameters(), [*self.critic.parameters()]
        for together in ([*actor, *critic],) if self.joint_clipping else (actor, critic):
            nn.utils.clip_grad_norm_(together, self.max_grad_norm)
        self.optimizer.step()
        self.estimator_optimizer.step()

    def _history_gradients(self, batch: MiniBatch) -> Tensor:
        assert batch.target is not None
        with quick_layers(self.device, self.half_networks):
            latent = self.actor.encode_history(as_observations(batch.observations)).float()
        loss = (latent - batch.target).norm(dim=-1).mean()
        self.history_optimizer.zero_grad()
        loss.backward()
        return loss.detach()

    @torch.no_grad()
    def _step_history(self, loss: Tensor) -> None:
        self._sums[0] += loss
        nn.utils.clip_grad_norm_(self._history.parameters, self.max_grad_norm)
        self.history_optimizer.step()

    def _adapt_learning_rate(self, kl: Tensor) -> None:
        """Slower when the policy moved more than twice the target, faster when less than half of it."""
        if self.schedule != "adaptive" or self.desired_kl is None:
            return
        faster = torch.where((kl < self.desired_kl / 2.0) & (kl > 0.0), self._lr * 1.5, self._lr)
        lr = torch.where(kl > self.desired_kl * 2.0, self._lr / 1.5, faster)
        self._lr.copy_(lr.clamp(*LEARNING_RATE_RANGE))

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
                saved = loaded_dict["optimizer_state_dicts"][name]
                optimizer.load_state_dict(regrouped(saved, optimizer.state_dict()["param_groups"]))
                for group in optimizer.param_groups:
                    group["capturable"] = self._on_gpu
            # Loading puts a copy of the saved rate into the optimizer; the tensor that adapts must be the one it reads.
            self._lr.copy_(self.optimizer.param_groups[0]["lr"])
            self.optimizer.param_groups[0]["lr"] = self._lr
            self.learning_rate = float(self._lr)
        # Optimizers have other tensors now.
        self.learning.forget()
        return bool(wanted.get("iteration", True))
