"""MuJoCo's side of viewing: the model for the eye, and pictures of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parkour.errors import EngineError
from parkour.viewing.follow import VIEWS, View
from parkour_mujoco.launch import choose_renderer
from tests.viewing.fakes import make_session

pytestmark = pytest.mark.mujoco
# Before anything imports MuJoCo.
choose_renderer()
mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mjlab")
engine = pytest.importorskip("parkour_mujoco.engine").MujocoEngine()
from parkour_mujoco.sim2sim.depth import check_renderer  # noqa: E402
from parkour_mujoco.viewer.meshes import body_meshes  # noqa: E402
from parkour_mujoco.viewer.model import COLLISION_GROUP, ViewModel, draw_markers  # noqa: E402


def can_render() -> bool:
    try:
        check_renderer()
        mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 16, 16).close()
    except Exception:
        return False
    return True


renders = pytest.mark.skipif(not can_render(), reason="nothing can be rendered here")


# -- the model ---------------------------------------------------------------------------------------------------------


def test_the_model_stands_where_the_simulated_robot_stands(tmp_path: Path) -> None:
    """Joint by joint and box by box, on the real environment, before and after the course changes."""
    _, task, _ = make_session(tmp_path, terrains=("tilt", "gap"), num_envs=2)
    env: Any = engine.make_env(task, num_envs=2, device="cpu", seed=1)
    view = ViewModel(task)
    try:
        from parkour.viewing.snapshot import take_snapshot

        for level in (0, 3):
            ids = torch.tensor([0, 1])
            env.mdp.course.set_levels(ids, torch.full((2,), level))
            env.begin(ids)
            for _ in range(12):
                env.step(torch.randn(2, 12))
            snapshot = take_snapshot(env.mdp, 1)
            assert view.pose(snapshot) and not view.pose(snapshot)
            sim, state = env.sim.mj_model, env.sim.data
            mj = mujoco.MjData(sim)
            mj.qpos[:] = state.qpos[1].numpy()
            mujoco.mj_kinematics(sim, mj)
            names = [view.model.body(i).name for i in range(view.model.nbody)]
            for name in names:
                if name not in ("world", "course"):
                    found, wanted = view.data.body(name), mj.body(f"robot/{name}")
                    np.testing.assert_allclose(found.xpos, wanted.xpos, atol=1e-4)
                    np.testing.assert_allclose(found.xmat, wanted.xmat, atol=1e-4)
            boxes = [i for i in range(view.model.ngeom) if view.model.geom(i).name.startswith("box_")]
            shown = view.data.geom_xpos[boxes][: len(snapshot.boxes)]
            np.testing.assert_allclose(shown, snapshot.boxes[:, :3], atol=1e-9)
            field = env.sim.model
            course = [i for i in range(sim.ngeom) if sim.geom(i).name.startswith("course/")]
            np.testing.assert_allclose(view.model.geom_pos[boxes], field.geom_pos[1, course].numpy(), atol=1e-5)
            np.testing.assert_allclose(
                view.model.geom_size[boxes][: len(shown)], field.geom_size[1, course].numpy()[: len(shown)], atol=1e-6
            )
    finally:
        env.close()


def test_meshes_are_as_large_as_the_shapes(tmp_path: Path) -> None:
    xml = """<mujoco><worldbody><body>
        <geom type="box" size="0.1 0.2 0.3" pos="1 0 0"/> <geom type="sphere" size="0.5" pos="0 3 0"/>
        <geom type="capsule" size="0.1 0.4" rgba="1 0 0 1"/> <geom type="cylinder" size="0.2 0.3" rgba="0 1 0 1"/>
        <geom type="ellipsoid" size="0.1 0.2 0.3" rgba="0 0 1 1"/> <geom type="plane" size="1 1 1"/>
        <geom type="sphere" size="9" group="3"/> <geom type="box" size="9 9 9" group="1"/>
        </body></worldbody></mujoco>"""
    meshes = body_meshes(mujoco.MjModel.from_xml_string(xml), COLLISION_GROUP)
    reach = {mesh.colour: np.ptp(mesh.vertices, axis=0) for mesh in meshes}
    assert len(meshes) == 5 and all(mesh.faces.max() < len(mesh.vertices) for mesh in meshes)
    np.testing.assert_allclose(reach[255, 0, 0], (0.2, 0.2, 1.0), atol=0.01)
    np.testing.assert_allclose(reach[0, 255, 0], (0.4, 0.4, 0.6), atol=0.01)
    np.testing.assert_allclose(reach[0, 0, 255], (0.2, 0.4, 0.6), atol=0.01)
    boxes = next(mesh for mesh in meshes if mesh.flat)
    np.testing.assert_allclose(boxes.vertices.mean(axis=0), (1, 0, 0), atol=1e-6)


def test_markers_have_the_colours_of_their_way_points(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, driven=True, num_envs=1)
    session.mdp.goals.index[:] = 2
    snapshot = session.snapshot()
    scene = mujoco.MjvScene(mujoco.MjModel.from_xml_string("<mujoco/>"), maxgeom=100)
    draw_markers(scene, snapshot)
    assert scene.ngeom == 2 * len(snapshot.goals) + 1
    balls = [scene.geoms[i] for i in range(scene.ngeom) if scene.geoms[i].type == mujoco.mjtGeom.mjGEOM_SPHERE]
    shown = np.array([np.round(np.asarray(ball.rgba[:3]) * 255) for ball in balls])
    assert np.array_equal(shown, snapshot.goal_colours())
    small = mujoco.MjvScene(mujoco.MjModel.from_xml_string("<mujoco/>"), maxgeom=5)
    draw_markers(small, snapshot)
    assert small.ngeom == 5


# -- pictures ----------------------------------------------------------------------------------------------------------


@renders
@pytest.mark.parametrize("view", VIEWS)
def test_robot_course_and_way_points_are_in_the_picture(tmp_path: Path, view: View) -> None:
    from dataclasses import replace

    session, task, _ = make_session(tmp_path, terrains=("hurdle",), num_envs=1)
    camera = engine.make_camera(None, task, (320, 180), view)
    try:
        here = session.snapshot()
        first = camera.picture(here).astype(int)
        away = camera.picture(replace(here, joint_pos=here.joint_pos, base_pos=here.base_pos - (0, 0, 60))).astype(int)
        assert first.shape == (180, 320, 3)
        # The camera follows the robot, so look at what the middle shows.
        changed = np.abs(first - away).sum(axis=-1) > 30
        assert changed[60:140, 110:210].mean() > 0.1
        other = camera.picture(replace(here, boxes=here.boxes[:1])).astype(int)
        assert (np.abs(first - other).sum(axis=-1) > 30).mean() > 0.002
        passed = camera.picture(replace(here, goal_index=8)).astype(int)
        green = lambda picture: (picture[..., 1] - picture[..., ::2].max(axis=-1) > 40).sum()  # noqa: E731
        # From above the next way point is out of sight.
        assert (green(first) > 5 or view == "above") and green(passed) == 0
    finally:
        camera.close()


def test_nothing_renders_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.viewer import camera as module

    def fail(*args: Any) -> None:
        raise ImportError("Cannot initialize a EGL device display")

    _, task, _ = make_session(tmp_path, num_envs=1)
    monkeypatch.setattr(module, "check_renderer", fail)
    with pytest.raises(EngineError, match=r"nothing can be rendered here .*EGL device") as caught:
        engine.make_camera(None, task, (64, 48), "side")
    assert "libegl1" in (caught.value.hint or "")
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    with pytest.raises(EngineError, match=r"nothing can be rendered here \(no EGL"):
        engine.make_camera(None, task, (64, 48), "side")
