"""A controller and a simulated robot in one process, byte for byte as over the network but without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parkour_deploy.contract import Contract, read_contract
from parkour_deploy.control.controller import Controller
from parkour_deploy.control.loop import Loop, LoopReport
from parkour_deploy.control.machine import Change
from parkour_deploy.control.options import ControlOptions
from parkour_deploy.links.link import LinkContext
from parkour_deploy.log import Log

THRESHOLDS = np.full(4, 22.0)
"""The simulated sensors say 20 in the air, and a newton more for every newton; training's threshold is 2 N."""


@dataclass
class Ride:
    """What became of a run."""

    robot: Any
    report: LoopReport
    controller: Controller
    log: Log
    changes: list[Change] = field(default_factory=list)

    @property
    def modes(self) -> list[str]:
        """States that were entered, in order."""
        return [change.after.name for change in self.changes]


def options(contract: Contract, **changes: Any) -> ControlOptions:
    """As a test wants them."""
    given: dict[str, Any] = {"foot_thresholds": THRESHOLDS, "speed": contract.speed[1], "lockstep": True, **changes}
    return ControlOptions(**given)


def ride(folder: Path, fake: Any, *, stale: int = 200, control: dict[str, Any] | None = None) -> Ride:
    """Run an export on a simulated robot, in lockstep.

    Args:
        folder: of the export.
        fake: ``FakeOptions``.
        stale: age of a state that is too old [ms].
        control: changes of the control's options.
    """
    from parkour_mujoco.fake_go2.link import SimulatedLink

    contract = read_contract(folder)
    link = SimulatedLink(LinkContext("lo", contract=contract, lockstep=True), fake)
    changes: list[Change] = []
    look = (lambda tick: link.picture()) if contract.camera is not None else None
    chosen = options(contract, **(control or {}))
    controller = Controller(contract, chosen, look, changes.append)
    log = Log(contract, chosen)
    loop = Loop(link, controller, stale=stale, move=True, recorder=log, stop=lambda: link.robot.done)
    return Ride(link.robot, loop.run(600.0), controller, log, changes)
