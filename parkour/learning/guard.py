"""Calls into what only watches a training: a fault of theirs is told, and never ends it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from parkour.learning.iteration import Iteration, Listener

_log = logging.getLogger(__name__)


class Guard:
    """Calls methods of one object until one raises: that is told in a line, and nothing is called any more.

    Args:
        name: what it is, for the line (``"logger 'parkour-mine:mine'"``).
        notify: told the line.
    """

    def __init__(self, name: str, notify: Callable[[str], None]) -> None:
        self.name, self.failed, self._notify = name, False, notify

    def call(self, function: Callable[..., object], *arguments: Any, when: str, last: bool = False) -> None:
        """Call it, unless a call failed before.

        Args:
            function: a method of the object.
            arguments: of it.
            when: for the line, ``"in iteration 3"``.
            last: whether training is over.
        """
        if self.failed:
            return
        try:
            function(*arguments)
        except Exception as error:
            self.failed = True
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            after = "" if last else "; training goes on without it"
            self._notify(f"{self.name} failed {when} ({reason}){after}")
            _log.debug("%s", traceback.format_exc().rstrip())


class GuardedListener:
    """A listener whose faults do not end the training."""

    def __init__(self, name: str, listener: Listener, notify: Callable[[str], None]) -> None:
        self._guard, self._listener = Guard(name, notify), listener

    def on_iteration(self, iteration: Iteration) -> None:
        self._guard.call(self._listener.on_iteration, iteration, when=f"in iteration {iteration.index}")

    def close(self) -> None:
        self._guard.failed = False  # Whatever it holds open is to be closed all the same.
        self._guard.call(self._listener.close, when="as it was closed", last=True)
