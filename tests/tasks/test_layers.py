"""Base, overlays and changes of tasks that ran: what another overlay takes over, and what it leaves behind."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import TaskError
from parkour.policies.source import pretrained_checkpoint, weights_at
from parkour.policies.task import task_of
from parkour.registry import Registry
from parkour.tasks import load_task, task_tables, task_to_toml
from parkour.tasks.layers import Replaced

COLLISION = "rewards.collision.weight"


def run_tables(task: str, overlay: str, changes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What a run folder of this task holds, as it is read from its ``task.toml``."""
    return tomllib.loads(task_to_toml(load_task(task, overlay=overlay, changes=changes, **more)))


def test_nothing_of_training_leaks_into_an_evaluation() -> None:
    run = run_tables("go2-student", "train+fast+noisy")
    assert run["origin"]["overlays"] == ["train", "fast", "noisy"]
    assert run["rewards"]["collision"]["weight"] == 0.0 and run["course"]["start_levels"] == [0, 9]
    for overlay in ("eval", "play"):
        task, expected = load_task(run, overlay=overlay), load_task("go2-student", overlay=overlay)
        assert not task.modifiers
        assert list(task.rewards) == list(expected.rewards) and task.model.course == expected.model.course
        assert {key: part.params for key, part in task.events.items()} == {
            key: part.params for key, part in expected.events.items()
        }
    assert len(load_task(run, overlay="eval+noisy").modifiers["depth"]) == 6
    assert len(load_task(run).modifiers["depth"]) == 6 and "collision" not in load_task(run).rewards
    assert not load_task(run, overlay="train").modifiers


def test_changes_are_part_of_the_task(registry: Registry) -> None:
    changes = {"terrain:balance_beam": 0.2, "rewards.feet_edge.weight": -2.0, "terrains.balance_beam.params.width": 0.7}
    run = run_tables("go2-teacher", "train", changes, registry=registry)
    assert run["changes"] == changes
    assert run["base"]["values"] == {"rewards.feet_edge.weight": -1.0}
    assert run["base"]["absent"] == ["terrains.balance_beam"]
    task = load_task(run, overlay="eval", registry=registry)
    assert task.model.rewards["feet_edge"].weight == -2.0
    beam = task.terrains["balance_beam"]
    assert (beam.id, beam.params.width) == ("parkour-beams:balance_beam", 0.7)
    more = load_task(run, overlay="eval", changes={"rewards.feet_edge.weight": -3.0}, registry=registry)
    assert more.model.rewards["feet_edge"].weight == -3.0
    assert more.layers.changes == {**changes, "rewards.feet_edge.weight": -3.0}
    assert task_tables(more)["base"]["values"]["rewards.feet_edge.weight"] == -1.0


def test_who_wins() -> None:
    """A change wins over the overlays it was made under, and an overlay that is asked for later wins over it."""
    run = run_tables("go2-student", "train+noisy", {COLLISION: -3.0, "command.resample": 2.0})
    weight = lambda overlay: load_task(run, overlay=overlay).model.rewards["collision"].weight  # noqa: E731
    assert [weight(overlay) for overlay in (None, "train+noisy", "train", "eval", "play")] == [-3.0] * 5
    assert load_task(run, overlay="train").model.command.resample == 2.0
    assert load_task(run, overlay="eval").model.command.resample == "never"


def test_numbers_edited_in_a_run_folder_count_everywhere() -> None:
    run = run_tables("go2-student", "train")
    run["goals"]["radius"], run["rewards"]["collision"]["weight"] = 0.4, -1.0
    assert load_task(run, overlay="eval").model.goals.radius == 0.4
    assert load_task(run, overlay="train").model.rewards["collision"].weight == -1.0
    assert load_task(run, overlay="eval").model.rewards["collision"].weight == -10.0


def test_defaults_are_those_of_the_day_of_training() -> None:
    run = run_tables("go2-student", "train")
    run["terrains"]["gap"]["params"]["obstacles"] = 3  # As if the default had been another one then.
    assert load_task(run, overlay="eval").terrains["gap"].params.obstacles == 3


def test_runs_of_before_keep_their_overlays(tmp_path: Path) -> None:
    """They say which overlays they were under, but not what those replaced."""
    run = run_tables("go2-student", "train+noisy")
    del run["base"], run["origin"]["overlays"]
    run["origin"]["overlay"] = "train+noisy"
    run["overlays"]["eval"]["rewards"] = {"collision": {"weight": -10.0}}
    task = load_task(run, overlay="eval")
    assert len(task.modifiers["depth"]) == 6 and task.model.rewards["collision"].weight == -10.0
    again = load_task(run, overlay="train")
    assert again.overlay == "train+noisy" and len(again.modifiers["depth"]) == 6
    assert task_tables(again) == task_tables(load_task(run)) and "base" not in task_tables(again)


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_pretrained_weights_are_scored_as_before(stage: str) -> None:
    weights = weights_at(pretrained_checkpoint(stage))
    task, trained = task_of(weights, "eval"), task_of(weights)
    # Both were trained under domain randomization, none of which is left when they are scored.
    assert trained.overlay == {"teacher": "train+pipeline+robust", "student": "train+fast+compact+robust"}[stage]
    assert trained.model.control.action_delay == (0, 2)
    assert task.model.control.action_delay == {"teacher": 0, "student": 1}[stage]
    assert task.model.control.action_scale == trained.model.control.action_scale
    assert task.model.rewards["collision"].weight == -10.0
    assert task.model.course.levels == 5 and not task.model.course.curriculum
    assert task.model.events["push"].interval == 6.0 and "added_mass" not in task.events
    assert not task.modifiers


OTHER = """
    from parkour import TaskSpec, TerrainSpec, hookimpl

    def pit(difficulty, rng, params):
        raise NotImplementedError

    @hookimpl
    def register_terrains():
        yield TerrainSpec(name="pit", summary="", target="pits:pit")
"""


def test_components_are_put_back_whole(install_plugin: Callable[..., object]) -> None:
    """An overlay that takes another component, encoder or policy: the numbers of one mean nothing to the other."""
    install_plugin("parkour-pits", {"pits": OTHER})
    registry = Registry.discover(only=["parkour-pits"])
    encoder = {"params": {"scan_encoder": "scan_mlp"}, "encoders": {"scan_encoder": {"params": {"hidden_dims": [8]}}}}
    task = {
        "extends": "go2-teacher",
        "name": "pits",
        "overlays": {
            "train": {"terrains": {"gap": {"use": "pit", "params": {}}}, "policy": encoder},
        },
    }
    run = tomllib.loads(task_to_toml(load_task(task, overlay="train", registry=registry)))
    assert run["terrains"]["gap"]["use"] == "parkour-pits:pit"
    gap = load_task(run, overlay="eval", registry=registry).terrains["gap"]
    assert gap.id == "parkour-lab:gap" and gap.params.obstacles == 6
    assert load_task(run, overlay="eval", registry=registry).encoders["scan_encoder"].params.hidden_dims != (8,)


def test_replaced_is_the_difference() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": {"use": "p", "n": 1}, "k": {"c.d": 1}}
    result = {"a": {"x": 1, "y": 3, "z": 4}, "b": {"use": "q", "m": 2}, "k": {"c.d": 2}, "new": {"use": "r"}}
    replaced = Replaced.between(base, result)
    assert replaced.values == {"a.y": 2, "b": {"use": "p", "n": 1}, 'k."c.d"': 1}
    assert replaced.absent == ("a.z", "new")
    assert replaced.restored(result) == base
    kept = replaced.restored(result, keep=[("a", "y"), ("new", "share")])
    assert kept["a"] == {"x": 1, "y": 3} and "new" in kept


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"base": 3}, r"\[changes\], \[base\] or origin.overlays: expected"),
        ({"base": {"absent": [1]}}, "expected them as a run writes them"),
        ({"base": {"values": {"a..b": 1}}}, "got the path 'a..b'"),
        ({"changes": []}, "expected them as a run writes them"),
        ({"origin": {"overlays": "train"}}, "expected them as a run writes them"),
    ],
)
def test_damage_is_one_clear_line(damage: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message) as caught:
        load_task({**run_tables("go2-teacher", "train"), **damage}, overlay="eval")
    assert "\n" not in caught.value.message
