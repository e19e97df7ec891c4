"""TOML and JSON of strangers (tasks, exports, listings): bounded before they are read, one line where they are none.

TOML and JSON can be written so that reading them takes a machine down: numbers of a million digits, tables nested ten
thousand deep, files without an end. What people and programs write stays far below the limits here.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Mapping

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11
    import tomli as tomllib  # type: ignore[no-redef]

LARGEST_TOML = 1 << 20
LARGEST_JSON = 256 << 20
"""Bytes of a file at most. Evaluations list every episode; nothing that is written as TOML is as long."""
LARGEST_FILE = 4 << 30
"""Bytes of any other file that is read whole: a file can say that it has terabytes, and take no room on the disk."""
LONGEST_LINE = 1 << 16
"""Characters in a line of TOML."""
LONGEST_KEY = 256
DEEPEST = 32
"""Tables and lists within each other."""
MOST_VALUES = 2_000_000
"""In all, those that are there several times counted as often."""
MOST_TEXT = 64 << 20
"""Characters of all texts."""
_DEVICES = (Path("/dev"), Path("/proc"))
"""Where users name pipes themselves: ``/dev/stdin``, or ``<(command)`` of a shell."""
_LARGEST_INTEGER = 1 << 63
_PART = r"""(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.[ \t]*"""
_DOTTED = re.compile(rf"""(?<![\w"'\\-])(?:{_PART}){{{DEEPEST}}}""")
"""A dotted key of too many parts: the time that tomllib takes for one grows with more than the square of its length."""


class MalformedError(ValueError):
    """Text that is no TOML or JSON, or that goes beyond the limits; says in one line what was got and expected."""


class BeyondLimitsError(MalformedError):
    """Text, or what it stands for, that is too long, too large or nested too deep."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        OSError: it cannot be read.
        MalformedError: it holds something else.
    """
    return parse_toml(read_text(path, LARGEST_TOML))


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        OSError: it cannot be read.
        MalformedError: it holds something else.
    """
    return parse_json(read_text(path, LARGEST_JSON))


def check_file(path: Path) -> None:
    """Whether a file can be read to its end: a pipe or a device in its place, or a link to one, may have none.

    Raises:
        OSError: there is none, or something of that kind.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return
    if not any(folder in path.parents for folder in _DEVICES):
        raise OSError(errno.EINVAL, "a pipe or device, expected a file", str(path))


def read_bytes(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """All of a file that is no longer than ``largest`` bytes.

    Raises:
        OSError: it cannot be read, or is longer.
    """
    check_file(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > largest:
            raise OSError(errno.EFBIG, f"got {size:,} bytes, expected at most {largest:,}", str(path))
        return file.read()


def read_text(path: Path, largest: int = LARGEST_TOML) -> str:
    """UTF-8 text of at most ``largest`` bytes, whatever the file says of its size.

    Raises:
        OSError: it cannot be read.
        MalformedError: it is longer, or no UTF-8; or the path has a NUL in it.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            says = os.fstat(file.fileno()).st_size
            content = b"" if says > largest else file.read(largest + 1)
    except ValueError as error:
        raise MalformedError(f"no file can have this name ({error})") from None
    if max(says, len(content)) > largest:
        raise BeyondLimitsError(f"got more than {largest:,} bytes, expected at most as many")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"expected UTF-8 text, got the byte 0x{content[error.start]:02x} in it") from None


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML document.

    Raises:
        MalformedError: it is none.
    """
    longest = max(map(len, text.splitlines()), default=0)
    if longest > LONGEST_LINE:
        raise BeyondLimitsError(f"got a line of {longest:,} characters, expected at most {LONGEST_LINE:,}")
    if _DOTTED.search(text):
        raise _too_deep()
    return check_values(_parsed(tomllib.loads, text))


def parse_json(text: str) -> Any:
    """The value of a JSON document.

    Raises:
        MalformedError: it is none.
    """
    return check_values(_parsed(json.loads, text))


def read_row(line: bytes) -> dict[str, Any] | None:
    """The object on a line of a ``.jsonl`` file; None on one that is damaged, as by a crash while it was written."""
    try:
        row = parse_json(line.decode())
    except (MalformedError, UnicodeDecodeError):
        return None
    return row if isinstance(row, dict) else None


def _parsed(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        reason = " ".join(str(error).split())
        if "integer string conversion" in reason:
            raise BeyondLimitsError("got a whole number of thousands of digits, expected one of 64 bits") from None
        raise MalformedError(reason if len(reason) <= 200 else f"{reason[:197]}…") from None


def check_values(data: Any) -> Any:
    """``data``, if it is within the limits: what a file held, or what a checkpoint has for its tables.

    Containers may contain themselves, as those of a checkpoint can. Neither Python's stack nor time grow with that.

    Raises:
        MalformedError: it is not; or a table's key is no text.
    """
    waiting, values, text = [(data, 0)], 0, 0
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if isinstance(value, str):
            text += len(value)
        elif isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
            raise BeyondLimitsError(f"got a whole number of {value.bit_length():,} bits, expected one of 64 bits")
        elif isinstance(value, (Mapping, list, tuple)):
            if depth >= DEEPEST:
                raise _too_deep()
            inner = value
            if isinstance(value, Mapping):
                text += sum(map(_key_length, value))
                inner = value.values()
            waiting += [(item, depth + 1) for item in inner]
        if values + len(waiting) > MOST_VALUES or text > MOST_TEXT:
            raise BeyondLimitsError(f"expected at most {MOST_VALUES:,} values and {MOST_TEXT:,} characters")
    return data


def _key_length(key: object) -> int:
    if not isinstance(key, str):
        raise MalformedError(f"got a key of type {type(key).__name__}, expected text")
    if len(key) > LONGEST_KEY:
        raise BeyondLimitsError(f"got a key of {len(key):,} characters, expected at most {LONGEST_KEY}")
    return len(key)


def _too_deep() -> BeyondLimitsError:
    return BeyondLimitsError(f"got tables or lists nested more than {DEEPEST} deep")


def user_path(text: str) -> Path:
    """A path as people write it, ``~`` being a home folder.

    Raises:
        MalformedError: nobody has this home folder, or the path has a NUL in it.
    """
    if "\0" in text:
        raise MalformedError("got a path with a NUL character in it")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise MalformedError(f"got the path {text!r}, but there is no such home folder") from None
