"""Checkpoints of strangers: what they are made of, and what their fields hold, is checked before anybody uses them."""

from __future__ import annotations

import io
import pickle
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.errors import CheckpointError, ParkourError
from parkour.policies.checkpoint_check import check_archive
from parkour.policies.checkpoint_file import FORMAT, VERSION, load_checkpoint
from parkour.policies.conditions import Conditions
from parkour.policies.source import Weights
from parkour.policies.task import document_of, task_of
from parkour.reading import MalformedError
from parkour.tasks import load_task, task_tables

CONDITIONS: dict[str, Any] = Conditions(
    robot="go2", robot_version="1", joints=("a",), default_joint_pos=(0.0,), physics_step=0.005, control_step=0.02,
    perception_period=5, action_scale=0.25, action_clip=4.8, action_delay=(0, 0),
).as_dict()  # fmt: skip


def payload() -> dict[str, Any]:
    """What a whole checkpoint holds."""
    return {
        "format": FORMAT, "format_version": VERSION, "iteration": 7,
        "stamp": {
            "name": "go2-teacher", "stage": "teacher", "observations": {"a": [3]}, "layout": {"a": [["x", 3]]},
            "actions": 12, "conditions": CONDITIONS,
        },
        "task": {"name": "go2-teacher"}, "model": {"actor_state_dict": {"w": torch.zeros(2, 3)}},
        "optimizers": {"ppo": {"state": {0: {"step": torch.tensor(3.0)}}}}, "learning_rate": 1e-3,
        "rng": {"torch": torch.zeros(4, dtype=torch.uint8)}, "env": None, "num_envs": 2, "total_steps": 10,
        "seconds": 1.5, "seed": 3, "versions": {"torch": "2"},
    }  # fmt: skip


def put(data: Any, path: str, value: Any) -> None:
    *above, last = path.split("/")
    for key in above:
        data = data[key]
    data[last] = value


def packed(content: bytes) -> bytes:
    """The same archive, deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return buffer.getvalue()


def saved(data: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(data, buffer)
    return buffer.getvalue()


def with_structure(structure: bytes) -> bytes:
    """A torch archive with another pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(payload()))) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            target.writestr(name, structure if name.endswith("data.pkl") else source.read(name))
    return buffer.getvalue()


def enormous() -> bytes:
    return packed(saved(payload() | {"model": {"actor_state_dict": {"w": torch.zeros(1 << 24)}}}))


def array_of_bytes() -> bytes:
    """Sixty bytes for which ``weights_only`` makes an array of a terabyte."""
    return with_structure(b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.")


def repeated() -> bytes:
    """A number that is said to be there 10^12 times."""
    return saved(payload() | {"model": {"actor_state_dict": {"w": torch.zeros(1).expand(10**12)}}})


def sparse() -> bytes:
    tensor = torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1), (10**12,))
    return saved(payload() | {"model": {"actor_state_dict": {"w": tensor}}})


def cyclic() -> bytes:
    table: dict[str, Any] = {"name": "x"}
    table["course"] = table["goals"] = table
    return saved(payload() | {"task": table})


def code() -> bytes:
    return with_structure(pickle.dumps(print, protocol=2))


def old_format() -> bytes:
    buffer = io.BytesIO()
    torch.save(payload(), buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


BOMBS: list[Callable[[], bytes]] = [enormous, array_of_bytes, repeated, sparse, cyclic, code, old_format]


@pytest.mark.parametrize("make", BOMBS, ids=lambda make: make.__name__)
def test_bombs_are_refused_at_once(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "model_1.pt"
    path.write_bytes(make())
    begin = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert time.process_time() - begin < 2.0  # Others on the machine do not count.
    assert "\n" not in caught.value.message and len(caught.value.message) < 400


def test_what_is_packed_is_not_unpacked_to_find_out() -> None:
    content = enormous()
    assert len(content) < 200_000
    with pytest.raises(MalformedError, match="claim to hold 67,"):
        check_archive(content)


WRONG = [
    *((name, value) for name in ("iteration", "num_envs", "total_steps", "seed") for value in ("7", -1, 1.5, 1 << 70)),
    *(("learning_rate", value) for value in ("x", float("nan"), -1.0, 1e9)),
    ("seconds", float("inf")), ("versions", {"torch": 2}), ("versions", 5), ("iteration", None), ("iteration", True),
    ("task", 5), ("task", {"name": 5}), ("task", {1: 2}), ("model", []), ("model", {"actor_state_dict": 5}),
    ("model", {"actor_state_dict": {"w": 5}}), ("model", {"actor_state_dict": {"w": torch.tensor(float("nan"))}}),
    ("optimizers", 5), ("optimizers", {"ppo": {"lr": float("nan")}}), ("rng", "x"), ("env", [1]),
    ("stamp", 5), ("stamp", {}), ("stamp", None), ("stamp/name", "../../x"), ("stamp/name", 5), ("stamp/stage", "x"),
    ("stamp/name", "a" * 65), ("stamp/name", "a\n"), ("stamp/observations", {"a": 5}),
    ("stamp/observations", {"a": ["x"]}), ("stamp/observations", {"a": [1 << 70]}), ("stamp/observations", {"a": [-1]}),
    ("stamp/layout", {"a": [["x"]]}), ("stamp/layout", {"a": [[1, "x"]]}), ("stamp/actions", "12"),
    ("stamp/conditions", 5), ("stamp/conditions", {}), ("stamp/conditions", CONDITIONS | {"action_delay": [1]}),
    ("stamp/conditions", CONDITIONS | {"physics_step": "x"}),
    ("stamp/conditions", CONDITIONS | {"action_scale": float("nan")}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: str(value)[:30])
def test_fields_of_a_wrong_type_are_one_line(field: str, value: Any, tmp_path: Path) -> None:
    data = payload()
    put(data, field, value)
    path = tmp_path / "model_1.pt"
    path.write_bytes(saved(data))
    with pytest.raises(ParkourError) as caught:
        checkpoint = load_checkpoint(path)
        document_of(Weights(path, checkpoint, ""))
    assert "\n" not in caught.value.message and len(caught.value.message) < 400


def test_a_whole_one_loads(tmp_path: Path) -> None:
    path = tmp_path / "model_1.pt"
    path.write_bytes(saved(payload()))
    checkpoint = load_checkpoint(path)
    assert checkpoint.iteration == 7 and checkpoint.stamp.observations == {"a": (3,)}
    assert checkpoint.stamp.conditions is not None and checkpoint.stamp.conditions.joints == ("a",)


@pytest.mark.parametrize("robot", ["antigravity:x", "this:x", "json.tool:x", "/etc", "../x", "go2\0", "a" * 70_000])
def test_no_robot_of_a_checkpoint_is_imported(robot: str, tmp_path: Path) -> None:
    before = set(sys.modules)
    data = payload() | {"task": task_tables(load_task("go2-teacher")) | {"robot": robot}}
    path = tmp_path / "model_1.pt"
    path.write_bytes(saved(data))
    with pytest.raises(ParkourError, match=r"robot|NUL|key|text"):
        task_of(Weights(path, load_checkpoint(path), ""))
    assert not {"antigravity", "this", "json.tool"} & (set(sys.modules) - before)
