"""A Unitree Go2 over DDS: states from rt/lowstate, commands to rt/lowcmd."""

from __future__ import annotations

import time
from typing import Any

from parkour_deploy.dds.go2 import CommandEncoder, decode_state
from parkour_deploy.dds.layout import COMMAND, STATE
from parkour_deploy.dds.network import participant
from parkour_deploy.errors import LinkError
from parkour_deploy.links.link import LinkContext
from parkour_deploy.robot import MotorCommand, RobotState

LISTEN = 0.4
"""How long it is listened for others who write rt/lowcmd before we do [s]."""


class Go2Link:
    """See :class:`parkour_deploy.links.link.RobotLink`."""

    def __init__(self, context: LinkContext) -> None:
        self._context = context
        # On loopback the robot is a simulated one, which measures with what it is told of its states.
        self._encode = CommandEncoder(echo=context.lockstep or context.interface.startswith("lo"))
        self._part: Any = None
        self._states: Any = None
        self._others: Any = None
        self._commands: Any = None

    def open(self, *, move: bool) -> None:
        """Listen; with ``move`` let go of the built-in controller, make sure nobody writes commands, then write."""
        self._join()
        from parkour_deploy.dds.endpoints import BytesWriter, NewestReader
        from parkour_deploy.dds.types import LOWCMD, LOWSTATE, LowCmd, LowState

        if move:
            # Before rt/lowcmd exists: a controller that stays, or somebody else's commands, end it here.
            self._release()
            self._others = NewestReader(self._part, LOWCMD, LowCmd, own=False)
            if self._others.take(LISTEN) is not None:
                raise LinkError(
                    "somebody else writes rt/lowcmd: two writers tear at the motors", hint="end the other one"
                )
            self._commands = BytesWriter(self._part, LOWCMD, LowCmd)
        self._states = NewestReader(self._part, LOWSTATE, LowState)

    def open_limp(self) -> None:
        """A writer alone."""
        self._join()
        from parkour_deploy.dds.endpoints import BytesWriter
        from parkour_deploy.dds.types import LOWCMD, LowCmd

        self._commands = BytesWriter(self._part, LOWCMD, LowCmd)

    def receive(self, timeout: float) -> RobotState | None:
        data = self._states.take(timeout)
        return decode_state(data) if data is not None and len(data) == STATE.itemsize else None

    def send(self, command: MotorCommand) -> None:
        self._commands.write(self._encode(command))

    def disturbed(self) -> str | None:
        if self._others is None:
            return None
        data = self._others.take()
        return "somebody else writes rt/lowcmd" if data is not None and len(data) == COMMAND.itemsize else None

    def close(self) -> None:
        # cyclonedds ends an entity when the last reference to it goes.
        self._states = self._commands = self._others = self._part = None

    def _join(self) -> None:
        self._part = participant(self._context.interface, self._context.domain)

    def _release(self) -> None:
        from parkour_deploy.dds.switcher import Switcher

        begin = time.monotonic()
        was = Switcher(self._part).release()
        took = time.monotonic() - begin
        line = f"the robot's own controller {was!r} let go" if was else "none of the robot's own controllers runs"
        self._context.notify(f"{line} (asked for {took:.1f} s)")
