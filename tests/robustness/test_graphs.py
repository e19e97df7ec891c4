"""Exports of strangers: what their hash covers may still be graphs that fit nothing, return nothing, or never end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper as make
import pytest
import tomli_w

from parkour.errors import ExportError
from parkour_deploy import policy as module
from parkour_deploy.contract import _digest, read_contract
from parkour_deploy.depth.topic import decode_depth, encode_depth
from parkour_deploy.errors import ContractError, DeployError
from parkour_deploy.observer import Observer
from parkour_deploy.policy import GraphPolicy
from parkour_deploy.reading import parse_toml

FLOAT, INT64, BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """``deploy.toml`` of the pretrained teacher, as tables."""
    from parkour.exporters.exporter import ExportOptions, export_policy
    from parkour.policies.source import pretrained_checkpoint, weights_at

    folder = tmp_path_factory.mktemp("shipped")
    export_policy(weights_at(pretrained_checkpoint("teacher")), folder, ExportOptions(rollout=False))
    tables = parse_toml((folder / "deploy.toml").read_text())
    del tables["integrity"]
    return tables


def write(folder: Path, tables: dict[str, Any], graph: bytes) -> Path:
    """An export whose hashes are right."""
    tables = {**tables, "graphs": [{**tables["graphs"][0], "sha256": hashlib.sha256(graph).hexdigest()}]}
    (folder / tables["graphs"][0]["file"]).write_bytes(graph)
    digest = _digest(parse_toml(tomli_w.dumps(tables)))
    (folder / "deploy.toml").write_text(tomli_w.dumps({"integrity": {"sha256": digest}, **tables}))
    return folder


def graph(nodes: list[Any], size: int, returns: Any = None) -> bytes:
    """A model from ``obs`` to ``actions``."""
    ports = ([make.make_tensor_value_info("obs", FLOAT, ["batch", size])],
             [make.make_tensor_value_info("actions", FLOAT, returns)])  # fmt: skip
    made = make.make_model(make.make_graph(nodes, "g", *ports), opset_imports=[make.make_opsetid("", 18)], ir_version=9)
    return made.SerializeToString()


def filled(shape: list[int]) -> list[Any]:
    """Nodes that return zeros of a shape, whatever they are given."""
    return [
        make.make_node("Constant", [], ["shape"], value=make.make_tensor("s", INT64, [len(shape)], shape)),
        make.make_node("ConstantOfShape", ["shape"], ["actions"]),
    ]


def endless() -> list[Any]:
    """Nodes that count to the end of all numbers."""
    count, on = make.make_tensor("c", INT64, [], [2**63 - 1]), make.make_tensor("o", BOOL, [], [True])
    body = make.make_graph(
        [make.make_node("Identity", ["on_in"], ["on_out"]), make.make_node("Add", ["a_in", "a_in"], ["a_out"])], "body",
        [make.make_tensor_value_info("i", INT64, []), make.make_tensor_value_info("on_in", BOOL, []),
         make.make_tensor_value_info("a_in", FLOAT, None)],
        [make.make_tensor_value_info("on_out", BOOL, []), make.make_tensor_value_info("a_out", FLOAT, None)],
    )  # fmt: skip
    return [
        make.make_node("Constant", [], ["count"], value=count), make.make_node("Constant", [], ["on"], value=on),
        make.make_node("Loop", ["count", "on", "obs"], ["actions"], body=body),
    ]  # fmt: skip


def size_of(tables: dict[str, Any]) -> int:
    return tables["observation"]["size"]


def test_a_graph_of_zeros_runs(shipped: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, shipped, graph(filled([1, 12]), size_of(shipped)))
    policy = GraphPolicy(read_contract(tmp_path))
    assert not policy(np.zeros((1, size_of(shipped)), np.float32)).any()


@pytest.mark.parametrize("shape", [[1, 3], [12], [], [0], [10**6, 10**6]], ids=str)
def test_actions_of_another_shape_are_a_line(shipped: dict[str, Any], shape: list[int], tmp_path: Path) -> None:
    write(tmp_path, shipped, graph(filled(shape), size_of(shipped)))
    with pytest.raises(ContractError) as caught:
        GraphPolicy(read_contract(tmp_path)).warm_up(size_of(shipped))
    assert "policy.onnx" in caught.value.message and len(caught.value.message.splitlines()) == 1


def test_a_graph_without_an_end_is_ended(
    shipped: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    write(tmp_path, shipped, graph(endless(), size_of(shipped)))
    begin = time.monotonic()
    with pytest.raises(ContractError, match=r"cannot run policy\.onnx"):
        GraphPolicy(read_contract(tmp_path)).warm_up(size_of(shipped))
    assert time.monotonic() - begin < 60.0  # The graph takes hours.


def port(kind: str, key: str, value: Any) -> Change:
    return lambda tables: tables["graphs"][0][kind][0].update({key: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (port("inputs", "source", "group:nobody"), "'group:nobody'"),
        (port("inputs", "source", "state:nothing"), "'state:nothing'"),
        (port("inputs", "source", "graph:other.x"), "'graph:other.x'"),
        (port("inputs", "source", "graph"), "'graph'"),
        (port("inputs", "source", ""), "source"),
        (port("inputs", "shape", [5]), r"shape \(5,\)"),
        (port("outputs", "shape", [3]), "'actions' of shape"),
        (port("outputs", "shape", [10**8, 10**8]), "expected"),
        (port("outputs", "name", "x"), "'actions'"),
        (lambda tables: tables["graphs"][0].update(inputs=[], outputs=[]), "'actions'"),
        (lambda tables: tables["graphs"][0].update(period=3), "period 3"),
        (lambda tables: tables["observation"].update(size=10**8), "observation.size"),
        (lambda tables: tables["observation"]["groups"][0].update(offset=10**6), "ends at"),
    ],
)  # fmt: skip
def test_graphs_that_do_not_fit_are_told_before_they_run(
    shipped: dict[str, Any], change: Change, said: str, tmp_path: Path
) -> None:
    tables = parse_toml(tomli_w.dumps(shipped))
    change(tables)
    write(tmp_path, tables, graph(filled([1, 12]), size_of(shipped)))
    with pytest.raises(ContractError, match=said):
        GraphPolicy(read_contract(tmp_path))


@pytest.mark.parametrize("group", ["proprioception", "proprioception_history"])
def test_groups_without_their_parameters_are_told_too(shipped: dict[str, Any], group: str, tmp_path: Path) -> None:
    tables = parse_toml(tomli_w.dumps(shipped))
    next(each for each in tables["observation"]["groups"] if each["name"] == group)["params"] = {}
    write(tmp_path, tables, graph(filled([1, 12]), size_of(shipped)))
    known: Any = dict.fromkeys(("height_scan", "privileged_explicit", "privileged_latent"))
    with pytest.raises(ContractError, match=f"observation group '{group}'.* is missing"):
        Observer(read_contract(tmp_path), groups=known)


@pytest.mark.parametrize(
    ("where", "changes", "said"),
    [
        ("height_scan", {"x": 5}, "observation 'height_scan' .*x: got 5"),
        ("height_scan", {"spacing": 1e-9}, "spacing"),
        ("bad_orientation", {"limit": "low"}, "termination 'bad_orientation' .*limit: got .low."),
        ("time_out", {"more": 1}, "unknown key 'more'; parkour-lab:time_out has no parameters"),
    ],
)
def test_simulators_read_only_parameters_that_components_take(
    shipped: dict[str, Any], where: str, changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export

    tables = parse_toml(tomli_w.dumps(shipped))
    groups = {group["name"]: group for group in tables["observation"]["groups"]}
    (groups.get(where) or tables["terminations"][where]).setdefault("params", {}).update(changes)
    write(tmp_path, tables, graph(filled([1, 12]), size_of(shipped)))
    with pytest.raises(ExportError, match=said):
        run_export(tmp_path, Sim2SimOptions(terrains=("flat",), episodes=1, seconds=0.1))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 131])
def test_a_depth_message_that_is_cut_off_is_a_line(length: int) -> None:
    whole = encode_depth(5, np.ones((6, 10)))
    assert decode_depth(whole, 1).depth.shape == (6, 10)
    with pytest.raises(DeployError, match=f"depth message of {length} bytes"):
        decode_depth(whole[:length], 1)
