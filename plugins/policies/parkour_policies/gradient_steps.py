"""Gradient steps on mini-batches: on a GPU each is one CUDA graph, of several processes two with an average between."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from parkour.cuda_graphs import StepGraphs
from parkour_policies.ppo_losses import MiniBatch


@dataclass(frozen=True)
class Objective:
    """Something that networks are trained for."""

    name: str
    parameters: list[nn.Parameter]
    """What is trained."""
    backward: Callable[[MiniBatch], Tensor]
    """Gives the parameters the gradients of a mini-batch; returns a scalar that ``step`` needs."""
    step: Callable[[Tensor], None]
    """Takes a step along the gradients, given that scalar; both are averages over all processes."""


def take_step(graphs: StepGraphs, objective: Objective, batch: MiniBatch, variant: Hashable, processes: int) -> None:
    """One step on ``batch``; every process calls this.

    Args:
        graphs: runs it.
        objective: what for.
        batch: the samples of this process.
        variant: whatever decides besides what ``objective`` does.
        processes: how many train together.
    """
    key = (objective.name, variant)
    if processes == 1:
        graphs(key, lambda batch: objective.step(objective.backward(batch)), batch)
        return
    flat = graphs((*key, "gradients"), lambda batch: _flat_gradients(objective, batch), batch)
    torch.distributed.all_reduce(flat, op=torch.distributed.ReduceOp.SUM)
    flat /= processes
    graphs((objective.name, "step"), lambda flat: _step_along(objective, flat), flat)


def _flat_gradients(objective: Objective, batch: MiniBatch) -> Tensor:
    """All gradients and the scalar, ``[G + 1]``: one message."""
    scalar = objective.backward(batch)
    grads = (torch.zeros_like(p) if p.grad is None else p.grad for p in objective.parameters)
    return torch.cat([value.reshape(-1) for value in (*grads, scalar)])


def _step_along(objective: Objective, flat: Tensor) -> None:
    *grads, scalar = flat.split([p.numel() for p in objective.parameters] + [1])
    for parameter, grad in zip(objective.parameters, grads, strict=True):
        parameter.grad = grad.view_as(parameter)
    objective.step(scalar.squeeze(0))
