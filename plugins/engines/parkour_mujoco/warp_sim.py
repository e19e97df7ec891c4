"""MuJoCo Warp through mjlab's simulation: thousands of worlds on a GPU."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import mujoco
import mujoco_warp
import torch
import warp as wp
from mjlab.managers.event_manager import RecomputeLevel
from mjlab.sim import MujocoCfg, SimulationCfg
from torch import Tensor

from parkour_mujoco.motors import DcMotors
from parkour_mujoco.physics import SolverSettings
from parkour_mujoco.simulation import COURSE_FIELDS, RANDOMIZED_FIELDS, WORLD_FIELDS, Room
from parkour_mujoco.warp_physics.motors import WarpMotors
from parkour_mujoco.warp_physics.step import PhysicsStep
from parkour_mujoco.warp_physics.stock import StockWorlds
from parkour_mujoco.warp_physics.worlds import Worlds

_log = logging.getLogger("parkour.engines.mujoco")


class WarpSimulation:
    """See :class:`parkour_mujoco.simulation.Simulation`. On a GPU steps are CUDA graphs.

    Args:
        model: with its options set.
        num_envs: N worlds.
        device: ``cpu`` or ``cuda[:N]``.
        solver: gives the room for contacts and constraints.
    """

    def __init__(self, model: mujoco.MjModel, num_envs: int, device: str, solver: SolverSettings | None = None) -> None:
        self._settings = solver or SolverSettings()
        self._sim = _worlds(model, num_envs, device, self._settings)
        self.mj_model, self.num_envs = model, num_envs
        self._touch_fields()

    @property
    def model(self) -> Any:
        return self._sim.model

    @property
    def data(self) -> Any:
        return self._sim.data

    @property
    def stream(self) -> torch.cuda.Stream:
        """The CUDA stream of a GPU's kernels."""
        return torch.cuda.ExternalStream(wp.get_stream(self._sim.wp_device).cuda_stream, device=self._sim.device)

    def reset(self, begun: Tensor) -> None:
        self._sim.begin(begun)

    def attach_motors(self, motors: DcMotors, joint_q: Tensor, joint_v: Tensor, decimation: int) -> bool:
        worlds = self._sim
        if self._settings.motors == "torch" or not isinstance(worlds, Worlds):
            return False
        with _unless_named(self._settings, "motors=kernel"):
            worlds.attach(WarpMotors(motors, joint_q, joint_v, worlds.wp_device), decimation)
            return True
        worlds.detach()
        return False

    def control(self, target: Tensor) -> None:
        assert isinstance(self._sim, Worlds)
        self._sim.control(target)

    def step(self) -> None:
        self._sim.step()

    def forward(self) -> None:
        self._sim.forward()

    def kinematics(self) -> None:
        self._sim.kinematics()

    def mark_changed(self, which: Tensor) -> None:
        """Nothing to do: kernels read the arrays."""

    def recompute_constants(self) -> None:
        self._sim.recompute_constants(RecomputeLevel.set_const)

    def close(self) -> None:
        """Nothing to give back."""

    def overflows(self) -> Tensor | None:
        return self._sim.overflows.total()

    def room(self) -> Room | None:
        return self._sim.overflows.read()

    def _touch_fields(self) -> None:
        """Have mjlab make its tensors of the simulator's arrays now.

        It makes them on first use; made inside inference mode they could never be written outside of it.
        """
        for name in COURSE_FIELDS + RANDOMIZED_FIELDS:
            getattr(self._sim.model, name)[:1]
        for name in ("qpos", "qvel", "ctrl", "sensordata", "geom_xpos"):
            getattr(self._sim.data, name)[:1]


def _worlds(model: mujoco.MjModel, num_envs: int, device: str, settings: SolverSettings) -> Worlds | StockWorlds:
    """With parts of our own where any is asked for, by name or as what is quicker."""
    cfg = simulation_cfg(model.opt.timestep, settings)
    if not settings.is_stock:
        with _unless_named(settings, "parts of our own"):
            physics = PhysicsStep(
                model,
                device,
                near_pairs=settings.broad_phase != "all",
                contact_forces=settings.contact_forces != "sensors",
                fused_solver=settings.solver != "batched",
                constraints=settings.constraints_per_world,
            )
            worlds = Worlds(num_envs, cfg, model, device, WORLD_FIELDS, physics)
            if physics.left_out:
                parts = "; ".join(f"{part} ({why})" for part, why in physics.left_out.items())
                _tell(f"physics: this robot steps a little slower, with MuJoCo Warp's own in place of {parts}")
            return worlds
    return StockWorlds(num_envs, cfg, model, device, WORLD_FIELDS)


@contextmanager
def _unless_named(settings: SolverSettings, part: str) -> Iterator[None]:
    """What goes wrong with a part of our own that nobody asked for by name is a line, and MuJoCo Warp's own serves."""
    try:
        yield
    except NotImplementedError:
        raise  # What MuJoCo Warp has not is lacking in its own step too.
    # Whatever Warp, the driver or a compiler makes of kernels that are not those of MuJoCo Warp's own step.
    except Exception as error:
        if settings.names_own_parts:
            raise
        _tell(f"physics: {part} cannot be used here, MuJoCo Warp's own instead: {type(error).__name__}: {error}")


@cache
def _tell(line: str) -> None:
    """Once in a process, however many environments it makes."""
    _log.warning("%s", line)


@dataclass(kw_only=True)
class QuietCfg(SimulationCfg):
    """Overflows are counted, and told in one line, instead of printed by each world in each step: standard output
    belongs to the command that runs."""

    def apply_wp_opt(self, wp_opt: mujoco_warp.Option) -> None:
        super().apply_wp_opt(wp_opt)
        wp_opt.warn_overflow = False


def simulation_cfg(physics_step: float, solver: SolverSettings) -> SimulationCfg:
    """mjlab's configuration, which sets a model's options as :meth:`SolverSettings.apply` does."""
    return QuietCfg(
        nconmax=solver.contacts_per_world,
        njmax=solver.constraints_per_world,
        mujoco=MujocoCfg(
            timestep=physics_step,
            integrator="implicitfast",
            solver="newton",
            cone="pyramidal",
            iterations=solver.iterations,
            ls_iterations=solver.ls_iterations,
            tolerance=solver.tolerance,
            ls_tolerance=solver.ls_tolerance,
            ccd_iterations=solver.ccd_iterations,
            impratio=solver.impratio,
            gravity=(0.0, 0.0, -solver.gravity),
        ),
    )
