"""Policies with random weights, and their exports: nothing here is trained or simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tensordict import TensorDict

from parkour.exporters.exporter import ExportOptions, ExportResult, export_policy
from parkour.policies.checkpoint import Checkpoint, TaskStamp
from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.definition import acting_network, define_policy
from parkour.policies.deployed import build_actor
from parkour.policies.source import weights_at
from parkour.tasks import ResolvedTask, load_task, task_tables
from parkour.tasks.build import group_sizes, observation_layout
from parkour_cli.changes import read_changes

STAGES = ("teacher", "student")


def blank_observations(task: ResolvedTask) -> TensorDict:
    """Zeros of all groups, of one environment."""
    shapes = {name: (size,) for name, size in group_sizes(observation_layout(task)).items()}
    if "depth" in task.observations:
        depth = task.observations["depth"].kwargs
        shapes["depth"] = (depth["height"], depth["width"])
    zeros = {name: torch.zeros(1, *shape) for name, shape in shapes.items()}
    return TensorDict(zeros, batch_size=[1])  # type: ignore[arg-type]


def write_checkpoint(
    path: Path,
    stage: str = "teacher",
    *,
    sets: tuple[str, ...] = (),
    withs: tuple[str, ...] = (),
    gain: float = 40.0,
    overlay: str = "train",
) -> Path:
    """A checkpoint of random weights; ``gain`` makes its actions greater than fresh ones."""
    torch.manual_seed(3)
    task = load_task(f"go2-{stage}", overlay=overlay, changes=read_changes(sets, withs))
    layout, blank = observation_layout(task), blank_observations(task)
    shapes = {name: tuple(blank[name].shape[1:]) for name in layout}
    definition = define_policy(task)
    actor = build_actor(definition, blank, task.robot.num_joints, "cpu")
    weights = {
        key: gain * value if key.endswith("mlp.6.weight") else value for key, value in actor.state_dict().items()
    }
    assert any(key.endswith("mlp.6.weight") for key in weights)
    stamp = TaskStamp(
        name=task.name,
        stage=task.model.stage,
        observations=shapes,
        layout={name: tuple((item.name, item.size) for item in fields) for name, fields in layout.items()},
        actions=task.robot.num_joints,
    )
    checkpoint = Checkpoint(
        iteration=7, stamp=stamp, task=task_tables(task),
        model={f"{acting_network(definition)}_state_dict": weights}, optimizers=None, learning_rate=0.0, rng=None,
        env=None, num_envs=1, total_steps=0, seconds=0.0, seed=1, versions={"parkour-lab": "0.0"},
    )  # fmt: skip
    save_checkpoint(path, checkpoint)
    return path


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return {stage: write_checkpoint(folder / f"{stage}.pt", stage) for stage in STAGES}


@pytest.fixture(scope="session")
def exports(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportResult]:
    """ONNX exports of both stages; copy a folder before changing it."""
    return {
        stage: export_policy(weights_at(path), tmp_path_factory.mktemp(f"export_{stage}"), ExportOptions(rollout=False))
        for stage, path in checkpoints.items()
    }
