"""Reads a robot's MJCF, through MuJoCo's own compiler, which Isaac Lab brings for Newton."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import mujoco
import numpy as np

from parkour.errors import EngineError
from parkour_isaaclab.usd.links import Hinge, Link, RobotLinks, Shape, ShapeKind, Weld

FOOT_MASS = 0.04
"""Of a foot, which is a shape of its calf in the MJCF and a link here, so that its contacts are told apart [kg]."""
KINDS: Mapping[int, ShapeKind] = {
    mujoco.mjtGeom.mjGEOM_SPHERE.value: "sphere",
    mujoco.mjtGeom.mjGEOM_CAPSULE.value: "capsule",
    mujoco.mjtGeom.mjGEOM_CYLINDER.value: "cylinder",
    mujoco.mjtGeom.mjGEOM_BOX.value: "box",
    mujoco.mjtGeom.mjGEOM_ELLIPSOID.value: "ellipsoid",
}
NUMBERS: Mapping[ShapeKind, int] = {"sphere": 1, "capsule": 2, "cylinder": 2, "box": 3, "ellipsoid": 3}
"""How many of a geom's three numbers each has."""


def read_mjcf(model: Path | str, *, name: str, base: str, feet: Mapping[str, Sequence[str]]) -> RobotLinks:
    """Links, hinges and shapes of a model.

    Args:
        model: file, or the MJCF itself.
        name: of the robot.
        base: what its root body is to be called.
        feet: shapes that become a link of their own, by its name, which is also that of the site at its origin.

    Raises:
        EngineError: MuJoCo cannot read it, or it holds what cannot be written.
    """
    compiled = _compile(model, name)
    data = mujoco.MjData(compiled)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_kinematics(compiled, data)
    names = ["", base, *(compiled.body(body).name for body in range(2, compiled.nbody))]
    links, welds = [], []
    for body in range(1, compiled.nbody):
        link = _link(compiled, data, body, names[body])
        links.append(link)
        for foot, shapes in feet.items():
            if compiled.site_bodyid[_site(compiled, name, foot)] == body:
                child = _split(compiled, link, foot, shapes)
                links.append(child)
                welds.append(Weld(link.name, foot, compiled.site_pos[_site(compiled, name, foot)].copy()))
    hinges = [
        _hinge(compiled, joint, names)
        for joint in range(compiled.njnt)
        if compiled.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE
    ]
    # A prim's name is an identifier.
    return RobotLinks(re.sub(r"^(?=\d)|\W", "_", name), links, hinges, welds)


def _compile(model: Path | str, name: str) -> mujoco.MjModel:
    try:
        if isinstance(model, str):
            return mujoco.MjModel.from_xml_string(model)
        return mujoco.MjModel.from_xml_path(str(model))
    except ValueError as error:
        raise EngineError(f"robot {name!r}: its model: {' '.join(str(error).split())}") from error


def _site(model: mujoco.MjModel, robot: str, name: str) -> int:
    site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name)
    if site < 0:
        raise EngineError(f"robot {robot!r}: its model has no site {name!r}, expected one at the centre of each foot")
    return site


def _link(model: mujoco.MjModel, data: mujoco.MjData, body: int, name: str) -> Link:
    axes = _matrix(model.body_iquat[body])
    return Link(
        name=name,
        pos=data.xpos[body].copy(),
        rotation=data.xmat[body].reshape(3, 3).copy(),
        mass=float(model.body_mass[body]),
        com=model.body_ipos[body].copy(),
        inertia=axes @ np.diag(model.body_inertia[body]) @ axes.T,
        shapes=[
            _shape(model, geom) for geom in range(model.ngeom) if model.geom_bodyid[geom] == body and _kept(model, geom)
        ],
    )


def _kept(model: mujoco.MjModel, geom: int) -> bool:
    """Whether a shape is written: meshes that only please the eye are not."""
    return bool(model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_MESH or model.geom_contype[geom])


def _shape(model: mujoco.MjModel, geom: int) -> Shape:
    name, kind = model.geom(geom).name or f"seen_{geom}", KINDS.get(int(model.geom_type[geom]))
    if kind is None:
        raise EngineError(f"geom {name!r}: expected {', '.join(KINDS.values())}", hint="robot.toml, [isaaclab] usd")
    material = int(model.geom_matid[geom])
    rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
    red, green, blue = (float(part) for part in rgba[:3])
    return Shape(
        name=name,
        kind=kind,
        size=tuple(float(value) for value in model.geom_size[geom][: NUMBERS[kind]]),
        pos=model.geom_pos[geom].copy(),
        quat=model.geom_quat[geom].copy(),
        collides=bool(model.geom_contype[geom] or model.geom_conaffinity[geom]),
        colour=(red, green, blue),
    )


def _hinge(model: mujoco.MjModel, joint: int, names: Sequence[str]) -> Hinge:
    body, name = int(model.jnt_bodyid[joint]), model.jnt(joint).name
    direction = model.jnt_axis[joint]
    axis = int(np.argmax(np.abs(direction)))
    if direction[axis] < 1.0 - 1e-6 or np.abs(model.jnt_pos[joint]).max() > 0.0:
        raise EngineError(f"joint {name!r}: expected an axis along x, y or z, through the origin of its body")
    lower, upper = (float(value) for value in model.jnt_range[joint])
    return Hinge(
        name=name,
        parent=names[int(model.body_parentid[body])],
        child=names[body],
        axis="XYZ"[axis],  # type: ignore[arg-type]
        limits=(lower, upper),
        pos=model.body_pos[body].copy(),
        quat=model.body_quat[body].copy(),
    )


def _split(model: mujoco.MjModel, link: Link, name: str, shapes: Sequence[str]) -> Link:
    """Move shapes out of a link into one of its own; the two together weigh and turn as before."""
    taken = [shape for shape in link.shapes if shape.name in shapes]
    centre = model.site_pos[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name)].copy()
    reach = max(model.geom_rbound[model.geom(shape.name).id] for shape in taken)
    own = 0.4 * FOOT_MASS * reach**2 * np.eye(3)
    rest = link.mass - FOOT_MASS
    com = (link.mass * link.com - FOOT_MASS * centre) / rest
    inertia = link.inertia - own - _steiner(FOOT_MASS, centre - link.com) - _steiner(rest, com - link.com)
    link.mass, link.com, link.inertia = rest, com, inertia
    link.shapes = [shape for shape in link.shapes if shape not in taken]
    moved = [
        Shape(shape.name, shape.kind, shape.size, shape.pos - centre, shape.quat, shape.collides, shape.colour)
        for shape in taken
    ]
    place = link.pos + link.rotation @ centre
    return Link(name, place, link.rotation, FOOT_MASS, np.zeros(3), own, moved)


def _steiner(mass: float, offset: np.ndarray) -> np.ndarray:
    return mass * (offset @ offset * np.eye(3) - np.outer(offset, offset))


def _matrix(quat: np.ndarray) -> np.ndarray:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3)
