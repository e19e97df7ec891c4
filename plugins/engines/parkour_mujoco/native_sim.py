"""C MuJoCo behind batched arrays: the simulation that runs on CPUs.

MuJoCo Warp is written for GPUs; on a CPU the C library steps a world several times faster, and needs no kernels to be
compiled. State, controls and sensor readings are float32 tensors, as MuJoCo Warp's, so nothing else notices; each world
has an ``MjModel`` of its own, and a few threads step them (the C library releases Python's lock).
"""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
import torch

from parkour_mujoco.simulation import WORLD_FIELDS

STATE = ("qpos", "qvel")
"""Mirrored before and after every physics step."""
SENSED = ("sensordata",)
"""Given after every physics step: what the sensors read."""
PLACES = ("geom_xpos",)
"""Given after every physics step and whenever positions are computed; the accessor reads it."""
PICTURED = ("geom_xmat", "xpos", "xquat", "xmat", "cam_xpos", "cam_xmat", "site_xpos", "site_xmat")
"""What viewers may read; given when positions are computed, not after physics steps."""

BLOCKS = 8
"""A thread's share of the worlds is cut into so many blocks, so that none waits long for one that is held up."""

Rows = list[np.ndarray]
"""Flat views: of one world's rows of the float32 arrays, or of the same quantities in a C structure."""


class _Bench:
    """Where a thread works: one ``MjData`` for all the worlds that it steps, so that it stays in the CPU's cache."""

    def __init__(self, model: Any) -> None:
        self.data = mujoco.MjData(model)
        self.warmstart = self.data.qacc_warmstart
        self.ctrl, self.state, self.sensed, self.places, self.pictured = (
            [getattr(self.data, name).reshape(-1) for name in names]
            for names in (("ctrl",), STATE, SENSED, PLACES, PICTURED)
        )


@dataclass
class _World:
    """One world: its model, what lasts from step to step, and its rows of the arrays."""

    model: Any
    warmstart: np.ndarray
    """``[nv]`` accelerations that the solver begins with."""
    ctrl: Rows
    state: Rows
    sensed: Rows
    places: Rows
    pictured: Rows

    def step(self, bench: _Bench) -> None:
        """One physics step."""
        self._bring(bench)
        mujoco.mj_step(self.model, bench.data)
        self.warmstart[:] = bench.warmstart
        _copy(bench.state, self.state)
        _copy(bench.sensed, self.sensed)
        _copy(bench.places, self.places)

    def forward(self, bench: _Bench) -> None:
        """Derived quantities from the state as it is."""
        self._bring(bench)
        mujoco.mj_forward(self.model, bench.data)
        _copy(bench.sensed, self.sensed)
        self._give_places(bench)

    def kinematics(self, bench: _Bench) -> None:
        """Positions from the state as it is; sensors keep what they read."""
        _copy(self.state, bench.state)
        mujoco.mj_kinematics(self.model, bench.data)
        mujoco.mj_comPos(self.model, bench.data)
        mujoco.mj_camlight(self.model, bench.data)
        self._give_places(bench)

    def reset(self) -> None:
        """The model's own initial state."""
        self.warmstart[:] = 0.0
        pos, *others = self.state
        pos[:] = self.model.qpos0
        for row in (*others, *self.ctrl, *self.sensed):
            row[:] = 0.0

    def _bring(self, bench: _Bench) -> None:
        bench.warmstart[:] = self.warmstart
        _copy(self.ctrl, bench.ctrl)
        _copy(self.state, bench.state)

    def _give_places(self, bench: _Bench) -> None:
        _copy(bench.places, self.places)
        _copy(bench.pictured, self.pictured)


def _copy(source: Rows, target: Rows) -> None:
    for values, row in zip(source, target, strict=True):
        row[:] = values


class NativeSimulation:
    """See :class:`parkour_mujoco.simulation.Simulation`.

    Args:
        model: compiled, with its options set.
        num_envs: N worlds.
        threads: worlds are split among so many; the CPUs that this process may use when None.
    """

    def __init__(self, model: mujoco.MjModel, num_envs: int, threads: int | None = None) -> None:
        self.mj_model, self.num_envs = model, num_envs
        first = mujoco.MjData(model)
        mujoco.mj_forward(model, first)
        fields = {name: _batch(getattr(model, name), num_envs) for name in WORLD_FIELDS if getattr(model, name).size}
        # As MuJoCo Warp has it: centre and half extents apart.
        fields["geom_aabb"] = fields["geom_aabb"].unflatten(-1, (2, 3))
        self.model = SimpleNamespace(**fields)
        names = (*STATE, "ctrl", *SENSED, *PLACES, *PICTURED)
        self.data = SimpleNamespace(**{name: _batch(getattr(first, name), num_envs) for name in names})
        # The solver's, which C MuJoCo has in double precision.
        self.data.qacc_warmstart = torch.zeros(num_envs, model.nv, dtype=torch.float64)
        self._fields = [(name, values.numpy()) for name, values in sorted(fields.items())]
        self._changed = np.ones(num_envs, bool)
        base = _without_shortcuts(model)
        mujoco.set_mju_user_warning(_ignore_warning)
        self._worlds = [self._world(i, copy.copy(base)) for i in range(num_envs)]
        self._benches = [_Bench(base) for _ in range(min(threads or _usable_cpus(), num_envs))]
        size = max(1, num_envs // (BLOCKS * len(self._benches)))
        self._blocks = [self._worlds[i : i + size] for i in range(0, num_envs, size)]
        self._pool = ThreadPoolExecutor(max(1, len(self._benches) - 1))

    def _world(self, index: int, model: Any) -> _World:
        def rows(*names: str) -> Rows:
            return [getattr(self.data, name).numpy()[index].reshape(-1) for name in names]

        (warmstart,) = rows("qacc_warmstart")
        return _World(model, warmstart, rows("ctrl"), rows(*STATE), rows(*SENSED), rows(*PLACES), rows(*PICTURED))

    # -- model fields that differ between worlds -------------------------------------------------------------------

    def mark_changed(self, which: torch.Tensor) -> None:
        """The C models of these worlds follow before the next step."""
        self._changed[which.numpy()] = True

    def _follow(self) -> None:
        if not self._changed.any():
            return
        for i in np.flatnonzero(self._changed):
            model = self._worlds[i].model
            for name, batch in self._fields:
                getattr(model, name).reshape(-1)[:] = batch[i].reshape(-1)
        self._changed[:] = False

    def recompute_constants(self) -> None:
        self._follow()
        for i, world in enumerate(self._worlds):
            mujoco.mj_setConst(world.model, self._benches[0].data)
            for name, batch in self._fields:
                batch[i] = getattr(world.model, name).reshape(batch[i].shape)

    # -- stepping ----------------------------------------------------------------------------------------------------

    def reset(self, begun: torch.Tensor) -> None:
        for i in np.flatnonzero(begun.numpy()):
            self._worlds[i].reset()

    def step(self) -> None:
        self._each(_World.step)

    def forward(self) -> None:
        self._each(_World.forward)

    def kinematics(self) -> None:
        self._each(_World.kinematics)

    def _each(self, act: Callable[[_World, _Bench], None]) -> None:
        """Act on every world. The threads, this one among them, take block after block from one iterator."""
        self._follow()
        blocks = iter(self._blocks)

        def work(bench: _Bench) -> None:
            for block in blocks:
                for world in block:
                    act(world, bench)

        mine, *others = self._benches
        running = [self._pool.submit(work, bench) for bench in others]
        work(mine)
        for other in running:
            other.result()

    def overflows(self) -> None:
        """The C library makes room as it needs it."""

    def room(self) -> None:
        """See :meth:`overflows`."""

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _batch(values: Any, num_envs: int) -> torch.Tensor:
    """``[N, …]`` float32 of one world's array."""
    return torch.as_tensor(np.array(values, np.float32)).expand(num_envs, *np.shape(values)).clone()


def _without_shortcuts(model: mujoco.MjModel) -> mujoco.MjModel:
    """A copy that takes nothing for granted of what it was compiled with: boxes stand elsewhere by now."""
    base = copy.copy(model)
    # (Trees of bounding volumes made anew for each course were tried: going through one costs as much as trying every
    # box.)
    base.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    for field in (base.body_sameframe, base.geom_sameframe, base.site_sameframe):
        field[:] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE.value
    base.body_simple[:] = 0
    # A state that is not finite must stay visible: the environment counts it and begins a new episode.
    base.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    return base


def _usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ignore_warning(message: str) -> None:
    """The C library would write its warnings to a file in the working folder."""
