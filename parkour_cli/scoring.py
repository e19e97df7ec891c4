"""What ``parkour eval`` takes besides the policy and its task: how to score, and where to write what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import console, notice
from parkour.commands.progress import DRAWING, loading
from parkour.errors import ParkourError
from parkour.stages import stage
from parkour_cli.options import SEED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from parkour.evaluation.evaluate import EvaluationOptions
    from parkour.evaluation.protocol import TaskChanges

Figures = dict[str, bytes]
"""PNG files by name."""


@dataclass(frozen=True)
class ScoringOptions:
    """How a policy is scored."""

    protocol: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="course: 0.8 m/s, 30 s, all difficulties evenly on every terrain. "
            "reference: 0.3 to 0.8 m/s, 20 s, 5 x 5 patches. "
            "gauntlet: course, clean and under every degradation of camera and body. "
            "Or one of a plugin.",
        ),
    ] = "course"
    only: Annotated[
        list[str],
        typer.Option(
            "--only",
            metavar="NAME,…",
            help="Gauntlet: these degradations alone, and clean. [default: all]",
            show_default=False,
        ),
    ] = field(default_factory=list)
    num_envs: Annotated[int, typer.Option(help="Parallel environments.")] = 256
    steps: Annotated[
        int, typer.Option(help="Control steps of each environment at least, in whole episodes (course: 1500 each).")
    ] = 1500
    seed: Annotated[int, SEED] = 1
    blank_depth: Annotated[
        bool, typer.Option("--blank-depth", help="Students: show the policy nothing but far distances.")
    ] = False

    def evaluation(
        self, changes: TaskChanges, device: str | None, engine: str | None, engine_options: Mapping[str, Any]
    ) -> EvaluationOptions:
        """For :func:`parkour.evaluation.evaluate.evaluate`, with what other groups of options say.

        Raises:
            ParkourError: the options contradict each other, or a number cannot be.
        """
        with loading():
            from parkour.evaluation.evaluate import EvaluationOptions, check_options

        options = EvaluationOptions(
            self.protocol, self.num_envs, self.steps, self.seed, device, engine, self.blank_depth, changes,
            engine_options,
        )  # fmt: skip
        degraded = check_options(options).degraded
        if self.only and not degraded:
            raise ParkourError(f"--only: got it with --protocol {self.protocol}, expected --protocol gauntlet")
        if self.only and not self.degradations:
            raise ParkourError(
                f"--only: got {','.join(self.only)!r}, expected names of degradations",
                hint="parkour plugins list --kind degradation",
            )
        return options

    @property
    def degradations(self) -> list[str]:
        """Names of those that are wanted; all when empty."""
        return [name for names in self.only for name in names.split(",") if name]


@dataclass(frozen=True)
class ReportOptions:
    """Where figures, plots and a page are written; nowhere unless asked to."""

    json_out: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all figures here; -: stdout, and tables go to stderr."),
    ] = None
    plots: Annotated[Path | None, typer.Option(metavar="DIR", help="Write PNG plots into this folder.")] = None
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report as one web page, pictures inside.")
    ] = None

    @property
    def piped(self) -> bool:
        """Whether stdout is for the JSON alone."""
        return self.json_out == Path("-")

    def tables(self) -> AbstractContextManager[object]:
        """While tables are printed: they go to stderr where stdout is for the JSON alone."""
        return redirect_stdout(sys.stderr) if self.piped else nullcontext()

    def show(self, tables: Callable[[int], Iterable[RenderableType]]) -> None:
        """Print tables that are made for a width, and the notes below them, broken between words."""
        with self.tables():
            screen = console()
            for table in tables(screen.width):
                screen.print(table, soft_wrap=False)

    def check(self) -> None:
        """Try the files, before anything slow happens.

        Raises:
            StorageError: one cannot be written.
        """
        from parkour.storage import check_writable

        for option, path in (("--json", self.json_out), ("--html", self.html), ("--plots", self.plots)):
            if path is not None and not (option == "--json" and self.piped):
                check_writable(path, option, folder=path is self.plots)

    def write(
        self,
        data: Callable[[], dict[str, Any]],
        draw: Callable[[], Figures],
        page: Callable[[Figures], str],
        more: Mapping[str, Callable[[], Figures]] | None = None,
    ) -> None:
        """Write what is wanted, and tell where it is. Nothing is drawn that is not.

        Args:
            data: all figures, for JSON.
            draw: the plots.
            page: the page, given the plots.
            more: plots that the page has not, by the prefix of their files.

        Raises:
            StorageError: a file cannot be written.
        """
        from parkour.storage import write_text

        if self.json_out is not None:
            from parkour.evaluation.report import json_text, write_json

            if self.piped:
                print(json_text(data()), end="")
            else:
                write_json(self.json_out, data())
                notice(f"figures: {self.json_out}")
        drawn: dict[str, Figures] = {}
        undrawn: ParkourError | None = None
        if self.plots is not None or self.html is not None:
            drawn, undrawn = _drawn({"": draw, **(more or {} if self.plots is not None else {})})
        if self.plots is not None and undrawn is None:
            from parkour.evaluation.plots import write_figures

            paths = [path for prefix, figures in drawn.items() for path in write_figures(self.plots, figures, prefix)]
            notice(f"plots: {', '.join(str(path) for path in paths)}")
        if self.html is not None:
            write_text(self.html, page(drawn.get("", {})), "--html")
            notice(f"report: {self.html}")
        if undrawn is not None:
            if self.plots is not None:
                raise undrawn
            notice(f"warning: {undrawn.message}; the report has no pictures")


def _drawn(wanted: Mapping[str, Callable[[], Figures]]) -> tuple[dict[str, Figures], ParkourError | None]:
    """Pictures by prefix, and what went wrong: then none. What was measured is worth more than its pictures.

    Matplotlib fails in ways of its own, such as beside an IPython of another age.
    """
    try:
        with stage(DRAWING):
            return {prefix: draw() for prefix, draw in wanted.items()}, None
    except ParkourError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        return {}, ParkourError(
            f"nothing could be drawn: {type(error).__name__}: {reason}",
            hint="all figures are in what --json writes; see whether matplotlib works in this environment",
        )
