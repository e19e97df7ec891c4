"""What a run of random actions came to, step by step, and how another one differs: for :mod:`physics_parts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from parkour_mujoco.launch import name_renderer

name_renderer()  # Before anything imports mujoco.

from parkour_mujoco.env import MujocoEnv  # noqa: E402
from parkour_mujoco.simulation import WORLD_FIELDS  # noqa: E402
from parkour_mujoco.warp_physics.worlds import Worlds  # noqa: E402

STATE = ("qpos", "qvel", "qacc_warmstart")
"""What a physics step depends on, besides the model and the actions."""
ALLOWED = {
    "model": 1e-4,
    "contacts": 0.0,
    "contact forces": 1.0,
    "torques": 0.05,
    "positions": 1e-4,
    "velocities": 0.02,
    "reward": 1e-4,
    "reward terms": 1e-4,
    "ends": 0.0,
    "observations": 5e-3,
}
"""Differences that do not count, of any number of a robot after one control step [N, N m, m, rad, rad/s, …]: rounding,
and the order in which a GPU adds up. Of the model they are relative."""

Rows = dict[str, Tensor]


class WatchedEnv(MujocoEnv):
    """Keeps what a control step's physics came to: afterwards robots that ended are reset."""

    after_physics: Rows
    """``[N, k]`` by quantity."""

    def _simulate(self, action: Tensor) -> None:
        super()._simulate(action)
        data = self.sim.data
        self.after_physics = {
            "contacts": self._contacts(),
            "contact forces": data.sensordata[...].clone(),
            "torques": self.accessor.joint_torque().clone(),
            "positions": data.qpos[...].clone(),
            "velocities": data.qvel[...].clone(),
        }

    def _contacts(self) -> Tensor:
        """``[N, 1]`` how many each robot has."""
        contact, found = self.sim.data.contact, self.sim.data.nacon[...]
        worlds = contact.worldid[...].long()
        here = torch.arange(len(worlds), device=worlds.device) < found
        counts = torch.zeros(self.num_envs + 1, device=worlds.device)
        counts.index_add_(0, torch.where(here, worlds, self.num_envs), torch.ones_like(worlds, dtype=counts.dtype))
        return counts[: self.num_envs, None]

    def drop_physics_graphs(self) -> None:
        """Queue the physics' kernels one by one from now on."""
        worlds: Any = self.sim._sim  # pyright: ignore[reportAttributeAccessIssue]
        worlds.use_cuda_graph = False
        if isinstance(worlds, Worlds):
            worlds._graphs.clear()
        else:
            worlds._kinematics = None


@dataclass
class Trace:
    """A run. Tensors are on the device."""

    model: Rows
    """``[N, …]`` fields of the model that differ from robot to robot, when the environment was made."""
    before: list[Rows] = field(default_factory=list)
    """Of every step, :data:`STATE`."""
    after: list[Rows] = field(default_factory=list)
    """Of every step, ``[N, k]`` each of :data:`ALLOWED` but the model."""


@dataclass(frozen=True)
class Difference:
    """Of one quantity, in two runs."""

    share: float
    """Of robots and steps, how many differ by more than is allowed."""
    most: float
    """The 99.9 % quantile of what a robot differs by after a step."""
    greatest: float


def begin(env: WatchedEnv, seed: int, steps: int) -> None:
    """All robots stand at a beginning; about half of them have no more than ``steps`` steps left to a time-out."""
    env.reset(seed=seed)
    left = torch.randint(1, 2 * steps + 1, (env.num_envs,), generator=torch.Generator().manual_seed(seed))
    env.episode_length_buf = (int(env.max_episode_length) - left).clamp(min=0).to(env.device)


@torch.inference_mode()
def record(env: WatchedEnv, actions: Tensor, seed: int, like: Trace | None = None) -> Trace:
    """Drive with ``actions`` ``[T, N, J]``; every step draws the same random numbers in every run.

    Args:
        env: begun.
        actions: of all steps.
        seed: of the random numbers.
        like: take each step from the state that this run took it from.
    """
    trace = Trace(_model(env))
    for step, action in enumerate(actions):
        if like is not None:
            for name, values in like.before[step].items():
                getattr(env.sim.data, name)[:] = values
        trace.before.append({name: getattr(env.sim.data, name)[...].clone() for name in STATE})
        torch.manual_seed(seed + step)
        result = env.transition(action)
        ends = torch.stack([result.failed, result.succeeded, result.timed_out], dim=-1)
        trace.after.append(
            env.after_physics
            | {
                "reward": result.reward[:, None].clone(),
                "reward terms": env.mdp.rewards.step_values.clone(),
                "ends": ends.float(),
                "observations": torch.cat([group.clone() for group in result.observations.values()], dim=-1),
            }
        )
    return trace


def differences(one: Trace, other: Trace) -> dict[str, Difference]:
    """By quantity. A robot whose episode ended in one run alone is on another course from then on: it counts as a
    difference of ends at that step, and no more after it."""
    found = {"model": _difference([_relative(one.model, other.model)], ALLOWED["model"])}
    together = torch.ones_like(one.after[0]["reward"][:, 0], dtype=torch.bool)
    gaps: dict[str, list[Tensor]] = {name: [] for name in ALLOWED if name != "model"}
    for mine, theirs in zip(one.after, other.after, strict=True):
        same_end = (mine["ends"] == theirs["ends"]).all(dim=-1)
        for name, rows in gaps.items():
            # Observations after an end are those of the next episode.
            counted = together & same_end if name == "observations" else together
            rows.append(_gap(mine[name], theirs[name])[counted])
        together = together & same_end
    return found | {name: _difference(rows, ALLOWED[name]) for name, rows in gaps.items()}


def averages(trace: Trace, names: Sequence[str]) -> Rows:
    """``[N]`` each: what a robot had per step, for comparisons of runs that went their own ways.

    Args:
        trace: of a run.
        names: of the reward terms.
    """
    sums: Rows = {}
    for after in trace.after:
        terms = after["reward terms"].nan_to_num()
        row = {f"reward {name}": terms[:, i] for i, name in enumerate(names)} | {
            "reward": after["reward"][:, 0],
            "contacts": after["contacts"][:, 0],
            "contact forces": after["contact forces"].nan_to_num().abs().sum(dim=-1),
            "torques": after["torques"].nan_to_num().abs().mean(dim=-1),
            "joint speeds": after["velocities"][:, 6:].nan_to_num().abs().mean(dim=-1),
            "height": after["positions"][:, 2].nan_to_num(),
            "failures": after["ends"][:, 0],
            "time-outs": after["ends"][:, 2],
        }
        for name, values in row.items():
            sums[name] = sums[name] + values if name in sums else values.clone()
    return {name: values / len(trace.after) for name, values in sums.items()}


def deviations(one: Rows, other: Rows) -> dict[str, float]:
    """Difference of the means of ``[N]`` robots in standard errors, by quantity; 0 where nothing varies."""
    found = {}
    for name, mine in one.items():
        theirs = other[name]
        error = ((mine.var() + theirs.var()) / len(mine)).sqrt()
        found[name] = float((theirs.mean() - mine.mean()) / error) if error > 0 else 0.0
    return found


def _model(env: WatchedEnv) -> Rows:
    fields = {name: getattr(env.sim.model, name) for name in WORLD_FIELDS}
    return {name: values[...].clone().flatten(1) for name, values in fields.items() if values.numel()}


def _relative(one: Rows, other: Rows) -> Tensor:
    """``[N]`` the largest difference in the model of each robot, to the size of what differs."""
    parts = [_gap(values / _size(values), other[name] / _size(values)) for name, values in one.items()]
    return torch.stack(parts, dim=-1).amax(dim=-1)


def _size(values: Tensor) -> Tensor:
    return values.abs().clamp(min=1e-6)


def _gap(one: Tensor, other: Tensor) -> Tensor:
    """``[N]`` the largest difference of any of ``[N, k]``; infinite where one of two is no number."""
    same = (one == other) | (one.isnan() & other.isnan())
    gap = torch.where(same, 0.0, (one - other).abs())
    return gap.nan_to_num(nan=float("inf")).amax(dim=-1)


def _difference(rows: list[Tensor], allowed: float) -> Difference:
    every = torch.cat(rows)
    if not len(every):
        return Difference(0.0, 0.0, 0.0)
    most = every.sort().values[min(int(0.999 * len(every)), len(every) - 1)]
    return Difference(float((every > allowed).float().mean()), float(most), float(every.max()))
