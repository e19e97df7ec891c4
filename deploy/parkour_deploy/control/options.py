"""How a policy is run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parkour_deploy.contract import Contract
from parkour_deploy.errors import DeployError


@dataclass(frozen=True)
class ControlOptions:
    """The operator's choices."""

    foot_thresholds: np.ndarray
    """``[F]`` see :class:`parkour_deploy.control.feet.FootContact`."""
    speed: float
    """Commanded while the policy runs [m/s]; the left stick pulled back slows it down."""
    flat: bool = False
    """Whether the ground is level: what the policy is told, and then it steers by the remote."""
    turn_rate: float = 1.0
    """Of the heading, with the right stick all the way over [rad/s]."""
    action_delay: int | None = None
    """Control steps between an action and its execution; as trained when None."""
    tilt: float | None = None
    """Instead of the export's limit [rad]."""
    depth_patience: int = 300
    """How old the newest depth picture may become [ms]."""
    lockstep: bool = False
    """The robot is simulated and waits: wall clocks do not count."""

    def check(self, contract: Contract) -> None:
        """Raises DeployError where an option makes no sense for the export."""
        low, high = contract.speed
        if not (np.isfinite(self.speed) and 0.0 <= self.speed <= 1.5 * high):
            raise DeployError(
                f"--speed: got {self.speed:g}, expected 0 to {1.5 * high:g} (trained: {low:g} to {high:g})"
            )
        if len(self.foot_thresholds) != len(contract.feet) or not np.isfinite(self.foot_thresholds).all():
            raise DeployError(
                f"foot thresholds: got {self.foot_thresholds.tolist()}, expected {len(contract.feet)} numbers",
                hint="parkour deploy check measures them",
            )
        if self.action_delay is not None and not 0 <= self.action_delay <= 10:
            raise DeployError(f"--action-delay: got {self.action_delay}, expected 0 to 10 control steps")
        if self.tilt is not None and not 0.1 <= self.tilt <= 1.5:
            raise DeployError(f"--tilt: got {self.tilt:g}, expected 0.1 to 1.5 rad")
