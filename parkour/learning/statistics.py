"""What happened during a rollout, added up on the device and brought to the host once per iteration."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SUMMED = ("Physics/",)
"""Keys with these beginnings are counts: they are added over the steps. All others are averaged, without the NaNs."""


class RolloutStatistics:
    """Returns and lengths of finished episodes, and the scalars an environment reports in ``extras["log"]``."""

    def __init__(self, num_envs: int, device: str | torch.device) -> None:
        self._running = torch.zeros(3, num_envs, device=device)
        """Return and length of each running episode, and 1."""
        self._running[2] = 1.0
        self._finished = torch.zeros(3, device=device)
        """Sum of returns, sum of lengths, number of episodes that finished."""
        self._logs: dict[tuple[str, ...], list[Tensor]] = {}
        self._device = device

    def add(self, rewards: Tensor, dones: Tensor, log: Mapping[str, Tensor | float] | None) -> None:
        """One control step: ``[N]`` rewards, ``[N]`` dones, and the environment's scalars, if any."""
        done = dones.view(-1) > 0
        self._running[0] += rewards.view(-1)
        self._running[1] += 1.0
        self._finished += (self._running * done).sum(dim=1)
        self._running[:2].masked_fill_(done, 0.0)
        if log:
            self.add_log(log)

    def add_log(self, log: Mapping[str, Tensor | float]) -> None:
        """Scalars of one step; one copy on the device."""
        values = [
            v.reshape(()).to(self._device, torch.float32) if isinstance(v, Tensor) else torch.tensor(float(v))
            for v in log.values()
        ]
        host = [v.device.type == "cpu" for v in values]
        if any(host) and torch.device(self._device).type != "cpu":
            values = [v.to(self._device, non_blocking=True) for v in values]
        self._logs.setdefault(tuple(log), []).append(torch.stack(values))

    def drain(self) -> dict[str, float]:
        """Everything since the last call, as numbers; keys for which nothing happened are left out."""
        names = ["return", "length", "episodes"]
        parts = [self._finished]
        for keys, rows in self._logs.items():
            table = torch.stack(rows)
            counts = torch.tensor([key.startswith(SUMMED) for key in keys], device=table.device)
            parts.append(torch.where(counts, table.nansum(dim=0), table.nanmean(dim=0)))
            names += keys
        numbers = torch.cat(parts).tolist()
        total_return, total_length, episodes = numbers[:3]
        scalars = {"Train/episodes": episodes}
        if episodes:
            scalars |= {
                "Train/mean_reward": total_return / episodes,
                "Train/mean_episode_length": total_length / episodes,
            }
        scalars |= {name: value for name, value in zip(names[3:], numbers[3:], strict=True) if value == value}
        self._finished.zero_()
        self._logs.clear()
        return scalars
