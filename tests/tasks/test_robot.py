"""Robot folders: reading, and what is said of bad ones."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from parkour.errors import ParkourError, TaskError
from parkour.tasks.robot import load_robot, robot_names

ROBOT = """
name = "bot"
joints = ["a_hip", "a_knee"]
feet = ["foot"]
contact_bodies = ["base", "thigh", "foot"]
penalised_bodies = ["base", "thigh"]
hip_joints = ["a_hip"]
default_joint_pos = [0.1, 0.2]
stiffness = [40, 40]
damping = [1.0, 1.0]
effort_limit = [35, 40]
saturation_effort = [35, 45]
velocity_limit = [52.4, 30.1]
armature = 0.01
base_height = 0.4

[simulator]
anything = "goes"
"""


@pytest.fixture
def write_robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a package with one robot folder, and returns the robot's name."""

    def write(text: str) -> str:
        folder = tmp_path / "some_robots" / "bot"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("")
        (folder / "robot.toml").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(__import__("sys").modules, "some_robots", raising=False)
        import_module("some_robots")
        return "some_robots:bot"

    return write


def test_a_robot_of_another_package(write_robot: Callable[[str], str], tmp_path: Path) -> None:
    layout, folder = load_robot(write_robot(ROBOT))
    assert folder == tmp_path / "some_robots" / "bot"
    assert layout.joints == ("a_hip", "a_knee")
    assert layout.hip_joints == (0,)
    assert layout.penalised_bodies == (0, 1)
    assert layout.stiffness == (40.0, 40.0)


@pytest.mark.parametrize("name", robot_names())
def test_every_builtin_robot_loads(name: str) -> None:
    layout, _ = load_robot(name)
    assert layout.name == name
    feet = {layout.contact_bodies.index(foot) for foot in layout.feet if foot in layout.contact_bodies}
    assert not feet & set(layout.penalised_bodies)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('hip_joints = ["a_hip"]', 'hip_joints = ["a_hop"]', "hip_joints: unknown name 'a_hop'; did you mean 'a_hip'?"),
        ("stiffness = [40, 40]", "stiffness = [40]", "stiffness with 2 numbers, one per joint; got 1"),
        ("stiffness = [40, 40]", "stifness = [40, 40]", "unknown key 'stifness'; did you mean 'stiffness'?"),
        ("armature = 0.01", "armature = 'light'", 'armature: got "light", expected a number'),
        ("armature = 0.01", "", "armature: missing"),
        ('"a_hip", "a_knee"]', '"a_hip", "a_hip"]', "joints without a name that occurs twice"),
        ('name = "bot"', "name = ", "cannot read"),
    ],
)
def test_a_bad_robot_file_is_one_clear_line(
    write_robot: Callable[[str], str], old: str, new: str, message: str
) -> None:
    with pytest.raises(TaskError) as caught:
        load_robot(write_robot(ROBOT.replace(old, new, 1)))
    assert message in caught.value.message
    assert caught.value.message.startswith("robot 'some_robots:bot': ")


@pytest.mark.parametrize("name", ["go3", "no_such_package:bot", "parkour:nothing"])
def test_a_robot_that_is_not_there(name: str) -> None:
    with pytest.raises(ParkourError, match="robot"):
        load_robot(name)
