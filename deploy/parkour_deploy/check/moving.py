"""The check that moves: one joint after the other, a little, of a robot that hangs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Callable

import numpy as np

from parkour_deploy.check.finding import Finding
from parkour_deploy.contract import Contract
from parkour_deploy.control.watchdogs import Body, Watchdogs, body_of
from parkour_deploy.errors import DeployError, LinkError
from parkour_deploy.hardware import Hardware
from parkour_deploy.joints import JointOrder
from parkour_deploy.links.link import RobotLink
from parkour_deploy.robot import MotorCommand

AMPLITUDE = 0.15
"""Of a joint's motion [rad]."""
PERIOD = 1.2
"""Of a joint's motion there and back [s]."""
EASE = 0.5
"""While gains come up, so that nothing jumps [s]."""
FOLLOWED = 0.5
"""Share of the motion that the joint has to make, in its direction."""
OTHERS = 0.1
"""How far others may move meanwhile [rad]."""
STALE = 0.1
"""[s]"""


@dataclass
class _Motion:
    """Of one joint."""

    there: float
    """How far it went when it was sent furthest up [rad]."""
    others: float
    """How far another joint strayed at most [rad]."""


class JointMover:
    """Moves joints of a robot whose link was opened to move.

    Args:
        link: of the robot.
        contract: whose gains and joints are used.
        hardware: of the robot.
    """

    def __init__(self, link: RobotLink, contract: Contract, hardware: Hardware) -> None:
        self._link, self._contract, self._hardware = link, contract, hardware
        self._order = JointOrder(hardware.motors)
        self._watchdogs = Watchdogs(hardware.limits, contract.joints)

    def run(self, ask: Callable[[str], bool]) -> list[Finding]:
        """Every joint, one after the other; the motors are damped at the end, and when anything is wrong."""
        try:
            rest = self._receive().joint_pos
            self._drive(rest, EASE, lambda part: rest, lambda part: part)
            return [self._try(index, name, rest, ask) for index, name in enumerate(self._contract.joints)]
        finally:
            self._damp()

    def _try(self, index: int, name: str, rest: np.ndarray, ask: Callable[[str], bool]) -> Finding:
        # Towards the middle of the range, so that no stop is met.
        limits = self._hardware.limits
        middle = (limits.joint_lower[index] + limits.joint_upper[index]) / 2
        direction = 1.0 if rest[index] <= middle else -1.0
        motion = self._move(index, rest, direction)
        where = self._where(index, direction)
        went = motion.there / (direction * AMPLITUDE)
        text = f"sent {direction * AMPLITUDE:+.2f} rad, went {motion.there:+.2f}; its foot swings {where}"
        asked = ask(f"{name}: did its foot swing {where} and come back? Enter for yes, n for no")
        return Finding(name, went > FOLLOWED and motion.others < OTHERS, text if asked else f"{text} (nobody looked)")

    def _where(self, index: int, direction: float) -> str:
        """Where a foot swings: to the left or back as its joint turns on, about the axes forward and to the left."""
        if index not in self._contract.hip_joints:
            return "back" if direction > 0 else "forward"
        if not self._contract.hips_to_the_left:
            return "to the side"
        return "left" if direction > 0 else "right"

    def _move(self, index: int, rest: np.ndarray, direction: float) -> _Motion:
        motion = _Motion(0.0, 0.0)
        others = np.arange(len(rest)) != index

        def target(part: float) -> np.ndarray:
            wanted = rest.copy()
            wanted[index] += direction * AMPLITUDE * math.sin(math.pi * part)
            return wanted

        def watch(body: Body) -> None:
            gone = body.joint_pos - rest
            if abs(gone[index]) > abs(motion.there):
                motion.there = float(gone[index])
            motion.others = max(motion.others, float(np.abs(gone[others]).max()))

        self._drive(rest, PERIOD, target, lambda part: 1.0, watch)
        return motion

    def _drive(
        self,
        rest: np.ndarray,
        seconds: float,
        target: Callable[[float], np.ndarray],
        strength: Callable[[float], float],
        watch: Callable[[Body], None] = lambda body: None,
    ) -> None:
        """Send targets for a while, one for each state."""
        to_robot, contract = self._order.to_robot, self._contract
        begin = time.monotonic()
        while True:
            part = min(1.0, (time.monotonic() - begin) / seconds)
            watch(self._receive())
            gain = strength(part)
            self._link.send(
                MotorCommand(to_robot(target(part)), to_robot(gain * contract.stiffness), to_robot(contract.damping))
            )
            if part >= 1.0:
                return

    def _receive(self) -> Body:
        """The newest state, if nothing is wrong with it."""
        state = self._link.receive(STALE)
        if state is None:
            raise LinkError(f"no state from the robot for {1000 * STALE:.0f} ms; the motors were damped")
        if state.remote.pressed("B"):
            raise DeployError("the operator pressed stop; the motors were damped")
        body = body_of(state, self._order)
        wrong = self._watchdogs.check(state, body) if state.intact else self._watchdogs.corrupt()
        if wrong is not None:
            raise DeployError(f"{wrong}; the motors were damped")
        return body

    def _damp(self) -> None:
        count = len(self._contract.joints)
        zeros, damping = np.zeros(count), np.full(count, self._hardware.limp_damping)
        for _ in range(10):
            self._link.send(MotorCommand(zeros, zeros, damping))
            time.sleep(0.002)
