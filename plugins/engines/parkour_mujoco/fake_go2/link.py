"""The robot in the controller's own process, without a network: ``parkour deploy run --link simulated:demo``."""

from __future__ import annotations

import time

from parkour_deploy.dds.go2 import CommandEncoder, decode_state
from parkour_deploy.depth.source import Picture, SourceContext
from parkour_deploy.errors import DeployError, LinkError
from parkour_deploy.links.link import LinkContext
from parkour_deploy.robot import MotorCommand, RobotState
from parkour_mujoco.fake_go2.options import FakeOptions
from parkour_mujoco.fake_go2.robot import FakeGo2


class SimulatedLink:
    """See :class:`parkour_deploy.links.link.RobotLink`. Its argument: ``TERRAIN,DIFFICULTY,SEED``.

    Every state waits for the command before it; with ``--lockstep`` it comes at once, otherwise at the robot's pace.
    """

    def __init__(self, context: LinkContext, options: FakeOptions | None = None) -> None:
        if context.contract is None:
            raise LinkError("a simulated robot needs an export")
        self._context = context
        self.robot = FakeGo2(context.contract.folder, options or _parse(context.argument))
        self._encode = CommandEncoder(echo=True)
        self._begun: float | None = None
        self._answered = False
        """Whether a command came since the last state; a robot that waits and is silent waits for one."""
        self._number = 0
        self._seen: Picture | None = None

    def open(self, *, move: bool) -> None:
        """There is nobody to ask."""

    def open_limp(self) -> None:
        raise LinkError("a simulated robot ends with its process: there is nothing to guard", hint="--no-guard")

    def receive(self, timeout: float) -> RobotState | None:
        robot = self.robot
        if self._begun is None:
            self._begun = time.monotonic()
        elif self._answered or not (self._context.lockstep and robot.silent):
            robot.step()
        self._answered = False
        if robot.done:
            return None
        if not self._context.lockstep:
            time.sleep(max(0.0, self._begun + robot.tick / 1000 - time.monotonic()))
        if robot.silent:
            time.sleep(timeout)
            return None
        return decode_state(robot.state())

    def send(self, command: MotorCommand) -> None:
        self._answered = True
        self.robot.obey(self._encode(command))

    def disturbed(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is held."""

    def picture(self) -> Picture | None:
        """What its camera sees, at the rate of the camera."""
        robot = self.robot
        if robot.picture_due and (self._seen is None or self._seen.tick != robot.tick):
            self._number += 1
            self._seen = Picture(self._number, robot.picture(), robot.tick)
        return self._seen


class SimulatedDepth:
    """See :class:`parkour_deploy.depth.source.DepthSource`: the simulated robot's own camera, ``--depth simulated``."""

    def __init__(self, context: SourceContext) -> None:
        if not isinstance(context.link, SimulatedLink):
            raise DeployError("--depth simulated: expected a simulated robot", hint="--link simulated:TERRAIN")
        self._link = context.link

    def open(self) -> None:
        """It is open as long as the robot is there."""

    def newest(self) -> Picture | None:
        return self._link.picture()

    def close(self) -> None:
        """Nothing is held."""


def _parse(argument: str) -> FakeOptions:
    terrain, difficulty, seed, *rest = [*argument.split(","), "", ""][: max(3, argument.count(",") + 1)]
    try:
        if rest:
            raise ValueError
        return FakeOptions(
            terrain=terrain or FakeOptions.terrain,
            difficulty=float(difficulty or FakeOptions.difficulty),
            seed=int(seed or FakeOptions.seed),
        )
    except ValueError:
        raise DeployError(
            f"--link simulated:{argument}: expected simulated:TERRAIN,DIFFICULTY,SEED", hint="--link simulated:demo,0.3"
        ) from None
