"""``parkour eval --protocol gauntlet``: a policy clean and under every degradation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parkour.commands import console, notice
from parkour.commands.progress import DRAWING
from parkour.stages import stage
from parkour_cli.episode_bar import episode_bar

if TYPE_CHECKING:
    from parkour.evaluation.evaluate import Evaluation, EvaluationOptions
    from parkour.evaluation.gauntlet import Gauntlet
    from parkour.policies.source import Weights


def run_and_show(
    weights: Weights, options: EvaluationOptions, only: Sequence[str], json_out: Path | None, plots: Path | None,
    html: Path | None,
) -> None:  # fmt: skip
    """Run it, print the table, write the files that are wanted.

    Raises:
        ParkourError: see :func:`parkour.evaluation.gauntlet.run_gauntlet`.
    """
    from parkour.evaluation.gauntlet_report import gauntlet_as_json, gauntlet_page, gauntlet_tables
    from parkour.evaluation.report import write_json, write_text

    result = _run(weights, options, [name for names in only for name in names.split(",") if name])
    screen = console()
    for table in gauntlet_tables(result, screen.width):
        screen.print(table)
    if json_out is not None:
        write_json(json_out, gauntlet_as_json(result))
        notice(f"figures: {json_out}")
    if plots is None and html is None:
        return
    from parkour.evaluation.gauntlet_plot import gauntlet_figures
    from parkour.evaluation.plots import write_figures

    with stage(DRAWING):
        figures = gauntlet_figures(result)
    if plots is not None:
        notice(f"plots: {', '.join(str(path) for path in write_figures(plots, figures))}")
    if html is not None:
        write_text(html, gauntlet_page(result, figures), "--html")
        notice(f"report: {html}")


def _run(weights: Weights, options: EvaluationOptions, only: Sequence[str]) -> Gauntlet:
    """With its progress on stderr: a bar, and a line for each result."""
    from parkour.evaluation.gauntlet import run_gauntlet

    notice(f"{weights.label} ({weights.path})")
    start = time.monotonic()
    with episode_bar() as bar:
        place = ""

        def begin(number: int, count: int, name: str) -> None:
            nonlocal place
            place = f"{number + 1}/{count} {name}"
            bar.begin(f"{place}: ")

        def scored(evaluation: Evaluation) -> None:
            success = evaluation.breakdown.overall.metrics["success"].mean
            notice(f"{place}: success {success:.2f}, after {time.monotonic() - start:.0f} s")

        return run_gauntlet(
            weights, options, only=only, on_trial=begin, on_scored=scored, on_progress=bar.report, notify=notice
        )
