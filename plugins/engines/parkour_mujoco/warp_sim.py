"""MuJoCo Warp through mjlab's simulation: thousands of worlds on a GPU."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
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


class WarpSimulation:
    """See :class:`parkour_mujoco.simulation.Simulation`. On a GPU steps are CUDA graphs.

    Args:
        model: with its options set.
        num_envs: N worlds.
        device: ``cpu`` or ``cuda[:N]``.
        solver: gives the room for contacts and constraints.
    """

    def __init__(self, model: mujoco.MjModel, num_envs: int, device: str, solver: SolverSettings | None = None) -> None:
        settings = solver or SolverSettings()
        self._sim = _worlds(model, num_envs, device, settings)
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

    def attach_motors(self, motors: DcMotors, joint_q: Tensor, joint_v: Tensor, decimation: int) -> None:
        assert isinstance(self._sim, Worlds)
        self._sim.attach(WarpMotors(motors, joint_q, joint_v, self._sim.wp_device), decimation)

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
        return self._sim.overflows.total() if isinstance(self._sim, Worlds) else None

    def room(self) -> Room | None:
        return self._sim.overflows.read() if isinstance(self._sim, Worlds) else None

    def _touch_fields(self) -> None:
        """Have mjlab make its tensors of the simulator's arrays now.

        It makes them on first use; made inside inference mode they could never be written outside of it.
        """
        for name in COURSE_FIELDS + RANDOMIZED_FIELDS:
            getattr(self._sim.model, name)[:1]
        for name in ("qpos", "qvel", "ctrl", "sensordata", "geom_xpos"):
            getattr(self._sim.data, name)[:1]


def _worlds(model: mujoco.MjModel, num_envs: int, device: str, settings: SolverSettings) -> Worlds | StockWorlds:
    """With parts of our own where any is asked for."""
    cfg = simulation_cfg(model.opt.timestep, settings)
    if settings.is_stock:
        return StockWorlds(num_envs, cfg, model, device, WORLD_FIELDS)
    physics = PhysicsStep(
        model,
        device,
        near_pairs=settings.broad_phase == "near",
        contact_forces=settings.contact_forces == "constraints",
    )
    return Worlds(num_envs, cfg, model, device, WORLD_FIELDS, physics)


def simulation_cfg(physics_step: float, solver: SolverSettings) -> SimulationCfg:
    """mjlab's configuration, which sets a model's options as :meth:`SolverSettings.apply` does."""
    return SimulationCfg(
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
