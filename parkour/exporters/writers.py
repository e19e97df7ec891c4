"""Graphs to files and back: ONNX through torch's exporter, TorchScript through torch.jit."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from parkour.errors import ExportError
from parkour.exporters.graphs import DeployedGraph
from parkour.quiet_logs import errors_alone
from parkour.storage import write_bytes

if TYPE_CHECKING:
    from torch.export import ExportedProgram

OPSETS = (14, 20)
"""ONNX operator sets that can be written, ends included."""
DEFAULT_OPSET = 18
"""Understood by onnxruntime from 1.14 on."""
_OLDEST_DYNAMO_OPSET = 18
"""The exporter on torch.export writes this one and newer ones."""

Runner = Callable[[Sequence[np.ndarray]], list[np.ndarray]]
"""Inputs in the order of the graph, ``[N, *shape]`` float32 each, to its outputs."""


def check_opset(opset: int) -> None:
    """Raises :class:`ExportError` for an operator set that cannot be written."""
    if not OPSETS[0] <= opset <= OPSETS[1]:
        raise ExportError(f"--opset: got {opset}, expected {OPSETS[0]} to {OPSETS[1]}", hint=f"--opset {DEFAULT_OPSET}")


def write_onnx(
    graph: DeployedGraph, module: nn.Module, path: Path, *, opset: int, batch: int | None, metadata: Mapping[str, str]
) -> None:
    """Write ``module`` as ONNX.

    Args:
        graph: names and shapes of inputs and outputs.
        module: what is written; the graph's own, or a copy in another precision.
        path: the file.
        opset: ONNX operator set.
        batch: size of the batch; None leaves it open.
        metadata: text that is stored in the file.

    Raises:
        ExportError: torch cannot express it, or not in this operator set.
        StorageError: the file cannot be written.
    """
    import onnx

    dynamo = opset >= _OLDEST_DYNAMO_OPSET and find_spec("onnxscript") is not None
    try:
        with _quiet():
            model = (_by_export if dynamo else _by_tracing)(graph, module, opset, batch)
    except Exception as error:  # torch raises many types, none of them its own
        reason = " ".join(str(error).split())[:200]
        raise ExportError(
            f"graph {graph.name!r} cannot be written as ONNX ({type(error).__name__}: {reason})"
        ) from error
    _check_written_opset(graph, model, opset)
    onnx.helper.set_model_props(model, dict(metadata))
    model.producer_name = "parkour"
    write_bytes(path, model.SerializeToString(), "--out")


def _by_export(graph: DeployedGraph, module: nn.Module, opset: int, batch: int | None) -> Any:
    """The ONNX model, by torch.export."""
    names, outputs = _port_names(graph)
    dynamic: Any = _open_batch(graph, module) if batch is None else None
    program = torch.onnx.export(
        module, example_inputs(graph, batch), input_names=names, output_names=outputs, opset_version=opset, dynamo=True,
        dynamic_shapes=dynamic, verbose=False,
    )  # fmt: skip
    assert program is not None
    return program.model_proto


def as_program(graph: DeployedGraph, module: nn.Module, batch: int | None) -> ExportedProgram:
    """``module`` by torch.export.

    Raises:
        ExportError: torch cannot express it.
    """
    dynamic: Any = _open_batch(graph, module) if batch is None else None
    try:
        with _quiet(), torch.no_grad():
            return torch.export.export(module, example_inputs(graph, batch), dynamic_shapes=dynamic)
    except Exception as error:  # torch raises many types, none of them its own
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"torch.export cannot take graph {graph.name!r} ({reason})") from error


def _open_batch(graph: DeployedGraph, module: nn.Module) -> tuple[Any, ...]:
    """Which dimensions of the inputs are open."""
    return _as_called(module, tuple({0: torch.export.Dim("batch")} for _ in graph.inputs))


def _as_called(module: nn.Module, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One value for each input, in the structure of the module's signature: what ``*inputs`` takes is a tuple in it."""
    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    fixed = sum(kind is not inspect.Parameter.VAR_POSITIONAL for kind in kinds)
    return values if len(values) <= fixed or fixed == len(kinds) else (*values[:fixed], values[fixed:])


def _by_tracing(graph: DeployedGraph, module: nn.Module, opset: int, batch: int | None) -> Any:
    """The ONNX model, by the exporter for older operator sets."""
    import onnx

    names, outputs = _port_names(graph)
    axes = {name: {0: "batch"} for name in (*names, *outputs)} if batch is None else None
    # Without dynamo a stream will do, whatever the annotation says.
    buffer: Any = io.BytesIO()
    torch.onnx.export(
        module, example_inputs(graph, batch), buffer, input_names=names, output_names=outputs, opset_version=opset,
        dynamo=False, dynamic_axes=axes, verbose=False,
    )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def example_inputs(graph: DeployedGraph, batch: int | None) -> tuple[torch.Tensor, ...]:
    """Inputs to write with. Two rows where the batch is open, since torch would take a batch of one for a constant."""
    return graph.zeros(batch or 2)


def _port_names(graph: DeployedGraph) -> tuple[list[str], list[str]]:
    """Of inputs and outputs."""
    return [port.name for port in graph.inputs], [port.name for port in graph.outputs]


def run_onnx(path: Path) -> Runner:
    """The file in onnxruntime, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    return lambda values: list(session.run(None, dict(zip(names, values, strict=True))))  # type: ignore[arg-type]


def write_jit(
    graph: DeployedGraph, module: nn.Module, path: Path, *, batch: int | None, metadata: Mapping[str, str]
) -> None:
    """Write ``module`` as TorchScript: traced, since plugins' modules need not be scriptable.

    Raises:
        ExportError: it cannot be traced.
        StorageError: the file cannot be written.
    """
    buffer = io.BytesIO()
    try:
        with _quiet(), torch.no_grad():
            traced = torch.jit.trace(module, example_inputs(graph, batch), check_trace=False)
            torch.jit.save(traced, buffer, _extra_files={"metadata.json": json.dumps(dict(metadata)).encode()})
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"graph {graph.name!r} cannot be traced ({type(error).__name__}: {reason})") from error
    write_bytes(path, buffer.getvalue(), "--out")


def run_jit(path: Path) -> Runner:
    """The file in torch, on the CPU."""
    with _quiet():
        module = torch.jit.load(str(path), map_location="cpu")

    def run(values: Sequence[np.ndarray]) -> list[np.ndarray]:
        with torch.inference_mode():
            outputs = module(*[torch.from_numpy(value) for value in values])
        return [value.numpy() for value in (outputs if isinstance(outputs, tuple) else (outputs,))]

    return run


def _check_written_opset(graph: DeployedGraph, model: object, opset: int) -> None:
    written = next(item.version for item in model.opset_import if not item.domain)  # type: ignore[attr-defined]
    if written != opset:
        raise ExportError(
            f"graph {graph.name!r}: torch wrote operator set {written}, expected {opset}", hint=f"--opset {written}"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's advice on its own exporters."""
    with errors_alone("torch.onnx"), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
