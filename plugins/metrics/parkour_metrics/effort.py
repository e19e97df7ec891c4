"""What an episode earned, and what it cost."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from parkour import EpisodeTable, StepContext


def episode_return(table: EpisodeTable) -> np.ndarray:
    """``[M]`` sum of the rewards, clipped at 0 in each step where the task says so."""
    return table.values["return"]


def power(ctx: StepContext) -> Tensor:
    """``[num_envs]`` mechanical power of the motors, whichever way it flows: Σ|τ·q̇| [W]."""
    return (ctx.robot.joint_torque * ctx.robot.joint_vel).abs().double().sum(dim=-1)
