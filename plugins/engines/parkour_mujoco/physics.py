"""The physics that the batched engine and plain C MuJoCo share: shapes, motors, solver. Imports mujoco alone."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from parkour.mdp.robot import RobotLayout
from parkour_mujoco.robot_files import RobotFiles

COURSE_GROUP = 1
"""Geom group that holds the course and nothing else, so that rays can be restricted to it."""


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
    """
    spec = mujoco.MjSpec.from_file(str(files.model))
    if not visuals:
        for geom in [geom for geom in spec.geoms if geom.name not in files.collision_geoms]:
            spec.delete(geom)
    for name in layout.joints:
        motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_motor()
        spec.joint(name).armature = layout.armature
    for geom in spec.geoms:
        collides = geom.name in files.collision_geoms
        geom.contype, geom.conaffinity = int(collides), 0
        # The robot's friction, which is randomised, rules over the course's.
        geom.priority = int(collides)
        geom.condim = 3
    return spec
