"""Commands that are drawn evenly from a range."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from parkour import Params, param
from parkour.params import ORDERED, within

Resample = Annotated[float | Literal["never"], within(1e-3, 3600.0)]


class SpeedParams(Params):
    """Of the forward speed, as the task's ``[command]`` has them."""

    speed: Annotated[tuple[float, float], within(-10.0, 10.0), ORDERED] = param((0.3, 0.8), unit="m/s")
    """Range of the draw."""
    resample: Resample = param(6.0, unit="s")
    """Time between draws within an episode; ``never`` draws once per episode."""
    deadband: float = param(0.2, unit="m/s", ge=0.0, le=10.0)
    """Draws below this are 0."""


class LateralSpeedParams(Params):
    """Of the speed to the left."""

    range: Annotated[tuple[float, float], within(-10.0, 10.0), ORDERED] = param((-0.3, 0.3), unit="m/s")
    """Range of the draw; to the left is positive."""
    resample: Resample = param(6.0, unit="s")
    """Time between draws within an episode; ``never`` draws once per episode."""
    deadband: float = param(0.05, unit="m/s", ge=0.0, le=10.0)
    """Draws nearer to 0 than this are 0."""


class TurnRateParams(Params):
    """Of the rate of turning."""

    range: Annotated[tuple[float, float], within(-10.0, 10.0), ORDERED] = param((-1.0, 1.0), unit="rad/s")
    """Range of the draw; to the left is positive."""
    resample: Resample = param(6.0, unit="s")
    """Time between draws within an episode; ``never`` draws once per episode."""
    deadband: float = param(0.1, unit="rad/s", ge=0.0, le=10.0)
    """Draws nearer to 0 than this are 0."""


class UniformCommand:
    """A number per environment, drawn at each episode's start and again every ``resample`` seconds.

    Args:
        num_envs: N.
        device: where the tensors live.
        step_dt: control step [s].
        range: of the uniform draw.
        resample: seconds between draws; ``never`` draws once per episode.
        deadband: draws nearer to 0 than this become 0.
    """

    def __init__(
        self,
        num_envs: int,
        device: str | torch.device,
        step_dt: float,
        *,
        range: tuple[float, float],
        resample: float | Literal["never"],
        deadband: float,
    ) -> None:
        self.range, self.deadband = range, deadband
        self.resample_steps = None if resample == "never" else max(1, round(resample / step_dt))
        self.value = torch.zeros(num_envs, device=device)
        self.value = self._draw()

    def update(self, episode_step: Tensor) -> None:
        """Draw anew where an episode begins or the time has come; ``episode_step`` is ``[N]`` int64."""
        since = episode_step if self.resample_steps is None else episode_step % self.resample_steps
        self.value = torch.where(since == 0, self._draw(), self.value)

    def _draw(self) -> Tensor:
        drawn = torch.empty_like(self.value).uniform_(*self.range)
        return drawn.masked_fill_(self._is_small(drawn), 0.0)

    def _is_small(self, drawn: Tensor) -> Tensor:
        return drawn.abs() < self.deadband


class ForwardSpeed(UniformCommand):
    """The commanded forward speed [m/s]: draws below the dead band are 0, those backwards too."""

    def __init__(
        self,
        num_envs: int,
        device: str | torch.device,
        step_dt: float,
        *,
        speed: tuple[float, float],
        resample: float | Literal["never"],
        deadband: float,
    ) -> None:
        super().__init__(num_envs, device, step_dt, range=speed, resample=resample, deadband=deadband)

    def _is_small(self, drawn: Tensor) -> Tensor:
        return drawn < self.deadband
