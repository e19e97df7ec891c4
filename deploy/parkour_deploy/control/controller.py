"""A state in, a command out. Knows no link, no thread and no clock but the robot's."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Optional

import numpy as np

from parkour_deploy.contract import Contract
from parkour_deploy.control.machine import SITTING_DOWN, STANDING_UP, Change, Mode, StateMachine
from parkour_deploy.control.options import ControlOptions
from parkour_deploy.control.pilot import Pilot, Step
from parkour_deploy.control.poses import lying_down, standing_up
from parkour_deploy.control.watchdogs import Body, Watchdogs, body_of
from parkour_deploy.depth.source import Picture
from parkour_deploy.errors import ContractError
from parkour_deploy.joints import JointOrder
from parkour_deploy.robot import MotorCommand, RobotState

Look = Callable[[int], Optional[Picture]]
"""The newest picture at a tick of the robot's clock."""


class Controller:
    """Everything between a robot's states and its commands.

    Args:
        contract: of the export.
        options: the operator's.
        look: where pictures come from; None where the policy reads none.
        on_change: told of every change of state.
    """

    def __init__(
        self,
        contract: Contract,
        options: ControlOptions,
        look: Look | None = None,
        on_change: Callable[[Change], None] = lambda change: None,
    ) -> None:
        hardware = contract.known_hardware()
        options.check(contract)
        if contract.camera is not None and look is None:
            raise ContractError("the policy reads a depth camera, and there is no depth source", hint="--depth NAME")
        self._contract, self._options, self._hardware = contract, options, hardware
        self._look, self._on_change = look, on_change
        self._order = JointOrder(self._hardware.motors)
        limits = self._hardware.limits
        if options.tilt is not None:
            limits = replace(limits, tilt=options.tilt)
        self._watchdogs = Watchdogs(limits, contract.joints)
        self.machine = StateMachine()
        self.pilot = Pilot(contract, options, background=not options.lockstep)
        self._period = round(1000 * contract.step_dt)
        self._target = self._hardware.lying_joint_pos
        self._begin = self._target
        self._stepped, self._tick = -self._period, 0
        self._seen: Picture | None = None
        self._seen_at = 0
        self.last_step: Step | None = None
        """Of the policy, if the last state brought one."""
        self.body: Body | None = None

    def respond(self, state: RobotState) -> MotorCommand | None:
        """The command that answers a state; None for one that is too damaged to be answered."""
        self.last_step = None
        if not state.intact:
            reason = self._watchdogs.corrupt()
            if reason is None:
                return None
            self.fail(reason)
            return self._command(self._tick)
        self._tick = state.tick
        body = self.body = body_of(state, self._order)
        wrong = self._watchdogs.check(state, body)
        if wrong is not None:
            self.fail(wrong)
        picture = self._picture(state.tick)
        self._operate(state, body, wrong or self._not_ready(state.tick, picture))
        if state.tick - self._stepped >= self._period:
            self._stepped = state.tick - state.tick % self._period
            if self.machine.mode is Mode.POLICY:
                self._step(state, body, picture)
        return self._command(state.tick, body)

    def silence(self, milliseconds: int) -> MotorCommand:
        """The command while no state comes."""
        self.fail(f"no state from the robot for {milliseconds} ms")
        return self._command(self._tick)

    def fail(self, reason: str, *, always: bool = False) -> None:
        """DAMP, latched; see :meth:`StateMachine.fail`."""
        change = self.machine.fail(self._tick, reason, always=always)
        if change is not None:
            self._on_change(change)

    def limp(self) -> MotorCommand:
        """What DAMP sends."""
        count = len(self._contract.joints)
        return MotorCommand(
            self._order.to_robot(self._target), np.zeros(count), np.full(count, self._hardware.limp_damping), self._tick
        )

    def _operate(self, state: RobotState, body: Body, obstacle: str | None) -> None:
        change = self.machine.operate(state.tick, state.remote, obstacle)
        if change is None:
            return
        self._begin = body.joint_pos
        if change.after is Mode.POLICY:
            self.pilot.begin(body.yaw)
            self._stepped = state.tick - self._period
        self._on_change(change)

    def _not_ready(self, tick: int, picture: Picture | None) -> str | None:
        """Why the policy must not begin, or None."""
        if self._contract.camera is None:
            return None
        if self.machine.mode is not Mode.READY:
            return None
        if picture is None:
            return "no depth picture"
        # A robot that waits for answers takes its pictures at fixed ticks, and the policy looks at the same ones.
        every = self._period * self._contract.perception_period
        return "not a tick with a picture" if self._options.lockstep and tick % every else None

    def _picture(self, tick: int) -> Picture | None:
        """The newest picture, or None where there is none or it is too old."""
        if self._look is None or self.machine.mode not in (Mode.READY, Mode.POLICY):
            return None
        picture = self._look(tick)
        if picture is not None and (self._seen is None or picture.number != self._seen.number):
            self._seen, self._seen_at = picture, tick
        fresh = self._seen is not None and tick - self._seen_at <= self._options.depth_patience
        return self._seen if fresh else None

    def _step(self, state: RobotState, body: Body, picture: Picture | None) -> None:
        if self._contract.camera is not None and picture is None:
            return self.fail(f"no depth picture for {self._options.depth_patience} ms")
        late = self.pilot.overdue()
        if late is not None:
            return self.fail(late)
        step = self.pilot.step(state, body, picture if self.pilot.wants_picture else None)
        wrong = self.pilot.problem(step)
        if wrong is not None:
            return self.fail(wrong)
        self._target, self.last_step = step.target, step
        return None

    def _command(self, tick: int, body: Body | None = None) -> MotorCommand:
        mode, count = self.machine.mode, len(self._contract.joints)
        if mode is Mode.DAMP or body is None:
            return self.limp()
        if mode is Mode.POLICY:
            return self._drive(tick, self._contract.stiffness, self._contract.damping)
        self._target = self._pose(tick)
        hardware = self._hardware
        return self._drive(tick, np.full(count, hardware.stand_stiffness), np.full(count, hardware.stand_damping))

    def _pose(self, tick: int) -> np.ndarray:
        mode, elapsed = self.machine.mode, tick - self.machine.since
        lying, standing = self._hardware.lying_joint_pos, self._contract.default_joint_pos
        if mode is Mode.STAND:
            return standing_up(elapsed / STANDING_UP, self._begin, lying, standing)
        if mode is Mode.SIT:
            return lying_down(elapsed / SITTING_DOWN, self._begin, lying)
        return standing

    def _drive(self, tick: int, stiffness: np.ndarray, damping: np.ndarray) -> MotorCommand:
        robot = self._order.to_robot
        return MotorCommand(robot(self._target), robot(stiffness), robot(damping), tick)
