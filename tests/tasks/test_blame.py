"""An exception from a component's code names the component and the plugin it came with, and stays what it is."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from parkour.errors import PluginError
from parkour.tasks import load_task
from parkour.tasks.blame import blame, blamed
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.__main__ import _of_the_machine
from tests.evaluation.fakes import GlidingEnv

FEW = {"course.levels": 2, "course.columns": 5}


def helper() -> None:
    raise KeyError("of the plugin's own")


def breaks(*args: Any, **kwargs: Any) -> Any:
    return helper()


class BreaksLater:
    """An observation group that is made, and then fails."""

    def __init__(self, *args: Any, **params: Any) -> None: ...

    def layout(self) -> tuple[()]:
        return ()

    def reset(self, env_ids: Any) -> None: ...

    def __call__(self, ctx: Any) -> Any:
        return helper()


def task_with(section: str, target: Callable[..., Any]) -> tuple[ResolvedTask, str]:
    """go2-teacher, the first of whose components in a section is somebody else's; and that one's name."""
    task = load_task("go2-teacher", overlay="train", changes=FEW)
    parts = getattr(task, section)
    key = next(iter(parts))
    part = replace(parts[key], target=target, id="parkour-storm:gust", version="2.1")
    return replace(task, **{section: {**parts, key: part}}), key


@pytest.mark.parametrize("section", ["rewards", "terminations", "events"])
def test_a_function_that_raises_is_named(section: str) -> None:
    task, key = task_with(section, breaks)
    with pytest.raises(KeyError, match="of the plugin's own") as caught, blamed(task):
        GlidingEnv(task, 2, "cpu", 0, pace=8.0).step(torch.zeros(2, 12))
    (note,) = caught.value.__notes__
    assert note == f"in {section.removesuffix('s')} {key!r} of the task: parkour-storm:gust 2.1"


def test_a_class_that_raises_is_named() -> None:
    task, key = task_with("observations", BreaksLater)
    with pytest.raises(KeyError) as caught, blamed(task):
        GlidingEnv(task, 2, "cpu", 0, pace=8.0).reset()
    assert caught.value.__notes__ == [f"in observation {key!r} of the task: parkour-storm:gust 2.1"]


def test_what_is_no_observation_is_named() -> None:
    task, key = task_with("observations", lambda *args, **params: torch.zeros(2))
    with pytest.raises(PluginError, match=rf"observation '{key}' \(parkour-storm:gust\) made a Tensor"):
        GlidingEnv(task, 2, "cpu", 0, pace=8.0)


def test_code_of_a_plugin_that_is_no_component_names_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("parkour_storm")
    monkeypatch.setitem(sys.modules, "parkour_storm", module)
    exec("def term(ctx): return ctx\ndef made(): raise ValueError('too windy')", vars(module))
    task, _ = task_with("rewards", module.term)
    with pytest.raises(ValueError, match="too windy") as caught, blamed(task):
        module.made()
    assert caught.value.__notes__ == ["in the plugin parkour-storm 2.1"]


def test_what_is_nobody_s_has_no_note() -> None:
    with pytest.raises(ZeroDivisionError) as caught, blamed(load_task("go2-teacher", changes=FEW)):
        raise ZeroDivisionError
    assert not hasattr(caught.value, "__notes__")


def test_an_engine_tells_its_simulator_s_errors_from_a_component_s() -> None:
    """One that turns what its simulator raises into a line of its own must not hide a component in it."""
    task, key = task_with("events", breaks)
    with pytest.raises(KeyError) as caught:
        GlidingEnv(task, 2, "cpu", 0, pace=8.0)
    assert blame(task, caught.value)
    assert caught.value.__notes__ == [f"in event {key!r} of the task: parkour-storm:gust 2.1"]
    with pytest.raises(KeyError) as of_the_simulator:
        raise KeyError("no such body")
    assert not blame(load_task("go2-teacher", changes=FEW), of_the_simulator.value)
    assert not hasattr(of_the_simulator.value, "__notes__")


def test_one_line_errors_of_the_machine_keep_the_name() -> None:
    error = FileNotFoundError(2, "No such file or directory", "wind.npz")
    error.add_note("in event 'gust' of the task: parkour-storm:gust 2.1")
    assert _of_the_machine(error).message == (
        "wind.npz: No such file or directory (in event 'gust' of the task: parkour-storm:gust 2.1)"
    )
