"""A stand-in for CUDA graphs on a CPU: operations are recorded, and run again on the same memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map


class RecordedGraph:
    """What is recorded has no effect; a replay reads and writes the memory that the recording saw."""

    def __init__(self) -> None:
        self._operations: list[tuple[Any, Any, Any, Any]] = []

    @contextlib.contextmanager
    def record(self) -> Iterator[None]:
        state, recorder = torch.get_rng_state(), _Recorder(self._operations)
        with recorder:
            yield
        torch.set_rng_state(state)
        recorder.undo()

    @torch.no_grad()
    def replay(self) -> None:
        for operation, args, kwargs, recorded in self._operations:
            results = operation(*args, **kwargs)
            for new, old in zip(tree_flatten(results)[0], tree_flatten(recorded)[0], strict=True):
                if isinstance(old, Tensor) and new.data_ptr() != old.data_ptr() and old.numel():
                    old.copy_(new)


class _Recorder(TorchDispatchMode):
    def __init__(self, operations: list[tuple[Any, Any, Any, Any]]) -> None:
        super().__init__()
        self._operations = operations
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        named = dict(zip((a.name for a in func._schema.arguments), args, strict=False)) | kwargs
        for argument in func._schema.arguments:
            value = named.get(argument.name)
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in tree_flatten(value)[0]:
                    self._keep(tensor)
        if func in _WAITS:
            raise RuntimeError(f"{func} forces a host sync")
        results = func(*args, **kwargs)
        kept = tree_map(lambda leaf: leaf, (args, kwargs))
        self._operations.append((func, *kept, results))
        return results

    def _keep(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            return
        storage = value.untyped_storage()
        if storage.data_ptr() not in self._before:
            whole = torch.empty(0, dtype=torch.uint8).set_(storage)
            self._before[storage.data_ptr()] = whole, whole.clone()

    def undo(self) -> None:
        """Give everything that was written its old content."""
        for whole, content in self._before.values():
            whole.copy_(content)


_WAITS = tuple(
    getattr(torch.ops.aten, name).default for name in ("_local_scalar_dense", "item", "nonzero", "is_nonzero")
)
