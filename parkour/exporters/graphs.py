"""What is exported: a policy as graphs of plain tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from parkour.errors import ExportError
from parkour.exporters.manifest import Port


@dataclass(frozen=True)
class DeployedGraph:
    """A module that becomes one file. Its forward takes the inputs and returns the outputs, in order."""

    name: str
    """Stem of the file."""
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    perception: bool = False
    """Whether it runs at the rate of the slow sensors instead of that of the control."""

    def zeros(self, batch: int) -> tuple[Tensor, ...]:
        """Inputs of zeros."""
        return tuple(torch.zeros(batch, *port.shape) for port in self.inputs)


@runtime_checkable
class DeployableActor(Protocol):
    """An actor that says itself what is deployed of it: several graphs, or one with a state of its own."""

    def deployed_graphs(self) -> Sequence[DeployedGraph]:
        """The graphs in the order in which they run; the last one returns ``actions``."""
        ...


@runtime_checkable
class DeployedModule(Protocol):
    """What rsl-rl's ``as_onnx`` returns for a policy without a state whose inputs are observation groups."""

    input_names: Sequence[str]
    output_names: Sequence[str]


class FlatObservationPolicy(nn.Module):
    """A policy on observation groups as one on all of them concatenated, which picks the groups that it reads.

    Args:
        policy: its forward takes the groups as ``[N, size]``, in order.
        spans: offset and size of each of these groups.
    """

    def __init__(self, policy: nn.Module, spans: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.policy = policy
        self.spans = list(spans)

    def forward(self, obs: Tensor) -> Tensor:
        """Actions ``[N, J]`` of all observation groups ``[N, size]``."""
        return self.policy(*[obs[:, start : start + size] for start, size in self.spans])


class HalfPrecision(nn.Module):
    """A graph with weights and arithmetic in float16; what goes in and comes out stays float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.half()

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """As the module's own."""
        outputs = self.module(*[value.half() for value in inputs])
        if isinstance(outputs, Tensor):
            return outputs.float()
        return tuple(value.float() for value in outputs)


@runtime_checkable
class OnnxActor(Protocol):
    """A network of rsl-rl's, which gives a module of tensors for export."""

    def as_onnx(self, verbose: bool) -> nn.Module: ...


def deployed_graphs(actor: nn.Module, groups: Mapping[str, int], num_actions: int) -> list[DeployedGraph]:
    """The graphs of an actor.

    Args:
        actor: in evaluation mode.
        groups: sizes of the task's observation groups, in its order.
        num_actions: J.

    Raises:
        ExportError: the actor cannot be deployed, or needs inputs that the task has not.
    """
    if isinstance(actor, DeployableActor):
        return list(actor.deployed_graphs())
    if not isinstance(actor, OnnxActor):
        raise ExportError(
            f"the policy's network {type(actor).__name__} has neither deployed_graphs() nor as_onnx(), "
            "so nothing says what of it is deployed",
            hint="docs/plugins.md, Policy: one graph from as_onnx(), or several from deployed_graphs()",
        )
    module = actor.as_onnx(verbose=False)
    if getattr(module, "is_recurrent", False):
        raise ExportError(
            f"{type(actor).__name__} keeps a state: expected a method deployed_graphs() that names it",
            hint="see parkour.exporters.graphs.DeployableActor",
        )
    if not isinstance(module, DeployedModule):
        raise ExportError(f"{type(module).__name__}: expected the attributes input_names and output_names")
    names = list(module.input_names)
    if missing := [name for name in names if name not in groups]:
        raise ExportError(f"the policy reads {', '.join(missing)}, which the task does not observe")
    offsets = dict(zip(groups, accumulate(groups.values(), initial=0), strict=False))
    policy = FlatObservationPolicy(module, [(offsets[name], groups[name]) for name in names])  # type: ignore[arg-type]
    graph = DeployedGraph(
        name="policy",
        module=policy.eval(),
        inputs=(Port(name="obs", shape=(sum(groups.values()),), source="observation"),),
        outputs=(Port(name="actions", shape=(num_actions,)),),
    )
    return [graph]


def groups_read(actor: nn.Module, graphs: Sequence[DeployedGraph]) -> frozenset[str]:
    """Observation groups that the graphs make use of."""
    named = {
        port.source.removeprefix("group:")
        for graph in graphs
        for port in graph.inputs
        if port.source.startswith("group:")
    }
    if any(port.source == "observation" for graph in graphs for port in graph.inputs):
        named |= set(actor.as_onnx(verbose=False).input_names)  # type: ignore[operator]
    return frozenset(named)
