"""Observations from scratch, as ``deploy.toml`` lays them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from parkour.errors import ExportError
from parkour.export.manifest import Group, Manifest
from parkour_mujoco.sim2sim.courses import Patch
from parkour_mujoco.sim2sim.depth import process
from parkour_mujoco.sim2sim.world import State


@dataclass(frozen=True)
class Situation:
    """What can be observed at one control step."""

    state: State
    patch: Patch
    yaws: tuple[float, float]
    """To the way point and the next, as old as the perception's last refresh [rad]."""
    command: float
    """[m/s]"""
    action: np.ndarray
    """``[J]`` the last one, clipped."""
    touching: np.ndarray
    """``[F]`` force on each foot, the greater of now and one control step ago [N]."""
    perception: bool
    """Whether the slow sensors refresh."""
    depth: np.ndarray | None = None
    """``[height, width]`` distances along the rays of a new picture [m]."""


Reader = Callable[[Situation, Group], np.ndarray]


class Observer:
    """Computes every group that it knows; zeros stand for those that it does not and the policy does not read.

    Raises:
        ExportError: a group or field that is not known here.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._default = np.array(manifest.robot.default_joint_pos)
        self._groups = {group.name: group for group in manifest.observation.groups}
        self._scan: np.ndarray | None = None
        self._history: list[np.ndarray] = []
        self._frames: list[np.ndarray] = []
        self._kinds: dict[str, Reader] = {
            "proprioception": self._proprioception,
            "height_scan": self._height_scan,
            "privileged_explicit": self._explicit,
            "proprioception_history": self._past,
            "perception": lambda now, group: np.array([float(now.perception)]),
            "yaw_valid": lambda now, group: np.array([float(abs(now.yaws[0]) < group.params["limit"])]),
            "depth": self._depth,
        }
        for group in manifest.observation.groups:
            self._check(group)

    def reset(self) -> None:
        """A new episode begins."""
        self._scan, self._history, self._frames = None, [], []

    def observe(self, now: Situation) -> np.ndarray:
        """``[size]`` float32, all groups in order."""
        parts = []
        for group in self._manifest.observation.groups:
            kind = _kind(group)
            values = self._kinds[kind](now, group) if kind in self._kinds else np.zeros(group.size)
            parts.append(values if group.clip is None else np.clip(values, -group.clip, group.clip))
        return np.concatenate(parts).astype(np.float32)

    def _check(self, group: Group) -> None:
        kind = _kind(group)
        if kind not in self._kinds and group.read:
            raise ExportError(
                f"the policy reads the observation group {group.name!r} ({group.use}), which sim2sim cannot compute: "
                f"it knows {', '.join(self._kinds)}"
            )
        if kind in ("proprioception", "privileged_explicit"):
            for field in group.fields:
                if field.name not in _FIELDS and not field.name.startswith("reserved"):
                    raise ExportError(f"observation group {group.name!r}: unknown field {field.name!r}")

    def _fields(self, now: Situation, group: Group) -> np.ndarray:
        parts = []
        for field in group.fields:
            if field.name in _FIELDS:
                parts.append(np.atleast_1d(_FIELDS[field.name](self, now, group)) * field.scale)
            else:
                parts.append(np.zeros(field.size))
        return np.concatenate(parts)

    def _proprioception(self, now: Situation, group: Group) -> np.ndarray:
        return self._fields(now, group)

    def _explicit(self, now: Situation, group: Group) -> np.ndarray:
        return self._fields(now, group)

    def _height_scan(self, now: Situation, group: Group) -> np.ndarray:
        scan = self._scan
        if scan is None or now.perception:
            p = group.params
            x, y = (_row(p[axis][0], p[axis][1], p["spacing"]) for axis in ("x", "y"))
            grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
            cos, sin = np.cos(now.state.yaw), np.sin(now.state.yaw)
            points = now.state.base_pos[:2] + grid @ np.array([[cos, sin], [-sin, cos]])
            reading = now.state.base_pos[2] - now.patch.height(points) - p["clearance"]
            scan = self._scan = np.clip(reading, -p["limit"], p["limit"])
        return scan

    def _past(self, now: Situation, group: Group) -> np.ndarray:
        length = group.params["length"]
        block = self._groups["proprioception"]
        current = self._fields(now, block.model_copy(update={"params": group.params}))
        for field in block.fields:
            if field.name in ("goal_yaw", "next_goal_yaw"):
                start = field.offset - block.offset
                current[start : start + field.size] = 0.0
        past = self._history or [current] * length
        self._history = [*past[1:], current]
        return np.concatenate(past)

    def _depth(self, now: Situation, group: Group) -> np.ndarray:
        if now.depth is not None and self._manifest.camera is not None:
            image = process(now.depth, group.params, self._manifest.camera)
            count = group.params["latency"] + 1
            self._frames = [*self._frames[1:], image] if self._frames else [image] * count
        return self._frames[0].reshape(-1)


def _kind(group: Group) -> str:
    """What a group is, whatever the task calls it; another distribution's group is its own kind."""
    distribution, _, name = group.use.partition(":")
    return name if distribution == "parkour-lab" else group.use


def _row(first: float, last: float, spacing: float) -> np.ndarray:
    return np.linspace(first, last, round((last - first) / spacing) + 1)


_FIELDS: dict[str, Callable[[Observer, Situation, Group], np.ndarray | float]] = {
    "base_ang_vel": lambda own, now, group: now.state.ang_vel,
    "base_lin_vel": lambda own, now, group: now.state.lin_vel,
    "roll": lambda own, now, group: now.state.roll,
    "pitch": lambda own, now, group: now.state.pitch,
    "goal_yaw": lambda own, now, group: now.yaws[0],
    "next_goal_yaw": lambda own, now, group: now.yaws[1],
    "command": lambda own, now, group: now.command,
    "not_flat": lambda own, now, group: float(not now.patch.flat),
    "flat": lambda own, now, group: float(now.patch.flat),
    "joint_pos": lambda own, now, group: now.state.joint_pos - own._default,
    "joint_vel": lambda own, now, group: now.state.joint_vel,
    "last_action": lambda own, now, group: now.action,
    "foot_contact": lambda own, now, group: (now.touching > group.params["contact_force"]) - 0.5,
}
"""Readings before scaling, by the name of the field."""
