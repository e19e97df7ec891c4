"""What goes wrong in environments and ends no training: told once, and a curve from then on."""

from __future__ import annotations

import logging

from parkour.engines.task_env import OVERFLOWS
from parkour.mdp.rewards import NOT_FINITE

_log = logging.getLogger(__name__)


class Troubles:
    """Warns of each kind of trouble when an iteration has it for the first time."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def tell(self, scalars: dict[str, float], iteration: int) -> None:
        """Warn of what is new among an iteration's scalars; those that say of no trouble are left out."""
        for key in [key for key in scalars if key.startswith(NOT_FINITE) or key == OVERFLOWS]:
            if not scalars[key]:
                del scalars[key]
            elif key not in self._told:
                self._told.add(key)
                self._warn(key, scalars[key], iteration)

    def _warn(self, key: str, count: float, iteration: int) -> None:
        if key == OVERFLOWS:
            _log.warning(
                "contacts or constraints found no room %d times in iteration %d, and had no force (curve %s): raise "
                "physics.contacts and physics.constraints",
                count, iteration, key,
            )  # fmt: skip
            return
        _log.warning(
            "reward %r was NaN or infinite %d times in iteration %d, and counts as 0 there (curve %s)",
            key.removeprefix(NOT_FINITE), count, iteration, key,
        )  # fmt: skip
