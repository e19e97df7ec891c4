"""What the environment needs of a simulation, on a GPU and on a CPU."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import mujoco
from torch import Tensor

from parkour_mujoco.motors import DcMotors
from parkour_mujoco.physics import SolverSettings

CpuSim = Literal["native", "warp"]
"""What steps the worlds on a CPU: C MuJoCo, or MuJoCo Warp as on a GPU."""
COURSE_FIELDS = ("geom_pos", "geom_quat", "geom_size", "geom_rbound", "geom_aabb")
"""Model fields that differ from world to world because the courses do; without any one of them robots fall through."""
RANDOMIZED_FIELDS = ("geom_friction", "body_mass", "body_inertia", "body_ipos")
DERIVED_FIELDS = ("body_subtreemass", "dof_invweight0", "body_invweight0", "tendon_length0", "tendon_invweight0")
"""Recomputed from masses at startup; per world as well."""
WORLD_FIELDS = COURSE_FIELDS + RANDOMIZED_FIELDS + DERIVED_FIELDS


@dataclass(frozen=True)
class Room:
    """What contacts and constraints took of the room that they have, since the simulation was made."""

    constraint_overflows: int
    """Physics steps of single worlds in which constraints found no room: contacts or joint limits without a force."""
    contact_overflows: int
    """Physics steps of all worlds in which contacts found no room, in some world or other."""
    constraints: int
    """Most constraints that a world had."""
    constraint_room: int
    """For how many a world has room."""
    contacts: int
    """Most contacts, or pairs of shapes that may touch, that all worlds had together."""
    contact_room: int
    """For how many they have room."""

    def complaint(self, num_envs: int) -> str | None:
        """In one line, what did not fit and which parameter to raise; None where all did."""
        short: list[str] = []
        if self.constraint_overflows:
            short.append(
                f"{self.constraint_overflows} times constraints of a robot found no room: up to {self.constraints}, "
                f"room for {self.constraint_room} (raise physics.constraints)"
            )
        if self.contact_overflows:
            short.append(
                f"in {self.contact_overflows} physics steps contacts found no room: up to "
                f"{self.contacts / num_envs:.1f} per robot, room for {self.contact_room / num_envs:.0f} "
                "(raise physics.contacts)"
            )
        return "; ".join(short) or None


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

    def overflows(self) -> Tensor | None:
        """How often contacts or constraints found no room so far, on the device; None where room is made for all."""
        ...

    def room(self) -> Room | None:
        """What they took of their room; a host sync."""
        ...

    def close(self) -> None:
        """Give threads back."""
        ...


@runtime_checkable
class SimulationWithMotors(Protocol):
    """One that may compute the motors' torques itself, and step a whole control step at once."""

    def attach_motors(self, motors: DcMotors, joint_q: Tensor, joint_v: Tensor, decimation: int) -> bool:
        """Let :meth:`control` step with these motors, if the task wants that and it can be.

        Args:
            motors: theirs; their gains are read at every physics step.
            joint_q: ``[J]`` addresses of the joints in qpos.
            joint_v: ``[J]`` in qvel.
            decimation: physics steps per control step.

        Returns:
            Whether :meth:`control` may be called.
        """
        ...

    def control(self, target: Tensor) -> None:
        """One control step with the joint targets ``[N, J]`` [rad]."""
        ...


def make_simulation(
    model: mujoco.MjModel, num_envs: int, device: str, cpu_sim: CpuSim, solver: SolverSettings | None = None
) -> Simulation:
    """C MuJoCo on a CPU, unless ``cpu_sim`` says otherwise; MuJoCo Warp through mjlab elsewhere.

    Only what is made is imported: mjlab and Warp take seconds.
    """
    if device == "cpu" and cpu_sim == "native":
        from parkour_mujoco.native_sim import NativeSimulation

        return NativeSimulation(model, num_envs)
    from parkour_mujoco.launch import quiet_warp
    from parkour_mujoco.warp_sim import WarpSimulation

    quiet_warp(device, kernels=True)
    return WarpSimulation(model, num_envs, device, solver)
