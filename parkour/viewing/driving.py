"""Who drives, and what they want: buttons and sliders, a script, a gamepad; written into the task's drive."""

from __future__ import annotations

import csv
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from parkour.errors import ParkourError
from parkour.mdp.drive import Drive
from parkour.viewing.controls import Action

SPEED_STEP = 0.1
"""What a key changes the speed by [m/s]."""
TURN_STEP = math.radians(6.0)
"""What a key turns the heading by [rad]."""
MAX_TURN = 1.0
"""Greatest rate of turning [rad/s]."""


@dataclass(frozen=True)
class Wish:
    """What a source wants."""

    speed: float
    """[m/s]"""
    turn: float
    """To the left above 0 [rad/s]."""


class DriveSource(Protocol):
    """Somebody who drives besides buttons and sliders."""

    def poll(self, seconds: float) -> Wish | None:
        """What is wanted ``seconds`` after the session's start; None for no change."""
        ...

    def close(self) -> None: ...


class Driver:
    """Keeps speed and turning within bounds and tells them to all robots.

    Args:
        drive: of the environment.
        max_speed: greatest speed, which the policy was trained for [m/s].
        source: a script or a gamepad.
    """

    def __init__(self, drive: Drive, max_speed: float, source: DriveSource | None = None) -> None:
        self.drive, self.max_speed, self.source = drive, max_speed, source
        self.speed = 0.0
        self.turn = 0.0
        self.autopilot = False
        """Whether way points lead and only the speed is driven."""
        self._nudge = 0.0

    def set(self, speed: float | None = None, turn: float | None = None) -> None:
        """From a slider, a script or a gamepad; bounded. What is no finite number changes nothing."""
        if speed is not None and math.isfinite(speed):
            self.speed = min(max(speed, 0.0), self.max_speed)
        if turn is not None and math.isfinite(turn):
            self.turn = min(max(turn, -MAX_TURN), MAX_TURN)

    def act(self, action: Action) -> bool:
        """Do what a key asks for; False where it is no matter of driving."""
        if action in (Action.SPEED_UP, Action.SLOW_DOWN):
            step = SPEED_STEP if action is Action.SPEED_UP else -SPEED_STEP
            self.set(speed=round(self.speed + step, 3))
        elif action in (Action.LEFT, Action.RIGHT):
            self._nudge += TURN_STEP if action is Action.LEFT else -TURN_STEP
        elif action is Action.STOP:
            self.set(0.0, 0.0)
        elif action is Action.AUTOPILOT:
            self.autopilot = not self.autopilot
        else:
            return False
        return True

    def update(self, seconds: float) -> None:
        """Before a control step, ``seconds`` after the session's start."""
        if self.source is not None and (wish := self.source.poll(seconds)) is not None:
            self.set(wish.speed, wish.turn)
        drive = self.drive
        drive.speed = torch.full_like(drive.speed, self.speed)
        drive.turn_rate = torch.full_like(drive.turn_rate, self.turn)
        drive.nudge = torch.full_like(drive.nudge, self._nudge)
        drive.by_hand = torch.full_like(drive.by_hand, not self.autopilot)
        self._nudge = 0.0

    def close(self) -> None:
        if self.source is not None:
            self.source.close()


class Script:
    """Speeds and turns at their times, from a CSV file with the columns ``time,speed,turn``.

    A row holds from its time [s] on: a speed [m/s] and a rate of turning, to the left above 0 [rad/s].

    Raises:
        ParkourError: it cannot be read, or has a number that makes no sense.
    """

    COLUMNS = ("time", "speed", "turn")

    def __init__(self, path: Path) -> None:
        hint = "a file with the lines: time,speed,turn / 0,0.6,0 / 4,0.6,0.5"
        try:
            with path.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                columns = tuple(name.strip() for name in reader.fieldnames or ())
                if columns != self.COLUMNS:
                    got, wanted = ",".join(columns) or "none", ",".join(self.COLUMNS)
                    raise ParkourError(
                        f"--script {path}: got columns {got}, expected {wanted}",
                        hint=hint,
                    )
                self._rows = [self._row(path, reader.line_num, list(row.values())) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise ParkourError(f"--script {path}: {reason}", hint=hint) from None
        if not self._rows:
            raise ParkourError(f"--script {path}: got no rows, expected at least one", hint=hint)
        times = [time for time, _ in self._rows]
        if times != sorted(times):
            raise ParkourError(f"--script {path}: the times do not rise", hint=hint)

    @property
    def end(self) -> float:
        """Time of the last row [s]."""
        return self._rows[-1][0]

    def poll(self, seconds: float) -> Wish | None:
        due = [wish for time, wish in self._rows if time <= seconds + 1e-9]
        return due[-1] if due else None

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _row(path: Path, line: int, cells: list[object]) -> tuple[float, Wish]:
        try:
            time, speed, turn = (float(str(cell)) for cell in cells)
            if not all(math.isfinite(value) for value in (time, speed, turn)) or time < 0 or speed < 0:
                raise ValueError
        except ValueError:
            shown = ",".join(str(cell) for cell in cells)
            raise ParkourError(
                f"--script {path}, line {line}: got {shown!r}, expected a time and a speed from 0 up, and a turn"
            ) from None
        return time, Wish(speed, turn)


class Gamepad:
    """A gamepad as Linux shows it (``/dev/input/js0``): left stick forward and back, right stick left and right.

    The speed follows the stick from rest to ``max_speed``; pulled back, or let go, the robot is to stand.

    Raises:
        ParkourError: it cannot be opened.
    """

    EVENT = struct.Struct("<IhBB")
    """Time [ms], value, kind, number: linux/joystick.h."""
    AXIS, INITIAL = 0x02, 0x80
    SPEED_AXIS, TURN_AXIS = 1, 3
    DEAD_ZONE = 0.12

    def __init__(self, path: Path, max_speed: float) -> None:
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise ParkourError(
                f"--gamepad {path}: {error.strerror or error}",
                hint="ls /dev/input/js*; or drive with keys and sliders: leave --gamepad out",
            ) from None
        self.path, self.max_speed = path, max_speed
        self._axes: dict[int, float] = {}
        self._lost = False

    def poll(self, seconds: float) -> Wish | None:
        changed = False
        while (event := self._read()) is not None:
            _, value, kind, number = event
            if kind & ~self.INITIAL == self.AXIS:
                self._axes[number] = self._stick(value)
                # What is told of the sticks at the start is where they rest.
                changed |= not kind & self.INITIAL
        if self._lost:
            self._lost = False
            return Wish(0.0, 0.0)
        if not changed:
            return None
        forward, left = -self._axes.get(self.SPEED_AXIS, 0.0), -self._axes.get(self.TURN_AXIS, 0.0)
        return Wish(max(forward, 0.0) * self.max_speed, left * MAX_TURN)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _stick(self, value: int) -> float:
        part = max(-1.0, value / 32767)
        return 0.0 if abs(part) < self.DEAD_ZONE else part

    def _read(self) -> tuple[int, int, int, int] | None:
        if self._file < 0:
            return None
        try:
            data = os.read(self._file, self.EVENT.size)
        except BlockingIOError:
            return None
        except OSError:  # Pulled out: the robot is to stand.
            self.close()
            self._lost = True
            return None
        return self.EVENT.unpack(data) if len(data) == self.EVENT.size else None
