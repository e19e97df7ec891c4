"""Checks of robots find what they are there for, and errors name what is wrong: the scaffold's robot, broken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from parkour.errors import EngineError
from parkour.registry import Registry
from parkour.tasks import load_task
from parkour.testing import check_component, checks_of
from parkour.testing.source import read_source
from parkour.testing.subject import CheckResult, Subject, run_check
from parkour_cli.scaffold import project_files, write_project

pytest.importorskip("mujoco")

MakeRobot = Callable[..., Registry]
NAME = "parkour-robot-dog:dog"
CONTENTS = project_files("parkour-robot-dog", "robot")
TOML, MODEL, PLUGIN = "robot/robot.toml", "robot/model.xml", "plugin.py"
BALL = '<body name="ball"><freejoint/><geom size="0.1" mass="1"/></body>'
FEET = 'feet = ["FL_foot", "FR_foot", "RL_foot", "RR_foot"]'
OF_A_SCENE = """
<actuator><motor name="FL_motor" joint="FL_hip_joint"/></actuator>
<sensor><gyro site="FL_foot"/><actuatorfrc actuator="FL_motor"/></sensor>
<keyframe><key qpos="0 0 0.3 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" ctrl="0"/></keyframe>
"""


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRobot]:
    """The scaffold's robot with one text replaced in one of its files, and the registry that has it."""

    def make(file: str = TOML, old: str = "", new: str = "") -> Registry:
        contents = dict(CONTENTS)
        path = f"parkour_robot_dog/{file}"
        assert old in contents[path]
        contents[path] = contents[path].replace(old, new, 1)
        write_project(contents, tmp_path / "dog", force=False)
        for place in reversed(read_source(tmp_path / "dog").write_metadata(tmp_path / "site")):
            monkeypatch.syspath_prepend(place)
        return Registry.discover(only=["parkour-robot-dog"])

    yield make
    for module in [name for name in sys.modules if name.partition(".")[0] == "parkour_robot_dog"]:
        del sys.modules[module]


def _check(registry: Registry, name: str) -> CheckResult:
    subject = Subject.of(registry.get("robot", NAME), registry)
    (check,) = [check for check in checks_of("robot") if check.__name__ == name]
    return run_check(check, subject)


FAULTS = [
    (
        TOML,
        "stiffness = [35.0",
        "stiffness = [-35.0",
        "has_sound_numbers",
        "stiffness: got [-35.0, ",
    ),
    (
        TOML,
        "damping = [0.9",
        "damping = [-0.9",
        "has_sound_numbers",
        "damping: got [-0.9, ",
    ),
    (
        TOML,
        "effort_limit = [25.0",
        "effort_limit = [26.0",
        "has_sound_numbers",
        "FL_hip_joint: effort_limit 26 N m is above",
    ),
    (
        TOML,
        "base_height = 0.36",
        "base_height = 0.0",
        "has_sound_numbers",
        "base_height: got 0.0, expected at least 0.01",
    ),
    (
        MODEL,
        'name="FL_hip_joint"',
        'name="FL_hpi_joint"',
        "names_what_the_model_has",
        "robot 'dog': its model has no joint 'FL_hip_joint', which robot.toml names; did you mean",
    ),
    (
        TOML,
        '"head_collision"',
        '"haed_collision"',
        "names_what_the_model_has",
        "no shape 'haed_collision', which robot.toml names; did you mean 'head_collision'?",
    ),
    (MODEL, '<site name="RR_foot"', '<site name="RR_toe"', "names_what_the_model_has", "no site 'RR_foot'"),
    (
        TOML,
        'base_body = "trunk"',
        'base_body = "turnk"',
        "names_what_the_model_has",
        "no body 'turnk', which robot.toml names; did you mean 'trunk'?",
    ),
    (
        TOML,
        'FL_foot = ["FL_foot_collision"]\n',
        "",
        "names_what_the_model_has",
        "[collision] names no shapes of the foot 'FL_foot'; it has trunk, FL_thigh",
    ),
    (TOML, '["FL_foot_collision"]', "[]", "names_what_the_model_has", "FL_foot: got 0 shapes, expected one for a foot"),
    (TOML, '["FL_foot_collision"]', '"FL_foot_collision"', "names_what_the_model_has", "expected a list of names"),
    (
        TOML,
        '["FL_calf_collision"]',
        '["FL_thigh_collision"]',
        "names_what_the_model_has",
        "names the shape 'FL_thigh_collision' twice",
    ),
    (
        TOML,
        '"trunk_collision", ',
        "",
        "names_what_the_model_has",
        "leaves out trunk_collision, which collide in the model",
    ),
    (
        TOML,
        "self_collision = false",
        "self_collision = 0",
        "names_what_the_model_has",
        "self_collision: got 0, expected true or false",
    ),
    (MODEL, "</mujoco>", "", "names_what_the_model_has", "robot 'dog': its model: XML"),
    (MODEL, "<freejoint", "<joint type='slide'", "names_what_the_model_has", "its body 'trunk' has no free joint"),
    (TOML, 'base_body = "trunk"', 'base_body = "FL_calf"', "stands", "'FL_calf' has no free joint; 'trunk' has one"),
    (MODEL, "</worldbody>", BALL + "</worldbody>", "stands", "its model has free joints besides the base's: of 'ball'"),
    (
        MODEL,
        '<joint name="FL_calf_joint"',
        '<joint name="FL_calf_joint" type="slide"',
        "stands",
        "its joint 'FL_calf_joint' is of type slide, expected hinge",
    ),
    (MODEL, '<inertial mass="6"', '<inertial mass="-6"', "stands", "robot 'dog': its model: Error: mass and inertia"),
    (
        TOML,
        "[collision]",
        '[collision]\nFL_hip = ["FL_hip_collision"]',
        "names_what_the_model_has",
        "[collision] FL_hip: neither among contact_bodies nor feet; did you mean",
    ),
    (TOML, FEET, "feet = []", "is_laid_out", "feet with at least one name; got none"),
    (
        TOML,
        "base_height = 0.36",
        "base_height = 2.0",
        "stays_within_its_limits",
        "lets it fall: its feet are 1.695 m above",
    ),
    (
        TOML,
        "0.8, 0.8, 0.8, 0.8,",
        "0.8, 0.8, 0.8, 4.1,",
        "stays_within_its_limits",
        "joint RR_thigh_joint: default 4.1 rad is outside its range, -0.7 to 4",
    ),
    (
        TOML,
        "base_height = 0.36",
        "base_height = 0.2",
        "stays_within_its_limits",
        "base_height 0.2 m puts its feet 0.105 m into the ground",
    ),
    (
        MODEL,
        'name="FL_hip" pos="0.18 0.05 0"',
        'name="FL_hip" pos="0.18 0.09 0"',
        "is_symmetric",
        "foot FL_foot is at (0.165, 0.199, -0.283) in the default pose, and none mirrors it (and",
    ),
    (
        TOML,
        "default_joint_pos = [0.1, -0.1",
        "default_joint_pos = [0.1, -0.12",
        "is_symmetric",
        "default_joint_pos of FL_hip_joint is 0.1 rad, expected 0.12 by that of FR_hip_joint",
    ),
    (
        TOML,
        "velocity_limit = [30.0",
        "velocity_limit = [31.0",
        "is_symmetric",
        "velocity_limit of FL_hip_joint is 31, of FR_hip_joint 30",
    ),
    (
        MODEL,
        '<inertial mass="0.8"',
        '<inertial mass="0.9"',
        "is_symmetric",
        "body FL_thigh weighs 0.9 kg, FR_thigh 0.8 kg",
    ),
    (
        MODEL,
        '<joint name="FR_hip_joint" class="hip"',
        '<joint name="FR_hip_joint" class="hip" axis="-1 0 0"',
        "is_mirrored_as_it_says",
        "joint FL_hip_joint keeps its sign as it becomes FR_hip_joint in a mirror: robot.toml needs opposite_joints "
        "without it (and 1 more)",
    ),
    (
        TOML,
        "feet = [",
        'opposite_joints = ["FL_thigh_joint", "FL_hpi_joint"]\nfeet = [',
        "is_laid_out",
        "opposite_joints: unknown name 'FL_hpi_joint'; did you mean 'FL_hip_joint'",
    ),
    (
        TOML,
        f"stiffness = {[35.0] * 12}",
        f"stiffness = {[2.0] * 12}",
        "stands",
        "after 2 s",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "check", "said"), FAULTS, ids=[f"{f[3]}-{f[2][:20]}" for f in FAULTS])
def test_a_fault_is_found_and_named(robot: MakeRobot, file: str, old: str, new: str, check: str, said: str) -> None:
    result = _check(robot(file, old, new), check)
    assert result.status == "failed", result
    assert said in result.detail


def test_a_new_robot_passes_every_check(robot: MakeRobot) -> None:
    registry = robot()
    report = check_component(registry.get("robot", NAME), registry=registry)
    assert [check.detail for check in report.checks if check.status not in ("passed", "does not apply")] == []
    assert {check.check: check.detail for check in report.checks}["stands"].startswith("mujoco: base 0.2")


def test_motors_sensors_poses_and_ground_of_the_file_are_left_out(robot: MakeRobot) -> None:
    floor = '<light pos="0 0 3"/><geom name="floor" type="plane" size="0 0 1"/>'
    registry = robot(MODEL, "</worldbody>", f"{floor}</worldbody>{OF_A_SCENE}")
    report = check_component(registry.get("robot", NAME), registry=registry)
    assert [check.detail for check in report.checks if check.status not in ("passed", "does not apply")] == []


def test_options_of_the_file_are_left_out_in_every_simulator(
    robot: MakeRobot, recwarn: pytest.WarningsRecorder
) -> None:
    """As written, plain C MuJoCo would know no contacts."""
    from parkour_mujoco.engine import MujocoEngine
    from parkour_mujoco.physics import SolverSettings
    from parkour_mujoco.robot_files import load_robot_files
    from parkour_mujoco.sim2sim.world import World

    option = '<option cone="elliptic" impratio="100" density="1.2"><flag contact="disable" energy="enable"/></option>'
    registry = robot(MODEL, "<worldbody>", f"{option}<worldbody>")
    task = load_task("go2-teacher", changes={"robot": "dog", "course.levels": 1}, registry=registry)
    env = MujocoEngine().make_env(task, num_envs=1, device="cpu", seed=0)
    files = load_robot_files(task.robot_folder, task.robot)
    boxes = np.array([[0.0, 0, -1, 1, 0, 0, 0, 2, 2, 1]])
    world = World(files, task.robot, boxes, timestep=0.005, solver=SolverSettings())
    for options in (env.sim.mj_model.opt, world.model.opt):
        assert (options.disableflags, options.enableflags, options.density) == (0, 0, 0.0)
    env.close()
    assert not [str(each.message) for each in recwarn if "conflict" in str(each.message)]


def test_what_mujoco_warp_cannot_simulate_is_one_line(robot: MakeRobot) -> None:
    from parkour_mujoco.engine import MujocoEngine

    foot = '<geom name="FL_foot_collision" class="foot"'
    registry = robot(MODEL, foot, foot.replace('class="foot"', 'type="box" size="0.02 0.02 0.02" margin="0.01"'))
    task = load_task("go2-teacher", changes={"robot": "dog", "course.levels": 1}, registry=registry)
    with pytest.raises(EngineError, match=r"robot 'dog': MuJoCo Warp cannot simulate its model: .* margin"):
        MujocoEngine().make_env(task, num_envs=1, device="cpu", seed=0, cpu_sim="warp")


def test_a_task_with_a_broken_robot_stops_before_it_steps(robot: MakeRobot) -> None:
    from parkour_mujoco.env import MujocoEnv

    registry = robot(TOML, '"head_collision"', '"haed_collision"')
    task = load_task("go2-teacher", changes={"robot": "dog", "course.levels": 1}, registry=registry)
    with pytest.raises(EngineError, match="no shape 'haed_collision'"):
        MujocoEnv(task, num_envs=1, device="cpu", seed=0)


def test_armature_and_self_collision_reach_the_model(robot: MakeRobot) -> None:
    from parkour_mujoco.physics import robot_spec
    from parkour_mujoco.robot_files import load_robot_files

    task = load_task(
        "go2-teacher", changes={"robot": "dog"}, registry=robot(TOML, "collision = false", "collision = true")
    )
    spec = robot_spec(load_robot_files(task.robot_folder, task.robot), task.robot)
    model = spec.compile()
    assert [model.dof_armature[model.joint(name).dofadr[0]] for name in task.robot.joints] == [0.004] * 8 + [0.009] * 4
    assert set(model.geom_conaffinity.tolist()) == {1} and set(model.geom_contype.tolist()) == {1}


def test_the_camera_is_the_robots_unless_the_task_says_otherwise(robot: MakeRobot) -> None:
    registry = robot()
    camera = load_task("go2-student", changes={"robot": "dog"}, registry=registry).model.camera
    assert (camera.position, camera.pitch, camera.width) == ((0.25, 0.0, 0.05), 0.35, 106)
    changes = {"robot": "dog", "camera.pitch": 0.1}
    camera = load_task("go2-student", changes=changes, registry=registry).model.camera
    assert (camera.position, camera.pitch) == ((0.25, 0.0, 0.05), 0.1)


def test_a_model_may_be_made_by_a_function(robot: MakeRobot, tmp_path: Path) -> None:
    registry = robot(
        PLUGIN,
        'target="parkour_robot_dog:robot",',
        'target="parkour_robot_dog:robot", model="parkour_robot_dog.made:make",',
    )
    package = tmp_path / "dog" / "parkour_robot_dog"
    toml = package / TOML
    toml.write_text(toml.read_text().replace('file = "model.xml"\n', ""))
    (package / MODEL).rename(package / "elsewhere.xml")
    (package / "made.py").write_text(
        "from pathlib import Path\n\ndef make():\n    return Path(__file__).with_name('elsewhere.xml').read_text()\n"
    )
    report = check_component(registry.get("robot", NAME), registry=registry)
    assert [check.detail for check in report.checks if check.status not in ("passed", "does not apply")] == []
    (package / "elsewhere.xml").unlink()
    task = load_task("go2-teacher", changes={"robot": "dog"}, registry=registry)
    assert task.make_robot_model is not None and task.robot_source == NAME


def test_an_address_that_is_none_breaks_the_plugin(robot: MakeRobot) -> None:
    (broken,) = robot(PLUGIN, 'model_version="1",', 'model_version="1", model="dog.xml",').broken
    assert "got model 'dog.xml', expected 'module:function' or None" in broken.reason
