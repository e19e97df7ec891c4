"""Counting operators: what a function queues on a device, and how much memory that moves, by named parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WAITS = ("aten._local_scalar_dense.default", "aten.nonzero.default", "aten.masked_select.default")
"""What makes the host wait for a GPU."""
CHOOSING = ("index", "index_select", "gather", "index_put_", "index_copy_", "index_fill_")
"""What touches no more of its first argument than it returns, or than it is given to write."""


@dataclass
class Tally:
    """What was queued."""

    operators: int = 0
    waits: int = 0
    bytes: int = 0

    def add(self, other: Tally) -> None:
        self.operators += other.operators
        self.waits += other.waits
        self.bytes += other.bytes


class OperatorCounter(TorchDispatchMode):
    """Counts what runs under it, by the part that is named at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.part = "other"
        self.tallies: dict[str, Tally] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        name = str(func)
        if name in WAITS or not _is_view(given, made, func):
            tally = self.tallies.setdefault(self.part, Tally())
            tally.operators += 1
            tally.waits += name in WAITS
            tally.bytes += _moved(name, given, made)
        return result

    @contextmanager
    def named(self, part: str) -> Iterator[None]:
        before, self.part = self.part, part
        try:
            yield
        finally:
            self.part = before

    def watch(self, owner: object, attribute: str, part: str) -> None:
        """Count what ``owner.attribute(…)`` queues as ``part``."""
        call: Callable[..., Any] = getattr(owner, attribute)

        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.named(part):
                return call(*args, **kwargs)

        setattr(owner, attribute, counted)


class Named:
    """Something whose calls are counted apart."""

    def __init__(self, counter: OperatorCounter, called: Any, part: str) -> None:
        self._counter, self._called, self._part = counter, called, part

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._counter.named(self._part):
            return self._called(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._called, name)


def _is_view(given: list[Tensor], made: list[Tensor], func: Any) -> bool:
    """Whether nothing is computed: the result is new memory as it is, or an argument's, which is not written."""
    if func._schema.is_mutable:
        return False
    if not made or str(func).startswith(("aten.empty", "aten.new_empty")):
        return True
    return any(made[0].untyped_storage().data_ptr() == one.untyped_storage().data_ptr() for one in given)


def _moved(name: str, given: list[Tensor], made: list[Tensor]) -> int:
    """Bytes that are read and written."""
    first, *others = (_bytes(tensor) for tensor in (*given, *made))
    if name.split(".")[1] not in CHOOSING:
        return first + sum(others)
    # What writes in place returns its first argument.
    others = [_bytes(tensor) for tensor in (*given[1:], *made) if tensor is not given[0]]
    return sum(others) + min(first, max(others, default=0))


def _bytes(tensor: Tensor) -> int:
    """Of memory: numbers that are repeated by a stride of 0 are read once."""
    used = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        used *= size if stride else min(size, 1)
    return used * tensor.element_size()
