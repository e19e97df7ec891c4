"""Whether a checkpoint of a stranger can be used: what its file is made of before it is read, then what it holds."""

from __future__ import annotations

import math
import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from parkour.reading import DEEPEST, MalformedError, check_values
from parkour.tasks.sections import Section
from parkour.tasks.validation import validate

LARGEST_STRUCTURE = 8 << 20
"""Bytes of the pickle that says what there is; the tensors' numbers stand beside it."""
MOST_TIMES = 8
"""How often the bytes of a file may occur in its tensors: several may be parts of one storage, as tied weights are."""
STATE_DICT = "_state_dict"
MOST_PARTS = 100_000
"""Values that a checkpoint has besides its task."""
LARGEST_BITS = 64
"""Of whole numbers."""
_CALLS = {
    "collections OrderedDict",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor_v2",
}
_STORAGE = re.compile(r"torch \w+Storage|torch\.storage UntypedStorage")
"""What tensors are pickled with. ``weights_only`` lets more through, such as arrays of bytes of any size."""
Count = Annotated[int, Field(ge=0, le=2**53)]


class _Numbers(Section):
    """The plain fields of a :class:`parkour.policies.checkpoint.Checkpoint`."""

    iteration: Count
    learning_rate: Annotated[float, Field(ge=0, le=1e3)]
    num_envs: Count
    total_steps: Count
    seconds: Annotated[float, Field(ge=0, le=1e12)]
    seed: Count
    versions: dict[str, str]


def check_archive(content: bytes) -> None:
    """Whether a file is one that torch wrote, none of whose parts is larger than what stands in it.

    Raises:
        MalformedError: it is something else, has packed parts, or would call what no checkpoint needs.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            claimed = sum(part.file_size for part in parts)
            if claimed > len(content) or any(part.compress_type != zipfile.ZIP_STORED for part in parts):
                raise MalformedError(
                    f"got {len(content):,} bytes that claim to hold {claimed:,}, expected no packed ones"
                )
            structures = [part for part in parts if part.filename.endswith("/data.pkl")]
            if len(structures) != 1 or structures[0].file_size > LARGEST_STRUCTURE:
                raise MalformedError(f"expected one data.pkl of at most {LARGEST_STRUCTURE:,} bytes")
            calls = set(_called(archive.read(structures[0])))
    except MalformedError:
        raise
    except Exception as error:  # zipfile and pickletools raise many types for damaged files.
        raise MalformedError(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}") from None
    for call in sorted(calls):
        if call not in _CALLS and not _STORAGE.fullmatch(call):
            raise MalformedError(f"got a call of {call[:80]!r}, expected tensors, numbers and text alone")


def _called(structure: bytes) -> Iterator[str]:
    """What a pickle imports; reading it so runs nothing."""
    for operation, argument, _ in pickletools.genops(structure):
        if operation.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX"):
            yield operation.name
        elif operation.name == "GLOBAL":
            yield str(argument)


def check_bounds(data: Any, held: int) -> None:
    """Whether what was loaded ends, and has plain tensors no larger than the file: then it can be walked through.

    Args:
        data: tables and lists of tensors, numbers and text.
        held: bytes of the file.

    Raises:
        MalformedError: it does not.
    """
    waiting: list[tuple[Any, int]] = [(data, 0)]
    parts, size, most = 0, 0, MOST_TIMES * held
    while waiting:
        value, depth = waiting.pop()
        parts += 1
        if isinstance(value, Tensor):
            if value.layout is not torch.strided or value.is_quantized:
                raise MalformedError(f"got a tensor of layout {value.layout}, expected plain ones")
            size += value.numel() * value.element_size()
        elif isinstance(value, int) and value.bit_length() > LARGEST_BITS:
            raise MalformedError(f"got a whole number of {value.bit_length():,} bits, expected at most {LARGEST_BITS}")
        elif isinstance(value, (str, bytes)):
            size += len(value)
        elif isinstance(value, (Mapping, list, tuple, set)):
            inner = (*value, *value.values()) if isinstance(value, Mapping) else value
            waiting += [(item, depth + 1) for item in inner]
        if depth > DEEPEST or parts + len(waiting) > MOST_PARTS or size > most:
            raise MalformedError(f"expected at most {MOST_PARTS:,} values, {DEEPEST} deep, of {most:,} bytes")


def check_fields(data: Mapping[str, Any]) -> None:
    """Whether the fields of a checkpoint are of their types, and its numbers finite.

    Args:
        data: fields by name, all there, within bounds.

    Raises:
        MalformedError: a field is not.
        TaskError: a number is not.
    """
    validate(_Numbers, check_values({name: data[name] for name in _Numbers.model_fields}))
    tables = {name: data[name] for name in ("task", "model", "optimizers", "rng", "env")}
    for name, value in tables.items():
        if not isinstance(value, dict) and (value is not None or name in ("task", "model")):
            raise MalformedError(f"{name}: got an object of type {type(value).__name__}, expected a table")
    check_values(data["task"])
    _check_weights(data["model"])
    for name in ("model", "optimizers", "rng", "env"):
        check_finite(name, tables[name])


def _check_weights(model: Mapping[str, Any]) -> None:
    """Whether every state dict is tensors by name; algorithms may keep other things beside them."""
    for network, weights in model.items():
        if not str(network).endswith(STATE_DICT):
            continue
        if not isinstance(weights, dict):
            raise MalformedError(f"model.{network}: got an object of type {type(weights).__name__}, expected a table")
        for name, weight in weights.items():
            if not isinstance(weight, Tensor) and not str(name).endswith("_extra_state"):
                raise MalformedError(f"model.{network}: {name!r} is of type {type(weight).__name__}, expected a tensor")


def check_finite(name: str, value: Any) -> None:
    """Whether all numbers in something are finite; it is within bounds.

    Raises:
        MalformedError: one is not; says where, below ``name``.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_finite(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            check_finite(name, item)
    elif not _finite(value):
        raise MalformedError(f"{name}: got NaN or an infinite number, expected finite ones")


def _finite(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not (value.is_floating_point() or value.is_complex()) or bool(torch.isfinite(value).all())
    return not isinstance(value, float) or math.isfinite(value)
