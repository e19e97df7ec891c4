"""Numbers of noise and faults that differ from robot to robot and from episode to episode."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.params import Magnitude


class EpisodeMagnitude:
    """A number of each environment, drawn anew when its episode begins; a plain number is that of all, and not drawn.

    Args:
        value: the number, or the ends of a uniform draw.
        num_envs: ``N``.
        device: where the draws live.
        whole: draw whole numbers, both ends included.
    """

    def __init__(self, value: Magnitude, num_envs: int, device: str | torch.device, *, whole: bool = False) -> None:
        self.low, self.high = value if isinstance(value, tuple) else (value, value)
        self._whole = whole
        self.values = torch.full((num_envs,), float(self.low), device=device)
        """``[N]`` of the episodes now."""
        if not self.fixed:
            self.values = self._draw()

    @property
    def fixed(self) -> bool:
        """Whether all environments have the same number always."""
        return self.low == self.high

    def of(self, env_ids: Tensor, like: Tensor) -> Tensor | float:
        """The number itself where it is that of all; else ``[M, 1, …]``, to go with ``[M, …]`` numbers ``like``."""
        return self.low if self.fixed else rows(self.values[env_ids], like)

    def reset(self, env_ids: Tensor) -> None:
        """Draw anew for ``env_ids``, ``[N]`` bool or ``[M]`` int64. No host sync."""
        if not self.fixed:
            self.values = torch.where(as_mask(env_ids, len(self.values)), self._draw(), self.values)

    def _draw(self) -> Tensor:
        drawn, (low, high) = torch.empty_like(self.values), sorted((self.low, self.high))
        if self._whole:
            # U[low, high + 1) in float32 may round up to the end of the interval.
            return drawn.uniform_(low, high + 1).floor_().clamp_(max=high)
        return drawn.uniform_(low, high)


class EpisodeChoice:
    """One of several numbers, drawn for each environment when its episode begins; see :class:`EpisodeMagnitude`."""

    def __init__(self, options: float | tuple[float, ...], num_envs: int, device: str | torch.device) -> None:
        self._options = options if isinstance(options, tuple) else (options,)
        self._table = torch.tensor(self._options, dtype=torch.float32, device=device)
        self._index = EpisodeMagnitude((0, len(self._options) - 1), num_envs, device, whole=True)

    def of(self, env_ids: Tensor, like: Tensor) -> Tensor | float:
        """See :meth:`EpisodeMagnitude.of`."""
        if self._index.fixed:
            return self._options[0]
        return rows(self._table[self._index.values[env_ids].long()], like)

    def reset(self, env_ids: Tensor) -> None:
        """See :meth:`EpisodeMagnitude.reset`."""
        self._index.reset(env_ids)


def as_mask(env_ids: Tensor, num_envs: int) -> Tensor:
    """``[N]`` bool of a mask, or of ``[M]`` int64 indices."""
    if env_ids.dtype is torch.bool:
        return env_ids
    return torch.zeros(num_envs, dtype=torch.bool, device=env_ids.device).index_fill_(0, env_ids, True)


def rows(values: Tensor, like: Tensor) -> Tensor:
    """``[M]`` as ``[M, 1, …]``, with as many dimensions as ``like``."""
    return values.view(-1, *([1] * (like.ndim - 1)))
