"""Episodes that a student lives in a mirror, so that what it learns on one side it learns on the other.

A robot's course, its body and its camera are as good with left and right exchanged. In a mirrored episode the student
is shown the mirror image of every observation, and its actions are mirrored on their way to the robot; what its teacher
does, in the true state, is mirrored too, and the teacher is asked once. To the student it is one more episode: what
it remembers comes from mirrored images alone, from the episode's first one on, and goes on from rollout to rollout as
it does in others. That is why episodes are mirrored, not parts of a rollout: for those the true run has left no
memory to begin with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from tensordict import TensorDict
from torch import Tensor

from parkour.mdp.mirror import Mirror, Sides
from parkour.mdp.observations import ObservationSet
from parkour.mdp.robot import RobotLayout
from parkour_policies.student_groups import DEPTH


class MirroredEpisodes:
    """Which of ``N`` robots are in a mirrored episode, and what they see and do there.

    Args:
        share: of the episodes that are mirrored, 0 to 1; each is drawn when it begins.
        groups: how observation groups look in a mirror, by name.
        actions: how actions do.
        num_envs: ``N``.
        device: where all of it is.
    """

    def __init__(
        self, share: float, groups: Mapping[str, Mirror], actions: Mirror, num_envs: int, device: str | torch.device
    ) -> None:
        self.share = share
        self._groups = {name: mirror.on(device) for name, mirror in groups.items()}
        self._actions = actions.on(device)
        self.which = torch.zeros(num_envs, 1, dtype=torch.bool, device=device)
        """``[N, 1]`` who is in a mirrored episode; a new tensor whenever one begins."""

    @classmethod
    def of(
        cls, share: float, observations: ObservationSet, names: Iterable[str], layout: RobotLayout, num_envs: int,
        device: str | torch.device,
    ) -> MirroredEpisodes:  # fmt: skip
        """Those of a task's robot and observation groups.

        Raises:
            TaskError: robot or group has no mirror image.
        """
        sides = Sides.of(layout)
        return cls(share, observations.mirrors(names, sides), sides.joints, num_envs, device)

    def begin(self, dones: Tensor | None = None) -> None:
        """Draw for the next episode of those whose last one ended (``[N]``), or of all. Causes no host sync."""
        drawn = torch.rand(self.which.shape, device=self.which.device) < self.share
        self.which = drawn if dones is None else torch.where(dones.view(-1, 1) > 0, drawn, self.which)

    def observed(self, obs: TensorDict) -> TensorDict:
        """Observations as the student is shown them; groups that it does not read stay as they are.

        So do depth images, of which few are new at most steps: :meth:`images` has those that are looked at.
        """
        shown = obs.clone(recurse=False)
        shown.update(self.observed_groups({name: obs[name] for name in self._groups if name != DEPTH}))
        return shown

    def images(self, images: Tensor, env_ids: Tensor | None) -> Tensor:
        """Depth images ``[M, H, W]`` of the robots ``env_ids`` (``[M]`` int64; None: all) as the student is shown
        them."""
        which = self.which if env_ids is None else self.which[env_ids]
        return self._seen(DEPTH, images, which)

    def observed_groups(self, groups: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Groups ``[N, …]`` as the student is shown them, by name; those that it does not read are left out."""
        return {name: self._seen(name, groups[name], self.which) for name in self._groups if name in groups}

    def _seen(self, name: str, values: Tensor, which: Tensor) -> Tensor:
        flat = values.flatten(1)
        return torch.where(which, self._groups[name](flat), flat).view_as(values)

    def acted(self, actions: Tensor) -> Tensor:
        """Actions ``[N, J]`` of the student as the robots do them, and the other way about."""
        return torch.where(self.which, self._actions(actions), actions)
