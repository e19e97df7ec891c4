"""What a link is. A plugin adds its own: entry-point group ``parkour.robot_links``, ``name = "module:Class"``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol

from parkour_deploy.contract import Contract
from parkour_deploy.robot import MotorCommand, RobotState


@dataclass(frozen=True)
class LinkContext:
    """What a link is made with."""

    interface: str
    """Network interface of the robot."""
    domain: int = 0
    """Of DDS."""
    argument: str = ""
    """Of the link's own: ``--link NAME:ARGUMENT``."""
    contract: Contract | None = None
    """Of the export that will run; None where nothing does."""
    lockstep: bool = False
    """A simulated robot waits for every answer, so commands say which state they answer."""
    notify: Callable[[str], None] = lambda line: None
    """Told in a line what an operator should know."""


class RobotLink(Protocol):
    """A robot within reach. Made as ``Link(context)``; nothing is sent before :meth:`open`.

    Arrays are in the order of the robot's messages, which ``hardware.motors`` of the export translates.
    """

    def open(self, *, move: bool) -> None:
        """Begin to listen; with ``move`` take the motors over, after everybody else let go of them.

        Raises:
            LinkError: the robot is not there, or somebody else drives it.
        """
        ...

    def open_limp(self) -> None:
        """Be ready to :meth:`send`, without asking or taking over: for the process that damps when ours dies."""
        ...

    def receive(self, timeout: float) -> RobotState | None:
        """The newest state, or None where none came within ``timeout`` [s]."""
        ...

    def send(self, command: MotorCommand) -> None:
        """Send a command; never called unless the link was opened to move."""
        ...

    def disturbed(self) -> str | None:
        """Who else drives the motors, since the last call; None where nobody does."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
