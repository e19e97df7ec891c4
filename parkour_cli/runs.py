"""``parkour runs``: which runs there are and how well they train, and checkpoints that nobody needs any more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.arguments import whole
from parkour.commands import JsonOption, make_app, notice, print_json, print_table
from parkour.commands.progress import loading
from parkour.errors import ParkourError
from parkour.stages import stage
from parkour_cli.runs_compare import compare

if TYPE_CHECKING:
    from parkour.learning.runs import Run

app = make_app("List runs, compare their curves, and remove checkpoints that nobody needs any more.")
app.command("compare")(compare)

LOGS = Path("logs")
LogRoot = Annotated[
    Path, typer.Option("--log-root", metavar="DIR", help="Where runs are looked for; an experiment's will do.")
]
Experiment = Annotated[
    str | None,
    typer.Option("--experiment", metavar="NAME", help="Folder of the runs looked through. [default: all]"),
]


@app.command("list")
def list_runs(log_root: LogRoot = LOGS, experiment: Experiment = None, as_json: JsonOption = False) -> None:
    """List runs, the newest last: task, iteration, success in training, size, commit."""
    with loading():
        from parkour.learning.runs import find_runs

    _check_place(log_root, experiment)
    with stage("looking through the runs"):
        runs = find_runs(log_root, experiment)
    if as_json:
        print_json({"runs": [run.as_dict() for run in runs]})
        return
    columns = ("run", "task", "iteration", "success", "best", "size", "commit")
    print_table("", columns, [_row(run) for run in runs])
    if not runs:
        notice(f"no run in {log_root}: parkour train go2-teacher makes one")


@app.command("prune")
def prune(
    log_root: LogRoot = LOGS,
    experiment: Experiment = None,
    keep: Annotated[int, typer.Option(metavar="N", help="Whole checkpoints that stay in each run.")] = 5,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. [default: show what would be done]")] = False,
    as_json: JsonOption = False,
) -> None:
    """Thin out the checkpoints of all runs: the last N stay, of the earlier ones every tenth, without optimizers.

    Runs that a process trains now are left alone.
    """
    whole("--keep", keep, 1)
    with loading():
        from parkour.learning.run_lock import in_use
        from parkour.policies.checkpoint_folder import experiment_folders, runs_of

    _check_place(log_root, experiment)
    rows: list[dict[str, Any]] = []
    runs = runs_of(experiment_folders(log_root, experiment))
    with stage("reading checkpoints, run", total=len(runs)) as looked:
        for run in runs:
            if in_use(run):
                notice(f"{run}: a process trains in it, left alone")
            elif row := _prune(run, keep, yes):
                rows.append(row)
            looked()
    if as_json:
        print_json({"done": yes, "runs": rows})
        return
    columns = ("run", "removed", "made slim", "files now")
    print_table("", columns, [(row["run"], row["removed"], row["slim"], _size(row["size"])) for row in rows])
    if yes:
        notice(f"freed {_size(sum(row['freed'] for row in rows))}")
    else:
        notice("nothing is done yet; do it with --yes" if rows else "there is nothing to remove")


def _check_place(log_root: Path, experiment: str | None) -> None:
    """Whether the folders are there that were named: that no run was trained yet is no error, a wrong name is one.

    Raises:
        ParkourError: one is not.
    """
    from parkour.policies.checkpoint_folder import experiment_folders

    if log_root != LOGS and not log_root.is_dir():
        raise ParkourError(f"--log-root: {log_root} is no folder", hint="without it, runs are looked for in logs")
    if experiment is None or any(folder.is_dir() for folder in experiment_folders(log_root, experiment)):
        return
    known = [folder.name for folder in experiment_folders(log_root)]
    raise ParkourError(f"--experiment: got {experiment!r}, expected {' or '.join(known) or 'none, as no run is there'}")


def _prune(run: Path, keep: int, do: bool) -> dict[str, Any] | None:
    """What is done, or would be; None where there is nothing to do."""
    from parkour.learning.retention import interval_of, thin, thinnings
    from parkour.learning.run_lock import RunLock
    from parkour.storage import remove_parts

    found = thinnings(run, keep, interval_of(run))
    freed = 0
    if do:
        with RunLock(run):
            remove_parts(run)
            freed = sum(thin(item) for item in found)
    if not found:
        return None
    return {
        "run": str(run), "removed": sum(not item.slims for item in found), "slim": sum(item.slims for item in found),
        "size": sum(item.size for item in found), "freed": freed,
    }  # fmt: skip


def _row(run: Run) -> tuple[str, ...]:
    done = "–" if run.iteration is None else str(run.iteration)
    total = "" if run.iterations is None else f" of {run.iterations}"
    best = "–" if run.best is None else f"{run.best.success:.2f} at {run.best.iteration}"
    return (
        str(run.path) + (" (trains)" if run.training else ""),
        run.task or "–",
        done + total,
        "–" if run.success is None else f"{run.success:.2f}",
        best,
        _size(run.size),
        run.commit[:8] or "–",
    )


def _size(count: int) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count = count / 1000  # type: ignore[assignment]
    return f"{count:.3g} GB"
