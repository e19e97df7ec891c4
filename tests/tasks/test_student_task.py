"""The student's task: what it takes over, its overlays, its modifiers, and what is refused."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.mdp.camera import CameraGeometry
from parkour.registry import Registry
from parkour.tasks import load_task, task_to_toml
from parkour.tasks.sections import Camera
from parkour_cli.changes import read_changes

ALIAS = "Isaac-Extreme-Parkour-Student-Unitree-Go2"
MODIFIER = "observations.depth.modifiers"


def test_the_numbers_of_the_specification() -> None:
    task = load_task("go2-student", overlay="train")
    model = task.model
    assert (model.stage, task.policy.id) == ("student", "parkour-lab:rma-student")
    shares = {key: use.share for key, use in model.terrains.items()}
    assert shares == {
        "gap": 0.2,
        "hurdle": 0.2,
        "step": 0.2,
        "tilt": 0.2,
        "flat": 0.05,
        "demo": 0.15,
        "crawl": 0.0,
        "imported": 0.0,
    }
    assert task.terrains["gap"].params.lateral_offset == task.terrains["hurdle"].params.lateral_offset == (-0.1, 0.1)
    assert (model.environments.cuda, model.control.action_delay, model.algorithm.steps_per_env) == (192, 1, 120)
    assert model.timing.perception_period == 5
    assert model.camera.position == (0.33, 0.0, 0.08)
    assert math.degrees(model.camera.pitch) == pytest.approx(20.0)
    assert math.degrees(model.camera.horizontal_fov) == pytest.approx(87.0)
    assert model.camera.vertical_fov != "square" and math.degrees(model.camera.vertical_fov) == pytest.approx(58.0)
    assert (model.camera.roll, model.camera.yaw) == (0.0, 0.0)
    assert (model.camera.width, model.camera.height, model.camera.range) == (106, 60, 2.0)


def test_it_takes_over_what_the_teacher_has() -> None:
    teacher, student = load_task("go2-teacher"), load_task("go2-student")
    assert student.model.course == teacher.model.course.model_copy(update={"columns": 20})
    assert student.model.goals == teacher.model.goals and student.model.command == teacher.model.command
    assert list(student.observations)[:5] == list(teacher.observations)
    assert list(student.observations)[5:] == ["depth", "yaw_valid", "perception"]
    assert set(student.events) - set(teacher.events) == {"camera_pitch"}


def test_the_numbers_of_the_teachers_algorithm_are_not_taken_over() -> None:
    assert "gamma" in load_task("go2-teacher").model.algorithm.params
    assert load_task("go2-student").model.algorithm.params == {"learning_rate": 1e-3, "max_grad_norm": 1.0}


def test_overlays_do_not_bring_the_numbers_of_a_policy_that_is_replaced() -> None:
    """What else they change is taken over."""
    teacher, student = (load_task(f"go2-{stage}", overlay="train+pipeline").model for stage in ("teacher", "student"))
    assert teacher.algorithm.params["latent_regularisation_iterations"] == [300, 1500]
    assert "latent_regularisation_iterations" not in student.algorithm.params
    assert teacher.control.action_delay == student.control.action_delay == 1
    tried = load_task("go2-student-rl", overlay="train+fast+compact")
    assert tried.model.course.start_levels == (0, 9) and "encoder_iterations" not in tried.model.algorithm.params
    assert tried.encoders["depth_encoder"].spec.name == "depth_strided_gru"
    assert tried.model.algorithm.params["image_precision"] == "float32"


def test_a_child_with_the_same_policy_keeps_its_numbers(tmp_path: Path) -> None:
    for policy in ("", '[policy]\nuse = "rma-teacher"\n'):
        (tmp_path / "child.toml").write_text(f'extends = "go2-teacher"\n{policy}[algorithm.params]\nclip = 0.1\n')
        params = load_task(tmp_path / "child.toml").model.algorithm.params
        assert params["clip"] == 0.1 and params["gamma"] == 0.99


def test_training_shows_no_collisions_and_scoring_does() -> None:
    assert "collision" not in load_task("go2-student", overlay="train").rewards
    for overlay in ("eval", "play"):
        task = load_task("go2-student", overlay=overlay)
        assert task.model.rewards == load_task("go2-teacher", overlay=overlay).model.rewards
        assert task.events["camera_pitch"].params.range == pytest.approx((0.0, math.radians(1.0)))
    train = load_task("go2-student", overlay="train").events["camera_pitch"].params.range
    assert train == pytest.approx((-math.radians(5.0), math.radians(5.0)))


def test_a_trained_student_is_scored_as_the_task_is(tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    path.write_text(task_to_toml(load_task("go2-student", overlay="train")), encoding="utf-8")
    scored, expected = load_task(path, overlay="eval"), load_task("go2-student", overlay="eval")
    assert scored.model.rewards["collision"].weight == -10.0
    assert scored.events["camera_pitch"].params == expected.events["camera_pitch"].params
    assert scored.model.course == expected.model.course


@pytest.mark.parametrize("overlay", ["eval", "play"])
def test_a_student_that_was_trained_on_noise_is_scored_without(tmp_path: Path, overlay: str) -> None:
    path = tmp_path / "task.toml"
    path.write_text(task_to_toml(load_task("go2-student", overlay="train+robust")), encoding="utf-8")
    scored, expected = load_task(path, overlay=overlay), load_task("go2-student", overlay=overlay)
    assert not scored.modifiers
    assert {name: part.params for name, part in scored.events.items()} == {
        name: part.params for name, part in expected.events.items()
    }
    assert load_task(path, overlay=f"{overlay}+noisy").modifiers["depth"]


@pytest.mark.parametrize(("suffix", "overlay"), [("-v0", "train"), ("-Play-v0", "play"), ("-Eval-v0", "eval")])
def test_earlier_ids(suffix: str, overlay: str) -> None:
    task = load_task(ALIAS + suffix)
    assert (task.name, task.overlay) == ("go2-student", overlay)


# -- overlays one after the other ---------------------------------------------------------------------------------


def test_overlays_combine() -> None:
    both = load_task("go2-student", overlay="eval+noisy")
    assert both.overlay == "eval+noisy"
    assert both.model.environments.cuda == 256
    assert len(both.modifiers["depth"]) == 6
    with pytest.raises(ParkourError, match="unknown overlay 'noise'; did you mean 'noisy'"):
        load_task("go2-student", overlay="eval+noise")


def test_a_resolved_task_keeps_its_overlays(tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    path.write_text(task_to_toml(load_task("go2-student", overlay="train+noisy")), encoding="utf-8")
    assert load_task(path).overlay == "train+noisy"
    again = load_task(path, overlay="train+noisy")
    assert again.overlay == "train+noisy" and len(again.modifiers["depth"]) == 6
    assert task_to_toml(again) == path.read_text(encoding="utf-8")
    assert load_task(path, overlay="eval").overlay == "eval"


# -- modifiers -----------------------------------------------------------------------------------------------------


def test_one_modifier_with_a_number() -> None:
    sets = [f"{MODIFIER}.blind_zone.enabled=true", f"{MODIFIER}.blind_zone.params.distance=0.3"]
    modifiers = load_task("go2-student", changes=read_changes(sets)).modifiers["depth"]
    assert list(modifiers) == ["blind_zone"]
    assert modifiers["blind_zone"].kwargs == {"distance": 0.3, "reads": 0.0}


def test_modifiers_are_written_with_id_version_and_numbers(tmp_path: Path) -> None:
    text = task_to_toml(
        load_task("go2-student", overlay="noisy", changes=read_changes([f"{MODIFIER}.blind_zone.enabled=false"]))
    )
    written = tomllib.loads(text)["observations"]["depth"]["modifiers"]
    assert list(written)[2:4] == ["stereo_range_noise", "gaussian_range_noise"]
    assert written["stereo_range_noise"]["use"] == "parkour-lab:stereo_range_noise"
    assert written["stereo_range_noise"]["version"]
    assert written["stereo_range_noise"]["params"]["baseline"] == 0.05
    assert written["blind_zone"]["enabled"] is False and "version" not in written["blind_zone"]
    path = tmp_path / "task.toml"
    path.write_text(text, encoding="utf-8")
    assert task_to_toml(load_task(path)) == text


def test_modifiers_of_a_group_that_is_off_are_off() -> None:
    sets = ["observations.height_scan.modifiers.gaussian_noise={}", "observations.height_scan.enabled=false"]
    assert not load_task("go2-teacher", changes=read_changes(sets)).modifiers
    assert list(load_task("go2-teacher", changes=read_changes(sets[:1])).modifiers) == ["height_scan"]


PLUGIN = """
    from parkour import ModifierSpec, ObservationSpec, hookimpl

    class Blink:
        def __init__(self, num_envs, device, fields):
            pass
        def __call__(self, values, ctx, env_ids):
            return values
        def reset(self, env_ids):
            pass

    class Forgetful:
        def __init__(self, num_envs, device, fields):
            pass
        def __call__(self, values, ctx, env_ids):
            return values

    class Blind:
        def __init__(self, num_envs, device, layout):
            pass
        def layout(self):
            return []
        def __call__(self, ctx):
            pass
        def reset(self, env_ids):
            pass

    @hookimpl
    def register_modifiers():
        yield ModifierSpec(name="blink", summary="", target="blinks:Blink")
        yield ModifierSpec(name="forgetful", summary="", target="blinks:Forgetful")

    @hookimpl
    def register_observations():
        yield ObservationSpec(name="blind", summary="", target="blinks:Blind", needs=("depth_camera",))
"""


def test_modifiers_of_third_parties(install_plugin: Callable[..., object]) -> None:
    install_plugin("parkour-blinks", {"blinks": PLUGIN})
    registry = Registry.discover(only=["parkour-blinks"])
    task = load_task("go2-student", changes=read_changes([f"{MODIFIER}.blink={{}}"]), registry=registry)
    assert task.modifiers["depth"]["blink"].id == "parkour-blinks:blink"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sets": [f"{MODIFIER}.blinq={{}}"]}, "unknown modifier 'blinq'; did you mean 'blink'"),
        ({"sets": [f"{MODIFIER}.forgetful={{}}"]}, "blinks:Forgetful has no method reset"),
        ({"sets": [f"{MODIFIER}.blink.params.x=1"]}, f"unknown key '{MODIFIER}.blink.params.x'"),
        ({"sets": [f"{MODIFIER}.blind_zone.enabled=true", f"{MODIFIER}.blind_zone.params.distance=-1"]}, "at least 0"),
        ({"withs": ["observation:blind"]}, "expected to be called with (num_envs, device, layout, depth_camera)"),
        ({"sets": ["camera.pitch=20"]}, "camera.pitch: got 20, expected a number of at most 1.5708"),
        ({"sets": ["camera.fov=1"]}, "unknown key 'camera.fov'; did you mean 'horizontal_fov' or 'vertical_fov'"),
        ({"sets": ["events.camera_pitch.params.range=[-5, 5]"]}, "got [-5, 5], expected at least -1.57"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(install_plugin: Callable[..., object], options: Any, message: str) -> None:
    install_plugin("parkour-blinks", {"blinks": PLUGIN})
    with pytest.raises(ParkourError) as caught:
        load_task("go2-student", registry=Registry.discover(only=["parkour-blinks"]), changes=read_changes(**options))
    assert message in caught.value.message and "\n" not in caught.value.message


def test_the_models_camera_is_that_of_the_mdp() -> None:
    defaults, geometry = Camera(), CameraGeometry()
    assert {name: getattr(geometry, name) for name in type(defaults).model_fields} == defaults.model_dump()
