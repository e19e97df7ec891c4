"""Checks that only listen: rate, checksums, joints, IMU, feet."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Callable, Sequence

import numpy as np

from parkour_deploy.check.finding import Finding
from parkour_deploy.contract import Contract
from parkour_deploy.control.watchdogs import body_of
from parkour_deploy.errors import DeployError, LinkError
from parkour_deploy.files import whole_file
from parkour_deploy.hardware import Hardware
from parkour_deploy.joints import JointOrder
from parkour_deploy.links.link import RobotLink
from parkour_deploy.orientation import roll_pitch_yaw
from parkour_deploy.robot import RobotState

SLOWEST = 100.0
"""States a second below which a robot cannot be controlled."""
MARGIN, NOISES = 2.0, 4.0
"""A foot's threshold above its greatest reading in the air: units of the sensor, standard deviations; the greater."""
TURN = math.radians(10)
"""How far somebody has to tilt the robot."""
Ask = Callable[[str], bool]
"""Shows a person a line and waits; False where nobody is asked."""


def listen(link: RobotLink, seconds: float) -> tuple[list[RobotState], np.ndarray]:
    """States of a while, and when they came [s].

    Raises:
        LinkError: none came.
    """
    states, times, end = [], [], time.monotonic() + seconds
    while time.monotonic() < end:
        state = link.receive(0.2)
        if state is not None:
            states.append(state)
            times.append(time.perf_counter())
    if not states:
        raise LinkError("no state came from the robot: is it on, is the interface the right one?")
    return states, np.array(times)


def check_rate(states: Sequence[RobotState], times: np.ndarray) -> list[Finding]:
    """Rate, jitter and checksums."""
    gaps = 1000 * np.diff(times) if len(times) > 1 else np.array([np.inf])
    rate = 1000 / float(gaps.mean())
    middle, late = np.percentile(gaps, (50, 99))
    bad = sum(not state.intact for state in states)
    return [
        Finding("states", rate >= SLOWEST, f"{rate:.0f} a second, apart p50 {middle:.1f} ms, p99 {late:.1f} ms"),
        Finding("checksums", bad == 0, f"{bad} of {len(states)} wrong"),
    ]


def check_joints(state: RobotState, contract: Contract, hardware: Hardware) -> Finding:
    """Whether every joint reads within its range."""
    body = body_of(state, JointOrder(hardware.motors))
    limits = hardware.limits
    low, high = limits.joint_lower - limits.joint_margin, limits.joint_upper + limits.joint_margin
    wrong = [
        f"{name} {value:.2f} rad"
        for name, value, a, b in zip(contract.joints, body.joint_pos, low, high)
        if not a <= value <= b
    ]
    shown = ", ".join(
        f"{name.replace('_joint', '')} {value:.2f}" for name, value in zip(contract.joints, body.joint_pos)
    )
    return Finding("joints", not wrong, f"outside their range: {', '.join(wrong)}" if wrong else f"{shown} rad")


def check_imu(link: RobotLink, ask: Ask) -> list[Finding]:
    """Orientation and gyroscope: signs, with a person's help."""
    state = _newest(link)
    norm, up = float(np.linalg.norm(state.quaternion)), float(state.accelerometer[2])
    findings = [
        Finding(
            "IMU", abs(norm - 1) < 0.05 and up > 5.0, f"quaternion of length {norm:.3f}, {up:.1f} m/s² upward at rest"
        ),
        Finding(
            "gyroscope at rest",
            bool(np.abs(state.gyroscope).max() < 0.1),
            f"{np.round(state.gyroscope, 3).tolist()} rad/s",
        ),
    ]
    for motion, index in (("Push its nose down", 1), ("Roll it to its right", 0)):
        if not ask(f"{motion} by more than {math.degrees(TURN):.0f}°, hold it there, and press Enter"):
            continue
        angle = roll_pitch_yaw(_newest(link).quaternion)[index]
        name = ("roll", "pitch")[index]
        findings.append(Finding(f"sign of {name}", angle > TURN, f"{math.degrees(angle):.0f}°, expected more than 10°"))
    return findings


def calibrate_feet(states: Sequence[RobotState], contract: Contract, path: Path) -> Finding:
    """Thresholds above what the sensors say in the air, written for ``run``."""
    force = np.stack([state.foot_force for state in states if state.intact])
    thresholds = force.max(axis=0) + np.maximum(MARGIN, NOISES * force.std(axis=0))
    data = {"export": contract.sha256, "foot_thresholds": np.round(thresholds, 2).tolist()}
    try:
        with whole_file(path) as part:
            part.write_text(json.dumps(data) + "\n", encoding="utf-8")
    except OSError as error:
        raise DeployError(f"cannot write {path}: {error.strerror or error}", hint="--calibration FILE") from None
    return Finding("feet in the air", True, f"thresholds {np.round(thresholds, 1).tolist()} written to {path}")


def check_feet(states: Sequence[RobotState], thresholds: np.ndarray) -> Finding:
    """Whether every foot passed its threshold while somebody pressed them one after the other."""
    force = np.stack([state.foot_force for state in states if state.intact]).max(axis=0)
    silent = [str(index) for index in np.flatnonzero(force <= thresholds)]
    said = f"greatest {force.tolist()}"
    return Finding("feet pressed", not silent, f"{said}; never down: foot {', '.join(silent)}" if silent else said)


def _newest(link: RobotLink) -> RobotState:
    return listen(link, 0.1)[0][-1]
