"""The terminal, as everything that is printed with Rich reaches it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from parkour.text import printable


class Terminal(Console):
    """Rich's console. Names and texts of strangers (reward terms, task names, summaries) are shown escaped.

    Whatever is printed passes through :meth:`render`, so nobody who prints has to think of it. Rich's own colours and
    cursor movements are styles and control segments, and are left alone.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, highlight=False, **options)

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """As Rich's. Text is broken by the terminal and not here, so that a command which is copied from a long line is
        whole; that goes for what is printed to stderr beside a live display, too, which Rich sends this way."""
        if soft_wrap is None:
            soft_wrap = all(isinstance(each, (str, Text)) for each in objects)
        super().print(*objects, soft_wrap=soft_wrap, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text
            if segment.control or text.isprintable():
                yield segment
            else:
                yield Segment(printable(text, lines=True), segment.style)
