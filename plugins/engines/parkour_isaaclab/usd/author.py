"""Writes a robot as a USD articulation: flat links below one root, joints beside them."""

# USD is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from pathlib import Path

import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdPhysics

from parkour_isaaclab.usd.links import Hinge, Link, RobotLinks, Shape, Weld


def write_usd(robot: RobotLinks, file: Path) -> None:
    """Author the articulation.

    Args:
        robot: what to write.
        file: to write, ``.usd``, ``.usda`` or ``.usdc``; its folder is there.
    """
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = f"/{robot.name}"
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, root).GetPrim())
    for link in robot.links:
        _write_link(stage, root, link)
    base = stage.GetPrimAtPath(f"{root}/{robot.links[0].name}")
    UsdPhysics.ArticulationRootAPI.Apply(base)
    base.AddAppliedSchema("PhysxArticulationAPI")
    for weld in robot.welds:
        _write_weld(stage, root, weld)
    for hinge in robot.hinges:
        _write_hinge(stage, root, hinge)
    stage.Export(str(file))


def _write_link(stage: Usd.Stage, root: str, link: Link) -> None:
    path = f"{root}/{link.name}"
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    _place(prim, link.pos, Gf.Quatf(*_quat(link.rotation)))
    UsdPhysics.RigidBodyAPI.Apply(prim)
    prim.AddAppliedSchema("PhysxRigidBodyAPI")
    moments, axes = np.linalg.eigh(link.inertia)
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    mass = UsdPhysics.MassAPI.Apply(prim)
    mass.CreateMassAttr(link.mass)
    mass.CreateCenterOfMassAttr(Gf.Vec3f(*link.com.tolist()))
    mass.CreateDiagonalInertiaAttr(Gf.Vec3f(*moments.tolist()))
    mass.CreatePrincipalAxesAttr(Gf.Quatf(*_quat(axes)))
    for shape in link.shapes:
        _write_shape(stage, f"{path}/{shape.name}", shape)


def _write_shape(stage: Usd.Stage, path: str, shape: Shape) -> None:
    scale = (1.0, 1.0, 1.0)
    if shape.kind == "sphere":
        prim = UsdGeom.Sphere.Define(stage, path)
        prim.CreateRadiusAttr(shape.size[0])
    elif shape.kind == "ellipsoid":
        prim, scale = UsdGeom.Sphere.Define(stage, path), shape.size
        prim.CreateRadiusAttr(1.0)
    elif shape.kind == "box":
        prim, scale = UsdGeom.Cube.Define(stage, path), shape.size
        prim.CreateSizeAttr(2.0)
    else:
        prim = (UsdGeom.Capsule if shape.kind == "capsule" else UsdGeom.Cylinder).Define(stage, path)
        prim.CreateRadiusAttr(shape.size[0])
        prim.CreateHeightAttr(2 * shape.size[1])
        prim.CreateAxisAttr(UsdGeom.Tokens.z)
    # USD's colours are linear in light.
    prim.CreateDisplayColorAttr([Gf.Vec3f(*(part**2.2 for part in shape.colour))])
    _place(prim.GetPrim(), shape.pos, Gf.Quatf(*shape.quat.tolist()), scale)
    if shape.collides:
        UsdPhysics.CollisionAPI.Apply(prim.GetPrim())


def _write_weld(stage: Usd.Stage, root: str, weld: Weld) -> None:
    joint = UsdPhysics.FixedJoint.Define(stage, f"{root}/joints/{weld.child}_weld")
    _connect(joint, root, weld.parent, weld.child, weld.pos, Gf.Quatf(1.0))


def _write_hinge(stage: Usd.Stage, root: str, hinge: Hinge) -> None:
    joint = UsdPhysics.RevoluteJoint.Define(stage, f"{root}/joints/{hinge.name}")
    joint.CreateAxisAttr(hinge.axis)
    _connect(joint, root, hinge.parent, hinge.child, hinge.pos, Gf.Quatf(*hinge.quat.tolist()))
    lower, upper = np.degrees(hinge.limits).tolist()
    joint.CreateLowerLimitAttr(lower)
    joint.CreateUpperLimitAttr(upper)
    # Isaac Lab drives a joint only through a drive; its motors set it.
    drive = UsdPhysics.DriveAPI.Apply(joint.GetPrim(), "angular")
    drive.CreateTypeAttr("force")
    drive.CreateStiffnessAttr(0.0)
    drive.CreateDampingAttr(0.0)


def _connect(joint: UsdPhysics.Joint, root: str, parent: str, child: str, pos: np.ndarray, quat: Gf.Quatf) -> None:
    joint.CreateBody0Rel().SetTargets([f"{root}/{parent}"])
    joint.CreateBody1Rel().SetTargets([f"{root}/{child}"])
    joint.CreateLocalPos0Attr(Gf.Vec3f(*pos.tolist()))
    joint.CreateLocalRot0Attr(quat)
    joint.CreateLocalPos1Attr(Gf.Vec3f(0.0))
    joint.CreateLocalRot1Attr(Gf.Quatf(1.0))


def _place(prim: Usd.Prim, pos: np.ndarray, quat: Gf.Quatf, scale: tuple[float, ...] = (1.0, 1.0, 1.0)) -> None:
    xform = UsdGeom.Xformable(prim)
    xform.ClearXformOpOrder()
    xform.AddTranslateOp().Set(Gf.Vec3d(*pos.tolist()))
    xform.AddOrientOp().Set(quat)
    xform.AddScaleOp().Set(Gf.Vec3f(*scale))


def _quat(matrix: np.ndarray) -> list[float]:
    """(w, x, y, z) of a rotation."""
    rotation = Gf.Matrix3d(*matrix.T.reshape(9).tolist()).ExtractRotation().GetQuat()
    return [rotation.GetReal(), *rotation.GetImaginary()]
