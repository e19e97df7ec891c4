"""Whether the graphs of an export fit each other and the observation, before one of them is run."""

from __future__ import annotations

import math
from typing import Dict, Tuple

from parkour_deploy.contract import Contract, Graph, Port
from parkour_deploy.errors import ContractError

ACTIONS = "actions"
"""The output of the last graph that moves the joints."""
MOST_NUMBERS = 10_000_000
"""Of one input or output, for one robot."""
_Shapes = Dict[str, Tuple[int, ...]]


def check_wiring(contract: Contract) -> None:
    """Compares what graphs are given with what they ask for.

    Raises:
        ContractError: an input comes from nowhere, or from something of another size; or nothing returns actions.
    """
    if not contract.graphs:
        raise ContractError(f"{contract.folder} names no graph, expected one at least")
    for group in contract.groups:
        if group.offset + group.size > contract.observation_size:
            raise ContractError(
                f"observation group {group.name!r} ends at {group.offset + group.size:,}, expected at most "
                f"{contract.observation_size:,}, the size of the observation"
            )
    before: dict[str, _Shapes] = {}
    for graph in contract.graphs:
        if graph.name in before:
            raise ContractError(f"got two graphs of the name {graph.name!r}, expected different ones")
        own = _shapes(graph, graph.outputs)
        for port in graph.inputs:
            _check_source(contract, graph, port, own, before)
        before[graph.name] = own
    last = contract.graphs[-1]
    wanted = (len(contract.joints),)
    if before[last.name].get(ACTIONS) != wanted:
        got = before[last.name].get(ACTIONS, "none")
        raise ContractError(f"graph {last.name!r}: got the output {ACTIONS!r} of shape {got}, expected {wanted}")
    if last.period != 1:
        raise ContractError(f"graph {last.name!r}: got the period {last.period}, expected 1: it returns the actions")


def _shapes(graph: Graph, ports: tuple[Port, ...]) -> _Shapes:
    found: _Shapes = {}
    for port in ports:
        if math.prod(port.shape) > MOST_NUMBERS or port.name in found:
            what = "twice" if port.name in found else f"of shape {port.shape}"
            raise ContractError(
                f"graph {graph.name!r}: got {port.name!r} {what}, expected once, {MOST_NUMBERS:,} numbers"
            )
        found[port.name] = port.shape
    return found


def _check_source(contract: Contract, graph: Graph, port: Port, own: _Shapes, before: dict[str, _Shapes]) -> None:
    kind, _, name = port.source.partition(":")
    if kind in ("observation", "group"):
        sizes = {group.name: group.size for group in contract.groups}
        size = contract.observation_size if kind == "observation" else sizes.get(name)
        fits = size is not None and math.prod(port.shape) == size and (kind == "group" or len(port.shape) == 1)
    elif kind == "state":
        fits = own.get(name) == port.shape
    elif kind == "graph":
        other, _, output = name.partition(".")
        fits = before.get(other, {}).get(output) == port.shape
    else:
        fits = False
    if not fits:
        raise ContractError(
            f"graph {graph.name!r}: got {port.source[:80]!r} as the source of {port.name!r}, expected one of shape "
            f"{port.shape} there"
        )
