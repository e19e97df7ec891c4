"""What the environment needs of a simulation, on a GPU and on a CPU."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Literal, Protocol

import mujoco
from torch import Tensor

CpuSim = Literal["native", "warp"]
"""What steps the worlds on a CPU: C MuJoCo, or MuJoCo Warp as on a GPU."""
COURSE_FIELDS = ("geom_pos", "geom_quat", "geom_size", "geom_rbound", "geom_aabb")
"""Model fields that differ from world to world because the courses do; without any one of them robots fall through."""
RANDOMIZED_FIELDS = ("geom_friction", "body_mass", "body_inertia", "body_ipos")
DERIVED_FIELDS = ("body_subtreemass", "dof_invweight0", "body_invweight0", "tendon_length0", "tendon_invweight0")
"""Recomputed from masses at startup; per world as well."""
WORLD_FIELDS = COURSE_FIELDS + RANDOMIZED_FIELDS + DERIVED_FIELDS


class Simulation(Protocol):
    """``N`` worlds of one model, which differ in :data:`WORLD_FIELDS`. Arrays are float32 on the device."""

    mj_model: mujoco.MjModel
    num_envs: int

    @property
    def model(self) -> Any:
        """The fields of :data:`WORLD_FIELDS` as tensors ``[N, …]``, to be written in place."""
        ...

    @property
    def data(self) -> Any:
        """``qpos``, ``qvel``, ``ctrl``, ``sensordata``, ``geom_xpos`` as tensors ``[N, …]``, by MuJoCo's names."""
        ...

    def reset(self, begun: Tensor) -> None:
        """The model's own initial state where ``begun`` (``[N]`` bool) is set."""
        ...

    def step(self) -> None:
        """One physics step."""
        ...

    def forward(self) -> None:
        """Positions, contacts and forces of the state as it is, without a step."""
        ...

    def kinematics(self) -> None:
        """Bring the positions of bodies, shapes and cameras up to date with the joints.

        Contact forces stay those of the last physics step: to solve for new ones is as much work as a physics step.
        """
        ...

    def mark_changed(self, which: Tensor) -> None:
        """Say that model fields of these worlds (``[M]`` int64 or ``[N]`` bool) were written."""
        ...

    def recompute_constants(self) -> None:
        """What is derived from masses, in every world."""
        ...

    def close(self) -> None:
        """Give threads back."""
        ...


def make_simulation(model: mujoco.MjModel, num_envs: int, device: str, cpu_sim: CpuSim) -> Simulation:
    """C MuJoCo on a CPU, unless ``cpu_sim`` says otherwise; MuJoCo Warp through mjlab elsewhere.

    Only what is made is imported: mjlab and Warp take seconds.
    """
    if device == "cpu" and cpu_sim == "native":
        from parkour_mujoco.native_sim import NativeSimulation

        return NativeSimulation(model, num_envs)
    from parkour_mujoco.launch import quiet_warp
    from parkour_mujoco.warp_sim import WarpSimulation

    quiet_warp(device, kernels=True)
    return WarpSimulation(model, num_envs, device)
