"""What happened in the episodes that ended, gathered on the device without synchronising it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_EPISODES, _SUCCESSES, _TIME_OUTS, _FALLS, _WAY_POINTS, _STEPS = range(6)


class EpisodeStatistics:
    """Sums over finished episodes since the last :meth:`drain`, per terrain type.

    Args:
        terrains: names, in the order of the terrain index.
        rewards: names of the reward terms.
        terminations: names of the termination terms.
        device: where the tensors live.
        episode_length: time-out [s]; reward sums are reported per second of it, as rsl-rl users expect.
    """

    def __init__(
        self,
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
        self._per_terrain = torch.zeros(len(self.terrains), 6, device=device)
        self._rewards = torch.zeros(len(self.rewards), device=device)
        self._terminations = torch.zeros(len(self.terminations), device=device)
        self._broken = torch.zeros((), device=device)
        self._hardest = torch.zeros(2, device=device)
        """Episodes on the hardest third of the levels, and successes among them."""
        self._unfit = torch.zeros((), device=device)

    def add(
        self,
        ended: Tensor,
        terrain: Tensor,
        *,
        hard: Tensor,
        outcomes: Tensor,
        way_points: Tensor,
        steps: Tensor,
        reward_sums: Tensor,
        fired: Tensor,
        broken: Tensor,
    ) -> None:
        """Episodes that ended, of all ``N`` environments.

        Args:
            ended: ``[N]`` bool: whose episode did; the others' rows count for nothing.
            terrain: ``[N]`` int64.
            hard: ``[N]`` bool: on the hardest third of the levels.
            outcomes: ``[N, 3]`` bool: success, time-out, failure.
            way_points: ``[N]`` part of the way points reached.
            steps: ``[N]`` control steps.
            reward_sums: ``[N, R]``.
            fired: ``[N, T]`` bool: which termination terms fired.
            broken: ``[N]`` bool: ended because the physics state or the action was not finite; counted whoever is in
                ``ended``.
        """
        counts = ended.to(way_points.dtype)
        rows = torch.stack([counts, *outcomes.float().unbind(-1), way_points, steps.float()], dim=-1)
        self._per_terrain.index_add_(0, terrain, rows * counts[:, None])
        self._hardest += torch.stack([hard, hard & outcomes[:, 0]]).float() @ counts
        self._rewards += (reward_sums * counts[:, None]).sum(dim=0)
        self._terminations += (fired & ended[:, None]).float().sum(dim=0)
        self._broken += broken.float().sum()

    def add_unfit(self, unfit: Tensor) -> None:
        """A control step: ``[N]`` bool: whose action was not finite."""
        self._unfit += unfit.float().sum()

    def drain(self, levels: Tensor) -> dict[str, Tensor]:
        """Means since the last call as scalars on the device (NaN where nothing ended), and starts anew.

        Args:
            levels: ``[T]`` mean level per terrain type, reported as it is.
        """
        table = self._per_terrain
        means = table / table[:, _EPISODES:].narrow(1, 0, 1)
        episodes = table[:, _EPISODES].sum()
        log: dict[str, Tensor] = {}
        for i, name in enumerate(self.terrains):
            log[f"Terrain_Level/{name}"] = levels[i]
            log[f"Way_Points/{name}"] = means[i, _WAY_POINTS]
            log[f"Success/{name}"] = means[i, _SUCCESSES]
            log[f"Fall/{name}"] = means[i, _FALLS]
        total = table.sum(dim=0) / episodes
        log |= {
            "Episode/count": episodes.clone(),
            "Episode/length": total[_STEPS],
            "Episode/success": total[_SUCCESSES],
            "Episode/time_out": total[_TIME_OUTS],
            "Episode/fall": total[_FALLS],
            "Episode/way_points": total[_WAY_POINTS],
            "Episode/hardest_count": self._hardest[0].clone(),
            "Episode/hardest_success": self._hardest[1] / self._hardest[0],
            "Physics/nan_resets": self._broken.clone(),
            "Physics/nan_actions": self._unfit.clone(),
        }
        log |= {
            f"Episode_Reward/{name}": value / episodes / self.episode_length
            for name, value in zip(self.rewards, self._rewards.clone(), strict=True)
        }
        log |= {
            f"Episode_Termination/{name}": value / episodes
            for name, value in zip(self.terminations, self._terminations.clone(), strict=True)
        }
        for sums in (self._per_terrain, self._rewards, self._terminations, self._broken, self._hardest, self._unfit):
            sums.zero_()
        return log
