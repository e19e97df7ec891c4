"""Robot folders: reading, and what is said of bad ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parkour.errors import ParkourError, PluginError, TaskError, UnknownNameError
from parkour.registry import BUILTIN, Registry
from parkour.registry.discovery import installed_entries
from parkour.tasks import load_task
from parkour.tasks.robot import load_robot, robot_names
from parkour.testing import check_component

Write = Callable[..., tuple[str, Registry]]

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


PLUGIN = """
    from parkour import RobotSpec, hookimpl

    @hookimpl
    def register_robots():
        yield RobotSpec(name="bot", summary="a bot", target="{target}")
"""


@pytest.fixture
def write_robot(install_plugin: Callable[..., Path]) -> Callable[..., tuple[str, Registry]]:
    """Installs a distribution with one robot folder; returns the robot's name, and a registry that has it."""

    def write(text: str, target: str = "some_robots:bot") -> tuple[str, Registry]:
        site = install_plugin("parkour-bots", {"bots": PLUGIN.format(target=target)})
        folder = site / "some_robots" / "bot"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("raise RuntimeError('nobody needs to import this')")
        (folder / "robot.toml").write_text(text)
        return "parkour-bots:bot", Registry.discover(path=[str(site)])

    return write


def test_a_robot_of_a_plugin_is_found_without_importing_anything(write_robot: Write, tmp_path: Path) -> None:
    name, registry = write_robot(ROBOT)
    layout, folder = load_robot(name, registry)
    assert folder == tmp_path / "site" / "some_robots" / "bot"
    assert "some_robots" not in sys.modules
    assert load_robot("bot", registry) == (layout, folder)
    assert layout.joints == ("a_hip", "a_knee")
    assert layout.hip_joints == (0,)
    assert layout.penalised_bodies == (0, 1)
    assert layout.stiffness == (40.0, 40.0)
    assert layout.armature == (0.01, 0.01)


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
        ("armature = 0.01", "armature = 'light'", 'armature: got "light", expected a number or a list'),
        ("armature = 0.01", "armature = [0.01]", "armature with one number, or 2, one per joint; got 1"),
        ("[simulator]", "[camera]\npitch = 4.0\n[simulator]", "camera.pitch: got 4.0, expected a number of at most"),
        ("[simulator]", "[camera]\nwidth = 4\n[simulator]", "unknown key 'camera.width'"),
        ("armature = 0.01", "", "armature: missing"),
        ('"a_hip", "a_knee"]', '"a_hip", "a_hip"]', "joints without a name that occurs twice"),
        ('name = "bot"', "name = ", "cannot read"),
    ],
)
def test_a_bad_robot_file_is_one_clear_line(write_robot: Write, old: str, new: str, message: str) -> None:
    with pytest.raises(TaskError) as caught:
        load_robot(*write_robot(ROBOT.replace(old, new, 1)))
    assert message in caught.value.message
    assert caught.value.message.startswith("robot 'parkour-bots:bot': ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("go3", "unknown robot 'go3'; did you mean 'go2'?"),
        ("antigravity:x", "robot 'x' comes from the plugin antigravity, which is not installed"),
        ("parkour_assets:go2", "robot 'go2' comes from the plugin parkour-assets, which is not installed"),
        ("parkour-lab:../go2", "unknown robot 'parkour-lab:../go2'; did you mean 'parkour-lab:go2'?"),
        ("", "unknown robot ''"),
    ],
)
def test_a_robot_that_is_not_registered_is_refused_and_nothing_imported(name: str, said: str) -> None:
    before = set(sys.modules)
    with pytest.raises(ParkourError) as caught:
        load_task("go2-teacher", changes={"robot": name})
    assert said in caught.value.message and "\n" not in caught.value.message
    assert "antigravity" not in set(sys.modules) - before


def test_go2_is_called_by_name_or_id() -> None:
    assert load_robot("go2") == load_robot("parkour-lab:go2")
    assert load_task("go2-teacher").robot.name == "go2"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no_such_package:bot", "no package 'no_such_package'"),
        ("some_robots:bit", "no robot.toml in 'some_robots:bit'"),
    ],
)
def test_a_folder_that_is_not_there(write_robot: Write, target: str, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        load_robot(*write_robot(ROBOT, target))


@pytest.mark.parametrize("target", ["some_robots", "some_robots:", "some_robots:../bot", "some_robots:/etc", "a:b/.."])
def test_a_target_that_leads_elsewhere_breaks_the_plugin(write_robot: Write, target: str) -> None:
    _, registry = write_robot(ROBOT, target)
    (broken,) = registry.broken
    assert broken.kind == "robot" and f"got target {target!r}, expected 'package:folder'" in broken.reason


def test_entry_points_older_than_the_code_are_told() -> None:
    """An editable installation keeps the entry points of the day on which it was made."""
    entries = [entry for entry in installed_entries()[0] if entry.entry_point.name != "robots"]
    registry = Registry.from_entries(entry for entry in entries if entry.distribution == BUILTIN)
    with pytest.raises(UnknownNameError) as caught:
        load_robot("go2", registry)
    assert caught.value.hint is not None and "pip install --no-deps -e ." in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "check", "said"),
    [
        ('anything = "goes"', 'file = "bot.xml"', "has_its_files", "robot.toml names ['bot.xml'], which are not in"),
        ('name = "bot"', 'name = "bit"', "is_laid_out", "name = 'bit', but it is registered as 'bot'"),
    ],
)
def test_checks_of_a_robot_say_what_is_missing(write_robot: Write, old: str, new: str, check: str, said: str) -> None:
    name, registry = write_robot(ROBOT.replace(old, new))
    report = check_component(registry.get("robot", name), registry=registry)
    (failed,) = [result for result in report.checks if result.status == "failed"]
    assert failed.check == check and said in failed.detail
