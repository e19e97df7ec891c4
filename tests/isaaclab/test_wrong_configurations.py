"""Wrong configurations are told in one line that says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parkour.engines.make import make_task_env
from parkour.errors import DeviceError, EngineError, ParkourError, TaskError
from parkour.tasks import ResolvedTask, load_task
from parkour_cli.changes import read_changes
from parkour_isaaclab.backends.backend import find_backend
from parkour_isaaclab.engine import IsaacLabEngine
from parkour_isaaclab.launch import quiet_stdout
from parkour_isaaclab.robot import find_robot

pytestmark = pytest.mark.isaaclab


@pytest.fixture(scope="module")
def task() -> ResolvedTask:
    return load_task("go2-teacher", overlay="play", changes=read_changes(["course.levels=1", "course.columns=1"]))


Build = Callable[[ResolvedTask, Callable[[Any], None]], None]
"""Makes the environment of a task, its configuration changed before."""


@pytest.fixture
def build(physics: str) -> Build:
    from parkour_isaaclab.cfg import environment_cfg
    from parkour_isaaclab.vec_env import IsaacVecEnv

    backend = find_backend(physics)

    def make(task: ResolvedTask, change: Callable[[Any], None]) -> None:
        with quiet_stdout():
            backend.start(device="cpu", window=False, cameras=False)
            cfg = environment_cfg(task, backend, num_envs=1, device="cpu", seed=1)
            change(cfg)
            IsaacVecEnv.of(cfg).close()

    return make


def _no_contacts(cfg: Any) -> None:
    cfg.scene.contacts = None


def _wrong_sensor_path(cfg: Any) -> None:
    cfg.scene.contacts.prim_path = "{ENV_REGEX_NS}/Robot/wheel_.*"


def _sensors_not_activated(cfg: Any) -> None:
    cfg.scene.robot.spawn.activate_contact_sensors = False


def _some_sensors(cfg: Any) -> None:
    cfg.scene.contacts.prim_path = "{ENV_REGEX_NS}/Robot/.*_foot"


def _no_cells(cfg: Any) -> None:
    cfg.scene.terrain.use_terrain_origins = False


def _unknown_motor(cfg: Any) -> None:
    cfg.scene.robot.actuators["motors_0"].joint_names_expr = ["FL_wheel_joint"]


def _beyond_limits(cfg: Any) -> None:
    cfg.scene.robot.init_state.joint_pos["FL_calf_joint"] = 1.0


def _missing_usd(cfg: Any) -> None:
    cfg.scene.robot.spawn.usd_path = "/nowhere/go2.usd"


def _another_process(cfg: Any) -> None:
    cfg.commands.task.task = "go2-teacher#9999"


def _unknown_group(cfg: Any) -> None:
    cfg.observations["scan"] = cfg.observations.pop("height_scan")
    cfg.observations["scan"].task.params["group"] = "scan"


def _unknown_robot(cfg: Any) -> None:
    cfg.actions.joints.asset_name = "go1"


CASES = {
    "no contact sensor": (_no_contacts, "the scene has no 'contacts'"),
    "contact sensor on no body": (_wrong_sensor_path, "wheel_"),
    "contact sensor on some bodies": (_some_sensors, "expected base_link, FL_hip"),
    "contacts not reported by the asset": (_sensors_not_activated, "contact"),
    "a terrain without cells": (_no_cells, "the scene's terrain has none cells, expected 1 x 1"),
    "a motor on no joint": (_unknown_motor, "FL_wheel_joint"),
    "a default pose beyond the joint limits": (_beyond_limits, "default positions out of the limits"),
    "no file of the robot": (_missing_usd, "/nowhere/go2.usd"),
    "a task of another process": (_another_process, "go2-teacher#9999"),
    "an unknown observation group": (_unknown_group, "scan"),
    "an unknown robot": (_unknown_robot, "go1"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_a_wrong_scene_is_told(build: Build, task: ResolvedTask, case: str, physics: str) -> None:
    change, message = CASES[case]
    if physics == "newton" and change is _sensors_not_activated:
        build(task, change)  # Newton reports contacts of whatever touches
        return
    with pytest.raises(ParkourError) as caught:
        build(task, change)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def _storm(*args: Any, **params: Any) -> None:
    raise ValueError("too windy")


class _StormyGroup:
    """An observation group that cannot be made."""

    def __init__(self, *args: Any, **params: Any) -> None:
        _storm()


@pytest.mark.parametrize(("section", "target"), [("events", _storm), ("observations", _StormyGroup)])
def test_a_component_that_raises_while_they_are_made_is_named(
    task: ResolvedTask, physics: str, section: str, target: Callable[..., Any]
) -> None:
    """An error of Isaac Lab's is a line; one of a plugin's keeps its traceback, and says whose it is."""
    key, part = next(iter(getattr(task, section).items()))
    storm = replace(part, target=target, id="parkour-storm:gust", version="2.1")
    stormy = replace(task, **{section: {**getattr(task, section), key: storm}})
    with pytest.raises(ValueError, match="too windy") as caught:
        make_task_env(IsaacLabEngine(), stormy, num_envs=1, device="cpu", seed=1, options={"physics": physics})
    assert caught.value.__notes__ == [f"in {section[:-1]} {key!r} of the task: parkour-storm:gust 2.1"]
    # There is one simulation per process, and it was given back.
    make_task_env(IsaacLabEngine(), task, num_envs=1, device="cpu", seed=1, options={"physics": physics}).close()


def test_after_a_failure_the_next_environment_is_made(build: Build, task: ResolvedTask) -> None:
    with pytest.raises(ParkourError):
        build(task, _no_cells)
    build(task, lambda cfg: None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "KeyError: 'model'"),
        ("[isaaclab]\nusd = '/nowhere/go2.usd'", "no file /nowhere/go2.usd"),
        ("[isaaclab]\nusd = 'go2.usd'\n[isaaclab.bodies]\ntail = ['tail']", "names ['tail'], which are no bodies"),
    ],
)
def test_a_robot_without_an_asset_is_told(task: ResolvedTask, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "robot.toml").write_text(text)
    with pytest.raises(EngineError, match="robot") as caught:
        find_robot(replace(task, robot_folder=str(tmp_path)))
    assert message in caught.value.message


def test_a_body_that_the_asset_calls_otherwise_is_told(build: Build, task: ResolvedTask, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(task.robot_folder, tmp_path / "go2"))
    own = find_robot(task)
    named = f"[isaaclab]\nusd = '{own.usd}'\nbase = 'base_link'\n[isaaclab.bodies]\nbase_link = ['trunk']\n"
    file = folder / "robot.toml"
    file.write_text(file.read_text().partition("[isaaclab]")[0] + named)
    with pytest.raises(EngineError, match="expected trunk among them"):
        build(replace(task, robot_folder=str(folder)), lambda cfg: None)


def test_a_mirror_without_the_file_is_told(task: ResolvedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKOUR_ISAAC_ASSETS", str(tmp_path))
    with pytest.raises(EngineError, match="PARKOUR_ISAAC_ASSETS: no file") as caught:
        find_robot(task)
    assert caught.value.hint == "parkour assets fetch"


def test_a_mirror_that_has_the_file_comes_first(
    task: ResolvedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKOUR_ISAAC_ASSETS", str(tmp_path))
    fetched = tmp_path / "Isaac/IsaacLab/Robots/Unitree/Go2/go2.usd"
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    robot = find_robot(task)
    assert robot.usd == fetched
    assert robot.links("base_link") == ("base", "Head_upper", "Head_lower")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_envs": 0}, EngineError, "got 0 environments"),
        ({"device": "cuda:0"}, DeviceError, "torch sees no CUDA GPU"),
        ({"device": "tpu"}, DeviceError, "expected 'cpu', 'cuda'"),
        ({"cpu_sim": "native"}, EngineError, "--cpu-sim: engine 'isaaclab' has no such option"),
        ({"physics": "bullet"}, EngineError, "--physics: got 'bullet', expected ovphysx or newton or kit"),
        ({"physics": "kit"}, EngineError, "--physics kit: isaacsim not installed"),
    ],
)
def test_wrong_arguments_are_told(
    task: ResolvedTask, options: dict[str, Any], error: type[ParkourError], message: str
) -> None:
    with pytest.raises(error, match=message):
        IsaacLabEngine().make_env(task, **{"num_envs": 1, "device": "cpu", "seed": 1, **options})


def test_a_task_of_another_process_is_a_task_error() -> None:
    from parkour_isaaclab.tasks import held_task

    with pytest.raises(TaskError, match="another process"):
        held_task("go2-teacher#123456")
