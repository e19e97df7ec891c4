"""The tensors that an object and what it is made of hold, and whether a call replaces them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

Path = tuple[tuple[str, Any], ...]
"""From a root: ``("attr", name)`` or ``("item", key)``, one after the other."""
Leaf = Tensor | bool | int | float
_FOREIGN = ("builtins", "torch", "numpy", "tensordict")
"""Packages whose objects are not looked into: what they hold is theirs to keep."""


class TensorState:
    """Tensors and plain numbers reachable from ``root`` through attributes, dictionaries, lists and tuples.

    Args:
        root: where to begin.
        skip: names of attributes of ``root`` that are left out.
        foreign: further packages whose objects are not looked into.
    """

    def __init__(self, root: object, skip: tuple[str, ...] = (), foreign: tuple[str, ...] = ()) -> None:
        self._root = root
        self._skip = skip
        self._foreign = _FOREIGN + foreign

    def leaves(self) -> dict[Path, Leaf]:
        """Everything that is held now; what can be reached in two ways is named once."""
        found: dict[Path, Leaf] = {}
        seen: set[int] = set()
        todo: list[tuple[Path, Any]] = [((), self._root)]
        while todo:
            path, value = todo.pop()
            if isinstance(value, Tensor | bool | int | float):
                found[path] = value
            elif id(value) not in seen:
                seen.add(id(value))
                todo.extend(((*path, step), part) for step, part in self._parts(path, value))
        return found

    def get(self, path: Path) -> Any:
        """What is at ``path``."""
        value: Any = self._root
        for kind, key in path:
            value = getattr(value, key) if kind == "attr" else value[key]
        return value

    def put(self, path: Path, value: Tensor) -> None:
        """Put ``value`` at ``path``.

        Raises:
            TypeError: it is in a tuple or in a frozen object.
        """
        holder = self.get(path[:-1])
        kind, key = path[-1]
        if kind == "item":
            holder[key] = value
            return
        try:
            setattr(holder, key, value)
        except AttributeError as error:
            raise TypeError(str(error)) from None

    def _parts(self, path: Path, value: Any) -> Iterator[tuple[tuple[str, Any], Any]]:
        if isinstance(value, Mapping):
            for key, part in value.items():
                yield ("item", key), part
        elif isinstance(value, list | tuple):
            for index, part in enumerate(value):
                yield ("item", index), part
        elif not callable(value) or hasattr(value, "__dict__"):
            if isinstance(value, type) or type(value).__module__.split(".")[0] in self._foreign:
                return
            for name in _attributes(value):
                if path or name not in self._skip:
                    yield ("attr", name), getattr(value, name)


def replaced(before: Mapping[Path, Leaf], after: Mapping[Path, Leaf]) -> tuple[set[Path], set[Path]]:
    """Paths at which another tensor of the same shape stands, and those at which something else has changed."""
    tensors, others = set(), set()
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        if isinstance(old, Tensor) and isinstance(new, Tensor):
            if old is not new and not _same_memory(old, new):
                (tensors if (old.shape, old.dtype) == (new.shape, new.dtype) else others).add(path)
        elif isinstance(old, Tensor) or isinstance(new, Tensor) or old != new:
            others.add(path)
    return tensors, others


def _same_memory(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.stride() == other.stride() and one.shape == other.shape


def _attributes(value: object) -> list[str]:
    names = list(getattr(value, "__dict__", ()))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if not name.startswith("__") and hasattr(value, name)]


def clone_all(values: Any) -> Any:
    """The same structure with copies of its tensors."""
    copies = tree_map(lambda leaf: torch.empty_like(leaf) if isinstance(leaf, Tensor) else leaf, values)
    copy_all(copies, values)
    return copies


def copy_all(target: Any, source: Any) -> None:
    """The values of a structure of tensors into the memory of another one like it."""
    alike: dict[tuple[torch.dtype, bool], list[tuple[Tensor, Tensor]]] = {}
    for old, new in zip(tree_leaves(target), tree_leaves(source), strict=True):
        if isinstance(old, Tensor):
            alike.setdefault((old.dtype, old.stride() == new.stride()), []).append((old, new))
    for pairs in alike.values():
        olds, news = zip(*pairs, strict=True)
        # One kernel for all that are of one type and laid out in the same way.
        torch._foreach_copy_(olds, news)  # pyright: ignore[reportPrivateImportUsage]
