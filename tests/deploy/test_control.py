"""States of the machine, poses, watchdogs and feet, without a robot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from parkour.exporters.hardware import read_hardware
from parkour.tasks.robot import load_robot
from parkour_deploy import __main__ as command_line
from parkour_deploy.control.controller import Controller
from parkour_deploy.control.feet import FootContact
from parkour_deploy.control.loop import Loop
from parkour_deploy.control.machine import SITTING_DOWN, STANDING_UP, Mode, StateMachine
from parkour_deploy.control.poses import lying_down, standing_up
from parkour_deploy.control.watchdogs import Body, Watchdogs
from parkour_deploy.errors import LinkError
from parkour_deploy.hardware import Limits
from parkour_deploy.joints import JointOrder
from parkour_deploy.links.link import RobotLink
from parkour_deploy.orientation import roll_pitch_yaw, wrap
from parkour_deploy.remote import Remote
from parkour_deploy.robot import RobotState

UNITREE = [f"{leg}_{part}_joint" for leg in ("FR", "FL", "RR", "RL") for part in ("hip", "thigh", "calf")]


def press(*keys: str) -> Remote:
    return Remote(frozenset(keys))


def machine(mode: Mode) -> StateMachine:
    """One that came to ``mode`` at tick 0."""
    found = StateMachine()
    found.mode = mode
    return found


@pytest.mark.parametrize(
    ("mode", "tick", "keys", "after"),
    [
        (Mode.DAMP, 0, ("L2", "A"), Mode.STAND),
        (Mode.DAMP, 0, ("L1", "start"), None),
        (Mode.DAMP, 0, ("B",), None),
        (Mode.STAND, STANDING_UP - 2, (), None),
        (Mode.STAND, STANDING_UP, (), Mode.READY),
        (Mode.STAND, 10, ("B",), Mode.DAMP),
        (Mode.READY, 10, ("start",), None),
        (Mode.READY, 10, ("L1", "start"), Mode.POLICY),
        (Mode.READY, 10, ("L2", "X"), Mode.SIT),
        (Mode.READY, 10, ("L2", "B"), Mode.DAMP),
        (Mode.POLICY, 10, ("L1",), None),
        (Mode.POLICY, 10, (), Mode.DAMP),
        (Mode.POLICY, 10, ("L1", "L2", "X"), Mode.SIT),
        (Mode.POLICY, 10, ("L1", "L2", "R2"), Mode.DAMP),
        (Mode.SIT, SITTING_DOWN - 2, (), None),
        (Mode.SIT, SITTING_DOWN, (), Mode.DAMP),
    ],
)
def test_what_leads_from_state_to_state(mode: Mode, tick: int, keys: tuple[str, ...], after: Mode | None) -> None:
    found = machine(mode)
    change = found.operate(tick, press(*keys), None)
    assert (change.after if change else None) is after
    assert found.mode is (mode if after is None else after)


def test_an_obstacle_keeps_it_from_going_on() -> None:
    found = machine(Mode.READY)
    assert found.operate(10, press("L1", "start"), "no depth picture") is None
    assert found.operate(12, press("L1", "start"), None) is not None


def test_a_fault_is_latched_and_said_once() -> None:
    found = machine(Mode.POLICY)
    change = found.fail(40, "tilted 62°, limit 57°")
    assert change is not None
    assert change.line() == "   0.040 s  POLICY -> DAMP: tilted 62°, limit 57°"
    assert found.fail(42, "again") is None
    assert found.operate(5000, press("L2", "A"), None) is None
    assert found.mode is Mode.DAMP


def test_lying_down_is_no_fault() -> None:
    found = machine(Mode.SIT)
    found.operate(SITTING_DOWN, press(), None)
    assert found.operate(SITTING_DOWN + 2, press("L2", "A"), None) is not None


def test_poses_begin_and_end_where_they_should() -> None:
    begin, lying, standing = np.zeros(3), np.array([0.0, 1.4, -2.6]), np.array([0.1, 0.8, -1.5])
    assert np.array_equal(standing_up(0.0, begin, lying, standing), begin)
    assert np.allclose(standing_up(1 / 3, begin, lying, standing), lying)
    assert np.allclose(standing_up(1.0, begin, lying, standing), standing)
    path = np.stack([standing_up(part, begin, lying, standing) for part in np.linspace(0, 1, 1001)])
    assert np.abs(np.diff(path, axis=0)).max() < 0.01
    assert np.array_equal(lying_down(0.0, standing, lying), standing)
    assert np.allclose(lying_down(2.0, standing, lying), lying)


@pytest.fixture(scope="module")
def limits() -> Limits:
    layout, folder = load_robot("go2")
    hardware = read_hardware(Path(folder), layout)
    assert hardware is not None
    values: dict[str, Any] = hardware.limits.model_dump()
    return Limits(**{key: np.array(value) if isinstance(value, tuple) else value for key, value in values.items()})


def sound_state() -> RobotState:
    zeros = np.zeros(12)
    return RobotState(
        tick=0, intact=True, quaternion=np.array([1.0, 0, 0, 0]), gyroscope=np.zeros(3), accelerometer=np.zeros(3),
        joint_pos=zeros, joint_vel=zeros, torque=zeros, temperature=zeros, foot_force=np.zeros(4), remote=Remote(),
        battery_voltage=29.0, battery_charge=80,
    )  # fmt: skip


def sound_body(**changes: Any) -> Body:
    pose = np.array([0.0] * 4 + [0.8] * 4 + [-1.5] * 4)
    zeros = np.zeros(12)
    return replace(Body(pose, zeros, zeros, zeros + 30, 0.0, 0.0, 0.0), **changes)


def changed(index: int, value: float, base: float = 0.0) -> np.ndarray:
    found = np.full(12, base)
    found[index] = value
    return found


def test_watchdogs_let_a_sound_robot_be(limits: Limits) -> None:
    dogs = Watchdogs(limits, load_robot("go2")[0].joints)
    assert all(dogs.check(sound_state(), sound_body()) is None for _ in range(10))


@pytest.mark.parametrize(
    ("body", "state", "count", "said"),
    [
        ({"roll": 1.2}, {}, 1, "tilted 69°, limit 57°"),
        ({"pitch": -1.1}, {}, 1, "tilted 63°, limit 57°"),
        ({"torque": changed(3, -60.0)}, {}, 3, "RR_hip_joint at 60 N m, limit 42"),
        ({"joint_vel": changed(8, 45.0)}, {}, 3, "FL_calf_joint at 45 rad/s, limit 40"),
        ({"temperature": changed(0, 90.0, 30.0)}, {}, 1, "FL_hip_joint's motor at 90 °C, limit 85 °C"),
        ({}, {"battery_voltage": 21.0}, 1, "battery at 21.0 V, limit 22.0 V"),
        ({}, {"quaternion": np.zeros(4)}, 1, "the IMU's quaternion has length 0.00, expected 1"),
        ({}, {"gyroscope": np.array([0, np.inf, 0])}, 1, "a reading is not a number: gyroscope"),
    ],
)
def test_watchdogs_say_what_is_wrong(
    limits: Limits, body: dict[str, Any], state: dict[str, Any], count: int, said: str
) -> None:
    dogs = Watchdogs(limits, load_robot("go2")[0].joints)
    answers = [dogs.check(replace(sound_state(), **state), sound_body(**body)) for _ in range(count)]
    assert answers == [None] * (count - 1) + [said]


def test_a_robot_that_does_not_tell_its_voltage(limits: Limits) -> None:
    dogs = Watchdogs(limits, load_robot("go2")[0].joints)
    assert dogs.check(replace(sound_state(), battery_voltage=0.0), sound_body()) is None


def test_a_spike_is_no_overload_and_a_bad_checksum_no_fault(limits: Limits) -> None:
    dogs = Watchdogs(limits, load_robot("go2")[0].joints)
    spike = sound_body(torque=changed(0, 99.0))
    for _ in range(4):
        assert dogs.check(sound_state(), spike) is None
        assert dogs.corrupt() is None
        assert dogs.check(sound_state(), sound_body()) is None
    assert [dogs.corrupt() for _ in range(3)][-1] == "3 states with a wrong checksum, one after the other"


def test_the_robots_order_is_unitrees() -> None:
    layout, folder = load_robot("go2")
    hardware = read_hardware(Path(folder), layout)
    assert hardware is not None
    assert [layout.joints[index] for index in hardware.motors] == UNITREE
    assert [layout.feet[index] for index in hardware.feet] == ["FR_foot", "FL_foot", "RR_foot", "RL_foot"]
    order = JointOrder(np.array(hardware.motors))
    values = np.arange(12.0)
    assert np.array_equal(order.to_policy(order.to_robot(values)), values)
    # The robot's third motor is the front right calf.
    assert order.to_robot(values)[2] == layout.joints.index("FR_calf_joint")


def test_feet_remember_one_step() -> None:
    feet = FootContact(np.array([10.0, 10, 10, 10]), JointOrder(np.array([1, 0, 3, 2])))
    first = feet(np.array([30.0, 0, 0, 0]))
    assert first.tolist() == [0.0, np.inf, 0.0, 0.0]
    assert feet(np.zeros(4)).tolist() == first.tolist()
    assert not feet(np.zeros(4)).any()


def test_angles() -> None:
    half = np.pi / 8
    assert roll_pitch_yaw(np.array([np.cos(half), np.sin(half), 0, 0])) == pytest.approx((2 * half, 0, 0))
    assert roll_pitch_yaw(np.array([np.cos(half), 0, np.sin(half), 0])) == pytest.approx((0, 2 * half, 0))
    assert roll_pitch_yaw(np.array([np.cos(half), 0, 0, np.sin(half)])) == pytest.approx((0, 0, 2 * half))
    assert wrap(3.5) == pytest.approx(3.5 - 2 * np.pi)


def test_commands_in_the_pages_parse() -> None:
    """`parkour deploy` parses its own options, which the pages' test of commands does not see."""
    from parkour_deploy.options import make_parser
    from tests.docs.pages import ROOT, shell_lines

    pages = [ROOT / "README.md", ROOT / "docs" / "deployment.md", ROOT / "deploy" / "README.md"]
    lines = [line.split()[2:] for page in pages for line in shell_lines(page) if line.startswith("parkour deploy ")]
    assert lines
    for line in lines:
        make_parser("parkour deploy").parse_args(line)


def test_who_stops_it_before_the_robot_says_anything_is_not_told_of_cables() -> None:
    class Silent:
        def receive(self, timeout: float) -> None:
            asked.append(timeout)

    asked: list[float] = []
    loop = Loop(cast(RobotLink, Silent()), cast(Controller, None), stale=50, move=False, stop=lambda: bool(asked))
    with pytest.raises(LinkError, match=r"^stopped before a state came from the robot$"):
        loop.run(60.0)


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(command_line._COMMANDS, "list", interrupted)
    assert command_line.main(["list"]) == 130 and capsys.readouterr() == ("", "")
