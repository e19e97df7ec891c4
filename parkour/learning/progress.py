"""What a person sees while a run goes on: a live table on a terminal, a line now and then in a log file."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from parkour.learning.iteration import Iteration, Listener

LEVEL, WAY_POINTS, SUCCESS, LOSS = "Terrain_Level/", "Way_Points/", "Success/", "Loss/"


def make_progress(console: Console, *, every: float = 10.0, time_limit: float | None = None) -> Listener:
    """A live display on a terminal; elsewhere a line at most every so many seconds.

    Args:
        console: where.
        every: least time between lines [s].
        time_limit: when the run stops at the latest, counted from now [min].
    """
    remaining = Remaining(None if time_limit is None else 60.0 * time_limit)
    return LiveProgress(console, remaining) if console.is_terminal else PlainProgress(console, every, remaining)


class WhileSeen:
    """A display until its terminal is gone, which is no reason for a run to end."""

    def __init__(self, display: Listener) -> None:
        self.display, self._seen = display, True

    def on_iteration(self, iteration: Iteration) -> None:
        self._unless_gone(lambda: self.display.on_iteration(iteration))

    def close(self) -> None:
        self._unless_gone(self.display.close)

    def _unless_gone(self, show: Callable[[], None]) -> None:
        if self._seen:
            try:
                show()
            except OSError:
                self._seen = False


def with_prefix(scalars: Mapping[str, float], prefix: str) -> dict[str, float]:
    """The scalars below a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in scalars.items() if name.startswith(prefix)}


class Remaining:
    """An estimate of the time left, from the pace of this process.

    Args:
        limit: the run's time from now on [s]; None: as long as it takes.
    """

    def __init__(self, limit: float | None = None) -> None:
        self._seconds = 0.0
        self._iterations = 0
        self._limit, self._begin = limit, time.monotonic()
        self.share = 0.0
        """Of the work or of the time, whichever ends first, that is done."""

    def update(self, iteration: Iteration) -> timedelta:
        """Time left after ``iteration``. The first iteration of a process, which compiles kernels, does not count."""
        if self._iterations > 0:
            self._seconds += iteration.seconds
        self._iterations += 1
        pace = self._seconds / (self._iterations - 1) if self._iterations > 1 else iteration.seconds
        left, self.share = pace * (iteration.total - iteration.index), iteration.index / iteration.total
        if self._limit is not None:
            spent = time.monotonic() - self._begin
            if self._limit - spent < left:
                left, self.share = max(self._limit - spent, 0.0), min(spent / self._limit, 1.0)
        return timedelta(seconds=round(left))


def summary(iteration: Iteration, left: timedelta) -> str:
    """One line: iteration, time left, pace, reward, levels, way points."""
    s = iteration.scalars
    parts = [
        f"iteration {iteration.index}/{iteration.total}",
        f"left {left}",
        f"{s['Perf/steps_per_second']:,.0f} steps/s",
        f"std {s['Policy/mean_std']:.2f}",
    ]
    if "Train/mean_reward" in s:
        parts.append(f"reward {s['Train/mean_reward']:.2f}")
        parts.append(f"length {s['Train/mean_episode_length']:.0f}")
    for title, prefix in (("level", LEVEL), ("way points", WAY_POINTS)):
        if values := with_prefix(s, prefix):
            parts.append(f"{title} " + " ".join(f"{name} {value:.2f}" for name, value in values.items()))
    parts.append("loss " + " ".join(f"{name} {value:.3g}" for name, value in _losses(s).items()))
    return " | ".join(parts)


def _broken(text: str, width: int) -> list[str]:
    """A summary in lines, which begin with its parts where they can."""
    lines = [""]
    for part in text.split(" | "):
        joined = f"{lines[-1]} | {part}" if lines[-1] else part
        if len(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(f"  {part}")
    return [piece for line in lines for piece in textwrap.wrap(line, width, subsequent_indent="    ")]


class PlainProgress:
    """Lines of text: the first and last iteration, and one every so many seconds."""

    def __init__(self, console: Console, every: float, remaining: Remaining) -> None:
        self._console, self._every, self._remaining = console, every, remaining
        self._last = float("-inf")

    def on_iteration(self, iteration: Iteration) -> None:
        left = self._remaining.update(iteration)
        now = time.monotonic()
        if now - self._last >= self._every or iteration.index == iteration.total:
            self._last = now
            width = self._console.width if "COLUMNS" in os.environ else None
            text = summary(iteration, left)
            for line in [text] if width is None else _broken(text, width):
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        pass


class LiveProgress:
    """A table that is redrawn after each iteration."""

    def __init__(self, console: Console, remaining: Remaining) -> None:
        self._remaining = remaining
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._seen: dict[str, float] = {}

    def on_iteration(self, iteration: Iteration) -> None:
        left = self._remaining.update(iteration)
        if not self._live.is_started:
            self._live.start()
        # Terrains of which no episode ended in this iteration show what they last had.
        self._seen.update(iteration.scalars)
        self._live.update(self._draw(iteration, left), refresh=True)

    def close(self) -> None:
        if self._live.is_started:
            self._live.stop()

    def _draw(self, iteration: Iteration, left: timedelta) -> RenderableType:
        s = self._seen
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"iteration {iteration.index}/{iteration.total}", style="bold"),
            ProgressBar(total=1.0, completed=self._remaining.share, width=24),
            f"{left} left",
        )
        spent = timedelta(seconds=round(iteration.total_seconds))
        pace = [
            f"{s['Perf/steps_per_second']:,.0f} steps/s",
            f"{iteration.total_steps / 1e6:,.1f} M steps in {spent}",
        ]
        width = self._live.console.width
        return Group(head, _row(pace, width), _terrain_table(s), *_numbers(s, width))


def _terrain_table(s: Mapping[str, float]) -> RenderableType:
    levels, points, successes = (with_prefix(s, prefix) for prefix in (LEVEL, WAY_POINTS, SUCCESS))
    if not levels:
        return Text("")
    table = Table("terrain", "level", "way points", "success", box=None, padding=(0, 2), header_style="dim")
    for name, level in levels.items():
        table.add_row(name, f"{level:.2f}", _number(points, name), _number(successes, name))
    return table


def _numbers(s: Mapping[str, float], width: int) -> Iterator[RenderableType]:
    reward = f"{s['Train/mean_reward']:.2f}" if "Train/mean_reward" in s else "–"
    length = f"{s['Train/mean_episode_length']:.0f}" if "Train/mean_episode_length" in s else "–"
    std, rate = f"{s['Policy/mean_std']:.2f}", f"{s['Loss/learning_rate']:.1e}"
    labelled = {"reward": reward, "length": length, "action std": std, "learning rate": rate}
    yield _row([Text.assemble((name, "dim"), f" {value}") for name, value in labelled.items()], width)
    yield _row([Text.assemble((name, "dim"), f" {value:.3g}") for name, value in _losses(s).items()], width)


def _row(items: Sequence[Text | str], width: int) -> RenderableType:
    """Side by side, in as many lines as the terminal needs; none of them is split."""
    lines = [Text()]
    for item in items:
        if lines[-1].plain and len(lines[-1].plain) + 2 + len(item) > width:
            lines.append(Text())
        lines[-1].append("  " if lines[-1].plain else "").append(item)
    return Text("\n").join(lines)


def _losses(s: Mapping[str, float]) -> dict[str, float]:
    losses = with_prefix(s, LOSS)
    losses.pop("learning_rate", None)
    return losses


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.2f}" if name in values else "–"
