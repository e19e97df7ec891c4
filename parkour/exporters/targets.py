"""What exports are written as: ONNX and TorchScript here, anything else by plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from parkour.errors import ExportError
from parkour.exporters.graphs import DeployedGraph
from parkour.exporters.writers import (
    Runner,
    as_program,
    check_opset,
    example_inputs,
    run_jit,
    run_onnx,
    write_jit,
    write_onnx,
)
from parkour.registry import RegisteredSpec, default_registry
from parkour.tasks.components import load_component, owner_of

if TYPE_CHECKING:
    from torch.export import ExportedProgram

KIND = "export_target"


@dataclass(frozen=True)
class ExportJob:
    """One graph that is to become one file."""

    graph: DeployedGraph
    """Names, shapes and sources of its inputs and outputs."""
    module: nn.Module
    """In evaluation mode: takes the inputs ``[N, *shape]`` float32 and returns the outputs, in order."""
    path: Path
    """Of the file."""
    batch: int | None
    """N; None leaves it open."""
    metadata: Mapping[str, str]
    """Task, checkpoint and versions, to be stored in the file where that is possible."""

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of zeros; two rows where the batch is open."""
        return example_inputs(self.graph, self.batch)

    def program(self) -> ExportedProgram:
        """The module by ``torch.export``, which other formats are made from; the first dimension is open if the batch
        is."""
        return as_program(self.graph, self.module, self.batch)


class ExportTarget(Protocol):
    """A format of files: made as ``Target(**params)``. See also :class:`RunsFiles`."""

    suffix: str
    """Of the files, with the dot."""

    def write(self, job: ExportJob) -> None:
        """Write the file ``job.path``.

        Raises:
            ExportError: it cannot be expressed.
        """
        ...


@runtime_checkable
class RunsFiles(Protocol):
    """A target whose files run here, so that they are compared with torch before they are kept."""

    def load(self, path: Path) -> Runner:
        """A function from the graph's inputs, ``[N, *shape]`` float32 arrays in order, to its outputs."""
        ...


@runtime_checkable
class Approximates(Protocol):
    """A target whose files are less exact than float32, such as one that quantizes."""

    tolerance: float
    """Greatest difference from torch's actions that is still right, as a part of the greatest action, or of 1."""


@runtime_checkable
class HasOpset(Protocol):
    """A target that writes operators of ONNX."""

    opset: int


class OnnxTarget:
    """ONNX, run by onnxruntime."""

    suffix = ".onnx"

    def __init__(self, opset: int) -> None:
        check_opset(opset)
        self.opset = opset

    def write(self, job: ExportJob) -> None:
        write_onnx(job.graph, job.module, job.path, opset=self.opset, batch=job.batch, metadata=job.metadata)

    def load(self, path: Path) -> Runner:
        return run_onnx(path)


class JitTarget:
    """TorchScript, run by torch and libtorch."""

    suffix = ".pt"

    def write(self, job: ExportJob) -> None:
        write_jit(job.graph, job.module, job.path, batch=job.batch, metadata=job.metadata)

    def load(self, path: Path) -> Runner:
        return run_jit(path)


def make_target(name: str, params: Mapping[str, Any]) -> tuple[str, ExportTarget]:
    """The target of a name or id, with what ``deploy.toml`` calls it: its name, or its id where a plugin brings it.

    Raises:
        UnknownNameError: none is registered under it.
        TaskError: a parameter does not validate.
        PluginError: it cannot be imported.
        ExportError: it does not fulfil its contract.
    """
    item = default_registry(KIND).get(KIND, name)
    return item.spec.name if item.builtin else item.id, made_of(item, params)


def made_of(item: RegisteredSpec, params: Mapping[str, Any]) -> ExportTarget:
    """See :func:`make_target`."""
    component = load_component(item, item.spec.name, params)
    made: Any = component.target(**component.kwargs)
    suffix = getattr(made, "suffix", None)
    if not (isinstance(suffix, str) and suffix.startswith(".") and len(suffix) > 1 and suffix[1:].isalnum()):
        raise ExportError(f"{owner_of(item)}: got suffix {suffix!r}, expected letters and digits after a dot")
    return made


def outputs_of(module: nn.Module, values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What torch returns for a graph's inputs."""
    import torch

    with torch.inference_mode():
        found = module(*[torch.from_numpy(value) for value in values])
    return [value.numpy() for value in (found if isinstance(found, tuple) else (found,))]
