"""Fault isolation: a plugin's code runs so that whatever it does costs that plugin alone."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TypeVar

from parkour.errors import TerminatedError

_log = logging.getLogger(__name__)

SLOW = 10.0
"""After so long a plugin that has not come back is named [s]."""

Value = TypeVar("Value")


class PluginFaultError(Exception):
    """What a plugin did that it must not. ``__cause__`` is the exception that it raised, if it raised one."""


def run_isolated(who: str, call: Callable[[], Value]) -> Value:
    """What ``call()`` returns, a plugin's code.

    Args:
        who: named where it does not come back.
        call: imports a plugin, or calls one of its hooks.

    Raises:
        PluginFaultError: it raised anything (``SystemExit`` and a ``KeyboardInterrupt`` of its own included), or
            replaced a module that was there before.
        KeyboardInterrupt: the user asked for it, or whoever sent SIGTERM.
    """
    before = dict(sys.modules)
    with _named_if_slow(who), _counted_interrupts() as interrupts:
        try:
            value = call()
        except PluginFaultError:
            restore_modules(before)
            raise
        except BaseException as error:
            restore_modules(before)
            if isinstance(error, TerminatedError) or (isinstance(error, KeyboardInterrupt) and interrupts()):
                raise
            raise PluginFaultError("raised an exception") from error
    if replaced := restore_modules(before):
        raise PluginFaultError(f"replaced the module {replaced[0]!r}, which was put back")
    return value


def restore_modules(before: dict[str, ModuleType]) -> list[str]:
    """Names in ``sys.modules`` that stand for another module than in ``before``; they stand for the old one again."""
    replaced = [name for name, module in before.items() if sys.modules.get(name) is not module]
    for name in replaced:
        sys.modules[name] = before[name]
    return replaced


@contextmanager
def _counted_interrupts() -> Iterator[Callable[[], int]]:
    """How often the user pressed Ctrl-C meanwhile: a KeyboardInterrupt alone does not say who raised it."""
    count = 0
    previous = signal.getsignal(signal.SIGINT)
    if previous == signal.SIG_IGN:  # As in jobs that a script starts in the background: nobody can press it.
        yield lambda: 0
        return
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield lambda: 1
        return

    def interrupted(number: int, frame: object) -> None:
        nonlocal count
        count += 1
        previous(number, frame)  # type: ignore[operator, arg-type]

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield lambda: count
    finally:
        # Unless the plugin has put a handler of its own in place, which is put out of it either way.
        signal.signal(signal.SIGINT, previous)


@contextmanager
def _named_if_slow(who: str) -> Iterator[None]:
    timer = threading.Timer(SLOW, _log.warning, ("%s has not finished loading after %g s", who, SLOW))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
