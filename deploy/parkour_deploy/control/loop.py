"""The loop: every state of the robot is answered by a command, at the robot's own rate, until somebody ends it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Protocol

from parkour_deploy.control.controller import Controller
from parkour_deploy.control.machine import Change, Mode
from parkour_deploy.control.timing import Spread
from parkour_deploy.depth.source import DepthSource, Picture
from parkour_deploy.errors import LinkError
from parkour_deploy.links.link import RobotLink
from parkour_deploy.robot import MotorCommand, RobotState

FIRST_STATE = 20.0
"""How long the first state is waited for [s]."""
GONE = 3.0
"""How long a robot that fell silent is damped before the loop ends [s]."""
TURN = 0.005
"""How long a turn of the loop waits for a state [s]."""
PICTURE = 10.0
"""How long a robot that waits is made to wait for its own picture [s]."""
OTHERS = 0.1
"""How often it is looked for others who drive the motors [s]."""


class Heartbeat(Protocol):
    """Whoever has to know that the loop turns."""

    def alive(self) -> bool:
        """The loop turned; False if there is nobody who would know."""
        ...


class Recorder(Protocol):
    """Whoever keeps what happened."""

    def state(self, state: RobotState, command: MotorCommand | None, controller: Controller, latency: float) -> None:
        """A state was answered, ``latency`` [ms] after it came."""
        ...


@dataclass
class LoopReport:
    """How it went."""

    states: int = 0
    fault: Change | None = None
    """What was latched."""
    period: Spread = field(default_factory=Spread)
    """Between two steps of the policy [ms]."""
    latency: Spread = field(default_factory=Spread)
    """From a state's arrival to its command [ms]."""
    policy: Spread = field(default_factory=Spread)
    """To compute a step of the policy [ms]."""

    def summary(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "states": self.states,
            "fault": self.fault.reason if self.fault else None,
            "period_ms": self.period.summary(),
            "latency_ms": self.latency.summary(),
            "policy_ms": self.policy.summary(),
        }


class Loop:
    """Runs a controller on a link.

    Args:
        link: open.
        controller: what answers.
        stale: how old the newest state may become [ms].
        move: whether commands are sent.
        guard: told that the loop turns.
        stalled: how long a turn of the loop may last before the guard has taken over [ms]; None for no guard.
        recorder: told of every state.
        stop: asked whether to end.
    """

    def __init__(
        self,
        link: RobotLink,
        controller: Controller,
        *,
        stale: int,
        move: bool,
        guard: Heartbeat | None = None,
        stalled: float | None = None,
        recorder: Recorder | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._link, self._controller, self._stale, self._move = link, controller, stale, move
        self._guard, self._stalled, self._recorder, self._stop = guard, stalled, recorder, stop
        self.report = LoopReport()
        self._stepped: float | None = None
        self._turned = self._looked = self._heard = time.monotonic()

    def run(self, seconds: float) -> LoopReport:
        """Until ``seconds`` are over, it is told to stop, or the robot is gone.

        Raises:
            LinkError: no state ever came.
        """
        state = self._first()
        end = time.monotonic() + seconds
        self._turned = self._heard = time.monotonic()
        while time.monotonic() < end and not self._stop():
            if state is not None:
                self._heard = time.monotonic()
                self._answer(state, time.perf_counter())
            elif not self._silence():
                break
            state = self._link.receive(TURN)
            self._watch()
        self._finish()
        return self.report

    def _first(self) -> RobotState:
        """The robot's first state."""
        end = time.monotonic() + FIRST_STATE
        while time.monotonic() < end and not self._stop():
            state = self._link.receive(0.1)
            if state is not None:
                return state
        if self._stop():
            raise LinkError("stopped before a state came from the robot")
        raise LinkError("no state came from the robot: is it on, is the interface the right one?")

    def _answer(self, state: RobotState, came: float) -> None:
        command = self._controller.respond(state)
        if command is not None and self._move:
            self._link.send(command)
        latency = 1000 * (time.perf_counter() - came)
        report, step = self.report, self._controller.last_step
        report.states += 1
        report.latency.add(latency)
        if step is not None:
            report.policy.add(1000 * step.seconds)
            if self._stepped is not None:
                report.period.add(1000 * (came - self._stepped))
            self._stepped = came
        elif self._controller.machine.mode is not Mode.POLICY:
            self._stepped = None
        if self._recorder is not None:
            self._recorder.state(state, command, self._controller, latency)

    def _silence(self) -> bool:
        """Damp when no state has come for too long; False when the robot is gone."""
        silent = time.monotonic() - self._heard
        if 1000 * silent < self._stale:
            return True
        command = self._controller.silence(self._stale)
        if self._move:
            self._link.send(command)
        return silent < self._stale / 1000 + GONE

    def _watch(self) -> None:
        """Over ourselves and over others."""
        now = time.monotonic()
        turn, self._turned = 1000 * (now - self._turned), now
        if self._guard is not None:
            if self._stalled is not None and turn > self._stalled:
                reason = f"this process stood still for {turn:.0f} ms, and the guard took over"
                self._controller.fail(reason, always=True)
            elif not self._guard.alive():
                self._controller.fail("the guard process is gone", always=True)
        if now - self._looked > OTHERS:
            self._looked = now
            other = self._link.disturbed()
            if other is not None:
                self._controller.fail(other, always=True)

    def _finish(self) -> None:
        """Leave the motors damped."""
        self.report.fault = self._controller.machine.fault
        if self._move:
            for _ in range(5):
                self._link.send(self._controller.limp())
                time.sleep(0.002)


class LockstepEyes:
    """Pictures for a robot that waits: that of the very tick, if one is due.

    Args:
        source: that knows ticks.
        every: between pictures [ms].
    """

    def __init__(self, source: DepthSource, every: int) -> None:
        self._source, self._every = source, every

    def __call__(self, tick: int) -> Picture | None:
        """The newest picture at ``tick``."""
        end = time.monotonic() + PICTURE
        while True:
            picture = self._source.newest()
            due = tick - tick % self._every
            if picture is None or picture.tick is None or picture.tick >= due or time.monotonic() > end:
                return picture
            time.sleep(0.0005)
