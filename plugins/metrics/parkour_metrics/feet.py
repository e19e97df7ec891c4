"""Feet on edges: MEV, mean edge violation."""

from __future__ import annotations

import numpy as np

from parkour import EpisodeTable, Pooled


def edge_per_step(table: EpisodeTable) -> Pooled:
    """Feet in contact on edge cells, mean and spread over all steps of all episodes."""
    return Pooled(table.values["edge"], table.values["edge_squared"], table.values["steps"])


def edge_per_episode(table: EpisodeTable) -> np.ndarray:
    """``[M]`` their sum over the episode."""
    return table.values["edge"]
