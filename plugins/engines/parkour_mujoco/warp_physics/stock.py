"""mjlab's simulation as it is: MuJoCo Warp's own step, with torch computing torques before each."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import mujoco_warp
import warp as wp
from mjlab.sim import Simulation, SimulationCfg
from torch import Tensor

from parkour_mujoco.warp_physics.capture import record
from parkour_mujoco.warp_physics.overflows import Overflows


class StockWorlds(Simulation):
    """``N`` worlds. On a GPU steps, resets and kinematics are CUDA graphs, mjlab's but for the last.

    Args:
        num_envs: N.
        cfg: mjlab's.
        model: with its options set.
        device: ``cpu`` or ``cuda[:N]``.
        fields: of the model, that differ from world to world.
    """

    def __init__(
        self, num_envs: int, cfg: SimulationCfg, model: mujoco.MjModel, device: str, fields: tuple[str, ...]
    ) -> None:
        super().__init__(num_envs, cfg, model=model, device=device)
        with wp.ScopedDevice(self.wp_device):
            self.overflows = Overflows(self.wp_data)
        self.expand_model_fields(fields)
        self._kinematics: Any = None
        if self.use_cuda_graph:
            self._run_kinematics()  # Kernels are compiled before a capture, not in it.
            self._kinematics = record(self._run_kinematics, self.wp_device)

    def step(self) -> None:
        super().step()
        with wp.ScopedDevice(self.wp_device):
            self.overflows.count(self.wp_data)

    def kinematics(self) -> None:
        """Positions of bodies, shapes and cameras."""
        if self._kinematics is None:
            self._run_kinematics()
            return
        with wp.ScopedDevice(self.wp_device):
            wp.capture_launch(self._kinematics)

    def begin(self, begun: Tensor) -> None:
        """The model's own initial state where ``begun`` (``[N]`` bool) is set."""
        self.reset(begun)

    def _run_kinematics(self) -> None:
        with wp.ScopedDevice(self.wp_device):
            mujoco_warp.fwd_kinematics(self.wp_model, self.wp_data)
