"""The policy at the controls: observations in, position targets out, once a control step."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from parkour_deploy.contract import Contract, Group
from parkour_deploy.control.feet import FootContact
from parkour_deploy.control.options import ControlOptions
from parkour_deploy.control.watchdogs import Body
from parkour_deploy.depth.source import Picture
from parkour_deploy.errors import ContractError
from parkour_deploy.joints import JointOrder
from parkour_deploy.observer import Observer, Readings
from parkour_deploy.orientation import wrap
from parkour_deploy.policy import GraphPolicy
from parkour_deploy.robot import RobotState

LATE_STEPS = 3
"""Policy steps longer than a control step, one after the other, that are one too many."""


@dataclass(frozen=True)
class Step:
    """What a control step of the policy was made of, for the log."""

    readings: Readings
    action: np.ndarray
    """``[J]`` after the clip."""
    target: np.ndarray
    """``[J]`` sent with the delay of the training [rad]."""
    seconds: float
    """Of the host's, to compute it."""
    adopted: bool
    """Whether a result of the background came in."""


class Pilot:
    """Runs an export.

    Args:
        contract: of the export.
        options: the operator's.
        background: have the slow graphs computed beside the control loop.

    Raises:
        ContractError: the policy reads what a robot does not have.
    """

    def __init__(self, contract: Contract, options: ControlOptions, *, background: bool) -> None:
        hardware = contract.known_hardware()
        self._contract, self._options = contract, options
        self.observer: Observer[Readings] = Observer(contract, groups=_level_ground(contract, options))
        self.policy = GraphPolicy(contract, background=background)
        self.policy.warm_up(contract.observation_size)
        self._feet = FootContact(options.foot_thresholds, JointOrder(hardware.feet))
        self._delay = contract.action_delay if options.action_delay is None else options.action_delay
        self._late = 0
        self.begin(0.0)

    @property
    def wants_picture(self) -> bool:
        """Whether the next step is one that looks."""
        return self._contract.camera is not None and self._count % self._contract.perception_period == 0

    def begin(self, yaw: float) -> None:
        """An episode begins, with the robot facing ``yaw`` [rad]."""
        self.observer.reset()
        self.policy.reset()
        self._feet.reset()
        self._heading, self._count, self._late = yaw, 0, 0
        self._action = np.zeros(len(self._contract.joints))
        self._queue: list[np.ndarray] = [self._action] * self._delay

    def step(self, state: RobotState, body: Body, picture: Picture | None) -> Step:
        """One control step."""
        started = time.perf_counter()
        readings = self._read(state, body, picture)
        observation = self.observer.observe(readings)[None]
        known = len(self.policy.adopted)
        raw = self.policy(observation)[0].astype(float)
        self._action = np.clip(raw, -self._contract.action_clip, self._contract.action_clip)
        self._queue.append(self._action)
        target = self._contract.default_joint_pos + self._contract.action_scale * self._queue.pop(0)
        self._count += 1
        seconds = time.perf_counter() - started
        self._late = self._late + 1 if seconds > self._contract.step_dt else 0
        return Step(readings, self._action, target, seconds, len(self.policy.adopted) > known)

    def problem(self, step: Step) -> str | None:
        """What is wrong with a step, or None."""
        if not np.isfinite(step.target).all():
            return "the policy returned what is not a number"
        if self._options.lockstep:
            return None
        if self._late >= LATE_STEPS:
            return f"the policy took longer than {1000 * self._contract.step_dt:.0f} ms {self._late} times in a row"
        return None

    def overdue(self) -> str | None:
        """Whether the picture before is still being looked at when the next is due."""
        if self._count > 0 and self.wants_picture and self.policy.busy and not self._options.lockstep:
            return "looking at a picture took longer than the time to the next"
        return None

    def _read(self, state: RobotState, body: Body, picture: Picture | None) -> Readings:
        options, dt = self._options, self._contract.step_dt
        self._heading -= state.remote.right_x * options.turn_rate * dt
        error = wrap(self._heading - body.yaw)
        return Readings(
            ang_vel=state.gyroscope,
            roll=body.roll,
            pitch=body.pitch,
            yaws=(error, error),
            command=options.speed * (1.0 + min(0.0, state.remote.left_y)),
            flat=options.flat,
            joint_pos=body.joint_pos,
            joint_vel=body.joint_vel,
            action=self._action,
            contact=self._feet(state.foot_force),
            # In the precision of the log, so that a replay sees the same.
            depth=picture.depth.astype(np.float32) if picture is not None else None,
        )


def _level_ground(contract: Contract, options: ControlOptions) -> dict:
    """A height scan of zeros, the reading on level ground, where the operator says that the ground is level."""
    scan = contract.group("height_scan")
    if scan is None or not scan.read:
        return {}
    if not options.flat:
        raise ContractError(
            "the policy reads a height scan, which a robot does not have; on level ground it reads zeros",
            hint="--flat, or a student, which reads a depth camera",
        )

    def level(now: Readings, group: Group) -> np.ndarray:
        return np.zeros(group.size)

    return {"height_scan": level}
