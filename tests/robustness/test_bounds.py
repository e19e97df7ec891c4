"""Every number of a task has bounds that a physicist would accept, and they stand with the field."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from parkour.errors import TaskError
from parkour.exporters.manifest import Manifest
from parkour.params import LARGEST, Params
from parkour.registry import Registry, default_registry, resolve_target
from parkour.specs import KINDS, PolicySpec
from parkour.tasks import load_task
from parkour.tasks.model import TaskModel
from parkour.tasks.robot import RobotFile
from parkour_cli.changes import read_changes
from parkour_deploy.errors import ContractError
from parkour_deploy.tables import Table

NONSENSE = [
    "command.speed=[5,-5]", "command.speed=[1e30,1e30]", "command.speed=[nan,1]", "command.deadband=inf",
    "command.resample=1e-320", "command.resample=0", "control.action_scale=1e308", "control.action_clip=-1",
    "control.action_delay=[3,1]", "control.action_delay=10000", "course.start_levels=[99,-5]",
    "course.start_levels=[2,1]", "course.roughness=[-5,1e9]", "course.levels=10000000", "course.columns=100000000",
    "course.cell=1e-9", "course.cell=1e300", "course.difficulty_range=[1,0]", "course.difficulty_range=[-3,7]",
    "course.max_goals=1000000000", "events.added_mass.params.range=[-1000,-900]", "goals.radius=1e18",
    "goals.dwell=-1", "events.push.interval=1e-320", "events.push.params.x=[-1e9,1e9]", "timing.physics_step=9e18",
    "timing.physics_step=1e-320", "timing.decimation=1000000000000000000", "timing.episode_length=1e300",
    "timing.episode_length=1e-300", "timing.perception_period=99999999999", "rewards.alive.weight=1e308",
    "rewards.alive.weight=-1e308", "rewards.alive.weight=nan", "terrains.gap.share=1e308",
    "terrains.gap.params.gap_length=[1e9,1e9]", "events.friction.params.range=[0,1e6]",
    "events.com_offset.params.x=[-50,50]", "events.reset_joints.params.scale=[1e9,1e9]",
    "observations.height_scan.params.spacing=1e-9", "observations.height_scan.params.x=[-1e9,1e9]",
    "observations.proprioception.clip=1e300", "observations.proprioception.clip=0", "camera.position=[1e9,0,0]",
    "camera.range=1e18", "camera.width=1000000", "environments.cuda=1000000000000", "algorithm.steps_per_env=10**9",
    "algorithm.iterations=1e300", "algorithm.params.learning_rate=1e308", "algorithm.params.epochs=1000000000",
    "algorithm.params.latent_regularisation_iterations=[9,1]", "policy.params.hidden_dims=[1000000000000]",
    "policy.params.scan_latent=99999999999", "timing.physics_step=true", "command.speed=[0.1]",
]  # fmt: skip


@pytest.mark.parametrize("change", NONSENSE)
def test_nonsense_is_refused_in_one_line(change: str) -> None:
    with pytest.raises(TaskError) as caught:
        # alive may be no reward of the task: then that is the line.
        load_task("go2-teacher", changes=read_changes([change], ["reward:alive=1"] if "alive" in change else []))
    assert "\n" not in caught.value.message and len(caught.value.message) < 400


@pytest.mark.parametrize("key", ["\x1b[31m", "a b", "../x", "", "a" * 129, "ünï"])
def test_what_a_task_calls_a_component_is_a_word(key: str) -> None:
    tables = load_task("go2-teacher").model.model_dump(mode="json", exclude_none=True)
    tables["rewards"] = {key: {"weight": 1.0, "use": "alive"}}
    with pytest.raises(TaskError, match="a name of letters"):
        load_task(tables)


def _fields(model: type[Any], path: str) -> Iterator[tuple[str, Any]]:
    for name, field in model.__pydantic_fields__.items():
        yield from _inner(field.annotation, field.metadata, f"{path}.{name}")


def _inner(annotation: Any, metadata: list[Any], path: str) -> Iterator[tuple[str, Any]]:
    """Path and metadata of everything in an annotation that is a number, or numbers."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _inner(args[0], [*metadata, *args[1:], *(getattr(arg, "metadata", ()) for arg in args[1:])], path)
    elif origin in (Union, types.UnionType, tuple):
        for arg in args:
            yield from _inner(arg, metadata, path)
    elif origin is dict:
        yield from _inner(args[1], metadata if args[1] in (int, float) else [], path)
    elif annotation in (int, float):
        yield path, metadata
    elif hasattr(annotation, "__pydantic_fields__"):
        yield from _fields(annotation, path)


def _bounded(metadata: list[Any]) -> bool:
    flat = [item for part in metadata for item in (part if isinstance(part, (list, tuple)) else [part])]
    low = any(getattr(item, "ge", None) is not None or getattr(item, "gt", None) is not None for item in flat)
    return low and any(getattr(item, "le", None) is not None or getattr(item, "lt", None) is not None for item in flat)


def _built_in() -> Iterator[tuple[str, type[BaseModel]]]:
    registry: Registry = default_registry()
    for kind in KINDS:
        for item in registry.specs(kind):
            algorithm = item.spec.algorithm if isinstance(item.spec, PolicySpec) else None
            for address in (item.spec.params, algorithm):
                if item.builtin and address:
                    yield f"{kind} {item.spec.name}", resolve_target(address)


def test_every_number_of_a_task_states_its_bounds() -> None:
    models = [("task", TaskModel), ("robot.toml", RobotFile), ("deploy.toml", Manifest), *_built_in()]
    assert len(models) > 40
    bare = [path for name, model in models for path, metadata in _fields(model, name) if not _bounded(metadata)]
    # Indices, which are compared with what they index.
    known = ("penalised_bodies", "hip_joints", "opposite_joints", "hardware.motors", "hardware.feet")
    assert [path for path in bare if not path.endswith(known)] == []


def test_numbers_of_plugins_that_state_none_are_within_reason() -> None:
    class Careless(Params):
        number: float = 1.0
        many: tuple[float, ...] = ()
        text: str = ""

    assert Careless(number=-LARGEST, many=(1.0, LARGEST))
    wrong: dict[str, Any]
    for wrong in ({"number": 1e300}, {"many": (1.0, -1e300)}, {"many": (0.0,) * 20_000}, {"text": "x" * 20_000}):
        with pytest.raises(ValueError, match=r"within|at most"):
            Careless(**wrong)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e9, "1", True, None, [1.0]])
def test_a_robot_is_not_driven_with_nonsense(value: Any) -> None:
    with pytest.raises(ContractError):
        Table({"damping": value}).number("damping", 0.0, 1000.0)
    with pytest.raises(ContractError):
        Table({"damping": [0.5, value]}).numbers("damping", 2, 0.0, 1000.0)


def test_pairs_of_an_export_are_ordered() -> None:
    with pytest.raises(ContractError, match="lower end first"):
        Table({"speed": [1.0, 0.0]}).pair("speed", -10.0, 10.0)
