"""How episodes ended."""

from __future__ import annotations

import numpy as np

from parkour import EpisodeTable


def success(table: EpisodeTable) -> np.ndarray:
    """``[M]`` 1 where all way points were reached."""
    return table.values["success"]


def fall(table: EpisodeTable) -> np.ndarray:
    """``[M]`` 1 where a termination of failure ended it before the last way point."""
    return table.values["fall"]


def time_out(table: EpisodeTable) -> np.ndarray:
    """``[M]`` 1 where it is neither a success nor a fall."""
    return table.values["time_out"]


def length(table: EpisodeTable) -> np.ndarray:
    """``[M]`` [s]."""
    return table.values["steps"] * table.step_dt
