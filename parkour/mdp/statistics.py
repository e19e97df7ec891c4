"""What happened in the episodes that ended, gathered on the device without synchronising it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_EPISODES, _SUCCESSES, _TIME_OUTS, _FALLS, _HARD, _HARD_SUCCESSES, _OUTCOMES = range(7)
"""Columns of what is counted; the termination terms follow."""


class EpisodeStatistics:
    """Sums over finished episodes since the last :meth:`drain`, per terrain type.

    They are kept for each environment, and added up when they are asked for: a control step has so much less to do.

    Args:
        num_envs: N.
        terrains: names, in the order of the terrain index.
        rewards: names of the reward terms.
        terminations: names of the termination terms.
        device: where the tensors live.
        episode_length: time-out [s]; reward sums are reported per second of it, as rsl-rl users expect.
    """

    def __init__(
        self,
        num_envs: int,
        terrains: Sequence[str],
        rewards: Sequence[str],
        terminations: Sequence[str],
        device: str | torch.device,
        *,
        episode_length: float,
    ) -> None:
        self.terrains = tuple(terrains)
        self.rewards = tuple(rewards)
        self.terminations = tuple(terminations)
        self.episode_length = episode_length
        self._counts = torch.zeros(num_envs, _OUTCOMES + len(self.terminations), device=device)
        self._way_points, self._steps, self._broken, self._unfit = torch.zeros(4, num_envs, device=device)
        self._rewards = torch.zeros(num_envs, len(self.rewards), device=device)

    def add(
        self,
        ended: Tensor,
        *,
        hard: Tensor,
        succeeded: Tensor,
        timed_out: Tensor,
        failed: Tensor,
        way_points: Tensor,
        steps: Tensor,
        reward_sums: Tensor,
        fired: Tensor,
        broken: Tensor,
    ) -> None:
        """Episodes that ended, of all ``N`` environments.

        Args:
            ended: ``[N]`` bool: whose episode did; the others' rows count for nothing.
            hard: ``[N]`` bool: on the hardest third of the levels.
            succeeded: ``[N]`` bool.
            timed_out: ``[N]`` bool.
            failed: ``[N]`` bool.
            way_points: ``[N]`` part of the way points reached.
            steps: ``[N]`` control steps.
            reward_sums: ``[N, R]``.
            fired: ``[N, T]`` bool: which termination terms fired.
            broken: ``[N]`` bool: ended because the physics state or the action was not finite; counted whoever is in
                ``ended``.
        """
        outcomes = (ended, succeeded, timed_out, failed, hard, hard & succeeded)
        self._counts.addcmul_(torch.cat([*(each[:, None] for each in outcomes), fired], dim=-1), ended[:, None])
        self._way_points.addcmul_(way_points, ended)
        self._steps.addcmul_(steps, ended)
        self._rewards.addcmul_(reward_sums, ended[:, None])
        self._broken += broken

    def add_unfit(self, unfit: Tensor) -> None:
        """A control step: ``[N]`` bool: whose action was not finite."""
        self._unfit += unfit

    def drain(self, levels: Tensor, terrain: Tensor) -> dict[str, Tensor]:
        """Means since the last call as scalars on the device (NaN where nothing ended), and starts anew.

        Args:
            levels: ``[T]`` mean level per terrain type, reported as it is.
            terrain: ``[N]`` int64: each environment's.
        """
        counts = self._counts.sum(dim=0)
        episodes, fired = counts[_EPISODES], counts[_OUTCOMES:]
        rows = torch.cat([self._counts[:, :_OUTCOMES], self._way_points[:, None]], dim=-1)
        table = rows.new_zeros(len(self.terrains), rows.shape[1]).index_add_(0, terrain, rows)
        means = table / table[:, _EPISODES, None]
        log: dict[str, Tensor] = {}
        for i, name in enumerate(self.terrains):
            log[f"Terrain_Level/{name}"] = levels[i]
            log[f"Way_Points/{name}"] = means[i, -1]
            log[f"Success/{name}"] = means[i, _SUCCESSES]
            log[f"Fall/{name}"] = means[i, _FALLS]
        log |= {
            "Episode/count": episodes,
            "Episode/length": self._steps.sum() / episodes,
            "Episode/success": counts[_SUCCESSES] / episodes,
            "Episode/time_out": counts[_TIME_OUTS] / episodes,
            "Episode/fall": counts[_FALLS] / episodes,
            "Episode/way_points": self._way_points.sum() / episodes,
            "Episode/hardest_count": counts[_HARD],
            "Episode/hardest_success": counts[_HARD_SUCCESSES] / counts[_HARD],
            "Physics/nan_resets": self._broken.sum(),
            "Physics/nan_actions": self._unfit.sum(),
        }
        log |= {
            f"Episode_Reward/{name}": value / episodes / self.episode_length
            for name, value in zip(self.rewards, self._rewards.sum(dim=0), strict=True)
        }
        log |= {
            f"Episode_Termination/{name}": value / episodes
            for name, value in zip(self.terminations, fired, strict=True)
        }
        for sums in (self._counts, self._way_points, self._steps, self._rewards, self._broken, self._unfit):
            sums.zero_()
        return log
