"""``parkour eval --protocol gauntlet``: a policy clean and under every degradation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from parkour.commands import notice
from parkour_cli.episode_bar import episode_bar
from parkour_cli.scoring import Figures, ReportOptions

if TYPE_CHECKING:
    from parkour.evaluation.evaluate import Evaluation, EvaluationOptions
    from parkour.evaluation.gauntlet import Gauntlet
    from parkour.policies.source import Weights


def run_and_show(weights: Weights, options: EvaluationOptions, only: Sequence[str], report: ReportOptions) -> None:
    """Run it, print the table, write the files that are wanted.

    Raises:
        ParkourError: see :func:`parkour.evaluation.gauntlet.run_gauntlet`.
    """
    from parkour.evaluation.evaluate import check_fit
    from parkour.evaluation.gauntlet_report import gauntlet_as_json, gauntlet_page, gauntlet_tables

    evaluations: list[Evaluation] = []
    result = _run(weights, options, only, evaluations)
    report.show(lambda width: gauntlet_tables(result, width))

    def draw() -> Figures:  # Imports what draws, which takes longer than to draw.
        from parkour.evaluation.gauntlet_plot import gauntlet_figures

        return gauntlet_figures(result)

    report.write(lambda: gauntlet_as_json(result), draw, lambda figures: gauntlet_page(result, figures))
    check_fit(evaluations)


def _run(weights: Weights, options: EvaluationOptions, only: Sequence[str], evaluations: list[Evaluation]) -> Gauntlet:
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
            evaluations.append(evaluation)
            success = evaluation.breakdown.overall.metrics["success"].mean
            notice(f"{place}: success {success:.2f}, after {time.monotonic() - start:.0f} s")

        return run_gauntlet(
            weights, options, only=only, on_trial=begin, on_scored=scored, on_progress=bar.report, notify=notice
        )
