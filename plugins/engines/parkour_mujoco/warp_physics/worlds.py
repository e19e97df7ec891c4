"""mjlab's simulation with a physics step of our own."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mujoco
import mujoco_warp
import warp as wp
from mjlab.sim import Simulation, SimulationCfg
from mjlab.sim.sim_data import TorchArray
from torch import Tensor

from parkour_mujoco.warp_physics.capture import record
from parkour_mujoco.warp_physics.kernels import compile_together
from parkour_mujoco.warp_physics.motors import WarpMotors
from parkour_mujoco.warp_physics.overflows import Overflows
from parkour_mujoco.warp_physics.step import PhysicsStep

MOST_STEPS = 16
"""Physics steps in one graph, some 140 kernels each; what takes more of them is several launches."""


class Worlds(Simulation):
    """``N`` worlds. On a GPU steps, resets and kinematics are CUDA graphs.

    Args:
        num_envs: N.
        cfg: mjlab's.
        model: with its options set.
        device: ``cpu`` or ``cuda[:N]``.
        fields: of the model, that differ from world to world.
        physics: the step.
    """

    def __init__(
        self,
        num_envs: int,
        cfg: SimulationCfg,
        model: mujoco.MjModel,
        device: str,
        fields: tuple[str, ...],
        physics: PhysicsStep,
    ) -> None:
        self._physics, self._graphs, self._ready = physics, dict[str, Any](), False
        self._motors: WarpMotors | None = None
        self._steps, self._turns = 0, 0
        super().__init__(num_envs, cfg, model=model, device=device)
        with wp.ScopedDevice(self.wp_device):
            self._begun_wp = wp.zeros(num_envs, dtype=bool)
            self.overflows = Overflows(self.wp_data)
        self._begun = TorchArray(self._begun_wp)
        self._ready = True
        self.expand_model_fields(fields)

    def create_graph(self) -> None:
        """Compile, and record the graphs, once what they need is there, and again when mjlab has replaced arrays."""
        self._graphs.clear()
        if not self._ready:
            return
        self.load_kernels()
        if not self.use_cuda_graph:
            return
        for name in self._acts():
            self._record(name)

    def _record(self, name: str) -> None:
        self._graphs[name] = record(self._acts()[name], self.wp_device)

    def load_kernels(self) -> None:
        """Compile at once what the graphs and randomization launch, where it is not compiled yet: one after the other
        takes a minute on a machine's first run."""
        options = self.wp_model.opt
        kept = options.graph_conditional, options.iterations
        # The solver goes on until a kernel says that it is done; here none runs.
        options.graph_conditional, options.iterations = False, min(options.iterations, 1)
        try:
            compile_together(self._launch_everything, self.wp_device)
        finally:
            options.graph_conditional, options.iterations = kept

    def _launch_everything(self) -> None:
        for act in self._acts().values():
            act()
        mujoco_warp.set_const(self.wp_model, self.wp_data)

    def step(self) -> None:
        self._run("step")

    def forward(self) -> None:
        self._run("forward")

    def kinematics(self) -> None:
        """Positions of bodies, shapes and cameras."""
        self._run("kinematics")

    def attach(self, motors: WarpMotors, decimation: int) -> None:
        """Have :meth:`control` step with these motors, ``decimation`` physics steps at a time."""
        self._motors, self._target = motors, TorchArray(motors.target)
        self._steps = max(n for n in range(1, MOST_STEPS + 1) if decimation % n == 0)
        self._turns = decimation // self._steps
        if self.use_cuda_graph:
            compile_together(lambda: motors.write(self.wp_data), self.wp_device)
            self._record("control")

    def detach(self) -> None:
        """No motors."""
        self._motors = None
        self._graphs.pop("control", None)

    def control(self, target: Tensor) -> None:
        """One control step: the motors of :meth:`attach` follow the joint targets ``[N, J]`` [rad]."""
        self._target[:] = target
        for _ in range(self._turns):
            self._run("control")

    def begin(self, begun: Tensor) -> None:
        """The model's own initial state where ``begun`` (``[N]`` bool) is set."""
        self._begun[:] = begun
        self._run("begin")

    def _acts(self) -> dict[str, Callable[[], None]]:
        model, data = self.wp_model, self.wp_data

        def step() -> None:
            self._physics.step(model, data)
            self.overflows.count(data)

        def kinematics() -> None:
            # No centres of mass: whoever needs them computes forces, and them before.
            mujoco_warp.kinematics(model, data)
            mujoco_warp.camlight(model, data)

        def control(motors: WarpMotors) -> None:
            for _ in range(self._steps):
                motors.write(data)
                step()

        motors = self._motors
        controls = {} if motors is None else {"control": lambda: control(motors)}
        return controls | {
            "step": step,
            "forward": lambda: self._physics.forward(model, data),
            "kinematics": kinematics,
            "begin": lambda: mujoco_warp.reset_data(model, data, reset=self._begun_wp),
        }

    def _run(self, name: str) -> None:
        with wp.ScopedDevice(self.wp_device):
            if (graph := self._graphs.get(name)) is not None:
                wp.capture_launch(graph)
            else:
                self._acts()[name]()
