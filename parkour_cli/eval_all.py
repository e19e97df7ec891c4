"""``parkour eval --all``: every checkpoint of a run, and success over iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from parkour.commands import notice, print_figures
from parkour.errors import ParkourError
from parkour_cli.scoring import Figures, ReportOptions

if TYPE_CHECKING:
    from parkour.evaluation.evaluate import Evaluation
    from parkour.policies.source import PolicySource, Weights


def run_and_show(source: PolicySource, evaluate: Callable[[Weights], Evaluation], report: ReportOptions) -> None:
    """Score them, print the table, write the files that are wanted.

    Raises:
        ParkourError: options that make no sense with all of a run, or a checkpoint that cannot be scored.
        CheckpointError: there is no run, or none of its checkpoints can be read.
    """
    from parkour.evaluation.curve import curve_as_json, curve_columns, curve_page, curve_rows, evaluate_run
    from parkour.policies.source import find_checkpoint, task_named

    for option, value in (("--checkpoint", source.checkpoint), ("--pretrained", source.pretrained)):
        if value:
            raise ParkourError(f"got --all and {option}, expected one of them: --all scores a run (--run DIR)")
    task_name, stage = task_named(source.task)
    run = find_checkpoint(replace(source, task=None), task_name, stage).parent
    result = evaluate_run(run, evaluate, notice)
    with report.tables():
        print_figures("success over iterations", curve_columns(result), curve_rows(result))

    def draw() -> Figures:  # Imports what draws, which takes longer than to draw.
        from parkour.evaluation.curve_plot import curve_figures

        return curve_figures(result)

    report.write(lambda: curve_as_json(result), draw, lambda figures: curve_page(result, figures))
