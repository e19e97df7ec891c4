"""What people may choose while they watch: terrain, difficulty, speed, policy and noise; values are checked here."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from parkour.errors import ParkourError
from parkour.mdp.observations import ObservationSet
from parkour.viewing.controls import Choice, Setting
from parkour.viewing.policy_choices import PolicyChoices

if TYPE_CHECKING:
    from parkour.viewing.session import Session

_log = logging.getLogger(__name__)

CLEAN = "none"
"""The noise of who has none."""


class Settings:
    """Lists and bounds, and what a choice changes of a session.

    Args:
        session: whose settings they are.
        policies: those that can be chosen.
        noises: makes the environment's observation groups under each preset, the one that it has first; asked for
            when somebody chooses it, as a task is resolved for it.
        max_speed: greatest speed that was trained [m/s].
    """

    def __init__(
        self,
        session: Session,
        policies: PolicyChoices,
        noises: Mapping[str, Callable[[], ObservationSet]],
        max_speed: float,
    ) -> None:
        self._session, self.policies, self.max_speed = session, policies, max_speed
        self._noises = {name: cache(make) for name, make in noises.items()}
        self.noise = next(iter(self._noises), CLEAN)
        """The preset that robots have."""
        self.speed: float | None = None
        """What all robots are told [m/s]; None: as the task draws it."""
        self._acts = {
            Setting.TERRAIN: self._terrain,
            Setting.DIFFICULTY: self._difficulty,
            Setting.SPEED: self._speed,
            Setting.POLICY: self._policy,
            Setting.NOISE: self._noise,
        }

    @property
    def terrains(self) -> tuple[str, ...]:
        """Those that courses were built of."""
        library = self._session.mdp.course.library
        return tuple(library.names[index] for index in sorted(set(library.terrain.tolist())))

    @property
    def noises(self) -> tuple[str, ...]:
        """Presets; one where there is nothing to choose."""
        return tuple(self._noises)

    def choose(self, choice: Choice) -> None:
        """Do it, if the value is one that is offered; a client may send anything, and what is not changes nothing."""
        self._acts[choice.setting](choice.value)

    def poll(self) -> None:
        """Take up the run's new checkpoint, if that is watched."""
        policy = self.policies.newer()
        if policy is not None:
            self._session.set_policy(policy)

    def _terrain(self, value: str | float) -> None:
        if isinstance(value, str) and value in self.terrains:
            self._session.go_to_terrain(value)

    def _difficulty(self, value: str | float) -> None:
        wanted = _number(value, 0.0, 1.0)
        if wanted is not None:
            self._session.difficulty = (wanted, wanted)
            self._session.reset()

    def _speed(self, value: str | float) -> None:
        wanted = _number(value, 0.0, self.max_speed)
        if wanted is not None:
            self.speed = wanted
            self._session.mdp.command.hold(wanted)

    def _policy(self, value: str | float) -> None:
        policy = self.policies.take(value) if isinstance(value, str) else None
        if policy is not None:
            self._session.set_policy(policy)

    def _noise(self, value: str | float) -> None:
        if isinstance(value, str) and value in self._noises and value != self.noise:
            try:
                observations = self._noises[value]()
            except ParkourError as error:
                _log.warning("noise %s: %s", value, error.message)
                return
            self.noise = value
            self._session.set_observations(observations)


def _number(value: str | float, low: float, high: float) -> float | None:
    """A finite number, bounded; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return min(max(float(value), low), high)
