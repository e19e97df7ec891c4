"""All events of a task: what is drawn at startup, at reset and at intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from parkour.mdp.events import SimHandle


@dataclass(frozen=True)
class TimedEvent:
    """An event with its parameters and when it runs."""

    call: Any
    """``call(sim, env_ids, **params) -> None``."""
    mode: Literal["startup", "reset", "interval"]
    params: Mapping[str, Any]
    interval_steps: int = 0
    """Control steps between runs, for mode ``interval``."""


class EventSet:
    """Runs the events of a task on an engine's :class:`parkour.mdp.events.SimHandle`."""

    def __init__(self, events: Mapping[str, TimedEvent], num_envs: int, device: str | torch.device) -> None:
        self._events = dict(events)
        self._everyone = torch.arange(num_envs, device=device)
        self._step = 0

    def restart(self) -> None:
        """Assign the turns of interval events from the beginning."""
        self._step = 0

    def startup(self, sim: SimHandle) -> None:
        """Once, before the first reset."""
        self._run("startup", sim, self._everyone)

    def reset(self, sim: SimHandle, env_ids: Tensor) -> None:
        """For the environments whose episode begins."""
        self._run("reset", sim, env_ids)

    def step(self, sim: SimHandle) -> None:
        """Once per control step: every event on the environments whose turn it is.

        Turns go by index, so that each environment has its turn once per interval and about as many have one in
        every step. Pushing all at once filled one rollout in seventeen with stumbling robots, and the policy's update
        on it was several times too large. Whose turn it is depends on the step alone: nothing is synchronised.
        """
        self._step += 1
        for event in self._events.values():
            if event.mode == "interval":
                turn = self._everyone[self._step % event.interval_steps :: event.interval_steps]
                if len(turn) > 0:
                    event.call(sim, turn, **event.params)

    def _run(self, mode: str, sim: SimHandle, env_ids: Tensor) -> None:
        for event in self._events.values():
            if event.mode == mode:
                event.call(sim, env_ids, **event.params)
