"""The commanded forward speed."""

from __future__ import annotations

import torch
from torch import Tensor


class SpeedCommand:
    """A speed per environment, drawn at each episode start and again every ``resample_steps`` control steps.

    Args:
        num_envs: N.
        device: where the tensors live.
        speed: range of the uniform draw [m/s].
        resample_steps: control steps between draws; None draws once per episode.
        deadband: draws below this become 0 [m/s].
    """

    def __init__(
        self,
        num_envs: int,
        device: str | torch.device,
        *,
        speed: tuple[float, float],
        resample_steps: int | None,
        deadband: float,
    ) -> None:
        self.range = speed
        self.resample_steps = resample_steps
        self.deadband = deadband
        self.speed = torch.zeros(num_envs, device=device)
        self.speed = self._draw()

    def update(self, episode_step: Tensor) -> None:
        """Draw anew where an episode begins or the time has come; ``episode_step`` is ``[N]`` int64."""
        due = episode_step == 0
        if self.resample_steps is not None:
            due = episode_step % self.resample_steps == 0
        self.speed = torch.where(due, self._draw(), self.speed)

    def _draw(self) -> Tensor:
        low, high = self.range
        speed = torch.rand_like(self.speed) * (high - low) + low
        return torch.where(speed < self.deadband, 0.0, speed)
