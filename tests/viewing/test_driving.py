"""Scripts and gamepads."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from parkour.errors import ParkourError
from parkour.mdp.drive import Drive
from parkour.viewing.driving import MAX_TURN, Driver, Gamepad, Script, Wish


def script(folder: Path, text: str) -> Script:
    path = folder / "drive.csv"
    path.write_text(text)
    return Script(path)


def test_rows_hold_from_their_time_on(tmp_path: Path) -> None:
    drive = script(tmp_path, "time, speed, turn\n1,0.5,0\n2.5,0.6,-0.4\n")
    assert drive.end == 2.5
    assert drive.poll(0.98) is None
    assert drive.poll(1.0) == drive.poll(2.48) == Wish(0.5, 0.0)
    assert drive.poll(100.0) == Wish(0.6, -0.4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "got columns none, expected time,speed,turn"),
        ("time,speed\n1,2\n", "got columns time,speed, expected time,speed,turn"),
        ("time,speed,turn\n", "got no rows"),
        ("time,speed,turn\n0,fast,0\n", "line 2: got '0,fast,0'"),
        ("time,speed,turn\n0,0.5\n", "line 2: got '0,0.5,None'"),
        ("time,speed,turn\n0,0.5,0,7\n", "line 2"),
        ("time,speed,turn\n0,nan,0\n", "line 2"),
        ("time,speed,turn\n0,-0.5,0\n", "line 2"),
        ("time,speed,turn\n2,0.5,0\n1,0.5,0\n", "times do not rise"),
    ],
)
def test_a_script_that_makes_no_sense_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ParkourError) as caught:
        script(tmp_path, text)
    assert told in caught.value.message and "\n" not in caught.value.message


def test_a_script_that_is_not_there_or_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ParkourError, match="No such file"):
        Script(tmp_path / "no.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ParkourError, match=r"b\.csv"):
        Script(tmp_path / "b.csv")


def test_a_driver_keeps_to_the_bounds_and_tells_everybody() -> None:
    class Wild:
        def poll(self, seconds: float) -> Wish:
            return Wish(9.0, -9.0)

        def close(self) -> None:
            pass

    drive = Drive(3, "cpu", 0.02)
    Driver(drive, 0.8, Wild()).update(0.0)
    assert drive.speed.tolist() == pytest.approx([0.8] * 3)
    assert drive.turn_rate.tolist() == [-MAX_TURN] * 3
    assert drive.by_hand.all()


class Pad:
    """A gamepad as a pipe."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "js0"
        os.mkfifo(self.path)
        self.gamepad = Gamepad(self.path, 0.8)
        self.end = os.open(self.path, os.O_WRONLY)

    def move(self, axis: int, value: int, kind: int = 0x02) -> None:
        os.write(self.end, Gamepad.EVENT.pack(int(time.time()) & 0xFFFF, value, kind, axis))


def test_sticks(tmp_path: Path) -> None:
    pad = Pad(tmp_path)
    assert pad.gamepad.poll(0.0) is None
    pad.move(Gamepad.SPEED_AXIS, 0, kind=0x82)
    assert pad.gamepad.poll(0.0) is None
    pad.move(Gamepad.SPEED_AXIS, -32767)
    assert pad.gamepad.poll(0.0) == Wish(pytest.approx(0.8), 0.0)  # type: ignore[arg-type]
    pad.move(Gamepad.TURN_AXIS, -16384), pad.move(0, 5000), pad.move(1, 1, kind=0x01)
    wish = pad.gamepad.poll(0.0)
    assert wish is not None and wish.turn == pytest.approx(0.5 * MAX_TURN, rel=1e-3)
    pad.move(Gamepad.SPEED_AXIS, 20000), pad.move(Gamepad.TURN_AXIS, 900)
    assert pad.gamepad.poll(0.0) == Wish(0.0, 0.0)  # pulled back, and within the dead zone
    pad.gamepad.close(), os.close(pad.end)
    assert pad.gamepad.poll(0.0) is None


def test_no_gamepad(tmp_path: Path) -> None:
    with pytest.raises(ParkourError, match=r"--gamepad .*No such file") as caught:
        Gamepad(tmp_path / "js7", 0.8)
    assert "/dev/input/js" in (caught.value.hint or "")
