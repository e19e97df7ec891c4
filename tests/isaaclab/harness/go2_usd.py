"""Our own Go2 as USD, laid out as NVIDIA's asset is: flat links, a base called ``base``, separate head and foot links.

Masses, inertias, shapes and limits are those of the MJCF: foot and head links take their share from the calf and the
base, whose mass, centre and inertia become what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdPhysics

ROOT = "/go2"
BASE = "base"
"""What NVIDIA's asset calls the base."""
SMALL_MASS = {"foot": 0.04, "Head": 0.001}
"""Masses of the links that the MJCF does not have [kg]."""
HEADS = {"Head_upper": "base_2_collision", "Head_lower": "base_3_collision"}
"""Head links by the shape of the MJCF that they take over."""


@dataclass
class Link:
    """A rigid body in the pose at zero joint angles. Inertia about its centre of mass, in the link's frame."""

    name: str
    pos: np.ndarray
    rotation: np.ndarray
    mass: float
    com: np.ndarray
    inertia: np.ndarray
    geoms: list[int]


def write_go2_usd(mjcf: Path, out: Path) -> Path:
    """Author the articulation.

    Args:
        mjcf: the robot's model.
        out: file to write, ``.usd``, ``.usda`` or ``.usdc``; its folder is made.
    """
    model = mujoco.MjModel.from_xml_path(str(mjcf))
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_kinematics(model, data)
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, ROOT).GetPrim())
    for body in range(1, model.nbody):
        link = _link(model, data, body)
        children = [_split(model, link, geom, name) for geom, name in _own_links(model, link)]
        for one in (link, *children):
            _write_link(stage, model, one)
        for child in children:
            _write_fixed_joint(stage, link, child)
    for joint in range(model.njnt):
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            _write_hinge(stage, model, joint)
    stage.Export(str(out))
    return out


def _name(model: mujoco.MjModel, body: int) -> str:
    return BASE if model.body_parentid[body] == 0 else model.body(body).name


def _link(model: mujoco.MjModel, data: mujoco.MjData, body: int) -> Link:
    axes = _matrix(model.body_iquat[body])
    geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body and model.geom_contype[g]]
    return Link(
        name=_name(model, body),
        pos=data.xpos[body].copy(),
        rotation=data.xmat[body].reshape(3, 3).copy(),
        mass=float(model.body_mass[body]),
        com=model.body_ipos[body].copy(),
        inertia=axes @ np.diag(model.body_inertia[body]) @ axes.T,
        geoms=geoms,
    )


def _own_links(model: mujoco.MjModel, link: Link) -> list[tuple[int, str]]:
    """Shapes of a body that are links of their own in NVIDIA's asset, with the links' names."""
    names = {f"{link.name[:2]}_foot_collision": f"{link.name[:2]}_foot"}
    if link.name == BASE:
        names = {geom: name for name, geom in HEADS.items()}
    return [(geom, names[model.geom(geom).name]) for geom in link.geoms if model.geom(geom).name in names]


def _split(model: mujoco.MjModel, link: Link, geom: int, name: str) -> Link:
    """Move a sphere out of a link into one of its own; the two together weigh and turn as before."""
    mass = next(value for key, value in SMALL_MASS.items() if key in name)
    centre, radius = model.geom_pos[geom], float(model.geom_size[geom][0])
    own = 0.4 * mass * radius**2 * np.eye(3)
    rest = link.mass - mass
    com = (link.mass * link.com - mass * centre) / rest
    inertia = link.inertia - own - _steiner(mass, centre - link.com) - _steiner(rest, com - link.com)
    link.mass, link.com, link.inertia = rest, com, inertia
    link.geoms.remove(geom)
    return Link(name, link.pos + link.rotation @ centre, link.rotation, mass, np.zeros(3), own, [geom])


def _steiner(mass: float, offset: np.ndarray) -> np.ndarray:
    return mass * (offset @ offset * np.eye(3) - np.outer(offset, offset))


def _write_link(stage: Usd.Stage, model: mujoco.MjModel, link: Link) -> None:
    path = f"{ROOT}/{link.name}"
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    _place(prim, link.pos, _quat(link.rotation))
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
    if link.name == BASE:
        UsdPhysics.ArticulationRootAPI.Apply(prim)
        prim.AddAppliedSchema("PhysxArticulationAPI")
    centred = link.name in HEADS or link.name.endswith("_foot")
    for geom in link.geoms:
        _write_shape(stage, model, geom, path, np.zeros(3) if centred else model.geom_pos[geom])


def _write_shape(stage: Usd.Stage, model: mujoco.MjModel, geom: int, parent: str, pos: np.ndarray) -> None:
    path, kind, size = f"{parent}/{model.geom(geom).name}", model.geom_type[geom], model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        shape = UsdGeom.Sphere.Define(stage, path)
    elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        shape = UsdGeom.Capsule.Define(stage, path)
        shape.CreateHeightAttr(float(2 * size[1]))
        shape.CreateAxisAttr(UsdGeom.Tokens.z)
    else:
        raise ValueError(f"{model.geom(geom).name}: expected a sphere or a capsule, got type {kind}")
    shape.CreateRadiusAttr(float(size[0]))
    _place(shape.GetPrim(), pos, model.geom_quat[geom].tolist())
    UsdPhysics.CollisionAPI.Apply(shape.GetPrim())


def _write_fixed_joint(stage: Usd.Stage, parent: Link, child: Link) -> None:
    joint = UsdPhysics.FixedJoint.Define(stage, f"{ROOT}/joints/{child.name}_joint")
    offset = parent.rotation.T @ (child.pos - parent.pos)
    _connect(joint, parent.name, child.name, offset, [1.0, 0.0, 0.0, 0.0])


def _write_hinge(stage: Usd.Stage, model: mujoco.MjModel, index: int) -> None:
    body = int(model.jnt_bodyid[index])
    parent = int(model.body_parentid[body])
    joint = UsdPhysics.RevoluteJoint.Define(stage, f"{ROOT}/joints/{model.jnt(index).name}")
    axis = int(np.argmax(np.abs(model.jnt_axis[index])))
    joint.CreateAxisAttr("XYZ"[axis])
    _connect(joint, _name(model, parent), _name(model, body), model.body_pos[body], model.body_quat[body].tolist())
    lower, upper = np.degrees(model.jnt_range[index]).tolist()
    joint.CreateLowerLimitAttr(lower)
    joint.CreateUpperLimitAttr(upper)
    drive = UsdPhysics.DriveAPI.Apply(joint.GetPrim(), "angular")
    drive.CreateTypeAttr("force")
    drive.CreateStiffnessAttr(0.0)
    drive.CreateDampingAttr(0.0)


def _connect(joint: UsdPhysics.Joint, parent: str, child: str, pos: np.ndarray, quat: list[float]) -> None:
    joint.CreateBody0Rel().SetTargets([f"{ROOT}/{parent}"])
    joint.CreateBody1Rel().SetTargets([f"{ROOT}/{child}"])
    joint.CreateLocalPos0Attr(Gf.Vec3f(*map(float, pos)))
    joint.CreateLocalRot0Attr(Gf.Quatf(*map(float, quat)))
    joint.CreateLocalPos1Attr(Gf.Vec3f(0.0))
    joint.CreateLocalRot1Attr(Gf.Quatf(1.0))


def _place(prim: Usd.Prim, pos: np.ndarray, quat: list[float]) -> None:
    xform = UsdGeom.Xformable(prim)
    xform.ClearXformOpOrder()
    xform.AddTranslateOp().Set(Gf.Vec3d(*map(float, pos)))
    xform.AddOrientOp().Set(Gf.Quatf(*map(float, quat)))
    xform.AddScaleOp().Set(Gf.Vec3f(1.0))


def _matrix(quat: np.ndarray) -> np.ndarray:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3)


def _quat(matrix: np.ndarray) -> list[float]:
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(matrix).reshape(9))
    return quat.tolist()
