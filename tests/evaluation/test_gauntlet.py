"""The gauntlet: what is laid on the task, what is compared, what is left out, and its table, files and errors."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parkour.errors import ParkourError, UnknownNameError
from parkour.evaluation.evaluate import EvaluationOptions
from parkour.evaluation.gauntlet import Gauntlet, run_gauntlet
from parkour.evaluation.gauntlet_plot import gauntlet_figures
from parkour.evaluation.gauntlet_report import (
    _signed,
    gauntlet_as_json,
    gauntlet_page,
    gauntlet_table,
    gauntlet_tables,
    rows_of,
    terrains_of,
)
from parkour.evaluation.protocol import TaskChanges
from parkour.policies.source import Weights
from parkour.registry import Registry
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.changes import read_changes
from tests.evaluation.eval_command import SMALL, command, fails
from tests.evaluation.fakes import QUICK, GlidingEnv, write_weights

QUICKLY = read_changes((*QUICK, "timing.episode_length=6.0"))
OPTIONS = EvaluationOptions("gauntlet", num_envs=20, steps=300, device="cpu", changes=TaskChanges(changes=QUICKLY))
SHORT = replace(OPTIONS, num_envs=5, steps=5, changes=TaskChanges(changes={**QUICKLY, "timing.episode_length": 0.2}))
SEEN: list[ResolvedTask] = []


def late_is_slow(task: ResolvedTask, num_envs: int, device: str, seed: int) -> GlidingEnv:
    """Robots whose actions come late do not come far."""
    SEEN.append(task)
    return GlidingEnv(task, num_envs, device, seed, pace=0.5 if task.model.control.action_delay == 2 else 4.0)


def run(weights: Weights, *only: str, options: EvaluationOptions = OPTIONS, **more: Any) -> Gauntlet:
    SEEN.clear()
    return run_gauntlet(weights, options, only=only, make_env=late_is_slow, **more)


@pytest.fixture(scope="module")
def result(weights: Weights) -> Gauntlet:
    return run(weights, "late_actions", "slippery")


# -- what is measured ----------------------------------------------------------------------------------------------


def test_loss_is_against_clean_on_the_same_courses(result: Gauntlet) -> None:
    late, slippery = result.trials
    clean = result.clean.breakdown.overall.metrics["success"].mean
    assert clean > 0.3 and late.success < clean
    assert late.change.a == clean and late.change.b == late.success
    assert late.change.certain and late.change.difference < 0
    assert set(late.change_by_terrain) == set(result.clean.breakdown.by_terrain)
    # These robots do not feel the ground, and the courses are the same ones.
    assert slippery.change.difference == slippery.change.low == slippery.change.high == 0.0
    assert result.worst is late
    assert result.mean_success("body") == pytest.approx((late.success + slippery.success) / 2)
    assert math.isnan(result.mean_success("camera"))


def test_each_degradation_is_alone_on_the_task(weights: Weights) -> None:
    run(weights, "late_actions", "slippery", "pushes", "no_contacts")
    clean, late, slippery, pushed, numb = SEEN
    assert [task.model.control.action_delay for task in SEEN] == [0, 2, 0, 0, 0]
    assert slippery.events["friction"].params.range == (0.4, 0.4) != clean.events["friction"].params.range
    assert pushed.events["push"].params.x == (-1.0, 1.0) and pushed.model.events["push"].interval == 6.0
    assert clean.events["push"].params.x == (-0.5, 0.5) == numb.events["push"].params.x
    assert list(numb.modifiers["proprioception"]) == ["no_contacts"] and not late.modifiers


def test_what_the_caller_changes_is_under_everything(weights: Weights) -> None:
    """A row that is named late_actions has actions that are late."""
    friction, push = "events.friction.params.range", "events.push.params.x"
    changes = {**QUICKLY, "control.action_delay": 1, friction: [1.0, 1.0], push: [0.0, 0.0]}
    options = replace(SHORT, changes=TaskChanges(changes={**changes, "timing.episode_length": 0.2}))
    run(weights, "late_actions", "slippery", "pushes", options=options)
    assert [task.model.control.action_delay for task in SEEN] == [1, 2, 1, 1]
    assert [task.events["friction"].params.range[0] for task in SEEN] == [1.0, 1.0, 0.4, 1.0]
    assert [task.events["push"].params.x for task in SEEN] == [(0.0, 0.0)] * 3 + [(-1.0, 1.0)]


def test_students_get_all_of_them(student: Weights) -> None:
    """That every built-in degradation fits the built-in student; two are run."""
    names: list[str] = []
    everything = {item.spec.name for item in Registry.discover(only=[]).specs("degradation")}

    def stop(number: int, count: int, name: str) -> None:
        names.append(name)
        if number == 0:
            assert count == len(everything) + 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(student, on_trial=stop)
    assert names == ["clean"] and len(run(student, "half_frames", "mounting", options=SHORT).trials) == 2
    assert list(SEEN[1].modifiers["depth"]) == ["dropped_frames"]
    assert SEEN[2].events["camera_position"].params.x == (-0.02, 0.02)


def test_domain_randomization_of_training_is_not_clean(tmp_path: Path) -> None:
    trained = write_weights(tmp_path, task="go2-student", overlay="train+robust")
    run(trained, "late_actions", options=SHORT)
    clean, late = SEEN
    assert (clean.model.control.action_delay, late.model.control.action_delay) == (1, 2)
    assert not clean.modifiers and "motor_strength" not in clean.events
    assert clean.events["friction"].params.range == (0.6, 2.0)


def test_conditions_that_differ_on_purpose_are_not_warned_of(
    weights: Weights, caplog: pytest.LogCaptureFixture
) -> None:
    run(weights, "no_contacts", options=SHORT)
    assert not [record for record in caplog.records if "was trained under" in record.message]


def test_a_teacher_is_spared_the_cameras(weights: Weights) -> None:
    lines: list[str] = []
    found = run(weights, options=SHORT, notify=lines.append)
    assert {trial.degradation.part for trial in found.trials} == {"body"} and len(found.trials) > 5
    assert ("half_frames", "the policy has no camera") in found.skipped
    (line,) = [line for line in lines if line.startswith("left out")]
    assert line.startswith("left out, as the policy has no camera: ") and "blank_camera" in line


# -- plugins -------------------------------------------------------------------------------------------------------

PLUGIN = """
    from parkour import DegradationSpec, hookimpl

    PARKOUR_API = "1.1"
    SLOW = {"control.action_delay": 2}
    EMPTY = {}
    MISSPELT = {"control.action_dely": 2}
    OTHER = {"control.action_scale": 0.5}
    COURSES = {"terrains.gap.share": 0.0}

    @hookimpl
    def register_degradations():
        yield DegradationSpec(name="slow", summary="all is late", target="delays:SLOW")
        yield DegradationSpec(name="empty", summary="nothing", target="delays:EMPTY")
        yield DegradationSpec(name="misspelt", summary="a slip", target="delays:MISSPELT")
        yield DegradationSpec(name="other", summary="actions mean something else", target="delays:OTHER")
        yield DegradationSpec(name="slippery", summary="another one", target="delays:SLOW")
        yield DegradationSpec(name="steep", summary="no degradation", target="delays:COURSES")
"""


def test_plugins_add_degradations_and_a_broken_one_costs_a_line(
    install_plugin: Callable[..., object], weights: Weights
) -> None:
    install_plugin("parkour-delays", {"delays": PLUGIN})
    registry, lines = Registry.discover(only=["parkour-delays"]), []
    found = run(weights, options=SHORT, registry=registry, notify=lines.append)
    names = [trial.degradation.name for trial in found.trials]
    assert {"slow", "slippery", "parkour-delays:slippery"} <= set(names) and "empty" not in names
    assert any("parkour-delays:empty is left out" in line and "an empty one" in line for line in lines)
    assert dict(found.skipped)["misspelt"].startswith("unknown key 'control.action_dely'")
    assert "its inputs or outputs would mean something else" in dict(found.skipped)["other"]
    assert any("parkour-delays:steep is left out" in line and "changes the courses" in line for line in lines)
    with pytest.raises(ParkourError, match=r"--only other: .* would mean something else"):
        run(weights, "slow", "other", options=SHORT, registry=registry)
    assert not SEEN  # What cannot be is said before anything is scored.
    with pytest.raises(ParkourError, match="--only misspelt: unknown key"):
        run(weights, "misspelt", registry=registry)


# -- what comes of it ----------------------------------------------------------------------------------------------


def test_table_page_and_picture(result: Gauntlet) -> None:
    table = gauntlet_table(result, terrains_of(result))
    assert [column.header for column in table.columns][1:5].__str__().count("interval") == 2
    names = [str(cell) for cell in table.columns[0].cells]
    assert names == ["clean", "late_actions", "slippery", "mean of 2, body", "worst: late_actions"]
    late = list(rows_of(result))[1]
    assert late.verdict == -1 and math.isnan(late.on("nowhere"))
    figures = gauntlet_figures(result)
    assert figures["gauntlet"].startswith(b"\x89PNG")
    page = gauntlet_page(result, figures)
    assert "late_actions" in page and "actions act two control steps late" in page and "<script" not in page


def test_no_loss_has_one_sign() -> None:
    assert [_signed(value) for value in (0.0, -0.0, -0.004, 0.006, -0.006)] == [
        "+0.00", "+0.00", "+0.00", "+0.01", "-0.01"
    ]  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 200])
def test_every_terrain_has_its_column_at_any_width(result: Gauntlet, width: int) -> None:
    screen = Console(width=width, record=True, file=io.StringIO())
    for table in gauntlet_tables(result, width):
        screen.print(table)
    text = screen.export_text()
    assert "…" not in text and max(map(len, text.splitlines())) <= width
    assert all(name in text for name in ("late_actions", "paired bootstrap", *terrains_of(result)))


def test_json_is_strict_and_says_what_was_laid_on(result: Gauntlet) -> None:
    data = json.loads(json.dumps(gauntlet_as_json(result), allow_nan=False))
    late, slippery = data["degradations"]
    assert data["format"] == "parkour-gauntlet" and data["clean"]["protocol"]["name"] == "gauntlet"
    assert late["id"] == "parkour-lab:late_actions" and late["changes"] == {"control.action_delay": 2}
    clean, low = data["clean"]["overall"]["metrics"]["success"]["mean"], late["overall"]["metrics"]["success"]["mean"]
    assert late["loss"]["loss"] == pytest.approx(clean - low)
    assert late["loss"]["low"] <= late["loss"]["loss"] <= late["loss"]["high"]
    assert slippery["loss"]["loss"] == 0 and set(late["by_terrain"]) == set(data["clean"]["by_terrain"])


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("gliding_engine")
def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path, weights: Weights) -> None:
    code, out, err = command(
        capsys, "--checkpoint", weights.path, "--protocol", "gauntlet", "--only", "late_actions,payload", "--only",
        "pushes", *SMALL, "--json", tmp_path / "a.json", "--plots", tmp_path, "--html", tmp_path / "a.html",
    )  # fmt: skip
    assert code == 0, err
    assert all(name in out for name in ("clean", "late_actions", "payload", "pushes", "mean of 3, body"))
    assert "1/4 clean: success" in err and "4/4 pushes: success" in err
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.html", "gauntlet.png"}
    assert len(json.loads((tmp_path / "a.json").read_text())["degradations"]) == 3


@pytest.mark.usefixtures("gliding_engine")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--protocol", "gauntlet", "--only", "late_action"], "unknown degradation 'late_action'; did you mean"),
        (["--protocol", "gauntlet", "--only", ","], "--only: got ',', expected names of degradations"),
        (["--protocol", "gauntlet", "--only", ""], "--only: got '', expected names of degradations"),
        (["--protocol", "gauntlet", "--only", "half_frames"], "--only half_frames: the policy has no camera"),
        (["--protocol", "gauntlet", "--blank-depth"], "got --protocol gauntlet and --blank-depth, expected one"),
        (["--protocol", "gauntlet", "--noise", "noisy"], "got --protocol gauntlet and --noise, expected one of them"),
        (["--only", "slippery"], "--only: got it with --protocol course, expected --protocol gauntlet"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str], weights: Weights, options: list[str], said: str
) -> None:
    assert said in fails(capsys, "--checkpoint", weights.path, *SMALL, *options)


def test_an_unknown_degradation_suggests_near_ones(weights: Weights) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'payload'"):
        run(weights, "payloads")
