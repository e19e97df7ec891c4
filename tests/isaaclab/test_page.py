"""Sessions on the page in the browser, the meshes that it draws, and films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics, UsdShade, Vt

from parkour.errors import EngineError
from parkour.policies.source import Weights
from parkour.viewing.viewer import ViewerOptions
from parkour.viewing.watch import DriveOptions, WatchOptions, watch
from parkour_isaaclab.engine import IsaacLabEngine
from tests.isaaclab.sessions import CHANGES, make_session
from tests.ports import own_port

pytestmark = pytest.mark.isaaclab


@pytest.mark.slow
def test_the_page_shows_robot_and_course_as_the_simulator_has_them(make_env: Any, weights: Weights) -> None:
    env, session, task = make_session(make_env, weights, driven=True, depth=True)
    options = ViewerOptions("a test", port=own_port(), behind=True, depth=True)
    viewer: Any = IsaacLabEngine().make_viewer("web", env, task, session, options)
    try:
        robot = env.unwrapped.scene["robot"]
        for _ in range(20):
            session.advance()
        for watched in (1, 0):
            session.watch(watched)
            session.reset()
            session.advance()
            viewer.update(session)
            snapshot = session.snapshot()
            scene = viewer.scene
            np.testing.assert_allclose(scene.course._boxes.batched_positions, snapshot.boxes[:, :3], atol=1e-6)
            base = robot.body_names.index("base_link")
            np.testing.assert_allclose(scene._bodies[base].position, snapshot.base_pos, atol=1e-4)
            np.testing.assert_allclose(scene._bodies[base].wxyz, snapshot.base_quat, atol=1e-5)
            feet = [robot.body_names.index(name) for name in task.robot.feet]
            shown = [scene._bodies[foot].position for foot in feet]
            np.testing.assert_allclose(shown, env.mdp.context.robot.feet_pos[watched].numpy(), atol=1e-4)
        assert viewer.panels._depth is not None and viewer.panels._depth._image.image.std() > 5
    finally:
        viewer.close()


@pytest.mark.slow
def test_a_policy_is_played_and_driven_on_the_page(weights: Weights, physics: str) -> None:
    """The whole way of the command, and Ctrl-C's: what was started is closed."""
    said: list[str] = []
    for drive in (None, DriveOptions()):
        options = WatchOptions(
            viewer="web", port=own_port(), steps=15, num_envs=1, changes=CHANGES, drive=drive,
            engine="isaaclab", engine_options={"physics": physics},
        )  # fmt: skip
        session = watch(weights, options, notify=said.append)
        assert session.steps == 15
        assert torch.isfinite(session.mdp.context.robot.base_pos).all()  # type: ignore[union-attr]
    assert [line.startswith("web viewer: http://127.0.0.1:") for line in said] == [True, True]


@pytest.mark.slow
def test_a_session_is_filmed_without_kit(weights: Weights, physics: str, tmp_path: Path) -> None:
    """By MuJoCo's renderer: the robot moves, so no picture is the one before."""
    film = tmp_path / "film.mp4"
    said: list[str] = []
    options = WatchOptions(
        video=film, steps=20, num_envs=1, changes=CHANGES, engine="isaaclab", engine_options={"physics": physics}
    )
    try:
        watch(weights, options, notify=said.append)
    except EngineError as error:
        if "nothing can be rendered here" in error.message:
            pytest.skip(error.message)
        raise
    assert said[-1].startswith(f"video: {film}")
    frames = _frames(film)
    assert frames.shape[1:] == (540, 960, 3)
    assert frames.std() > 10
    assert (np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3)) > 0).all()


def _frames(path: Path) -> np.ndarray:
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader])


def test_meshes_of_a_link_are_as_large_as_its_shapes() -> None:
    from parkour_isaaclab.viewer.usd_meshes import PLAIN, link_meshes

    stage = Usd.Stage.CreateInMemory()
    link = _link(stage, "/robot/link", (5.0, 1.0, 0.0))
    UsdGeom.XformCommonAPI(link).SetScale(Gf.Vec3f(2.0))
    ball = UsdGeom.Sphere.Define(stage, "/robot/link/ball")
    ball.CreateRadiusAttr(0.1)
    ball.CreateDisplayColorAttr([Gf.Vec3f(1, 0, 0)])
    UsdGeom.XformCommonAPI(ball).SetTranslate(Gf.Vec3d(0.0, 0.0, 1.0))
    rod = UsdGeom.Capsule.Define(stage, "/robot/link/rod")
    rod.CreateAxisAttr("X")
    rod.CreateHeightAttr(1.0)
    rod.CreateRadiusAttr(0.1)
    collider = UsdGeom.Cube.Define(stage, "/robot/link/collider")
    UsdPhysics.CollisionAPI.Apply(collider.GetPrim())
    UsdGeom.Cube.Define(stage, "/robot/link/hidden").MakeInvisible()
    UsdGeom.Cube.Define(stage, "/robot/link/guide").CreatePurposeAttr("guide")
    child = _link(stage, "/robot/link/child", (0.0, 0.0, 0.0))
    UsdGeom.Cylinder.Define(stage, "/robot/link/child/disc")
    reach = {mesh.colour: mesh.vertices for mesh in link_meshes(link, 7)}
    plain = tuple(round(255 * part ** (1 / 2.2)) for part in PLAIN)
    assert set(reach) == {(255, 0, 0), plain}
    np.testing.assert_allclose(np.ptp(reach[255, 0, 0], axis=0), 0.4, atol=0.01)
    np.testing.assert_allclose(reach[255, 0, 0].mean(axis=0), (0, 0, 2), atol=1e-3)
    np.testing.assert_allclose(np.ptp(reach[plain], axis=0), (2.4, 0.4, 0.4), atol=0.01)
    assert [mesh.body for mesh in link_meshes(child, 8)] == [8]


def test_a_mesh_is_parted_by_its_materials() -> None:
    """Polygons become triangles, each part in the colour of its material; a mirrored one is turned inside out."""
    from parkour_isaaclab.viewer.usd_meshes import link_meshes

    stage = Usd.Stage.CreateInMemory()
    link = _link(stage, "/robot/link", (0.0, 0.0, 3.0))
    mesh = UsdGeom.Mesh.Define(stage, "/robot/link/mesh")
    corners = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)]
    mesh.CreatePointsAttr([Gf.Vec3f(*corner) for corner in corners])
    mesh.CreateFaceVertexCountsAttr([4, 3, 3])
    mesh.CreateFaceVertexIndicesAttr([3, 2, 1, 0, 0, 1, 4, 1, 2, 4])
    UsdGeom.XformCommonAPI(mesh).SetScale(Gf.Vec3f(1.0, 1.0, -1.0))
    for name, faces, colour in (("red", [0], (1, 0, 0)), ("blue", [1], (0, 0, 1))):
        subset = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).CreateMaterialBindSubset(name, Vt.IntArray(faces))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(_material(stage, f"/looks/{name}", colour))
    parts = {mesh.colour: mesh for mesh in link_meshes(link, 0)}
    assert len(parts[255, 0, 0].faces) == 2 and len(parts[0, 0, 255].faces) == 1 and len(parts) == 3
    vertices, faces = parts[255, 0, 0].vertices, parts[255, 0, 0].faces
    np.testing.assert_allclose(vertices[4], (0.5, 0.5, -1.0))
    a, b, c = vertices[faces[0]]
    assert np.cross(b - a, c - a)[2] > 0, "the mirrored bottom is a top"


def _link(stage: Usd.Stage, path: str, pos: tuple[float, float, float]) -> Usd.Prim:
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    UsdGeom.XformCommonAPI(prim).SetTranslate(Gf.Vec3d(*pos))
    UsdPhysics.RigidBodyAPI.Apply(prim)
    return prim


def _material(stage: Usd.Stage, path: str, colour: tuple[float, float, float]) -> UsdShade.Material:
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*colour))
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    return material
