"""Work of seconds has a name while it goes on: whoever does it says so, and a terminal shows it.

::

    with stage("drawing terrains", total=len(rows)) as step:
        for row in rows:
            draw(row)
            step()

Nothing is shown unless somebody shows it, as :mod:`parkour.commands.progress` does on a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class StageDisplay(Protocol):
    """Shows the stage that goes on."""

    def begin(self, text: str, total: int | None) -> None:
        """A stage begins, perhaps inside of another one."""
        ...

    def step(self) -> None:
        """A part of it is done, of the ``total``."""
        ...

    def end(self) -> None:
        """It is over, and the one around it goes on."""
        ...

    def clear(self) -> None:
        """Somebody is about to write a line where the stage is shown."""
        ...


_display: StageDisplay | None = None


@contextmanager
def stage(text: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Name what is done inside.

    Args:
        text: what, as a few words: ``building courses``.
        total: of how many parts, if that is known; call what is yielded after each.
    """
    display = _display
    if display is None:
        yield lambda: None
        return
    display.begin(text, total)
    try:
        yield display.step
    finally:
        display.end()


@contextmanager
def shown_by(display: StageDisplay | None) -> Iterator[None]:
    """Stages inside are shown by ``display``; by nobody where it is None."""
    global _display
    before, _display = _display, display
    try:
        yield
    finally:
        _display = before


def clear_line() -> None:
    """Before something else is written to the terminal."""
    if _display is not None:
        _display.clear()
