"""How far robots came."""

from __future__ import annotations

import numpy as np

from parkour import EpisodeTable


def way_points(table: EpisodeTable) -> np.ndarray:
    """``[M]`` reached / all."""
    return table.values["way_points"]


def way_points_before(table: EpisodeTable) -> np.ndarray:
    """``[M]`` index of the way point aimed at before the last step / greatest index, as in earlier tables."""
    return table.values["way_points_before"]


def displacement(table: EpisodeTable) -> np.ndarray:
    """``[M]`` along x from the start / length of the patch; where way points lead back, along them."""
    return table.values["displacement"]
