"""The states that a robot is run through, and what leads from one to the next.

```
DAMP ── L2+A ──▶ STAND ── 2 s ──▶ READY ── L1 held + start ──▶ POLICY
  ▲                                 │                            │
  └───────────── 2 s ── SIT ◀───────┴────────── L2+X ────────────┘
any state ── L2+B, B, or a fault ──▶ DAMP, latched; POLICY also when L1 is let go
```
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from parkour_deploy.remote import Remote

STANDING_UP = 2000
SITTING_DOWN = 2000
"""Durations [ms]."""


class Mode(IntEnum):
    """What the motors do."""

    DAMP = 0
    """Resist being moved, hold nothing."""
    STAND = 1
    """Stand up."""
    READY = 2
    """Hold the policy's default pose."""
    POLICY = 3
    """Do as the policy says."""
    SIT = 4
    """Lie down."""


@dataclass(frozen=True)
class Change:
    """From one state to another."""

    tick: int
    """The robot's clock [ms]."""
    before: Mode
    after: Mode
    reason: str
    fault: bool
    """Whether it is latched: nothing leads out of DAMP any more."""

    def line(self) -> str:
        """For the operator."""
        return f"{self.tick / 1000:8.3f} s  {self.before.name} -> {self.after.name}: {self.reason}"


class StateMachine:
    """Begins in DAMP. Times are the robot's own, so that a simulated one may wait."""

    def __init__(self) -> None:
        self.mode = Mode.DAMP
        self.since = 0
        """Tick at which this state began [ms]."""
        self.fault: Change | None = None
        """What is latched."""

    def fail(self, tick: int, reason: str, *, always: bool = False) -> Change | None:
        """DAMP for good; None where the motors were in DAMP already.

        Args:
            tick: of the robot's clock [ms].
            reason: for the operator.
            always: latch it in DAMP too: what happened once, and will not be seen again when it is to stand up.
        """
        if self.mode is Mode.DAMP and (not always or self.fault is not None):
            return None
        change = self._go(tick, Mode.DAMP, reason, fault=True)
        self.fault = change
        return change

    def operate(self, tick: int, remote: Remote, obstacle: str | None) -> Change | None:
        """What the operator and the clock lead to.

        Args:
            tick: of the robot's clock [ms].
            remote: as it is pressed now.
            obstacle: why the next state must not be entered, or None.
        """
        if remote.pressed("B") or remote.pressed("L2", "R2"):
            return self.fail(tick, "the operator pressed stop")
        if self.mode is Mode.POLICY and not remote.pressed("L1"):
            return self.fail(tick, "the operator let go of L1")
        elapsed = tick - self.since
        if self.mode is Mode.STAND and elapsed >= STANDING_UP:
            return self._go(tick, Mode.READY, "it stands")
        if self.mode is Mode.SIT and elapsed >= SITTING_DOWN:
            return self._go(tick, Mode.DAMP, "it lies")
        if self.mode in (Mode.READY, Mode.POLICY) and remote.pressed("L2", "X"):
            return self._go(tick, Mode.SIT, "the operator pressed L2+X")
        if obstacle is not None or self.fault is not None:
            return None
        if self.mode is Mode.DAMP and remote.pressed("L2", "A"):
            return self._go(tick, Mode.STAND, "the operator pressed L2+A")
        if self.mode is Mode.READY and remote.pressed("L1", "start"):
            return self._go(tick, Mode.POLICY, "the operator holds L1 and pressed start")
        return None

    def _go(self, tick: int, mode: Mode, reason: str, *, fault: bool = False) -> Change:
        change = Change(tick, self.mode, mode, reason, fault)
        self.mode, self.since = mode, tick
        return change
