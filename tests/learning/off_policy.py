"""An algorithm that is not rsl-rl's and learns from what was long ago: deterministic policy gradients, kept small.

The worked example of docs/write_algorithm.md.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from rsl_rl.models import MLPModel
from rsl_rl.utils import resolve_callable, resolve_obs_groups
from tensordict import TensorDict
from torch import Tensor, nn

from parkour import PolicyDefinition, ResolvedTask

READS = ("proprioception",)


def define(task: ResolvedTask) -> PolicyDefinition:
    """The target of a ``PolicySpec``."""
    return PolicyDefinition(
        runner="parkour.learning.runner:TrainingRunner",
        groups=READS,
        train_cfg={
            "actor": {"class_name": "rsl_rl.models:MLPModel", "hidden_dims": [32], "activation": "elu"},
            "algorithm": {"class_name": "tests.learning.off_policy:OffPolicy", "learning_rate": 3e-3},
            "obs_groups": {"actor": list(READS)},
        },
    )


class Replay:
    """The last ``size`` transitions, in a ring."""

    def __init__(self, size: int, observation: int, actions: int, device: str) -> None:
        make = lambda width: torch.zeros(size, width, device=device)  # noqa: E731
        self.rows = {"obs": make(observation), "next": make(observation), "action": make(actions), "reward": make(1),
                     "goes_on": make(1)}  # fmt: skip
        self.size, self.count = size, 0

    def add(self, usable: Tensor, **rows: Tensor) -> None:
        """Transitions ``[N, …]`` by name; those that are not ``usable`` (``[N]`` bool) are left out."""
        kept = int(usable.sum())
        place = (self.count + torch.arange(kept, device=usable.device)) % self.size
        for name, values in rows.items():
            self.rows[name][place] = values[usable]
        self.count += kept

    def draw(self, number: int) -> dict[str, Tensor]:
        """``number`` transitions."""
        rows = torch.randint(min(self.count, self.size), (number,), device=self.rows["obs"].device)
        return {name: values[rows] for name, values in self.rows.items()}

    def clear(self) -> None:
        """Called where a rollout is broken off: its transitions are as good as any others."""


class OffPolicy:
    """Fulfils :class:`parkour.policies.protocols.Algorithm`."""

    def __init__(self, actor: MLPModel, width: int, num_actions: int, device: str, learning_rate: float) -> None:
        self.actor, self.learning_rate, self.device = actor, learning_rate, device
        self.critic = nn.Sequential(nn.Linear(width + num_actions, 128), nn.ELU(), nn.Linear(128, 1)).to(device)
        self.target = copy.deepcopy(self.critic).requires_grad_(False)
        self.optimizers = {
            "actor": torch.optim.Adam(actor.parameters(), lr=learning_rate),
            "critic": torch.optim.Adam(self.critic.parameters(), lr=learning_rate),
        }
        self.storage = Replay(20_000, width, num_actions, device)
        self.action_std: float | None = 0.3
        self._acted: tuple[Tensor, Tensor] | None = None

    @classmethod
    def construct_algorithm(cls, obs: TensorDict, env: Any, cfg: dict[str, Any], device: str) -> OffPolicy:
        groups = resolve_obs_groups(obs, cfg["obs_groups"], ["actor"])
        make = resolve_callable(cfg["actor"].pop("class_name"))
        actor = make(obs, groups, "actor", env.num_actions, **cfg["actor"]).to(device)
        width = sum(obs[name].shape[-1] for name in groups["actor"])
        return cls(actor, width, env.num_actions, device, cfg["algorithm"]["learning_rate"])

    # -- rollout, in inference mode --------------------------------------------------------------------------------

    def act(self, obs: TensorDict) -> Tensor:
        means = self.actor(obs)
        actions = means + 0.3 * torch.randn_like(means)
        self._acted = self._flat(obs), actions
        return actions

    def process_env_step(self, obs: TensorDict, rewards: Tensor, dones: Tensor, extras: dict[str, Any]) -> None:
        assert self._acted is not None
        before, actions = self._acted
        # Where an episode ended, ``obs`` is the first of the next. After a failure nobody asks for it; after a time-out
        # what would have followed is not known.
        usable = ~extras["time_outs"].view(-1)
        self.storage.add(
            usable, obs=before, next=self._flat(obs), action=actions, reward=rewards.view(-1, 1),
            goes_on=1.0 - dones.view(-1, 1).float(),
        )  # fmt: skip

    def compute_returns(self, obs: TensorDict) -> None:
        """Nothing: the critic looks one step ahead."""

    # -- update ----------------------------------------------------------------------------------------------------

    def update(self) -> dict[str, float]:
        totals = torch.zeros(2, device=self.device)
        for _ in range(20):
            rows = self.storage.draw(256)
            with torch.no_grad():
                ahead = self.target(torch.cat((rows["next"], self._mean(rows["next"])), dim=-1))
                wanted = rows["reward"] + 0.5 * rows["goes_on"] * ahead
            critic = (self.critic(torch.cat((rows["obs"], rows["action"]), dim=-1)) - wanted).square().mean()
            self._step("critic", critic)
            actor = -self.critic(torch.cat((rows["obs"], self._mean(rows["obs"])), dim=-1)).mean()
            self._step("actor", actor)
            with torch.no_grad():
                for slow, fast in zip(self.target.parameters(), self.critic.parameters(), strict=True):
                    slow.lerp_(fast, 0.05)
                totals += torch.stack((critic, actor))
        critic_loss, actor_loss = (totals / 20).tolist()
        return {"critic": critic_loss, "actor": actor_loss}

    def _step(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def _flat(self, obs: TensorDict) -> Tensor:
        return torch.cat([obs[name] for name in READS], dim=-1)

    def _mean(self, flat: Tensor) -> Tensor:
        return self.actor.mlp(flat)

    # -- the rest of the contract ----------------------------------------------------------------------------------

    def train_mode(self) -> None:
        self.actor.train()

    def eval_mode(self) -> None:
        self.actor.eval()

    def get_policy(self) -> nn.Module:
        return self.actor

    def broadcast_parameters(self) -> None:
        for tensor in (*self.actor.state_dict().values(), *self.critic.state_dict().values()):
            torch.distributed.broadcast(tensor, src=0)

    def save(self) -> dict[str, Any]:
        networks = {"actor": self.actor, "critic": self.critic, "target": self.target}
        return {f"{name}_state_dict": network.state_dict() for name, network in networks.items()} | {
            "optimizer_state_dicts": {name: each.state_dict() for name, each in self.optimizers.items()}
        }

    def load(self, loaded_dict: dict[str, Any], load_cfg: dict[str, Any] | None, strict: bool) -> bool:
        for name, network in (("actor", self.actor), ("critic", self.critic), ("target", self.target)):
            network.load_state_dict(loaded_dict[f"{name}_state_dict"], strict=strict)
        if load_cfg is None:  # A run goes on; else only its weights are taken.
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(loaded_dict["optimizer_state_dicts"][name])
        return True
