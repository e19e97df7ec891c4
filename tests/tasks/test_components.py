"""Parameters of components are checked in one place, with the same words whoever gives them."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from parkour.errors import PluginError, TaskError
from parkour.evaluation.metrics import load_metric
from parkour.exporters.targets import make_target
from parkour.learning.callbacks import find_callbacks
from parkour.learning.loggers import load_logger
from parkour.registry import RegisteredSpec, Registry, default_registry
from parkour.specs import LoggerSpec, MetricSpec
from parkour.tasks import load_task
from parkour.tasks.components import load_component


def _of_task(params: dict[str, Any]) -> object:
    return load_task("go2-teacher", changes={f"rewards.torques.params.{key}": value for key, value in params.items()})


@pytest.mark.parametrize(
    ("give", "path", "shown"),
    [
        (_of_task, "rewards.torques.params.", "torques --kind reward"),
        (lambda params: find_callbacks({"video": params}), "--callback.video.", "video --kind callback"),
        (lambda params: make_target("jit", params), "", "jit --kind export_target"),
        (lambda params: load_component(default_registry().get("metric", "success"), "success", params), "",
         "success --kind metric"),
    ],
    ids=["task", "callback", "export target", "metric"],
)  # fmt: skip
def test_a_component_without_parameters_says_so_alike(
    give: Callable[[dict[str, Any]], object], path: str, shown: str
) -> None:
    with pytest.raises(TaskError) as caught:
        give({"more": 1})
    identity = shown.partition(" ")[0]
    assert caught.value.message == f"unknown key '{path}more'; parkour-lab:{identity} has no parameters"
    assert caught.value.hint == f"parkour plugins show parkour-lab:{shown}"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"opst": 18}, "unknown key 'opst'; did you mean 'opset'?"),
        ({"opset": "18"}, 'opset: got "18", expected a whole number'),
        ({"opset": 1.5}, "opset: got 1.5, expected a whole number"),
    ],
)
def test_names_types_and_ranges_are_a_line(params: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError) as caught:
        make_target("onnx", params)
    assert caught.value.message == said
    assert caught.value.hint == "parkour plugins show parkour-lab:onnx --kind export_target"


class Demanding(BaseModel):
    """Parameters of which one has no default."""

    width: float


@pytest.mark.parametrize("kind", ["metric", "logger"])
def test_what_nobody_gives_parameters_needs_a_default_for_each(kind: str) -> None:
    spec_type = {"metric": MetricSpec, "logger": LoggerSpec}[kind]
    spec = spec_type(name="wide", summary="s", target="builtins:dict", params=f"{__name__}:Demanding")
    item = RegisteredSpec(spec, "some-plugin", "1.0", "main")
    with pytest.raises(PluginError, match=f"^{kind} 'some-plugin:wide': width: missing; every parameter needs a"):
        load_metric(item, Registry([item])) if kind == "metric" else load_logger(item)
