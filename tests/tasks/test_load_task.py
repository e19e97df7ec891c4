"""Loading: names, files, overlays, overrides and their resolution."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from parkour.errors import ParkourError, PluginError, TaskError, UnknownNameError
from parkour.mdp.robot import RobotLayout
from parkour.registry import Registry
from parkour.tasks import load_task, task_to_toml
from parkour_cli.changes import read_changes

TEACHER_ALIAS = "Isaac-Extreme-Parkour-Teacher-Unitree-Go2"


def test_the_teacher_resolves_to_builtin_components(registry: Registry) -> None:
    task = load_task("go2-teacher", registry=registry)
    assert list(task.terrains) == ["gap", "hurdle", "step", "tilt", "flat"]  # demo has share 0
    assert len(task.rewards) == 14
    assert "gain_scale" not in task.events
    parts = [
        *task.terrains.values(), *task.rewards.values(), *task.observations.values(), *task.terminations.values(),
        *task.events.values(), task.policy, *task.encoders.values(),
    ]  # fmt: skip
    assert {part.id.partition(":")[0] for part in parts} == {"parkour-lab"}
    assert all(callable(part.target) for part in parts)
    assert set(task.encoders) == {"scan_encoder", "privileged_encoder", "history_encoder"}
    assert task.overlay is None
    assert task.origin is not None and task.origin.task == "parkour-lab:go2-teacher"


def test_the_teacher_has_the_canonical_go2(registry: Registry) -> None:
    task = load_task("go2-teacher", registry=registry)
    robot = task.robot
    assert isinstance(robot, RobotLayout)
    assert [name.partition("_")[0] for name in robot.joints] == ["FL", "FR", "RL", "RR"] * 3
    assert robot.hip_joints == (0, 1, 2, 3)
    assert len(robot.penalised_bodies) == 9
    assert (Path(task.robot_folder) / "robot.toml").is_file()


@pytest.mark.parametrize(("suffix", "overlay"), [("-v0", "train"), ("-Play-v0", "play"), ("-Eval-v0", "eval")])
def test_earlier_ids_are_aliases_with_an_overlay(registry: Registry, suffix: str, overlay: str) -> None:
    task = load_task(TEACHER_ALIAS + suffix, registry=registry)
    assert (task.name, task.overlay) == ("go2-teacher", overlay)
    assert task.model == load_task("go2-teacher", overlay=overlay, registry=registry).model


def test_an_overlay_that_is_asked_for_beats_the_alias(registry: Registry) -> None:
    task = load_task(f"{TEACHER_ALIAS}-Play-v0", overlay="eval", registry=registry)
    assert task.overlay == "eval"
    assert task.model.timing.episode_length == 20.0


def test_overlays_merge_deeply(registry: Registry) -> None:
    base = load_task("go2-teacher", registry=registry).model
    play = load_task("go2-teacher", overlay="play", registry=registry).model
    assert play.course.difficulty_range == (0.7, 1.0)
    assert play.course.cell == base.course.cell
    assert not play.events["push"].enabled
    assert play.events["push"].interval == base.events["push"].interval
    assert base.events["push"].enabled


def test_sets(registry: Registry) -> None:
    sets = ["rewards.feet_edge.weight=-2", "command.speed=[0.5, 0.6]", "terrains.gap.params.obstacles=4",
            'rewards."torques".enabled=false', "rewards.hip_pos.weight=0"]  # fmt: skip
    task = load_task("go2-teacher", changes=read_changes(sets), registry=registry)
    assert task.model.rewards["feet_edge"].weight == -2.0
    assert task.model.command.speed == (0.5, 0.6)
    assert task.terrains["gap"].params.obstacles == 4
    assert "torques" not in task.rewards and "torques" in task.model.rewards
    assert "hip_pos" not in task.rewards


def test_sets_come_after_the_overlay(registry: Registry) -> None:
    task = load_task("go2-teacher", overlay="eval", changes=read_changes(["course.levels=7"]), registry=registry)
    assert (task.model.course.levels, task.model.course.columns) == (7, 5)


def test_withs(registry: Registry) -> None:
    withs = ["terrain:balance_beam=0.2", "terrain:demo=0.15", "reward:calm=-1", "event:kick=3"]
    task = load_task(
        "go2-teacher", changes=read_changes(["terrains.balance_beam.params.width=0.5"], withs), registry=registry
    )
    assert task.terrains["balance_beam"].id == "parkour-beams:balance_beam"
    assert task.terrains["balance_beam"].version == "0.4"
    assert task.terrains["balance_beam"].kwargs == {"width": 0.5}
    assert task.model.terrains["demo"].share == 0.15 and "demo" in task.terrains
    assert task.rewards["calm"].kwargs == {}
    assert task.model.events["kick"].interval == 3.0


def test_with_a_canonical_id_stands_beside_the_builtin_of_that_name(registry: Registry) -> None:
    task = load_task("go2-teacher", changes=read_changes(withs=["terrain:parkour-beams:gap=0.1"]), registry=registry)
    assert task.terrains["gap"].id == "parkour-lab:gap"
    assert task.terrains["parkour-beams:gap"].id == "parkour-beams:gap"
    assert (
        load_task("go2-teacher", changes=read_changes(withs=["terrain:gap=0.4"]), registry=registry)
        .model.terrains["gap"]
        .share
        == 0.4
    )


def test_another_encoder_with_numbers(registry: Registry) -> None:
    sets = ["policy.params.scan_encoder=small_scan", "policy.encoders.scan_encoder.params.width=3"]
    encoder = load_task("go2-teacher", changes=read_changes(sets), registry=registry).encoders["scan_encoder"]
    assert (encoder.id, encoder.kwargs) == ("parkour-beams:small_scan", {"width": 3})


def test_a_mapping_can_be_a_task(registry: Registry) -> None:
    task = load_task("beams", overlay="wide", registry=registry)
    assert task.name == "beams"
    assert task.model.terrains["gap"].share == 0.7
    assert task.terrains["balance_beam"].params.width == 0.9
    assert load_task("beams", overlay="eval", registry=registry).model.course.levels == 5  # inherited
    assert load_task("beams", registry=registry).terrains["balance_beam"].params.width == 0.3


def test_a_file_can_extend_a_task_and_another_file(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "narrow.toml").write_text(
        'extends = "go2-teacher"\n[terrains]\nbalance_beam = { share = 1 }\n[overlays.eval.course]\ncolumns = 3\n'
    )
    (tmp_path / "slow.toml").write_text('extends = "narrow.toml"\nname = "crawl"\n[command]\nspeed = [0.2, 0.3]\n')
    narrow = load_task(tmp_path / "narrow.toml", registry=registry)
    assert narrow.name == "narrow"
    slow = load_task(str(tmp_path / "slow.toml"), overlay="eval", registry=registry)
    assert slow.name == "crawl"
    assert slow.model.command.speed == (0.2, 0.3)
    assert slow.model.command.resample == "never"
    assert (slow.model.course.columns, slow.model.course.levels) == (3, 5)
    assert slow.model.terrains["balance_beam"].share == 1.0


def test_standard_overlays_exist_even_where_a_task_has_none(registry: Registry, tmp_path: Path) -> None:
    tables = tomllib.loads(task_to_toml(load_task("go2-teacher", registry=registry)))
    assert "overlays" in tables
    text = task_to_toml(load_task("go2-teacher", registry=registry)).partition("[overlays")[0]
    (tmp_path / "plain.toml").write_text(text)
    assert load_task(tmp_path / "plain.toml", overlay="play", registry=registry).overlay == "play"


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("rewards.feet_egde.weight=-2", "unknown reward 'feet_egde' in rewards; did you mean", "--with reward:"),
        ("rewards.feet_edge.wieght=-2", "unknown key 'rewards.feet_edge.wieght'; did you mean 'weight'?", ""),
        ("comand.speed=[0, 1]", "unknown key 'comand'; did you mean 'command'", ""),
        ("timing.decimaton=2", "unknown key 'timing.decimaton'; did you mean 'decimation'?", ""),
        ("terrains.gap.params.obstacle=2", "'terrains.gap.params.obstacle'; did you mean 'obstacles'?", "show"),
        ("rewards.torques.params.x=2", "'rewards.torques.params.x'; parkour-lab:torques has no parameters", ""),
        ("rewards.feet_edge.weight=heavy", 'rewards.feet_edge.weight: got "heavy", expected a number', ""),
        ("rewards.feet_edge.weight='3'", 'rewards.feet_edge.weight: got "3", expected a number', ""),
        ("rewards.feet_edge.weight=true", "rewards.feet_edge.weight: got true, expected a number", ""),
        ("rewards.feet_edge.weight=nan", "rewards.feet_edge.weight: got NaN, expected a finite number", ""),
        ("rewards.feet_edge=3", "rewards.feet_edge: got 3, expected a table", ""),
        ("timing.decimation=0", "timing.decimation: got 0, expected a number of at least 1", ""),
        ("timing.decimation=1.5", "timing.decimation: got 1.5, expected a whole number", ""),
        ("timing.physics_step=0", "timing.physics_step: got 0, expected a number of at least 0.0001", ""),
        ("command.speed=0.5", "command.speed: got 0.5, expected a list", ""),
        ("command.speed=[0.5, 'x']", 'command.speed.1: got "x", expected a number', ""),
        ("command.speed=[0.5]", "command.speed.1: missing", ""),
        ("command.resample=often", "command.resample: got \"often\", expected a number or 'never'", ""),
        ("stage=taecher", "stage: got \"taecher\", expected 'teacher' or 'student'", ""),
        ("terrains.gap.share=-1", "terrains.gap.share: got -1, expected a number of at least 0", ""),
        ("terrains.gap.params.obstacles=0", "terrains.gap.params.obstacles: got 0, expected a number of at least", ""),
        ("name.x=1", "name.x: name is 'go2-teacher', so there is nothing below it", ""),
        ("rewards.feet_edge.weight", "expected path=value", "--set rewards"),
        ("=3", "expected path=value", ""),
        ("a..b=3", "got the path 'a..b', expected keys with dots between them", ""),
        ("robot=go3", "unknown robot 'go3'; did you mean 'go2'?", "parkour plugins list --kind robot"),
        ("policy.use=rma-teecher", "unknown policy 'rma-teecher'; did you mean 'rma-teacher'?", ""),
        ("policy.encoders.scan.params={}", "policy.encoders: unknown key 'scan'; did you mean 'scan_encoder'", ""),
        ("policy.params.scan_encoder=scan_mpl", "unknown encoder 'scan_mpl'; did you mean 'scan_mlp'", ""),
        ("policy.params.scan_encoder=history_conv", "history_conv encodes 'history', expected 'scan'", ""),
        ("stage=student", "parkour-lab:rma-teacher is for the stage 'teacher', expected 'student'", ""),
        ("events.push.use=friction", "events.push.interval: parkour-lab:friction runs at startup", ""),
    ],
)
def test_a_bad_set_is_one_clear_line(registry: Registry, override: str, message: str, hint: str) -> None:
    with pytest.raises(ParkourError) as caught:
        load_task("go2-teacher", changes=read_changes([override]), registry=registry)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("terrain:balance_bean=0.2", "unknown terrain 'balance_bean'; did you mean 'balance_beam'?"),
        ("terrain:balance_beam", "expected a share"),
        ("terrain:balance_beam=wide", "terrain:balance_beam: got share 'wide', expected a number"),
        ("reward:calm", "expected a weight"),
        ("observation:height_scan=1", "expected no number for a component of kind observation"),
        ("terrian:gap=1", "unknown kind 'terrian'; did you mean 'terrain'"),
        ("gap=1", "expected kind:name"),
        ("event:kick", "events.kick.interval: missing, expected the seconds between runs"),
        ("terrain:absent=1", "'beams' has no attribute 'absent'"),
        ("terrain:bad_params=1", "'beams:beam' is no parameter model"),
        ("terrain:two_arguments=1", "expected to be called with (difficulty, rng, params)"),
        ("reward:no_context=1", "expected to be called with (ctx)"),
        ("reward:forgetful=1", "has no method reset"),
    ],
)
def test_a_bad_with_is_one_clear_line(registry: Registry, override: str, message: str) -> None:
    with pytest.raises(ParkourError) as caught:
        load_task("go2-teacher", changes=read_changes(withs=[override]), registry=registry)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_shares_that_sum_to_zero(registry: Registry) -> None:
    sets = [f"terrains.{name}.share=0" for name in ("gap", "hurdle", "step", "tilt", "flat")]
    with pytest.raises(TaskError, match="the shares sum to 0, expected above 0"):
        load_task("go2-teacher", changes=read_changes(sets), registry=registry)


def test_unknown_tasks_overlays_and_files(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown task 'go2-teachr'; did you mean 'go2-teacher'"):
        load_task("go2-teachr", registry=registry)
    with pytest.raises(TaskError, match="unknown overlay 'evl'; did you mean 'eval'"):
        load_task("go2-teacher", overlay="evl", registry=registry)
    with pytest.raises(TaskError, match="no task file at"):
        load_task(tmp_path / "absent.toml", registry=registry)
    with pytest.raises(PluginError, match=r"cannot read 'beams:absent.toml'"):
        load_task("absent-task", registry=registry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = \n", "is not valid TOML"),
        ("\x00", "is not valid TOML"),
        ('extends = "self.toml"\n', "extend each other in a circle"),
        ("extends = 3\n", "extends: got 3, expected the name or file of a task"),
        ('extends = "go2-teacher"\noverlays = 3\n', "overlays: expected tables"),
        ('extends = "go2-teacher"\nrewards = 3\n', "rewards: got 3, expected a table"),
        ('stage = "teacher"\n', "terrains: missing (and 4 more)"),
        ('extends = "go2-teacher"\nname = 2026-01-01\n[timin]\n', "unknown key 'timin'; did you mean 'timing'"),
    ],
)
def test_a_bad_file_is_one_clear_line(registry: Registry, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "self.toml").write_text(text)
    with pytest.raises(TaskError) as caught:
        load_task(tmp_path / "self.toml", registry=registry)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_loading_leaves_a_plugins_mapping_alone(registry: Registry) -> None:
    import beams

    before = repr(beams.TASK)
    load_task("beams", changes=read_changes(["terrains.gap.share=3"]), registry=registry)
    assert repr(beams.TASK) == before
