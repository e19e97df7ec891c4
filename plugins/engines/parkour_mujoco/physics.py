"""The physics that the batched engine and plain C MuJoCo share: shapes, motors, solver. Imports mujoco alone."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import mujoco

from parkour.mdp.robot import RobotLayout
from parkour_mujoco.robot_files import RobotFiles
from parkour_mujoco.robot_model import read_model

if TYPE_CHECKING:
    from parkour.tasks.sections import Physics

COURSE_GROUP = 1
"""Geom group that holds the course and nothing else, so that rays can be restricted to it."""
STOCK_PARTS = {"broad_phase": "all", "contact_forces": "sensors", "motors": "torch", "solver": "batched"}
"""What a task's section ``physics`` calls MuJoCo Warp's own parts of a step."""
OWN_PARTS = {"broad_phase": "near", "contact_forces": "constraints", "motors": "kernel", "solver": "fused"}
"""And ours."""


@dataclass(frozen=True)
class SolverSettings:
    """Held for 250 million control steps on box courses without a NaN."""

    iterations: int = 10
    ls_iterations: int = 20
    tolerance: float = 1e-8
    ls_tolerance: float = 0.01
    ccd_iterations: int = 50
    impratio: float = 1.0
    gravity: float = 9.81
    """[m/s²]"""
    constraints_per_world: int = 220
    contacts_per_world: int = 45
    """Room for contacts and pairs that may touch, shared by all worlds."""
    broad_phase: Literal["auto", "all", "near"] = "all"
    """MuJoCo Warp: pairs of shapes that may touch among the boxes in reach, or of all; the contacts are the same."""
    contact_forces: Literal["auto", "sensors", "constraints"] = "sensors"
    """MuJoCo Warp: from the solver's forces, or by contact sensors; the numbers are the same."""
    motors: Literal["auto", "torch", "kernel"] = "torch"
    """MuJoCo Warp: what computes torques; the numbers are the same."""
    solver: Literal["auto", "batched", "fused"] = "batched"
    """MuJoCo Warp: all worlds iterate until the slowest is done, or each in one kernel; the method is the same."""

    @property
    def is_stock(self) -> bool:
        """Whether MuJoCo Warp's own step does everything."""
        return all(getattr(self, part) == stock for part, stock in STOCK_PARTS.items())

    @property
    def names_own_parts(self) -> bool:
        """Whether somebody asked for a part of our own by its name, and is to hear why it cannot be had."""
        return any(getattr(self, part) == own for part, own in OWN_PARTS.items())

    @classmethod
    def of(cls, physics: Physics) -> SolverSettings:
        """A task's."""
        return cls(
            iterations=physics.iterations,
            ls_iterations=physics.line_search_iterations,
            tolerance=physics.tolerance,
            constraints_per_world=physics.constraints,
            contacts_per_world=physics.contacts,
            broad_phase=physics.broad_phase,
            contact_forces=physics.contact_forces,
            motors=physics.motors,
            solver=physics.solver,
        )

    def apply(self, model: mujoco.MjModel, timestep: float) -> None:
        """Set a compiled model's options: implicit integration, Newton's solver, pyramidal friction cones.

        Args:
            model: changed.
            timestep: physics step [s].
        """
        options = model.opt
        options.timestep = timestep
        options.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        options.solver = mujoco.mjtSolver.mjSOL_NEWTON
        options.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
        options.jacobian = mujoco.mjtJacobian.mjJAC_AUTO
        options.iterations, options.ls_iterations = self.iterations, self.ls_iterations
        options.tolerance, options.ls_tolerance = self.tolerance, self.ls_tolerance
        options.ccd_iterations, options.impratio = self.ccd_iterations, self.impratio
        options.gravity[:] = (0.0, 0.0, -self.gravity)


def add_course(spec: mujoco.MjSpec, boxes: int) -> list[mujoco.MjsGeom]:
    """A fixed body with ``boxes`` box geoms, parked far below until somebody places them."""
    body = spec.worldbody.add_body(name="course")
    return [
        body.add_geom(
            name=f"box_{k}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[0.5, 0.5, 0.5],
            pos=[0, 0, -50 - 2 * k],
            contype=0,
            conaffinity=1,
            condim=3,
            friction=[1.0, 0.005, 0.0001],
            group=COURSE_GROUP,
            rgba=[0.62, 0.60, 0.56, 1.0],
        )
        for k in range(boxes)
    ]


def robot_spec(files: RobotFiles, layout: RobotLayout, *, visuals: bool = True) -> mujoco.MjSpec:
    """The robot with one torque motor per joint, in canonical order: control ``j`` drives joint ``j``.

    Without ``visuals`` the shapes that only please the eye are left out: their poses cost time in every world.

    Raises:
        EngineError: the model cannot be read, or is not what ``robot.toml`` says.
    """
    spec = read_model(files, layout)
    if not visuals:
        for geom in [geom for geom in spec.geoms if geom.name not in files.collision_geoms]:
            spec.delete(geom)
        used = {geom.meshname for geom in spec.geoms}
        for mesh in [mesh for mesh in spec.meshes if mesh.name not in used]:
            spec.delete(mesh)
    for name, armature in zip(layout.joints, layout.armature, strict=True):
        motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_motor()
        spec.joint(name).armature = armature
    for geom in spec.geoms:
        collides = geom.name in files.collision_geoms
        geom.contype, geom.conaffinity = int(collides), int(collides and files.self_collision)
        # The robot's friction, which is randomized, rules over the course's.
        geom.priority = int(collides)
        geom.condim = 3
    return spec
