"""One call from a checkpoint to an export folder that was compared with torch."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rsl_rl.models import MLPModel

from parkour.digest import file_sha256
from parkour.errors import ExportError, ParkourError
from parkour.exporters.describe import describe_checkpoint, describe_origin, describe_task, describe_training
from parkour.exporters.graphs import DeployedGraph, HalfPrecision, deployed_graphs, groups_read
from parkour.exporters.manifest import Graph, Manifest
from parkour.exporters.manifest_file import MANIFEST, manifest_to_toml, read_manifest
from parkour.exporters.parity import (
    BATCHES,
    STEPS,
    GroupSpan,
    Parity,
    Spans,
    check,
    compare,
    random_observations,
    within_limits,
)
from parkour.exporters.recording import load_recording, record_rollout
from parkour.exporters.targets import Approximates, ExportJob, ExportTarget, HasOpset, RunsFiles, make_target
from parkour.exporters.writers import Runner
from parkour.policies.checkpoint import TaskStamp
from parkour.policies.deployed import DeployedPolicy, group_shape, load_actor
from parkour.policies.source import Weights
from parkour.policies.task import task_of
from parkour.stages import stage
from parkour.storage import check_writable, whole_file
from parkour.tasks import task_to_toml
from parkour.tasks.build import Layout, group_sizes, observation_layout
from parkour.tasks.changes import Changes
from parkour.tasks.missing import TRAINING
from parkour.tasks.resolved import ResolvedTask

Dtype = Literal["float32", "float16"]
TASK_FILE = "task.toml"
OVERLAY = "eval"
"""The overlay whose courses and commands ``deploy.toml`` describes."""


@dataclass(frozen=True)
class ExportOptions:
    """How to export."""

    format: str = "onnx"
    """Name or id of an export target."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the target."""
    dtype: Dtype = "float32"
    batch: int | None = None
    """Size of the batch; None leaves it open."""
    recording: Path | None = None
    """File of recorded observations to compare on."""
    rollout: bool = True
    """Without a recording: roll the task out to make one."""
    engine: str | None = None
    """Simulator of the rollout; the first that can run here when None."""
    engine_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the engine's own."""
    changes: Changes = field(default_factory=dict)
    """To the task, see :mod:`parkour.tasks.changes`."""


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    folder: Path
    files: tuple[Path, ...]
    manifest: Manifest
    parities: tuple[Parity, ...] = field(default=())

    @property
    def max_error(self) -> float | None:
        """Greatest difference from torch; None where the files do not run here."""
        return max((parity.max_error for parity in self.parities), default=None)


def export_policy(
    weights: Weights,
    out: Path,
    options: ExportOptions = ExportOptions(),
    *,
    notify: Callable[[str], None] = lambda line: None,
) -> ExportResult:
    """Export the deployed policy of ``weights`` into the folder ``out``.

    The folder gets a file per graph, ``deploy.toml`` and the task. It is written only when every file agrees with
    torch, on random and on recorded inputs.

    Args:
        weights: a checkpoint; a slim copy will do.
        out: made where it does not exist; files of the same names are replaced.
        options: see there.
        notify: told in a line what could not be done.

    Raises:
        CheckpointError: a plugin of the task is no longer installed, or the weights do not fit the task.
        TaskError: a change does not fit the task.
        ExportError: the policy cannot be exported, or the file differs from torch.
        StorageError: the folder cannot be written.
    """
    _check(options)
    kind, target = make_target(options.format, options.params)
    check_writable(out, "--out", folder=True)
    task = task_of(weights, OVERLAY, options.changes, spare=TRAINING)
    layout = observation_layout(task)
    sizes = group_sizes(layout)
    recording = load_recording(options.recording, sum(sizes.values())) if options.recording else None
    actor = load_actor(weights, task)
    graphs = deployed_graphs(actor, sizes, task.robot.num_joints)
    export = _Export(weights, options, kind, target, task, layout, actor, graphs)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if recording is None:
            recording = export.record(notify)
        written = export.write_graphs(folder)
        parities = export.compare(written, recording, notify)
        manifest = export.describe(folder, written)
        before = _files_of(out)
        files = tuple(_keep(path, out) for path in (*written, folder / TASK_FILE, folder / MANIFEST))
    if left := sorted(before - {path.name for path in files}):
        notify(f"{out} still has {', '.join(left)} of an earlier export, of which {MANIFEST} knows no more")
    return ExportResult(out, files, manifest, tuple(parities))


def _check(options: ExportOptions) -> None:
    if options.dtype not in ("float32", "float16"):
        raise ExportError(f"--dtype: got {options.dtype!r}, expected float32 or float16")
    if options.batch is not None and options.batch < 1:
        raise ExportError(f"--batch: got {options.batch}, expected dynamic or a number of at least 1")


@dataclass(frozen=True)
class _Export:
    """One policy on its way into a folder."""

    weights: Weights
    options: ExportOptions
    kind: str
    """What ``deploy.toml`` calls the target."""
    target: ExportTarget
    task: ResolvedTask
    layout: Layout
    actor: MLPModel
    graphs: Sequence[DeployedGraph]

    def record(self, notify: Callable[[str], None]) -> np.ndarray | None:
        """Observations of a rollout, to compare on; None where nothing is compared, or none is wanted."""
        if not self.options.rollout or not isinstance(self.target, RunsFiles):
            return None
        engine, own = self.options.engine, self.options.engine_options
        with stage("recording a rollout"):
            return record_rollout(
                self.task, DeployedPolicy(self.actor), engine=engine, engine_options=own, notify=notify
            )

    def write_graphs(self, folder: Path) -> list[Path]:
        """A file per graph."""
        loaded = self.weights.checkpoint
        metadata = {
            "task": loaded.stamp.name,
            "stage": loaded.stamp.stage,
            "iteration": str(loaded.iteration),
            "checkpoint": self.weights.path.name,
            "checkpoint_sha256": self.weights.digest,
            "dtype": self.options.dtype,
            "described_by": MANIFEST,
            "parkour": loaded.versions.get("parkour-lab", ""),
        }
        with stage("writing graphs"):
            return [self._write_graph(graph, folder, {**metadata, "graph": graph.name}) for graph in self.graphs]

    def _write_graph(self, graph: DeployedGraph, folder: Path, metadata: dict[str, str]) -> Path:
        module = copy.deepcopy(graph.module).float().eval()
        if self.options.dtype == "float16":
            module = HalfPrecision(module).eval()
        path = folder / f"{graph.name}{self.target.suffix}"
        self.target.write(ExportJob(graph, module, path, self.options.batch, metadata))
        if not path.is_file():
            format = self.options.format
            raise ExportError(f"export target {format!r} wrote no file {path.name} for graph {graph.name!r}")
        return path

    def compare(
        self, paths: Sequence[Path], recording: np.ndarray | None, notify: Callable[[str], None]
    ) -> list[Parity]:
        """The files against the policy itself, not against the modules that were made of it for export.

        Raises:
            ExportError: a file differs from torch.
        """
        target, batch = self.target, self.options.batch
        if not isinstance(target, RunsFiles):
            notify(f"not compared with torch: files of {self.kind} do not run here")
            return []
        spans = _spans(group_sizes(self.layout), self.weights.checkpoint.stamp)
        period = self.task.model.timing.perception_period
        with stage("comparing with torch"):
            runners = [_load(path, graph, target) for path, graph in zip(paths, self.graphs, strict=True)]
            parities = [
                compare(
                    self.actor, self.graphs, runners, spans, within_limits(observations, self.graphs, spans),
                    period=period, kind=kind,
                )
                for kind, observations in _inputs(spans, batch, recording)
            ]  # fmt: skip
        check(parities, self.options.dtype, target.tolerance if isinstance(target, Approximates) else None)
        return parities

    def describe(self, folder: Path, paths: Sequence[Path]) -> Manifest:
        """Write the task and ``deploy.toml``, which is returned."""
        (folder / TASK_FILE).write_text(task_to_toml(self.task), encoding="utf-8")
        manifest = self._manifest(paths, file_sha256(folder / TASK_FILE))
        (folder / MANIFEST).write_text(manifest_to_toml(manifest), encoding="utf-8")
        return manifest

    def _manifest(self, paths: Sequence[Path], task_sha256: str) -> Manifest:
        weights, options, task = self.weights, self.options, self.task
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
            for graph, path in zip(self.graphs, paths, strict=True)
        )
        numbers: dict[str, Any] = describe_task(task, self.layout, groups_read(self.actor, self.graphs))
        numbers["withstands"] = describe_training(task_of(weights, spare=TRAINING))
        return Manifest(
            kind=self.kind,
            dtype=options.dtype,
            batch=options.batch or "dynamic",
            opset=self.target.opset if isinstance(self.target, HasOpset) else None,
            task=describe_origin(task, TASK_FILE, task_sha256),
            checkpoint=describe_checkpoint(
                weights.path.name, weights.digest, weights.checkpoint.iteration, dict(weights.checkpoint.versions)
            ),
            graphs=entries,
            **numbers,
        )


def _inputs(spans: Spans, batch: int | None, recording: np.ndarray | None) -> list[tuple[str, np.ndarray]]:
    """What files are compared on, each with its kind."""
    found = [
        ("random", random_observations(spans, size, STEPS, seed=size))
        for size in (BATCHES if batch is None else (batch,))
    ]
    if recording is not None:
        if batch is not None:
            # Robots are repeated, or left out, to make the batch.
            recording = recording[:, np.resize(np.arange(recording.shape[1]), batch)]
        found.append(("recorded", recording))
    return found


def _load(path: Path, graph: DeployedGraph, target: RunsFiles) -> Runner:
    try:
        return target.load(path)
    except Exception as error:  # onnxruntime and others raise types of their own
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"the exported graph {graph.name!r} does not load ({reason})") from error


def _spans(sizes: dict[str, int], stamp: TaskStamp) -> dict[str, GroupSpan]:
    spans, offset = {}, 0
    for name, size in sizes.items():
        spans[name] = GroupSpan(offset, group_shape(stamp, name, size))
        offset += size
    return spans


def _files_of(folder: Path) -> set[str]:
    """Names of the graphs of an export that is there already."""
    try:
        graphs = read_manifest(folder).graphs
    except ParkourError:  # None, or none that we can read.
        return set()
    return {graph.file for graph in graphs if (folder / graph.file).is_file()}


def _keep(path: Path, out: Path) -> Path:
    """Copy a finished file into the export folder."""
    target = out / path.name
    with whole_file(target, "--out") as part:
        shutil.copyfile(path, part)
    return target
