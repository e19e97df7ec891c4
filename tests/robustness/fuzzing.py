"""Hostile inputs by the thousand, seeded: what comes of each is counted.

An outcome is *clean* (one line that a user can act on, or accepted and sound), a *traceback* (anything else that is
raised), a *hang* (:data:`PATIENCE` was not enough) or *nonsense* (accepted though it means nothing). The same seed
gives the same inputs; ``Failure`` names target and index of those that were not clean.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from parkour.errors import ParkourError
from parkour_deploy.errors import DeployError

PATIENCE = 60.0
"""Seconds that an input may take."""
LONGEST = 4000
"""Characters of a line that somebody would still read."""

Case = Callable[[random.Random], None]
"""Makes an input and hands it in. Raises what that raises, and :class:`NonsenseError` where it was accepted wrongly."""


class NonsenseError(Exception):
    """An input that was accepted, and means nothing."""


class _Hang(BaseException):
    """An input took too long."""


@dataclass(frozen=True)
class Failure:
    """An input that was not dealt with cleanly."""

    target: str
    index: int
    outcome: str
    what: str


@dataclass
class Count:
    """What came of the inputs of one target."""

    tried: int = 0
    refused: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of those that were not clean."""


@dataclass
class Result:
    """What came of all."""

    counts: dict[str, Count] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(count.tried for count in self.counts.values())


def fuzz(targets: dict[str, tuple[int, Case]], total: int, seed: int = 0) -> Result:
    """Try ``total`` inputs, dealt to the targets by their shares.

    Args:
        targets: share and case by name.
        total: inputs, at least one of each target.
        seed: of all of them.
    """
    result, shares = Result(), sum(share for share, _ in targets.values())
    for name, (share, case) in targets.items():
        count = result.counts[name] = Count()
        for index in range(max(1, round(total * share / shares))):
            begin = time.monotonic()
            outcome, what = _try(case, random.Random(f"{seed} {name} {index}"))
            seconds = time.monotonic() - begin
            count.tried += 1
            count.seconds += seconds
            count.slowest = max(count.slowest, seconds)
            if outcome == "refused":
                count.refused += 1
            elif outcome == "accepted":
                count.accepted += 1
            else:
                count.outcomes[outcome] += 1
                result.failures.append(Failure(name, index, outcome, what))
    return result


def _try(case: Case, rng: random.Random) -> tuple[str, str]:
    """The outcome of one input, and what was said."""
    try:
        with _patience():
            case(rng)
    except (ParkourError, DeployError) as error:
        fit = error.message.strip() and len(error.message.splitlines()) == 1 and len(error.message) <= LONGEST
        return ("refused", "") if fit else ("traceback", f"no line to read: {error.message[:200]!r}")
    except NonsenseError as error:
        return "nonsense", str(error)[:300]
    except _Hang:
        return "hang", ""
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "traceback", f"{type(error).__name__}: {str(error)[:300]}"
    return "accepted", ""


@contextmanager
def _patience() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number: int, frame: object) -> None:
        raise _Hang

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


# -- hostile values --------------------------------------------------------------------------------------------------

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 7, 255, 10**6, 10**12, 2**31, 2**53, 2**63 - 1, -(2**63), 0.0, -0.0, 0.5, 1.5, -3.7, 1e-9, 1e-320, 1e9,
    1e18, 1e30, 1e300, 1.8e308, -1.8e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "", " ", "x", "gap", "go2", "never", "square", "1", "nan", "../../etc/passwd", "/etc/passwd", "~nobody-here/x",
    "a\0b", "\x1b[31mred", "\x1b]0;t\x07", "\x9b2J", "\u202egnp", "\u2028line", "a\nerror: forged", "'; rm -rf /; '",
    "{0}", "%s%n", "antigravity:x", "os:system", "parkour_assets:robots", "__import__('os')", "a" * 300, "é" * 70,
    "\U0001f600", "-1", "--help", "=", "[", "true", "1979-05-27", "C:\\x", "a.b.c", ":", "a:b:c", "parkour-lab:gap",
)  # fmt: skip


def value(rng: random.Random, depth: int = 0) -> Any:
    """A hostile value that TOML can hold."""
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(NUMBERS) if rng.random() < 0.8 else rng.gauss(0.0, 10.0 ** rng.randint(-3, 12))
    if kind < 0.65:
        return rng.choice(TEXTS)
    if kind < 0.72:
        return rng.random() < 0.5
    if depth > 3:
        return rng.choice(TEXTS)
    if kind < 0.9:
        return [value(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 2, 2, 3, 12)))]
    return {rng.choice(TEXTS): value(rng, depth + 1) for _ in range(rng.randint(0, 3))}


def paths(tables: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where values are, in nested tables and lists; tables themselves too."""
    items = tables.items() if isinstance(tables, dict) else enumerate(tables) if isinstance(tables, list) else ()
    return [path for key, item in items for path in ((*above, key), *paths(item, (*above, key)))]


def changed(
    rng: random.Random, tables: Any, places: list[tuple[Any, ...]], make: Callable[[random.Random], Any]
) -> Any:
    """Tables with one to three values replaced, left out or added; ``tables`` itself stays as it is."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        *above, last = rng.choice(places)
        tables = copied = dict(tables)
        try:
            for key in above:
                inner = copied[key]
                if not isinstance(inner, (dict, list)):
                    raise KeyError(key)
                copied[key] = dict(inner) if isinstance(inner, dict) else list(inner)
                copied = copied[key]
            action = rng.random()
            if action < 0.8:
                copied[last] = make(rng)
            elif action < 0.9:
                del copied[last]
            elif isinstance(copied, dict):
                copied[rng.choice(TEXTS)] = make(rng)
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # An earlier change took the place away.
    return tables


def spoilt(rng: random.Random, content: bytes) -> bytes:
    """Bytes with bits flipped, pieces left out, doubled, exchanged or overwritten."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 30))):
        if not data:
            break
        place, length = rng.randrange(len(data)), rng.choice((1, 1, 4, 60))
        action = rng.random()
        if action < 0.5:
            data[place] ^= 1 << rng.randrange(8)
        elif action < 0.65:
            del data[place : place + length]
        elif action < 0.8:
            data[place:place] = data[place : place + length]
        elif action < 0.95:
            data[place : place + length] = rng.randbytes(length)
        else:
            del data[place:]
    return bytes(data)
