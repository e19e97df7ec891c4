"""Plain C MuJoCo solves contacts as the task's worlds did in training."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("mujoco")

from parkour.exporters.exporter import ExportOptions, ExportResult, export_policy
from parkour.exporters.manifest import Manifest
from parkour.policies.source import weights_at
from parkour.tasks import load_task
from parkour.tasks.sections import Physics
from parkour_deploy.contract import read_contract
from parkour_deploy.policy import GraphPolicy
from parkour_mujoco.engine import MujocoEngine
from parkour_mujoco.fake_go2.options import FakeOptions
from parkour_mujoco.fake_go2.robot import FakeGo2
from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
from parkour_mujoco.sim2sim.episode import Conditions, Runner
from parkour_mujoco.sim2sim.run import _robot_files
from tests.exporters.conftest import write_checkpoint

PHYSICS = {"physics.iterations": 3, "physics.line_search_iterations": 7, "physics.tolerance": 1e-5}
OPTIONS = (
    "integrator", "solver", "cone", "jacobian", "iterations", "ls_iterations", "tolerance", "ls_tolerance",
    "ccd_iterations", "impratio", "disableflags", "enableflags",
)  # fmt: skip
pytestmark = pytest.mark.mujoco


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    folder = tmp_path_factory.mktemp("physics")
    file = write_checkpoint(folder / "teacher.pt", sets=tuple(f"{path}={value}" for path, value in PHYSICS.items()))
    return export_policy(weights_at(file), folder / "export", ExportOptions(rollout=False))


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """The options of the worlds that such a task is trained in."""
    changes = {**PHYSICS, "course.levels": 1, "course.columns": 1}
    env = MujocoEngine().make_env(load_task("go2-teacher", changes=changes), num_envs=1, device="cpu", seed=0)
    options = {name: getattr(env.sim.mj_model.opt, name) for name in OPTIONS}
    env.close()
    return options


def test_sim2sim_solves_as_training_did(export: ExportResult, trained: dict[str, Any]) -> None:
    manifest, contract = export.manifest, read_contract(export.folder)
    runner = Runner(manifest, contract, _robot_files(manifest), GraphPolicy(contract), Conditions(0.5, 0.5, 1.0))
    world = runner.world(Patch(build_courses(manifest, CoursePlan(("flat",), (0.5, 0.5), 1, 3)), 0))
    assert {name: getattr(world.model.opt, name) for name in OPTIONS} == trained
    assert world.model.opt.timestep == manifest.timing.physics_step
    assert (trained["iterations"], trained["ls_iterations"], trained["tolerance"]) == (3, 7, 1e-5)


def test_so_does_the_robot_of_fake_go2(export: ExportResult, trained: dict[str, Any]) -> None:
    options = FakeGo2(export.folder, FakeOptions()).world.model.opt
    assert {name: getattr(options, name) for name in OPTIONS} == trained


def test_exports_of_before_have_the_usual_physics(exports: dict[str, ExportResult]) -> None:
    tables = exports["teacher"].manifest.model_dump(mode="json", exclude_none=True)
    del tables["physics"]
    assert Manifest.model_validate(tables).physics == Physics()
