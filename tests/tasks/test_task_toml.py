"""A resolved task written as TOML and read back."""

from __future__ import annotations

import logging
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from parkour.errors import TaskError
from parkour.registry import Registry
from parkour.tasks import ResolvedTask, load_task, task_to_toml
from parkour.tasks.resolve import _algorithm

CHANGES = {
    "terrain:balance_beam": 0.2,
    "terrain:parkour-beams:gap": 0.1,
    "rewards.feet_edge.weight": -2,
    "course.max_boxes": 40,
    "terrains.balance_beam.params.width": 0.7,
}


def _written(task: ResolvedTask, folder: Path) -> Path:
    path = folder / "task.toml"
    path.write_text(task_to_toml(task), encoding="utf-8")
    return path


@pytest.mark.parametrize("overlay", [None, "train", "eval", "play"])
def test_round_trip(registry: Registry, tmp_path: Path, overlay: str | None) -> None:
    task = load_task("go2-teacher", overlay=overlay, registry=registry, changes=CHANGES)
    path = _written(task, tmp_path)
    again = load_task(path, registry=registry)
    assert task_to_toml(again) == path.read_text(encoding="utf-8")
    assert again.overlay == overlay
    assert again.origin == task.origin
    assert again.robot == task.robot
    for section in ("terrains", "rewards", "observations", "terminations", "events", "encoders"):
        before, after = getattr(task, section), getattr(again, section)
        assert list(after) == list(before)
        for key, part in before.items():
            same = after[key]
            assert (same.id, same.version, same.params, same.target) == (
                part.id,
                part.version,
                part.params,
                part.target,
            )
    # Asking for the overlay that is in the file changes nothing.
    assert task_to_toml(load_task(path, overlay=overlay, registry=registry)) == path.read_text(encoding="utf-8")


def test_every_component_is_written_with_id_and_version(registry: Registry) -> None:
    tables = tomllib.loads(task_to_toml(load_task("go2-teacher", registry=registry, changes=CHANGES)))
    assert tables["terrains"]["balance_beam"]["use"] == "parkour-beams:balance_beam"
    assert tables["terrains"]["balance_beam"]["version"] == "0.4"
    assert tables["terrains"]["balance_beam"]["params"] == {"width": 0.7}
    for section in ("rewards", "observations", "terminations"):
        for key, table in tables[section].items():
            if table.get("enabled") is False:  # Whoever comes from elsewhere need not be installed for it.
                continue
            assert table["use"] == f"parkour-lab:{key}"
            assert table["version"]
    for key, encoder in tables["policy"]["encoders"].items():
        assert encoder["version"]
        assert tables["policy"]["params"][key].startswith("parkour-lab:")
    assert tables["origin"]["task"] == "parkour-lab:go2-teacher"


def test_a_trained_task_can_be_evaluated(registry: Registry, tmp_path: Path) -> None:
    path = _written(load_task("go2-teacher", overlay="train", registry=registry, changes=CHANGES), tmp_path)
    task = load_task(path, overlay="eval", registry=registry)
    expected = load_task("go2-teacher", overlay="eval", registry=registry, changes=CHANGES)
    assert task.overlay == "eval"
    assert task.model.course == expected.model.course
    assert task.model.command == expected.model.command
    assert list(task.events) == list(expected.events)
    assert task.model.rewards["feet_edge"].weight == -2.0
    assert task.model.course.max_boxes == 40


def test_another_version_of_a_plugin_is_said(
    registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _written(load_task("go2-teacher", registry=registry, changes=CHANGES), tmp_path)
    path.write_text(path.read_text().replace('version = "0.4"', 'version = "0.3"'))
    with caplog.at_level(logging.WARNING):
        load_task(path, registry=registry)
    assert "components of parkour-beams: the task was resolved with version 0.3, found 0.4" in caplog.text


def test_a_missing_plugin_is_named(registry: Registry, tmp_path: Path) -> None:
    path = _written(load_task("go2-teacher", registry=registry, changes=CHANGES), tmp_path)
    builtin = Registry.discover(only=[])
    with pytest.raises(Exception, match=r"plugin parkour-beams 0\.4, which is installed but not loaded"):
        load_task(path, registry=builtin)


def test_none_that_is_no_default_cannot_be_written(registry: Registry) -> None:
    task = load_task("go2-teacher", registry=registry)
    scan = task.model.observations["height_scan"].model_copy(update={"clip": None})
    model = task.model.model_copy(update={"observations": {**task.model.observations, "height_scan": scan}})
    changed = ResolvedTask(**{**vars(task), "model": model})
    with pytest.raises(TaskError, match=r"observations\.height_scan\.clip is None, which TOML cannot say"):
        task_to_toml(changed)


@pytest.mark.parametrize("name", ["go2-teacher", "go2-student"])
def test_every_parameter_is_written(name: str) -> None:
    """Those of the algorithm too, which the task leaves at their defaults."""
    task = load_task(name, overlay="train")
    tables = tomllib.loads(task_to_toml(task))
    assert tables["algorithm"]["params"].keys() == type(task.algorithm).model_fields.keys()
    for section in ("terrains", "rewards", "observations", "terminations", "events"):
        for key, part in getattr(task, section).items():
            wanted = {name for name, value in part.kwargs.items() if value is not None}
            assert tables[section][key]["params"].keys() == wanted, key
    assert tables["policy"]["params"].keys() == task.policy.kwargs.keys()
    assert load_task(tables).algorithm == task.algorithm


def test_a_policy_that_does_not_say_what_its_algorithm_takes_keeps_what_is_written(registry: Registry) -> None:
    spec = replace(registry.get("policy", "rma-teacher").spec, algorithm=None)  # type: ignore[arg-type]
    task = load_task("go2-teacher", registry=registry)
    policy = replace(task.policy, spec=spec)
    assert _algorithm(task.model, policy) is None
    assert _algorithm(task.model, task.policy) == task.algorithm
