"""The harness itself: strict doubles, and a Go2 that weighs and turns as the MJCF says."""

from __future__ import annotations

import importlib
from pathlib import Path

import mujoco
import numpy as np
import pytest
from pxr import Gf, Usd, UsdPhysics

from parkour.tasks.robot import load_robot
from tests.isaaclab.harness.strict import UndeclaredAttributeError

pytestmark = pytest.mark.isaaclab


@pytest.mark.parametrize("name", ["omni.kit.app.get_new_thing", "carb.profiler", "isaacsim.core.cloner.OtherCloner"])
def test_what_no_double_declares_is_an_error(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    with pytest.raises(UndeclaredAttributeError, match=f"declares no {name}"):
        getattr(importlib.import_module(module), attribute)


def test_modules_that_no_double_declares_are_not_there() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("omni.kit.menu.utils")


def test_a_kit_command_that_the_harness_does_not_know_is_an_error() -> None:
    commands = importlib.import_module("omni.kit.commands")
    with pytest.raises(RuntimeError, match="DeletePrims"):
        commands.execute("DeletePrims", paths=[])


def test_the_usd_weighs_and_turns_as_the_mjcf(isaac_assets: Path) -> None:
    """Foot and head links take their share from calves and base: together they are what they were."""
    model = mujoco.MjModel.from_xml_path(str(Path(load_robot("go2")[1]) / "go2.xml"))
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_forward(model, data)
    stage = Usd.Stage.Open(str(next(isaac_assets.rglob("go2.usd"))))
    links = [prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)]
    assert {prim.GetName() for prim in links} >= {"base", "Head_upper", "Head_lower", "FL_foot", "RR_calf"}
    masses, centres, inertia = [], [], np.zeros((3, 3))
    parts = []
    for prim in links:
        api, pose = UsdPhysics.MassAPI(prim), prim.GetAttribute("xformOp:orient").Get()
        position = np.array(prim.GetAttribute("xformOp:translate").Get())
        rotation = _matrix(pose)
        com = position + rotation @ np.array(api.GetCenterOfMassAttr().Get())
        axes = rotation @ _matrix(api.GetPrincipalAxesAttr().Get())
        parts.append((api.GetMassAttr().Get(), com, axes @ np.diag(api.GetDiagonalInertiaAttr().Get()) @ axes.T))
    masses = np.array([mass for mass, _, _ in parts])
    centres = np.array([com for _, com, _ in parts])
    centre = masses @ centres / masses.sum()
    for mass, com, own in parts:
        offset = com - centre
        inertia += own + mass * (offset @ offset * np.eye(3) - np.outer(offset, offset))
    assert masses.sum() == pytest.approx(model.body_mass.sum(), rel=1e-6)
    np.testing.assert_allclose(centre, data.subtree_com[0], atol=1e-6)
    np.testing.assert_allclose(inertia, _inertia_about_centre(model, data), rtol=1e-4, atol=1e-5)


def _inertia_about_centre(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """Of the whole robot as a rigid body."""
    total = np.zeros((3, 3))
    for body in range(1, model.nbody):
        axes = data.ximat[body].reshape(3, 3)
        offset = data.xipos[body] - data.subtree_com[0]
        total += axes @ np.diag(model.body_inertia[body]) @ axes.T
        total += model.body_mass[body] * (offset @ offset * np.eye(3) - np.outer(offset, offset))
    return total


def _matrix(quat: Gf.Quatf) -> np.ndarray:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, np.array([quat.GetReal(), *quat.GetImaginary()], float))
    return matrix.reshape(3, 3)
