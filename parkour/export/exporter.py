"""One call from a checkpoint to an export folder that was compared with torch."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from tensordict import TensorDict
from torch import nn

from parkour.errors import CheckpointError, ExportError, StorageError
from parkour.export.describe import (
    Layout,
    describe_checkpoint,
    describe_origin,
    describe_task,
    group_sizes,
    observation_layout,
)
from parkour.export.graphs import DeployedGraph, HalfPrecision, deployed_graphs, groups_read
from parkour.export.manifest import MANIFEST, Graph, Manifest, file_sha256, manifest_to_toml
from parkour.export.parity import BATCHES, STEPS, Parity, check, compare, random_inputs, recorded_inputs
from parkour.export.recording import load_recording, record_rollout
from parkour.export.writers import (
    DEFAULT_OPSET,
    Runner,
    check_opset,
    run_jit,
    run_module,
    run_onnx,
    write_jit,
    write_onnx,
)
from parkour.learning.checkpoint import Checkpoint, TaskStamp, check_stamp, check_weights, load_checkpoint
from parkour.learning.inference import build_actor, define_policy, task_of
from parkour.tasks import task_to_toml
from parkour.tasks.resolve import ResolvedTask

Format = Literal["onnx", "jit"]
Dtype = Literal["float32", "float16"]
TASK_FILE = "task.toml"
SUFFIX: dict[Format, str] = {"onnx": ".onnx", "jit": ".pt"}
OVERLAY = "eval"
"""The overlay whose courses and commands ``deploy.toml`` describes."""


@dataclass(frozen=True)
class ExportOptions:
    """How to export."""

    format: Format = "onnx"
    opset: int = DEFAULT_OPSET
    dtype: Dtype = "float32"
    batch: int | None = None
    """Size of the batch; None leaves it open."""
    recording: Path | None = None
    """File of recorded observations to compare on."""
    rollout: bool = True
    """Without a recording: roll the task out to make one."""
    engine: str | None = None
    """Simulator of the rollout; the first that can run here when None."""


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    folder: Path
    files: tuple[Path, ...]
    manifest: Manifest
    parities: tuple[Parity, ...] = field(default=())

    @property
    def max_error(self) -> float:
        """Greatest difference from torch."""
        return max(parity.max_error for parity in self.parities)


def export_policy(
    checkpoint: Path,
    out: Path,
    options: ExportOptions = ExportOptions(),
    *,
    notify: Callable[[str], None] = lambda line: None,
) -> ExportResult:
    """Export the deployed policy of ``checkpoint`` into the folder ``out``.

    The folder gets a file per graph, ``deploy.toml`` and the task. It is written only when every file agrees with
    torch, on random and on recorded inputs.

    Args:
        checkpoint: a file of ``parkour train``; a slim copy will do.
        out: made where it does not exist; files of the same names are replaced.
        options: see there.
        notify: told in a line what could not be done.

    Raises:
        CheckpointError: the checkpoint is missing, damaged, or does not fit its task.
        UnknownNameError: a plugin of the task is no longer installed.
        ExportError: the policy cannot be exported, or the file differs from torch.
        StorageError: the folder cannot be written.
    """
    _check(options)
    _check_writable(out)
    loaded = load_checkpoint(checkpoint)
    task = task_of(loaded, OVERLAY)
    layout = observation_layout(task)
    sizes = group_sizes(layout)
    recording = load_recording(options.recording, sum(sizes.values())) if options.recording else None
    actor = load_actor_alone(checkpoint, loaded, task, layout)
    graphs = deployed_graphs(actor, sizes, task.robot.num_joints)
    if recording is None and options.rollout:
        recording = record_rollout(task, actor, engine=options.engine, notify=notify)
    with tempfile.TemporaryDirectory() as folder:
        written = _write_graphs(Path(folder), graphs, options, checkpoint, loaded)
        parities = _compare(written, graphs, actor, options, recording, sizes)
        check(parities, options.dtype)
        task_text = task_to_toml(task)
        (Path(folder) / TASK_FILE).write_text(task_text, encoding="utf-8")
        manifest = _manifest(
            task, layout, checkpoint, loaded, options, graphs, written, groups_read(actor, graphs),
            file_sha256(Path(folder) / TASK_FILE),
        )  # fmt: skip
        (Path(folder) / MANIFEST).write_text(manifest_to_toml(manifest), encoding="utf-8")
        files = tuple(_keep(path, out) for path in (*written, Path(folder) / TASK_FILE, Path(folder) / MANIFEST))
    return ExportResult(out, files, manifest, tuple(parities))


def load_actor_alone(path: Path, checkpoint: Checkpoint, task: ResolvedTask, layout: Layout) -> nn.Module:
    """A checkpoint's actor without an environment, in evaluation mode on the CPU.

    Raises:
        CheckpointError: the weights do not fit the task.
    """
    shapes = checkpoint.stamp.observations
    obs = TensorDict(
        {name: torch.zeros(1, *shapes.get(name, (size,))) for name, size in group_sizes(layout).items()}, batch_size=[1]
    )  # pyright: ignore[reportArgumentType]
    stamp = TaskStamp(
        name=task.name,
        stage=task.model.stage,
        observations={name: tuple(group.shape[1:]) for name, group in obs.items()},  # type: ignore[union-attr]
        layout={name: tuple((item.name, item.size) for item in fields) for name, fields in layout.items()},
        actions=task.robot.num_joints,
    )
    check_stamp(path, checkpoint.stamp, stamp, same_task=False)
    actor = build_actor(define_policy(task), obs, task.robot.num_joints, "cpu")
    weights = checkpoint.model.get("actor_state_dict")
    if weights is None:
        raise CheckpointError(f"checkpoint {path} lacks the network 'actor'")
    check_weights(path, "actor", weights, actor.state_dict())
    actor.load_state_dict(weights)
    return actor


def _check(options: ExportOptions) -> None:
    if options.format not in SUFFIX:
        raise ExportError(f"got format {options.format!r}, expected {' or '.join(SUFFIX)}")
    if options.dtype not in ("float32", "float16"):
        raise ExportError(f"--dtype: got {options.dtype!r}, expected float32 or float16")
    if options.batch is not None and options.batch < 1:
        raise ExportError(f"--batch: got {options.batch}, expected dynamic or a number of at least 1")
    if options.format == "onnx":
        check_opset(options.opset)


def _check_writable(out: Path) -> None:
    """Fails before the work is done, not after it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise StorageError(f"cannot write to {out}: {error.strerror or error}", hint="--out DIR") from None


def _write_graphs(
    folder: Path, graphs: Sequence[DeployedGraph], options: ExportOptions, checkpoint: Path, loaded: Checkpoint
) -> list[Path]:
    metadata = {
        "task": loaded.stamp.name,
        "stage": loaded.stamp.stage,
        "iteration": str(loaded.iteration),
        "checkpoint": checkpoint.name,
        "checkpoint_sha256": file_sha256(checkpoint),
        "dtype": options.dtype,
        "described_by": MANIFEST,
        "parkour": loaded.versions.get("parkour-lab", ""),
    }
    paths = []
    for graph in graphs:
        module = copy.deepcopy(graph.module).float().eval()
        if options.dtype == "float16":
            module = HalfPrecision(module).eval()
        path = folder / f"{graph.name}{SUFFIX[options.format]}"
        own = {**metadata, "graph": graph.name}
        if options.format == "onnx":
            write_onnx(graph, module, path, opset=options.opset, batch=options.batch, metadata=own)
        else:
            write_jit(graph, module, path, batch=options.batch, metadata=own)
        paths.append(path)
    return paths


def _compare(
    paths: Sequence[Path],
    graphs: Sequence[DeployedGraph],
    actor: nn.Module,
    options: ExportOptions,
    recording: np.ndarray | None,
    sizes: dict[str, int],
) -> list[Parity]:
    spans, offset = {}, 0
    for name, size in sizes.items():
        spans[name] = (offset, size)
        offset += size
    parities: list[Parity] = []
    for path, graph in zip(paths, graphs, strict=True):
        try:
            file: Runner = run_onnx(path) if options.format == "onnx" else run_jit(path)
        except Exception as error:  # onnxruntime raises types of its own
            reason = " ".join(str(error).split())[:200]
            raise ExportError(f"the exported graph {graph.name!r} does not load ({reason})") from error
        # The policy itself where it is one graph, not the module that was made of it for export.
        original = _run_actor(actor, sizes) if len(graphs) == 1 and not _has_state(graph) else run_module(graph.module)
        for batch in BATCHES if options.batch is None else (options.batch,):
            steps = random_inputs(graph, batch, STEPS, seed=batch)
            parities.append(compare(graph, original, file, steps, "random"))
        recorded = None if recording is None else recorded_inputs(graph, recording, spans)
        if recorded and options.batch is not None:
            recorded = _rebatched(recorded, options.batch)
        if recorded:
            parities.append(compare(graph, original, file, recorded, "recorded"))
    return parities


def _has_state(graph: DeployedGraph) -> bool:
    return any(port.source.startswith("state:") for port in graph.inputs)


def _run_actor(actor: nn.Module, sizes: dict[str, int]) -> Runner:
    """The actor as evaluation and play call it, on whole observations."""

    def run(values: Sequence[np.ndarray]) -> list[np.ndarray]:
        parts = torch.from_numpy(values[0]).split(list(sizes.values()), dim=-1)
        obs = TensorDict(dict(zip(sizes, parts, strict=True)), batch_size=[len(values[0])])  # pyright: ignore[reportArgumentType]
        with torch.inference_mode():
            return [actor(obs).numpy()]

    return run


def _rebatched(steps: list[list[np.ndarray]], batch: int) -> list[list[np.ndarray]]:
    """The recording with its robots repeated, or the first of them, to a fixed batch."""
    return [[np.resize(value, (batch, *value.shape[1:])) for value in values] for values in steps]


def _manifest(
    task: ResolvedTask,
    layout: Layout,
    checkpoint: Path,
    loaded: Checkpoint,
    options: ExportOptions,
    graphs: Sequence[DeployedGraph],
    paths: Sequence[Path],
    read: frozenset[str],
    task_sha256: str,
) -> Manifest:
    period = task.model.timing.perception_period
    entries = tuple(
        Graph(
            name=graph.name,
            file=path.name,
            sha256=file_sha256(path),
            period=period if graph.perception else 1,
            inputs=graph.inputs,
            outputs=graph.outputs,
        )
        for graph, path in zip(graphs, paths, strict=True)
    )
    numbers: dict[str, Any] = describe_task(task, layout, read)
    return Manifest(
        kind=options.format,
        dtype=options.dtype,
        batch=options.batch or "dynamic",
        opset=options.opset if options.format == "onnx" else None,
        task=describe_origin(task, TASK_FILE, task_sha256),
        checkpoint=describe_checkpoint(
            checkpoint.name, file_sha256(checkpoint), loaded.iteration, dict(loaded.versions)
        ),
        graphs=entries,
        **numbers,
    )


def _keep(path: Path, out: Path) -> Path:
    """Move a finished file into the export folder."""
    target = out / path.name
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}", hint="--out DIR") from None
    return target
