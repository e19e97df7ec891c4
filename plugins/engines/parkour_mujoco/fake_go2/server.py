"""The robot on its network: states out, commands in, over DDS, at the robot's pace or waiting for every answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parkour.errors import EngineError
from parkour_deploy.control.timing import Spread
from parkour_deploy.dds.endpoints import BytesWriter, NewestReader
from parkour_deploy.dds.network import participant
from parkour_deploy.dds.switcher import SwitcherService
from parkour_deploy.dds.types import DEPTH, LOWCMD, LOWSTATE, Depth, LowCmd, LowState
from parkour_deploy.depth.topic import encode_depth
from parkour_deploy.errors import DeployError
from parkour_mujoco.fake_go2.robot import CONTROL, STEP, FakeGo2

PATIENCE = 20.0
"""How long an answer is waited for [s] …"""
AGAIN = 0.5
"""… a state is sent again when none came, since messages may get lost [s] …"""
PATIENCE_CORRUPT = 0.02
"""… and after a state that nobody should answer."""
GIVEN_UP = 3
"""Answers that fail to come, one after the other, after which nobody is there."""
MATCHED = 60.0
"""How long somebody is waited for who listens [s]."""
SETTLE = 200
"""States at the beginning whose answers are not counted among the latencies."""


@dataclass(frozen=True)
class ServerOptions:
    """How it is reached."""

    interface: str = "lo"
    domain: int = 0
    lockstep: bool = False
    """Wait after every state for the command that answers it: the same figures on any machine at any load."""
    pace: float = 1.0
    """Of the robot's clock against the wall's, without lockstep."""
    wait: bool = True
    """Whether to wait for somebody who listens before time begins."""


@dataclass
class Figures:
    """What a run is summed up as."""

    unanswered: int = 0
    late: int = 0
    """Steps that began more than a state's interval after their time."""
    latency: Spread = field(default_factory=Spread)
    """From a state's sending to its command's arrival [ms]."""


OnStep = Callable[[FakeGo2], None]


class Server:
    """Runs a robot until its time is over.

    Args:
        robot: what is simulated.
        options: how it is reached.
        on_step: told every control step; a page.

    Raises:
        EngineError: cyclonedds is not installed, or the interface is not there.
    """

    def __init__(self, robot: FakeGo2, options: ServerOptions, on_step: OnStep = lambda robot: None) -> None:
        self.robot, self.options, self._on_step = robot, options, on_step
        try:
            part = self._part = participant(options.interface, options.domain)
        except DeployError as error:
            raise EngineError(error.message, hint=error.hint) from None
        self._states = BytesWriter(part, LOWSTATE, LowState)
        self._commands = NewestReader(part, LOWCMD, LowCmd)
        self._pictures = BytesWriter(part, DEPTH, Depth, reliable=True)
        self._intruder: Any = None
        controller = "normal" if robot.options.sport_mode else ""
        self._switcher = SwitcherService(part, controller, stubborn=robot.options.stubborn)
        self.figures = Figures()
        self._sent: dict[int, float] = {}

    def run(self) -> dict[str, Any]:
        """Until all way points are reached, the time is over, or nobody answers any more; the figures.

        Raises:
            EngineError: nobody listens.
        """
        if self.options.wait:
            self._await_listener()
        begin = time.perf_counter()
        missed = 0
        while not self.robot.done and missed < GIVEN_UP:
            self._serve()
            answered = self._exchange()
            missed = 0 if answered or not self.options.lockstep else missed + 1
            self.robot.step()
            if self.robot.tick % CONTROL == 0:
                self._on_step(self.robot)
            if not self.options.lockstep:
                self._keep_pace(begin)
        return summary(self.robot, self.figures, time.perf_counter() - begin)

    def _await_listener(self) -> None:
        end = time.monotonic() + MATCHED
        while not (self._states.matched and self._commands.matched):
            if time.monotonic() > end:
                raise EngineError(
                    f"nobody listens to {LOWSTATE} and writes {LOWCMD} on {self.options.interface}, domain "
                    f"{self.options.domain}",
                    hint="parkour deploy run EXPORT --interface lo --move",
                )
            self._serve()
            time.sleep(0.005)

    def _serve(self) -> None:
        """The services beside the messages, ten times a control step."""
        self._switcher.serve()
        self.robot.own_controller = bool(self._switcher.name)

    def _exchange(self) -> bool:
        """One state, one command; whether it was answered."""
        robot = self.robot
        picture = encode_depth(robot.tick, robot.picture()) if robot.picture_due else None
        state = None if robot.silent else robot.state()
        self._intrude()
        self._send(state, picture)
        if not self.options.lockstep:
            return self._take() is not None
        damaged = robot.fault("crc")
        begin = sent = time.monotonic()
        while time.monotonic() - begin < (PATIENCE_CORRUPT if damaged else PATIENCE):
            # A state that was never sent has no answer; any command will do then.
            answered = self._take(0.02)
            if answered is not None and (answered == robot.tick or robot.silent):
                return True
            if not damaged and time.monotonic() - sent > AGAIN:
                sent = time.monotonic()
                self._send(state, picture)
        self.figures.unanswered += not damaged
        return damaged

    def _send(self, state: bytes | None, picture: bytes | None) -> None:
        """The picture first, so that it is there when the state is answered."""
        if picture is not None:
            self._pictures.write(picture)
        if state is not None:
            self._sent[self.robot.tick] = time.perf_counter()
            self._states.write(state)

    def _take(self, timeout: float = 0.0) -> int | None:
        """The newest command's answer, if one came."""
        data = self._commands.take(timeout)
        if data is None:
            return None
        answered = self.robot.obey(data)
        if answered is not None and answered in self._sent:
            took = 1000 * (time.perf_counter() - self._sent.pop(answered))
            if self.robot.tick > SETTLE * STEP:
                self.figures.latency.add(took)
        return answered

    def _intrude(self) -> None:
        """Somebody else's commands, which nobody is to obey."""
        if not self.robot.fault("writer"):
            return
        if self._intruder is None:
            from parkour_deploy.dds.layout import COMMAND, Message

            # A participant of its own, as another process has.
            other = participant(self.options.interface, self.options.domain)
            self._intruder = BytesWriter(other, LOWCMD, LowCmd), Message(COMMAND).seal(corrupt=True)
        writer, command = self._intruder
        writer.write(command)

    def _keep_pace(self, begin: float) -> None:
        rest = begin + self.robot.seconds / self.options.pace - time.perf_counter()
        if rest > 0:
            time.sleep(rest)
        elif rest < -STEP / 1000:
            self.figures.late += 1


def summary(robot: FakeGo2, figures: Figures, wall: float) -> dict[str, Any]:
    """What ``parkour fake-go2 --json`` prints."""
    options, fault = robot.options, robot.options.fault
    began = None if fault is None else 1000 * fault.at
    walked = np.stack(robot.track) if robot.track else np.zeros((1, 4))
    return {
        "terrain": options.terrain,
        "difficulty": options.difficulty,
        "seed": options.seed,
        "seconds": robot.seconds,
        "wall_seconds": round(wall, 2),
        "success": robot.goals.done,
        "way_points": robot.goals.index,
        "way_points_of": len(robot.goals.goals),
        "fell": None if robot.fell_at is None else robot.fell_at / 1000,
        "distance": round(float(np.linalg.norm(walked[-1, :2] - walked[0, :2])), 3),
        "commands": vars(robot.counts),
        "unanswered": figures.unanswered,
        "late_steps": figures.late,
        "state_to_command_ms": figures.latency.summary(),
        "fault": fault.kind if fault is not None else None,
        "fault_to_damping_ms": None if began is None or robot.damped_at is None else round(robot.damped_at - began),
        "last_driven": None if robot.driven_at is None else robot.driven_at / 1000,
        "driven_to_limp_ms": robot.driven_to_limp,
    }
