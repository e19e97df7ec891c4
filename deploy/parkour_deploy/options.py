"""``parkour deploy``'s command line, in what Python itself brings."""

from __future__ import annotations

import argparse
import contextlib
import math
from pathlib import Path
from typing import Any, Callable, Iterable, NoReturn

DESCRIPTION = "Run an exported policy on a robot. Tried against the robot's protocol, never on a real one."


class _Help(argparse.HelpFormatter):
    """Help as ``parkour``'s other commands have it."""

    def add_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], groups: Any, prefix: str | None = None
    ) -> None:
        super().add_usage(usage, actions, groups, "Usage: " if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """One with help and errors as ``parkour``'s other commands have them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Help, add_help=False, **settings)
        self._positionals.title, self._optionals.title = "Arguments", "Options"
        self.add_argument("-h", "--help", action="help", help="Show this message and exit.")

    def error(self, message: str) -> NoReturn:
        """One line, one more with what to try, and status 2."""
        self.exit(2, f"error: {message}\nhint: {self.prog} -h\n")


def make_parser(program: str) -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(prog=program, description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands.add_parser("run", help="Run a policy; the motors move with --move alone."))
    _add_check(commands.add_parser("check", help="Look at a robot before it moves, and calibrate its feet."))
    _add_replay(commands.add_parser("replay", help="A log through the export again, and plots of it."))
    commands.add_parser("list", help="List links and depth sources.")
    return parser


def _above_zero(kind: Callable[[str], float]) -> Callable[[str], float]:
    """Of an option's value: reads a number that is finite and above 0."""

    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            value = kind(text)
            if 0 < value < math.inf:
                return value
        number = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"got {text!r}, expected {number} above 0")

    return read


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_robot(parser)
    parser.add_argument("--move", action="store_true", help="drive the motors; without it nothing is ever sent")
    parser.add_argument("--speed", type=float, help="commanded [m/s]; the greatest trained with by default")
    parser.add_argument("--flat", action="store_true", help="the ground is level, and the right stick steers")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="foot thresholds, as check wrote them")
    parser.add_argument("--foot-thresholds", metavar="A,B,C,D", help="the same by hand, in the robot's order of feet")
    parser.add_argument("--tilt", type=float, help="instead of the export's limit [rad]")
    parser.add_argument("--action-delay", type=int, metavar="STEPS", help="instead of the trained one")
    parser.add_argument("--stale", type=_above_zero(int), metavar="MS", help="age of a state that is too old (50)")
    parser.add_argument(
        "--patience", type=_above_zero(float), default=40.0, metavar="MS", help="of the guard process (40)"
    )
    parser.add_argument("--no-guard", action="store_true", help="no process that damps when this one dies")
    parser.add_argument("--seconds", type=_above_zero(float), default=3600.0, help="end after so long (3600)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="of the log (logs/deploy/TIME.npz)")
    parser.add_argument("--mcap", type=Path, metavar="FILE", help="write the log as MCAP too")
    parser.add_argument("--lockstep", action="store_true", help="the robot is simulated and waits for every answer")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_robot(parser)
    parser.add_argument("--move", action="store_true", help="move the joints one at a time; the robot hangs")
    parser.add_argument("--yes", action="store_true", help="do not ask; what a person must see counts as seen")
    parser.add_argument("--seconds", type=_above_zero(float), default=3.0, help="of every measurement (3)")
    parser.add_argument("--calibration", type=Path, default=Path("calibration.json"), metavar="FILE", help="to write")
    parser.add_argument("--picture", type=Path, default=Path("depth.png"), metavar="FILE", help="to write")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", type=Path, metavar="LOG", help="a log of parkour deploy run")
    parser.add_argument("export", type=Path, metavar="EXPORT", help="the export that it is of")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw jitter, torques and temperatures; matplotlib")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_robot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", type=Path, metavar="EXPORT", help="folder that parkour export onnx wrote")
    parser.add_argument("--interface", required=True, help="network interface of the robot, as in eth0")
    parser.add_argument("--domain", type=int, default=0, help="of DDS (0)")
    parser.add_argument("--link", default="go2", metavar="NAME[:ARG]", help="what robot (go2)")
    parser.add_argument("--depth", metavar="NAME[:ARG]", help="camera: realsense, topic, recording:LOG, or a plugin's")
