"""The exported graphs in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from parkour.errors import ExportError
from parkour.export.manifest import Graph, Manifest

ACTIONS = "actions"


class OnnxPolicy:
    """Runs the graphs in their order, holds what slow ones return, and carries states from step to step.

    Args:
        folder: of the export; :func:`parkour.export.manifest.read_manifest` has checked its files.
        manifest: its ``deploy.toml``.
        batch: rows that are run together.

    Raises:
        ExportError: the export is not ONNX, or onnxruntime cannot load it.
    """

    def __init__(self, folder: Path, manifest: Manifest, batch: int = 1) -> None:
        if manifest.kind != "onnx":
            raise ExportError(
                f"{folder} holds a TorchScript export, expected an ONNX one", hint="parkour export onnx --out DIR"
            )
        if manifest.batch not in ("dynamic", batch):
            raise ExportError(
                f"{folder} was exported for batches of {manifest.batch}, expected dynamic or {batch}",
                hint="parkour export onnx --batch dynamic",
            )
        self._manifest, self._batch = manifest, batch
        self._spans = {group.name: (group.offset, group.size) for group in manifest.observation.groups}
        self._sessions = {graph.name: _session(folder / graph.file) for graph in manifest.graphs}
        self.reset()

    def reset(self) -> None:
        """Episodes begin: states are zeros, and every graph runs at the next step."""
        self._held: dict[str, dict[str, np.ndarray]] = {}
        self._step = 0

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """``[N, J]`` actions of ``[N, size]`` observations, float32."""
        for graph in self._manifest.graphs:
            if self._step % graph.period == 0:
                values = {port.name: self._input(graph, port.source, port.shape, observation) for port in graph.inputs}
                names = [port.name for port in graph.outputs]
                outputs = self._sessions[graph.name].run(names, values)
                self._held[graph.name] = dict(zip(names, outputs, strict=True))  # type: ignore[arg-type]
        self._step += 1
        return self._held[self._manifest.graphs[-1].name][ACTIONS]

    def _input(self, graph: Graph, source: str, shape: tuple[int, ...], observation: np.ndarray) -> np.ndarray:
        kind, _, name = source.partition(":")
        if kind == "observation":
            return observation
        if kind == "group":
            start, size = self._spans[name]
            return np.ascontiguousarray(observation[:, start : start + size]).reshape(self._batch, *shape)
        if kind == "state":
            held = self._held.get(graph.name)
            return held[name] if held else np.zeros((self._batch, *shape), np.float32)
        other, _, output = name.partition(".")
        return self._held[other][output]


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises types of its own
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"onnxruntime cannot load {path} ({reason})") from error
