"""Where the robots' parts are, without solving for forces."""

from __future__ import annotations

import mujoco_warp
import warp as wp
from mjlab.sim.sim import Simulation


class WarpKinematics:
    """Brings the positions of bodies, shapes and cameras of all worlds up to date with their joints.

    Contact forces stay those of the last physics step. mjlab's ``forward()`` would solve for new ones, which is as much
    work as a physics step. Make it when the model's arrays are the final ones: on a GPU it is a CUDA graph of them.
    """

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._graph = None
        if sim.use_cuda_graph:
            self._run()  # Kernels are compiled before a capture, not in it.
            with wp.ScopedDevice(sim.wp_device), wp.ScopedCapture() as capture:
                self._run()
            self._graph = capture.graph

    def __call__(self) -> None:
        if self._graph is None:
            self._run()
            return
        with wp.ScopedDevice(self._sim.wp_device):
            wp.capture_launch(self._graph)

    def _run(self) -> None:
        with wp.ScopedDevice(self._sim.wp_device):
            mujoco_warp.fwd_kinematics(self._sim.wp_model, self._sim.wp_data)
