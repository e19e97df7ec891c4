"""The time between an action and its execution."""

from __future__ import annotations

import torch
from torch import Tensor


class ActionDelay:
    """Holds actions back by a number of control steps; of a pair, one between them for each robot and episode.

    Everything is written in place: CUDA graphs may read and write it.

    Args:
        delay: control steps; of a pair, both ends included.
        num_envs: ``N``.
        joints: ``J``.
        device: where the actions are.
    """

    def __init__(
        self, delay: int | tuple[int, int], num_envs: int, joints: int, device: str | torch.device
    ) -> None:  # fmt: skip
        self._low, self._high = delay if isinstance(delay, tuple) else (delay, delay)
        self._sent = torch.zeros(num_envs, self._high + 1, joints, device=device)
        """``[N, longest delay + 1, J]``, oldest first."""
        self.steps = torch.full((num_envs,), self._high, device=device)
        """``[N]`` int64: the delay of each robot now."""
        self._everyone = torch.arange(num_envs, device=device)
        self.reset(torch.ones(num_envs, dtype=torch.bool, device=device))

    def __call__(self, action: Tensor) -> Tensor:
        """``[N, J]`` what is executed now, when ``action`` ``[N, J]`` is sent.

        Before an episode's first action nothing was sent: zeros, the default pose.
        """
        if self._high == 0:
            return action
        self._sent.copy_(torch.cat([self._sent[:, 1:], action[:, None]], dim=1))
        if self._low == self._high:
            return self._sent[:, 0].clone()
        return self._sent[self._everyone, self._high - self.steps]

    def reset(self, begun: Tensor) -> None:
        """New episodes where ``begun``, ``[N]`` bool, is set."""
        if self._high > 0:
            self._sent.masked_fill_(begun[:, None, None], 0.0)
        if self._low < self._high:
            drawn = torch.randint_like(self.steps, self._low, self._high + 1)
            self.steps.copy_(torch.where(begun, drawn, self.steps))
