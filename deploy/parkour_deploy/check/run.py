"""The check list from its first line to its last."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Iterator, Mapping

from parkour_deploy.check.finding import Finding
from parkour_deploy.check.listening import Ask, calibrate_feet, check_feet, check_imu, check_joints, check_rate, listen
from parkour_deploy.check.moving import JointMover
from parkour_deploy.check.picture import check_picture
from parkour_deploy.contract import Contract, read_contract
from parkour_deploy.files import check_writable
from parkour_deploy.hardware import Hardware
from parkour_deploy.links.link import RobotLink
from parkour_deploy.session import foot_thresholds, make_link, make_source, notice
from parkour_deploy.versions import versions


def check(options: argparse.Namespace, links: Mapping[str, str], sources: Mapping[str, str]) -> int:
    """``parkour deploy check``; 0 where everything is in order.

    Raises:
        DeployError: there is no robot, or something went wrong while it moved.
    """
    contract = read_contract(options.export)
    hardware = contract.known_hardware()
    check_writable(options.calibration, "--calibration")
    if contract.camera is not None:
        check_writable(options.picture, "--picture")
    _, link = make_link(options, contract, links)
    findings = [
        Finding("export", True, f"{contract.task}, {contract.sha256[:12]}"),
        Finding("versions", True, ", ".join(f"{name} {number}" for name, number in versions().items())),
    ]
    _say(findings)
    link.open(move=options.move)
    try:
        for part in _parts(options, contract, hardware, link, sources):
            _say(part)
            findings += part
    finally:
        link.close()
    if options.json:
        print(json.dumps([vars(finding) for finding in findings]))
    return 0 if all(finding.ok for finding in findings) else 1


def _parts(
    options: argparse.Namespace, contract: Contract, hardware: Hardware, link: RobotLink, sources: Mapping[str, str]
) -> Iterator[list[Finding]]:
    ask = _asker(options.yes)
    states, times = listen(link, options.seconds)
    yield check_rate(states, times)
    yield [check_joints(states[-1], contract, hardware)]
    yield check_imu(link, ask)
    ask("Hang it up, all feet in the air, and press Enter")
    yield [calibrate_feet(listen(link, options.seconds)[0], contract, options.calibration)]
    if ask(f"Press each foot within the next {max(5.0, options.seconds):.0f} s; press Enter to begin"):
        options.foot_thresholds = None
        thresholds = foot_thresholds(options, contract)
        yield [check_feet(listen(link, max(5.0, options.seconds))[0], thresholds)]
    if options.depth is not None and contract.camera is not None:
        source = make_source(options, contract, sources, link)
        if source is not None:
            source.open()
            try:
                yield [check_picture(source, link, contract.camera, options.picture)]
            finally:
                source.close()
    if options.move:
        ask("The joints move now, one at a time. It hangs, nobody is near its legs, a hand is on B: press Enter")
        yield JointMover(link, contract, hardware).run(ask)


def _say(findings: list[Finding]) -> None:
    for finding in findings:
        notice(finding.line())


def _asker(nobody: bool) -> Ask:
    """Asks a person on the terminal; nobody where there is none."""
    if nobody or not sys.stdin.isatty():
        return lambda question: False

    def ask(question: str) -> bool:
        print(f"{question} ", end="", file=sys.stderr, flush=True)
        return not sys.stdin.readline().strip().lower().startswith("n")

    return ask
