"""Whether torch can compile a term."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from parkour.mdp.context import StepContext
from parkour.testing.subject import CheckFailed, NotChecked

Term = Callable[[StepContext], Any]


def check_one_graph(term: Term, twin: Term, ctx: StepContext) -> str:
    """Traces ``term`` into one graph, which needs no compiler, and compares with ``twin`` run as it is."""
    if reason := _no_tracing():
        raise NotChecked(reason)
    _compare(term, twin, ctx, backend="eager")
    return "traced by torch"


def check_compiles(term: Term, twin: Term, ctx: StepContext) -> str:
    """Compiles ``term`` to machine code and compares with ``twin`` run as it is."""
    if reason := _no_tracing():
        raise NotChecked(reason)
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise NotChecked("no C++ compiler is installed")
    begin = time.perf_counter()
    _compare(term, twin, ctx, backend="inductor")
    return f"compiled and run in {time.perf_counter() - begin:.1f} s"


def _no_tracing() -> str:
    """Why torch cannot trace Python here; empty if it can."""
    if torch._dynamo.is_dynamo_supported():  # pyright: ignore[reportPrivateImportUsage]
        return ""
    return f"torch {torch.__version__} does not trace Python {sys.version_info.major}.{sys.version_info.minor}"


def _compare(term: Term, twin: Term, ctx: StepContext, backend: str) -> None:
    torch._dynamo.reset()
    with torch.no_grad():
        expected = twin(ctx)
        try:
            # A function of its own: what torch compiled before for this code must not count.
            got = torch.compile(lambda state: term(state), fullgraph=True, backend=backend)(ctx)
        except Exception as error:
            raise CheckFailed(f"torch.compile(fullgraph=True) fails: {_reason(error)}") from error
        finally:
            torch._dynamo.reset()
    try:
        torch.testing.assert_close(got, expected, equal_nan=True)
    except AssertionError as difference:
        raise CheckFailed(f"compiled, it gives other numbers: {difference}") from difference


def _reason(error: Exception) -> str:
    """What torch says, without its pages of advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])}"[:300]
