"""Reinforcement learning of a distilled student: PPO on its own camera, with ever less weight on its teacher's actions.

Distillation copies a teacher that sees everything, and with it habits that need what only the teacher sees. Here the
student continues on the task's rewards: it acts with noise, a critic that sees what the teacher sees judges its states,
and the distance to the teacher's actions stays in the loss with a weight that falls over the run (Schmitt et al. 2018,
kickstarting).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from rsl_rl.models import MLPModel
from rsl_rl.utils import resolve_callable
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.engines.task_env import TaskEnv
from parkour_policies.distillation import RmaDistillation, make_networks
from parkour_policies.distillation_storage import ACTOR_GROUPS, TEACHER_ACTIONS
from parkour_policies.exploration import Exploration
from parkour_policies.ppo_losses import as_observations, surrogate, value_error
from parkour_policies.rma_actor import RmaActor
from parkour_policies.student_model import StudentModel
from parkour_policies.student_ppo_storage import (
    ADVANTAGES,
    CLEAN,
    DRAWN,
    LOG_PROB,
    MEANS,
    RETURNS,
    VALUES,
    StudentPpoStorage,
)

LOSSES = ("action", "yaw", "latent", "surrogate", "value", "kl")
"""What an update reports."""
LOWEST_RATE = 1e-5
"""Bound of the adaptive learning rate."""


class RmaStudentPPO(RmaDistillation):
    """PPO on a :class:`StudentModel`, on the interface of rsl-rl's algorithms."""

    storage: StudentPpoStorage  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, student: StudentModel, teacher: RmaActor, storage: StudentPpoStorage, critic: MLPModel, *,
        action_std: float = 0.3, desired_kl: float = 0.01, gamma: float = 0.99, lam: float = 0.95,
        clip: float = 0.2, entropy: float = 0.0, value_loss: float = 1.0, imitation: tuple[float, float] = (1.0, 0.1),
        critic_iterations: int = 0, device: str = "cpu", **distillation: Any,
    ) -> None:  # fmt: skip
        super().__init__(student, teacher, storage, device=device, **distillation)
        self.critic = critic.to(device)
        self.exploration = Exploration(storage.teacher_actions.shape[-1], action_std).to(device)
        self.desired_kl, self.gamma, self.lam, self.clip = desired_kl, gamma, lam, clip
        self.entropy, self.value_loss, self.imitation = entropy, value_loss, imitation
        self.critic_iterations = critic_iterations
        self.acts_on_rewards = True
        self.acting = [*self.trained, *self.exploration.parameters()]
        self.trained = [*self.acting, *self.critic.parameters()]
        self.optimizer = torch.optim.Adam(self.trained, lr=self.learning_rate)
        self.divergence: float | None = None
        """KL of the last update, which the learning rate has not answered yet."""
        self.action_std = action_std
        """Mean standard deviation of the actions, after the last update."""

    # -- rollout -----------------------------------------------------------------------------------------------------

    def begin_iteration(self, iteration: int) -> None:
        super().begin_iteration(iteration)
        # What the teacher did says nothing of what the student's own actions would have earned.
        self.acts_on_rewards = iteration >= self.critic_iterations and not self.teacher_drives
        self.std_before = self.exploration.std.detach()
        """``[J]`` with which the rollout's actions are drawn."""

    def _rate(self, iteration: int) -> float:
        """What the KL divergence has led to, at most what the schedule allows."""
        highest = super()._rate(iteration)
        if self.desired_kl == 0.0:
            return highest
        rate, kl, self.divergence = self.learning_rate, self.divergence, None
        return min(rate if kl is None else adapted(rate, kl, self.desired_kl), highest)

    def act(self, obs: TensorDict) -> Tensor:
        """The student's actions ``[N, J]`` with noise; the teacher's are noted."""
        means = self._respond(obs)
        drawn = self.exploration.draw(means)
        log_prob = self.exploration.log_prob(means, drawn).unsqueeze(-1)
        self.storage.note(drawn=drawn, means=means, log_prob=log_prob, values=self._worth(obs))
        clean = self.clean_groups()
        self.storage.note_clean(clean if self.mirrored is None else self.mirrored.observed_groups(clean))
        return self._across(drawn)

    def _worth(self, obs: TensorDict) -> Tensor:
        """``[N, 1]`` values of the states, in mirrored episodes of their mirror images."""
        return self.critic(self._shown(self._without_noise(obs)))

    def _sided_groups(self) -> Sequence[str]:
        return tuple(dict.fromkeys((*super()._sided_groups(), *self.critic.obs_groups)))

    def process_env_step(self, obs: TensorDict, rewards: Tensor, dones: Tensor, extras: dict[str, Any]) -> None:
        storage, earned = self.storage, rewards.view(-1, 1)
        if "time_outs" in extras:
            # An episode whose time is up would have gone on: what the state is worth stands for the rest.
            time_outs = extras["time_outs"].view(-1, 1).to(self.device)
            earned = earned + self.gamma * storage.drawn[VALUES][storage.step] * time_outs
        storage.rewards[storage.step] = earned
        super().process_env_step(obs, rewards, dones, extras)

    def compute_returns(self, obs: TensorDict) -> None:
        self.storage.value_of(self._worth(obs), self.gamma, self.lam)

    # -- update ------------------------------------------------------------------------------------------------------

    def _loss(self, output: Tensor, rows: dict[str, Tensor], total: int) -> tuple[Tensor, Tensor]:
        """PPO's losses, the imitation's and the yaws'; see :class:`parkour_policies.student_gradients.RowsLoss`."""
        means = self.student.act_on(output, rows)
        action = (rows[TEACHER_ACTIONS] - means).norm(dim=-1).sum() / total
        yaw, gap = self._seen_losses(output, rows, total)
        log_prob = self.exploration.log_prob(means, rows[DRAWN])
        gained = surrogate(log_prob, rows[LOG_PROB].squeeze(-1), rows[ADVANTAGES].squeeze(-1), self.clip).sum() / total
        seen = {name: rows.get(CLEAN + name, rows[name]) for name in self.critic.obs_groups}
        values = self.critic(as_observations(seen))
        value = value_error(values, rows[VALUES], rows[RETURNS], self.clip).sum() / total
        loss = self._imitation() * (action + self.latent_coefficient * gap) + yaw + self.value_loss * value
        if self.acts_on_rewards:
            loss = loss + gained - self.entropy * self.exploration.entropy() * (len(means) / total)
        with torch.no_grad():
            kl = self.exploration.divergence(rows[MEANS], self.std_before, means).sum() / total
        return loss, torch.stack((action, yaw, gap, gained, value, kl))

    def _imitation(self) -> float:
        """Weight of the teacher's actions and latents at this point of the run."""
        first, last = self.imitation
        return first + (last - first) * self.progress

    def _report(self, losses: Tensor) -> dict[str, float]:
        losses = losses.mean(dim=0)
        if self.is_multi_gpu:
            # All processes are to draw the same conclusion from the divergence.
            torch.distributed.all_reduce(losses, op=torch.distributed.ReduceOp.SUM)
            losses = losses / self.gpu_world_size
        *numbers, self.action_std = torch.cat((losses, self.exploration.std.mean().detach()[None])).tolist()
        found: dict[str, float] = dict(zip(LOSSES, numbers, strict=True))
        if self.desired_kl > 0.0 and not self.teacher_drives:
            self.divergence = found["kl"]
        if self.latent_coefficient == 0.0:
            del found["latent"]
        return {**found, "imitation_weight": self._imitation()}

    def _clip_gradients(self) -> None:
        """The critic's gradient, whose size is the rewards', does not shorten the student's steps."""
        nn.utils.clip_grad_norm_(self.acting, self.max_grad_norm)  # type: ignore[arg-type]
        nn.utils.clip_grad_norm_(self.critic.parameters(), self.max_grad_norm)  # type: ignore[arg-type]

    # -- weights -----------------------------------------------------------------------------------------------------

    def load_critic(self, weights: dict[str, Tensor]) -> None:
        """Begin with the teacher's critic, which was trained on the same rewards. The weights have been checked."""
        self.critic.load_state_dict(weights)

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), "critic": self.critic, "exploration": self.exploration}

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: TaskEnv, cfg: dict, device: str) -> RmaStudentPPO:
        """Make student, teacher, critic, storage and algorithm."""
        make = resolve_callable(cfg["algorithm"].pop("class_name"))
        student, teacher = make_networks(obs, env, cfg, device)
        make_critic = resolve_callable(cfg["critic"].pop("class_name"))
        critic: MLPModel = make_critic(obs, cfg["obs_groups"], "critic", 1, **cfg["critic"])
        groups = dict.fromkeys((*ACTOR_GROUPS, *student.further, *critic.obs_groups))
        storage = StudentPpoStorage(cfg["num_steps_per_env"], obs, env.num_actions, device, groups)
        more = {**cfg["algorithm"], "multi_gpu_cfg": cfg["multi_gpu"]}
        algorithm = make(student, teacher, storage, critic, device=device, **more)
        algorithm.attach(env)
        return algorithm


def adapted(rate: float, kl: float, desired: float) -> float:
    """A learning rate after an update that moved the policy by ``kl``: slower above twice the desired divergence,
    faster below half of it."""
    factor = 1.0 / 1.5 if kl > 2.0 * desired else 1.5 if kl < 0.5 * desired else 1.0
    return max(rate * factor, LOWEST_RATE)
