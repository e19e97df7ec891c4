"""What is particular to the Go1."""

import pytest
from parkour import ParkourError, load_task

from parkour_robot_go1 import model


def test_its_task_runs_it() -> None:
    task = load_task("go1-teacher")
    assert task.robot_id == "parkour-robot-go1:go1"
    assert task.robot.armature[-1] == pytest.approx(1.118e-4 * 81, rel=1e-3)


def test_its_model_weighs_what_mjlabs_does_and_stands_on_spheres() -> None:
    mujoco = pytest.importorskip("mujoco")
    pytest.importorskip("mjlab")
    made = mujoco.MjModel.from_xml_string(model.make_go1())
    theirs = mujoco.MjModel.from_xml_path(str(model.find_go1()))
    assert made.body_mass.sum() == pytest.approx(theirs.body_mass.sum())
    kinds = {int(made.geom_type[i]) for i in range(made.ngeom) if made.geom_contype[i]}
    assert kinds == {mujoco.mjtGeom.mjGEOM_SPHERE.value, mujoco.mjtGeom.mjGEOM_CAPSULE.value}
    # The trunk reaches as far as the box did.
    left = made.geom("trunk_left_collision")
    assert left.pos[1] + left.size[0] == pytest.approx(0.09)
    assert left.size[1] + left.size[0] == pytest.approx(0.13)


def test_without_mjlab_a_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "find_spec", lambda name: None)
    with pytest.raises(ParkourError, match="robot 'go1' takes its model from mjlab, which is not installed"):
        model.make_go1()
