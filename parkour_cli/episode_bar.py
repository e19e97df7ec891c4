"""A bar of episodes on stderr, for commands that score policies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class EpisodeBar:
    """How far a policy is; see :func:`episode_bar`."""

    def __init__(self, bar: Progress, line: TaskID, prefix: str) -> None:
        self._bar, self._line, self._prefix = bar, line, prefix

    def begin(self, prefix: str) -> None:
        """What comes next, as a few words before the numbers."""
        self._prefix = prefix
        self._bar.reset(self._line, description=f"{prefix}building", total=None, scored="")

    def report(self, step: int, steps: int, episodes: int, wanted: int) -> None:
        """A :data:`parkour.evaluation.rollout.OnProgress`."""
        self._bar.update(
            self._line, description=f"{self._prefix}step {step} of at most {steps}", completed=episodes, total=wanted,
            scored=f"{episodes} of {wanted} episodes",
        )  # fmt: skip


@contextmanager
def episode_bar(prefix: str = "") -> Iterator[EpisodeBar]:
    """The bar; gone when done."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from parkour.stages import shown_by
    from parkour.terminal import Terminal

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[scored]}"),
        TimeElapsedColumn(),
        console=Terminal(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    # The bar itself says what is built.
    with shown_by(None), bar:
        yield EpisodeBar(bar, bar.add_task(f"{prefix}building", total=None, scored=""), prefix)
