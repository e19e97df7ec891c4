"""A run from the options to the log."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, Mapping

import numpy as np

from parkour_deploy.contract import Contract, read_contract
from parkour_deploy.control.controller import Controller, Look
from parkour_deploy.control.guard import Guard
from parkour_deploy.control.loop import LockstepEyes, Loop, LoopReport
from parkour_deploy.control.options import ControlOptions
from parkour_deploy.control.realtime import punctual
from parkour_deploy.depth.source import DepthSource, Picture, SourceContext
from parkour_deploy.errors import ContractError, DeployError
from parkour_deploy.files import check_writable
from parkour_deploy.links.link import LinkContext, RobotLink
from parkour_deploy.log import Log
from parkour_deploy.plugins import LINKS, SOURCES, find, resolve
from parkour_deploy.reading import read_json
from parkour_deploy.text import one_line

STALE, STALE_LOCKSTEP = 50, 10_000
"""Age of a state that is too old [ms]."""
PATIENCE_LOCKSTEP = 15.0
"""Of the guard, where the robot waits [s]."""

Targets = Mapping[str, str]
"""``module:attribute`` by name, of links and sources from elsewhere."""


def notice(line: str) -> None:
    """To the operator."""
    print(one_line(line), file=sys.stderr, flush=True)


def run(options: argparse.Namespace, links: Targets, sources: Targets) -> LoopReport:
    """``parkour deploy run``.

    Raises:
        DeployError: the export, the options or the robot are not in order.
    """
    contract = read_contract(options.export)
    contract.known_hardware()  # Or nothing is opened.
    control = _control(options, contract)
    place = options.log or Path("logs") / "deploy" / f"{time.strftime('%Y-%m-%d_%H-%M-%S')}.npz"
    check_writable(place, "--log")
    if options.mcap is not None:
        check_writable(options.mcap, "--mcap")
    stop = threading.Event()
    target, link = make_link(options, contract, links)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(stop))
        look = _Eyes()
        # What may be late, the perception's thread and the guard, begins before, and what may not, after: threads
        # inherit the priority of the one that starts them.
        controller = Controller(
            contract, control, look if contract.camera is not None else None, lambda change: notice(change.line())
        )
        log = Log(contract, control)
        guard = _guard(options, target, contract) if options.move and not options.no_guard else None
        if guard is not None:
            stack.callback(guard.dismiss)
        for line in stack.enter_context(punctual()):
            notice(line)
        stack.callback(link.close)
        link.open(move=options.move)
        look.open = stack.enter_context(open_depth(options, contract, sources, link))
        notice("motors: driven" if options.move else "motors: left alone; --move drives them")
        report = _loop(options, link, controller, guard, log, stop).run(options.seconds)
    notice(f"log {log.write(place, report.summary())}")
    if options.mcap is not None:
        from parkour_deploy.mcap_log import write_mcap

        notice(f"log {write_mcap(place, options.mcap)}")
    return report


def _control(options: argparse.Namespace, contract: Contract) -> ControlOptions:
    """How the policy is to drive."""
    return ControlOptions(
        foot_thresholds=foot_thresholds(options, contract),
        speed=contract.speed[1] if options.speed is None else options.speed,
        flat=options.flat,
        action_delay=options.action_delay,
        tilt=options.tilt,
        lockstep=options.lockstep,
    )


def _loop(
    options: argparse.Namespace,
    link: RobotLink,
    controller: Controller,
    guard: Guard | None,
    log: Log,
    stop: threading.Event,
) -> Loop:
    """What steps all of it until ``stop`` is set."""
    return Loop(
        link,
        controller,
        stale=options.stale or (STALE_LOCKSTEP if options.lockstep else STALE),
        move=options.move,
        guard=guard,
        stalled=None if guard is None or options.lockstep else options.patience,
        recorder=log,
        stop=stop.is_set,
    )


class _Eyes:
    """Where the controller looks, which is opened after it was made."""

    def __init__(self) -> None:
        self.open: Look | None = None

    def __call__(self, tick: int) -> Picture | None:
        """The newest picture."""
        return self.open(tick) if self.open is not None else None


def make_link(options: argparse.Namespace, contract: Contract | None, links: Targets) -> tuple[str, RobotLink]:
    """The link that was asked for, and its address."""
    name, _, argument = options.link.partition(":")
    target = find(LINKS, name, links)
    context = LinkContext(
        interface=options.interface,
        domain=options.domain,
        argument=argument,
        contract=contract,
        lockstep=getattr(options, "lockstep", False),
        notify=notice,
    )
    return target, resolve(target)(context)


@contextlib.contextmanager
def open_depth(
    options: argparse.Namespace, contract: Contract, sources: Targets, link: RobotLink
) -> Iterator[Look | None]:
    """Where the policy's pictures come from; None where it reads none."""
    source = make_source(options, contract, sources, link)
    if source is None:
        yield None
        return
    source.open()
    try:
        if getattr(options, "lockstep", False):
            yield LockstepEyes(source, round(1000 * contract.step_dt) * contract.perception_period)
        else:
            yield lambda tick: source.newest()
    finally:
        source.close()


def make_source(
    options: argparse.Namespace, contract: Contract, sources: Targets, link: RobotLink
) -> DepthSource | None:
    """The depth source that was asked for.

    Raises:
        ContractError: the policy needs one and there is none.
    """
    if contract.camera is None:
        return None
    if options.depth is None:
        raise ContractError("the policy reads a depth camera", hint="--depth realsense, topic or recording:LOG.npz")
    name, _, argument = options.depth.partition(":")
    context = SourceContext(
        camera=contract.camera,
        interface=options.interface,
        domain=options.domain,
        argument=argument,
        link=link,
        notify=notice,
    )
    return resolve(find(SOURCES, name, sources))(context)


def foot_thresholds(options: argparse.Namespace, contract: Contract) -> np.ndarray:
    """``[F]`` from a calibration or by hand: there is no default, since every robot's sensors differ.

    Raises:
        DeployError: neither is given, or it makes no sense.
    """
    if options.foot_thresholds is not None:
        try:
            return np.array([float(part) for part in options.foot_thresholds.split(",")])
        except ValueError:
            raise DeployError(f"--foot-thresholds: got {options.foot_thresholds!r}, expected A,B,C,D") from None
    if options.calibration is None:
        raise DeployError(
            "nothing says when a foot is down: the sensors differ from robot to robot, so there is no default",
            hint="parkour deploy check EXPORT --interface NAME, then --calibration calibration.json",
        )
    try:
        data: dict[str, Any] = read_json(options.calibration)
        return np.array([float(value) for value in data["foot_thresholds"]])
    except OSError as error:
        raise DeployError(f"--calibration {options.calibration}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DeployError(
            f"--calibration {options.calibration}: no calibration ({type(error).__name__}: {error})"
        ) from None


def _guard(options: argparse.Namespace, target: str, contract: Contract) -> Guard:
    _name, _, argument = options.link.partition(":")
    return Guard(
        target,
        LinkContext(interface=options.interface, domain=options.domain, argument=argument),
        damping=contract.known_hardware().limp_damping,
        joints=len(contract.joints),
        patience=PATIENCE_LOCKSTEP if options.lockstep else options.patience / 1000,
    )


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM end the loop, which damps the motors and writes the log."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
