"""What a rollout of the student leaves behind for its update."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from tensordict import TensorDict
from torch import Tensor

from parkour_policies.glimpses import Glimpse
from parkour_policies.rma_actor import HISTORY, PROPRIOCEPTION
from parkour_policies.student_groups import YAW_VALID
from parkour_policies.student_model import Memory

ACTOR_GROUPS = (PROPRIOCEPTION, HISTORY, YAW_VALID)
"""What the student's actor reads."""
TEACHER_ACTIONS, TEACHER_LATENTS = "teacher_actions", "teacher_latents"
"""Names of rows that are no observation groups."""


class DistillationStorage:
    """One rollout: what the actor reads at each step, what the teacher would do, and what the encoder was given."""

    def __init__(
        self, steps: int, obs: TensorDict, num_actions: int, device: str, groups: Iterable[str] = ACTOR_GROUPS
    ) -> None:
        num_envs = len(obs[PROPRIOCEPTION])
        make = lambda *shape: torch.zeros(steps, num_envs, *shape, device=device)  # noqa: E731
        self.num_envs, self.num_transitions_per_env, self.step = num_envs, steps, 0
        self.groups = {name: make(*obs[name].shape[1:]) for name in groups}
        self.teacher_actions = make(num_actions)
        self.teacher_latents: Tensor | None = None
        """``[T, N, L]`` of the scan, if they are noted."""
        self.dones = make().bool()
        self.glimpses: list[Glimpse | None] = []
        self.memory: Memory | None = None
        """What was remembered before the first step."""

    def add(
        self, obs: TensorDict, teacher_actions: Tensor, teacher_latents: Tensor | None, glimpse: Glimpse | None
    ) -> None:
        """What happened before the environment steps."""
        for name, values in self.groups.items():
            values[self.step] = obs[name]
        self.teacher_actions[self.step] = teacher_actions
        if teacher_latents is not None:
            if self.teacher_latents is None:
                self.teacher_latents = teacher_latents.new_zeros(self.num_transitions_per_env, *teacher_latents.shape)
            self.teacher_latents[self.step] = teacher_latents
        self.glimpses.append(None if glimpse is None else _own(glimpse))

    def add_dones(self, dones: Tensor) -> None:
        """``[N]``: whose episode ended in the step."""
        self.dones[self.step] = dones.view(-1) > 0
        self.step += 1

    def rows(self, env_ids: Tensor) -> dict[str, Tensor]:
        """``[T * n, …]`` what is stored of the environments ``env_ids`` (``[n]`` int64), step by step, by name."""
        return {name: values[: self.step, env_ids].flatten(0, 1) for name, values in self.stored().items()}

    def stored(self) -> dict[str, Tensor]:
        """``[T, N, …]`` by name."""
        found = {**self.groups, TEACHER_ACTIONS: self.teacher_actions}
        return found if self.teacher_latents is None else {**found, TEACHER_LATENTS: self.teacher_latents}

    def clear(self) -> None:
        """Forget the rollout."""
        self.glimpses.clear()
        self.memory, self.step = None, 0


def _own(glimpse: Glimpse) -> Glimpse:
    """A copy that no environment writes to; a choice of rows is one already."""
    if glimpse.env_ids is not None:
        return glimpse
    return replace(glimpse, images=glimpse.images.clone())
