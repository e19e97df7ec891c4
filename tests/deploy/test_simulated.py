"""Controller and simulated robot together: the way from lying to walking to lying, and every fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mujoco")

from parkour_mujoco.fake_go2.faults import KINDS, parse_fault
from parkour_mujoco.fake_go2.operator import Script
from parkour_mujoco.fake_go2.options import FakeOptions
from tests.deploy.harness import ride

pytestmark = pytest.mark.mujoco

LINES = {
    "stale": "no state from the robot for 200 ms",
    "crc": "3 states with a wrong checksum, one after the other",
    "nan": "a reading is not a number: joint position",
    "tilt": "tilted",
    "torque": "FR_calf_joint at 60 N m, limit 48",
    "speed": "FR_thigh_joint at 60 rad/s, limit 40",
    "joint": "FL_calf_joint at 0.50 rad, range -2.72 to -0.84",
    "hot": "RR_thigh_joint's motor at 95 °C, limit 85 °C",
    "battery": "battery at 20.0 V, limit 22.0 V",
    "depth": "no depth picture for 300 ms",
    "remote": "the operator let go of L1",
    "stop": "the operator pressed stop",
}
"""What the operator reads."""
SOON = {"tilt": 200, "depth": 420}
"""Robot's time from fault to damping [ms] where it is not 20: a body has to turn over, a picture to grow old."""


def test_from_lying_to_walking_to_lying(shipped: dict[str, Path]) -> None:
    fake = FakeOptions("flat", 0.0, seconds=9.0, script=Script(policy=3.0, sit=6.0))
    done = ride(shipped["teacher"], fake, control={"flat": True})
    assert done.modes == ["STAND", "READY", "POLICY", "SIT", "DAMP"]
    assert done.report.fault is None
    assert np.linalg.norm(done.robot.track[-1][:2] - done.robot.track[0][:2]) > 1.0
    assert done.robot.fell_at is None
    # It lies where it began: joints as they were, motors without stiffness.
    assert done.robot.world.state().base_pos[2] < 0.15
    assert not done.robot._command[3].any()


@pytest.mark.parametrize("kind", LINES)
def test_every_fault_damps_at_once_and_for_good(shipped: dict[str, Path], kind: str) -> None:
    begin = 4.6
    stage = "student" if kind == "depth" else "teacher"
    fake = FakeOptions("flat", 0.0, seconds=6.5, script=Script(policy=3.0), fault=parse_fault(f"{kind}@{begin}"))
    done = ride(shipped[stage], fake, control={"flat": True})
    fault = done.report.fault
    assert fault is not None
    assert fault.reason.startswith(LINES[kind])
    assert fault.before.name == "POLICY"
    assert done.robot.damped_at is not None
    assert 0 <= done.robot.damped_at - 1000 * begin <= SOON.get(kind, 20)
    # Latched: L1 and start are pressed on, and nothing moves any more.
    assert done.modes[-1] == "DAMP"
    assert done.robot.driven_at <= done.robot.damped_at


def test_every_kind_of_fault_is_tried() -> None:
    assert set(KINDS) == {*LINES, "writer"}, "writer needs a network: see test_dds.py"
