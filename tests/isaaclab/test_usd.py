"""The USD file of a robot against the model that MuJoCo makes of its MJCF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import mujoco
import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdPhysics

from parkour.errors import EngineError
from parkour.tasks import load_task
from parkour_isaaclab.robot import find_robot
from parkour_isaaclab.usd.cache import written_usd

pytestmark = pytest.mark.isaaclab

BALL = '<mujoco><worldbody><body><freejoint/><geom type="sphere" size="0.1"/></body></worldbody></mujoco>'
MESH = BALL.replace('<geom type="sphere" size="0.1"/>', '<geom name="hull" type="mesh" mesh="hull"/>').replace(
    "<worldbody>", '<asset><mesh name="hull" vertex="0 0 0 1 0 0 0 1 0 0 0 1"/></asset><worldbody>'
)
FEET = ("FL_foot", "FR_foot", "RL_foot", "RR_foot")


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(Path(load_task("go2-teacher").robot_folder) / "go2.xml"))


@pytest.fixture(scope="module")
def links() -> Iterator[Mapping[str, Usd.Prim]]:
    """Rigid bodies by name."""
    stage = Usd.Stage.Open(str(find_robot(load_task("go2-teacher")).usd))
    yield {prim.GetName(): prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)}
    # Its prims do not keep a stage alive.
    del stage


def test_each_body_is_a_link_and_each_foot_one_more(model: mujoco.MjModel, links: Mapping[str, Usd.Prim]) -> None:
    assert set(links) == {model.body(body).name for body in range(1, model.nbody)} | set(FEET)


def test_each_body_weighs_and_turns_as_in_the_model(model: mujoco.MjModel, links: Mapping[str, Usd.Prim]) -> None:
    """Calf and foot together are the model's calf."""
    for body in range(1, model.nbody):
        name = model.body(body).name
        parts = [links[name], *([links[name.replace("calf", "foot")]] if "calf" in name else [])]
        mass, centre, inertia = _together(links[name], parts)
        axes = _matrix(model.body_iquat[body])
        assert mass == pytest.approx(model.body_mass[body], rel=1e-6), name
        np.testing.assert_allclose(centre, model.body_ipos[body], atol=1e-5, err_msg=name)
        expected = axes @ np.diag(model.body_inertia[body]) @ axes.T
        np.testing.assert_allclose(inertia, expected, atol=1e-4 * np.abs(expected).max(), err_msg=name)


def test_each_shape_is_where_and_as_large_as_in_the_model(model: mujoco.MjModel, links: Mapping[str, Usd.Prim]) -> None:
    """In the pose of the file, joints at zero: centres, axes, radii and lengths of all shapes that collide."""
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_kinematics(model, data)
    shapes = {
        prim.GetName(): prim
        for link in links.values()
        for prim in Usd.PrimRange(link)
        if prim.HasAPI(UsdPhysics.CollisionAPI)
    }
    colliding = [geom for geom in range(model.ngeom) if model.geom_contype[geom] or model.geom_conaffinity[geom]]
    assert set(shapes) == {model.geom(geom).name for geom in colliding}
    cache = UsdGeom.XformCache()
    for geom in colliding:
        name, size = model.geom(geom).name, model.geom_size[geom]
        prim = shapes[name]
        place = np.array(cache.GetLocalToWorldTransform(prim))
        np.testing.assert_allclose(place[3, :3], data.geom_xpos[geom], atol=1e-5, err_msg=name)
        np.testing.assert_allclose(place[2, :3], data.geom_xmat[geom].reshape(3, 3)[:, 2], atol=1e-5, err_msg=name)
        assert prim.GetAttribute("radius").Get() == pytest.approx(size[0])
        if prim.IsA(UsdGeom.Capsule):
            assert prim.GetAttribute("height").Get() == pytest.approx(2 * size[1])


def test_each_joint_turns_about_the_models_axis_within_its_limits(
    model: mujoco.MjModel, links: Mapping[str, Usd.Prim]
) -> None:
    stage = next(iter(links.values())).GetStage()
    hinges = {p.GetName(): UsdPhysics.RevoluteJoint(p) for p in stage.Traverse() if p.IsA(UsdPhysics.RevoluteJoint)}
    found = [joint for joint in range(model.njnt) if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE]
    assert set(hinges) == {model.jnt(joint).name for joint in found}
    for joint in found:
        hinge, body = hinges[model.jnt(joint).name], int(model.jnt_bodyid[joint])
        assert "XYZ".index(hinge.GetAxisAttr().Get()) == np.argmax(model.jnt_axis[joint])
        limits = np.radians([hinge.GetLowerLimitAttr().Get(), hinge.GetUpperLimitAttr().Get()])
        np.testing.assert_allclose(limits, model.jnt_range[joint], atol=1e-5)
        assert hinge.GetBody1Rel().GetTargets()[0].name == model.body(body).name
        np.testing.assert_allclose(np.array(hinge.GetLocalPos0Attr().Get()), model.body_pos[body], atol=1e-6)


def test_a_file_is_written_once_and_anew_for_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "ball.xml"
    source.write_text(BALL)
    first = written_usd(source, name="ball", base="ball", feet={})
    before = first.stat().st_mtime_ns
    assert written_usd(source, name="ball", base="ball", feet={}) == first
    assert first.stat().st_mtime_ns == before
    source.write_text(BALL.replace("0.1", "0.2"))
    assert written_usd(source, name="ball", base="ball", feet={}) != first


@pytest.mark.parametrize(
    ("text", "feet", "message"),
    [
        ("<mujoco><worldbody>", {}, "robot .ball.: its model: XML"),
        (BALL, {"foot": ()}, "no site 'foot'"),
        (MESH, {}, "geom 'hull': expected sphere, capsule"),
    ],
)
def test_what_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, feet: Mapping[str, tuple[str, ...]], message: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "ball.xml"
    source.write_text(text)
    with pytest.raises(EngineError, match=message) as caught:
        written_usd(source, name="ball", base="ball", feet=feet)
    assert "\n" not in caught.value.message


def _together(frame: Usd.Prim, parts: list[Usd.Prim]) -> tuple[float, np.ndarray, np.ndarray]:
    """Mass, centre and inertia about it of links as one body, in the frame of one of them."""
    cache = UsdGeom.XformCache()
    back = cache.GetLocalToWorldTransform(frame).GetInverse()
    masses, centres, inertias = [], [], []
    for part in parts:
        api, place = UsdPhysics.MassAPI(part), np.array(cache.GetLocalToWorldTransform(part) * back)
        axes = place[:3, :3].T @ _matrix(_numbers(api.GetPrincipalAxesAttr().Get()))
        masses.append(api.GetMassAttr().Get())
        centres.append(place[3, :3] + np.array(api.GetCenterOfMassAttr().Get()) @ place[:3, :3])
        inertias.append(axes @ np.diag(np.array(api.GetDiagonalInertiaAttr().Get())) @ axes.T)
    mass = sum(masses)
    centre = np.array(masses) @ np.array(centres) / mass
    total = np.zeros((3, 3))
    for one, place, own in zip(masses, centres, inertias, strict=True):
        offset = place - centre
        total += own + one * (offset @ offset * np.eye(3) - np.outer(offset, offset))
    return mass, centre, total


def _numbers(quat: Gf.Quatf) -> np.ndarray:
    return np.array([quat.GetReal(), *quat.GetImaginary()], float)


def _matrix(quat: np.ndarray) -> np.ndarray:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, np.asarray(quat, float))
    return matrix.reshape(3, 3)
