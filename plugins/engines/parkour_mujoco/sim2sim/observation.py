"""What only a simulator can observe, on top of the robot's own observer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from parkour.errors import ExportError
from parkour.mdp.twins import TwinContext
from parkour_deploy.contract import Contract, Group
from parkour_deploy.errors import ContractError
from parkour_deploy.observer import FieldReader, Observer, Reader, Readings
from parkour_mujoco.sim2sim.courses import Patch
from parkour_mujoco.sim2sim.world import State


@dataclass(frozen=True)
class Situation(Readings):
    """What can be observed at one control step: a robot's readings, and what no robot knows."""

    state: State
    patch: Patch
    perception: bool
    """Whether the slow sensors refresh."""
    context: TwinContext | None = None
    """The same for the terms of plugins."""

    @classmethod
    def of(
        cls, state: State, patch: Patch, *, yaws: tuple[float, float], command: float, action: np.ndarray,
        contact: np.ndarray, perception: bool, depth: np.ndarray | None = None, context: TwinContext | None = None,
    ) -> Situation:  # fmt: skip
        """The situation of a simulated robot; see :class:`Readings` for the rest."""
        return cls(
            ang_vel=state.ang_vel, roll=state.roll, pitch=state.pitch, yaws=yaws, command=command, flat=patch.flat,
            joint_pos=state.joint_pos, joint_vel=state.joint_vel, action=action, contact=contact, depth=depth,
            state=state, patch=patch, perception=perception, context=context,
        )  # fmt: skip


class HeightScan:
    """Ground and ceiling around the robot, as old as the last refresh of the slow sensors."""

    def __init__(self) -> None:
        self._scan: np.ndarray | None = None

    def reset(self) -> None:
        """A new episode begins."""
        self._scan = None

    def __call__(self, now: Situation, group: Group) -> np.ndarray:
        scan = self._scan
        if scan is None or now.perception:
            p = group.params
            x, y = (_row(p[axis][0], p[axis][1], p["spacing"]) for axis in ("x", "y"))
            grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
            cos, sin = np.cos(now.state.yaw), np.sin(now.state.yaw)
            points = now.state.base_pos[:2] + grid @ np.array([[cos, sin], [-sin, cos]])
            height, limit = now.state.base_pos[2], p["limit"]
            scan = np.clip(height - now.patch.height(points) - p["clearance"], -limit, limit)
            if p.get("ceiling", False):  # exports of earlier versions do not say
                low = limit - (now.patch.ceiling(points) - height)
                scan = np.concatenate([scan, np.clip(low, 0.0, limit)])
            self._scan = scan
        return scan


GroupReader = Callable[[TwinContext], np.ndarray]
"""The numbers of an observation group, before its clip."""
KINDS = (
    "proprioception",
    "proprioception_history",
    "depth",
    "height_scan",
    "privileged_explicit",
    "perception",
    "yaw_valid",
)
"""Groups that are computed here, by kind."""


def unknown_groups(contract: Contract) -> list[Group]:
    """Groups that the policy reads and that only their own terms can tell.

    Readers are one of a kind, and remember; a second group of a kind is not theirs. Nor is a history of somebody
    else's proprioception.
    """
    blind = () if contract.group("proprioception") else ("proprioception_history",)
    return [
        group
        for group in contract.groups
        if group.read and (group.kind not in KINDS or group.kind in blind or contract.group(group.kind) is not group)
    ]


class SimulatedObserver:
    """The robot's observer, with the groups that a simulator adds.

    Args:
        contract: of the export.
        terms: readers of the groups that are not known here (:func:`unknown_groups`), by name.

    Raises:
        ExportError: the policy reads what is not known here.
    """

    def __init__(self, contract: Contract, terms: Mapping[str, GroupReader] | None = None) -> None:
        self._scan = HeightScan()
        try:
            self._observer = Observer[Situation](
                contract,
                groups={
                    "height_scan": self._scan,
                    "privileged_explicit": lambda now, group: self._observer.read_fields(now, group),
                    "perception": lambda now, group: np.array([float(now.perception)]),
                    "yaw_valid": lambda now, group: np.array([float(abs(now.yaws[0]) < group.params["limit"])]),
                },
                fields=_FIELDS,
                named={name: _by_context(reader) for name, reader in (terms or {}).items()},
            )
            explicit = contract.group("privileged_explicit")
            if explicit is not None:
                self._observer.check_fields(explicit)
        except ContractError as error:
            raise ExportError(error.message, hint=error.hint) from None

    def reset(self) -> None:
        """A new episode begins."""
        self._scan.reset()
        self._observer.reset()

    def observe(self, now: Situation) -> np.ndarray:
        """``[size]`` float32, all groups in order."""
        return self._observer.observe(now)


def _by_context(reader: GroupReader) -> Reader[Situation]:
    def read(now: Situation, group: Group) -> np.ndarray:
        assert now.context is not None, "terms of plugins need the whole state"
        return reader(now.context)

    return read


def _row(first: float, last: float, spacing: float) -> np.ndarray:
    return np.linspace(first, last, round((last - first) / spacing) + 1)


_FIELDS: dict[str, FieldReader[Situation]] = {"base_lin_vel": lambda now, group: now.state.lin_vel}
"""Readings before scaling, by the name of the field."""
