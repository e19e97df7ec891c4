"""A process that damps the motors when the one that drives them dies or hangs.

The driver writes a byte to the guard's standard input with every turn of its loop. When these stop, or the pipe is
closed without a farewell, the guard sends DAMP for some seconds: a Go2's motors keep their last command.
"""

from __future__ import annotations

import argparse
import os
import select
import subprocess
import sys
import time
from typing import Sequence

import numpy as np

from parkour_deploy.control.realtime import punctual
from parkour_deploy.errors import DeployError
from parkour_deploy.links.link import LinkContext, RobotLink
from parkour_deploy.robot import MotorCommand

ALIVE, FAREWELL = b".", b"q"
PATIENCE = 0.04
"""How long the driver may be silent before it counts as hung [s]; its loop turns every 2 ms."""
DURATION = 5.0
"""How long DAMP is sent [s]."""
_INTERVAL = 0.002
_START = 20.0
# Without the working folder on the path, where any file may lie.
_START_GUARD = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from parkour_deploy.control.guard import main; main()"
)


class Guard:
    """The driver's end.

    Args:
        target: ``module:Class`` of the link.
        context: that it was made with.
        damping: gain of DAMP [N m s/rad].
        joints: count of motors.
        patience: see :data:`PATIENCE`.

    Raises:
        DeployError: the process does not start.
    """

    def __init__(
        self, target: str, context: LinkContext, *, damping: float, joints: int, patience: float = PATIENCE
    ) -> None:
        command = [
            sys.executable, "-c", _START_GUARD, target, "--interface", context.interface,
            "--domain", str(context.domain), f"--argument={context.argument}", "--damping", str(damping),
            "--joints", str(joints), "--patience", str(patience),
        ]  # fmt: skip
        # A session of its own: what ends the driver's terminal must not end the guard.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = self._process.stdin.fileno()
        ready, _, _ = select.select([self._process.stdout], [], [], _START)
        if not ready or self._process.stdout.readline().strip() != b"ready":
            self._process.kill()
            raise DeployError("the guard process, which damps the motors if this one dies, did not start")
        os.set_blocking(self._pipe, False)

    def alive(self) -> bool:
        """Say that the driver is; False when the guard is not."""
        try:
            os.write(self._pipe, ALIVE)
        except BlockingIOError:
            return True  # a full pipe says it as well
        except OSError:
            return False
        return True

    def dismiss(self) -> None:
        """The driver ends, and has damped the motors itself."""
        try:
            os.write(self._pipe, FAREWELL)
            os.close(self._pipe)
        except OSError:
            pass
        try:
            self._process.wait(3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()


def watch(link: RobotLink, command: MotorCommand, patience: float) -> str:
    """Wait for the driver to say farewell, to die, or to hang; in the last two cases damp.

    Returns:
        What happened, for the operator; "" for a farewell.
    """
    stdin = sys.stdin.fileno()
    begun = False
    while True:
        ready, _, _ = select.select([stdin], [], [], patience if begun else None)
        if not ready:
            reason = f"the controller was silent for {1000 * patience:.0f} ms"
            break
        said = os.read(stdin, 4096)
        if FAREWELL in said or (not said and not begun):
            return ""
        if not said:
            reason = "the controller died"
            break
        begun = True
    end = time.monotonic() + DURATION
    while time.monotonic() < end:
        link.send(command)
        time.sleep(_INTERVAL)
    return reason


def main(arguments: Sequence[str] | None = None) -> None:
    """The guard's process."""
    from parkour_deploy.plugins import resolve

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    for name, kind in (("interface", str), ("domain", int), ("argument", str), ("damping", float), ("joints", int),
                       ("patience", float)):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, required=True)
    options = parser.parse_args(arguments)
    context = LinkContext(interface=options.interface, domain=options.domain, argument=options.argument)
    link: RobotLink = resolve(options.target)(context)
    zeros = np.zeros(options.joints)
    with punctual():
        link.open_limp()
        print("ready", flush=True)
        reason = watch(link, MotorCommand(zeros, zeros, np.full(options.joints, options.damping)), options.patience)
    if reason:
        print(f"guard: {reason}; the motors were damped for {DURATION:.0f} s", file=sys.stderr, flush=True)
    link.close()


if __name__ == "__main__":
    main()
