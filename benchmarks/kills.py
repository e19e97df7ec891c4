"""Kill training runs and resume them: ``python benchmarks/kills.py [--kills 100] [--hangups 100] [--ranks 20]``.

Real runs of ``parkour train go2-teacher`` on a CPU with 8 robots, in three series, each in one run folder: SIGKILL,
SIGHUP, and SIGKILL to one of two processes that train together, at random moments from the start on. After each the
folder is looked at, and the run is resumed. A table says how many folders could not be used, which files were left,
and whether ``metrics.jsonl`` had a row for each iteration and no other. Exit status 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from processes import PATIENCE, alive, children, ended, fork, prepare, wait

TASK = "go2-teacher"
SMALL = (
    "--num-envs", "8", "--set", "algorithm.steps_per_env=8", "--set", "algorithm.params.epochs=2",
)  # fmt: skip
EVERY_TIME = ("--device", "cpu", "--logger", "none", "--save-interval", "1")
FOREVER = 10**6
"""Iterations that no run of these reaches."""
SPREAD = 3.0
"""Signals come within so long of the first iteration of their process [s]..."""
EARLY = 0.2
"""...or, this share of them, at any moment before it."""
KEPT = 4
"""Checkpoints left in the folder, so that the disk does not fill."""


@dataclass
class Tally:
    """What became of a series."""

    series: str
    signals: int = 0
    while_training: int = 0
    """Signals that came after the first iteration of their process."""
    iterations: int = 0
    unusable_folders: int = 0
    """No checkpoint can be read, or the run does not resume."""
    damaged_checkpoints: int = 0
    lost_iterations: int = 0
    """Rows that the metrics lack or have twice, over all looks; and, after SIGHUP, iterations without checkpoint."""
    unfinished_files: int = 0
    """That the signals left, of which resumption removes..."""
    leftover_files: int = 0
    """...all but these."""
    wrong_endings: int = 0
    """Exit status or words other than they should be."""
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        bad = (self.unusable_folders, self.damaged_checkpoints, self.lost_iterations)
        return not any((*bad, self.leftover_files, self.wrong_endings))


class Series:
    """Runs of one folder.

    Args:
        name: what is done to them.
        root: of their logs.
        dice: of the moments.
        gpus: processes that train together.
    """

    def __init__(self, name: str, root: Path, dice: random.Random, gpus: int = 1) -> None:
        self.tally, self.root, self.dice, self.gpus = Tally(name), root, dice, gpus
        self.log = root / "log.txt"
        root.mkdir(parents=True)
        self.log.touch()
        self.folder: Path | None = None
        """Of the run, once it has trained."""
        self._said = 0
        """Bytes of the log before the process."""
        self._startup = 5.0
        """How long the last process took to its first iteration [s]."""

    def start(self, iterations: int = FOREVER) -> int:
        """Begin or resume the run; the process."""
        more = () if self.gpus == 1 else ("--gpus", str(self.gpus))
        begin = ("--resume", "--run", str(self.folder)) if self.folder else (TASK, *SMALL, "--log-root", str(self.root))
        self._said = self.log.stat().st_size
        return fork(["train", *begin, *more, *EVERY_TIME, "--iterations", str(iterations)], self.log)

    def wait_for_a_moment(self, pid: int, early: float = EARLY) -> None:
        """Until a random moment of the process."""
        begin, said = time.monotonic(), self._said
        delay = self.dice.uniform(0.0, self._startup) if self.folder and self.dice.random() < early else PATIENCE
        while time.monotonic() - begin < delay:
            if b"\niteration " in self.log.read_bytes()[said:]:
                self._startup = time.monotonic() - begin
                self.folder = next(self.root.glob("rsl_rl/*/*"))
                self._look_for_leftovers(pid)
                self.tally.while_training += 1
                time.sleep(self.dice.uniform(0.0, SPREAD))
                return
            if ended(pid):
                break
            time.sleep(0.01)
        if delay == PATIENCE or ended(pid):
            self.tally.unusable_folders += 1
            spent = time.monotonic() - begin
            raise RuntimeError(f"{self.tally}: no training after {spent:.0f} s: {self.log.read_text()[said:]}")

    def _look_for_leftovers(self, pid: int) -> None:
        """Files of earlier processes that are still there when one trains."""
        assert self.folder is not None
        mine = {str(pid), *children(pid)}
        for path in unfinished(self.folder):
            if not mine & set(path.name.split(".")):
                self.tally.leftover_files += 1

    def look(self, *, saved_last: bool) -> None:
        """At the folder after a signal."""
        tally = self.tally
        tally.signals += 1
        if self.folder is None:
            return
        tally.unfinished_files += len(unfinished(self.folder))
        from parkour.errors import CheckpointError
        from parkour.policies.checkpoint_file import load_checkpoint

        found = checkpoints(self.folder)
        newest = 0
        for path in found[-KEPT:]:
            try:
                newest = load_checkpoint(path).iteration
            except CheckpointError:
                tally.damaged_checkpoints += 1
        if found and not newest:
            tally.unusable_folders += 1
        rows = iterations(self.folder)
        # The last one may be of an iteration whose checkpoint did not come to be.
        if rows != list(range(1, len(rows) + 1)) or len(rows) not in (
            (newest,) if saved_last else (newest, newest + 1)
        ):
            tally.lost_iterations += 1
        tally.iterations = newest
        for path in found[:-KEPT]:
            path.unlink()

    def finish(self) -> Tally:
        """Resume once more and train two iterations to the end."""
        total = self.tally.iterations + 2
        status = wait(self.start(total))
        assert self.folder is not None
        if status != 0:
            self.tally.unusable_folders += 1
        if iterations(self.folder) != list(range(1, total + 1)):
            self.tally.lost_iterations += 1
        self.tally.leftover_files += len(unfinished(self.folder)) + (self.folder / ".lock").exists()
        self.tally.iterations = total
        return self.tally


def kills(series: Series, count: int) -> Tally:
    """SIGKILL."""
    for _ in counted(series, count):
        pid = series.start()
        series.wait_for_a_moment(pid)
        os.kill(pid, signal.SIGKILL)
        wait(pid)
        series.look(saved_last=False)
    return series.finish()


def hangups(series: Series, count: int) -> Tally:
    """SIGHUP, after which a process saves and ends by itself."""
    for _ in counted(series, count):
        pid = series.start()
        before = series.tally.while_training
        series.wait_for_a_moment(pid)
        os.kill(pid, signal.SIGHUP)
        status = wait(pid)
        trained = series.tally.while_training > before
        if status != 128 + signal.SIGHUP and (trained or status != -signal.SIGHUP):
            series.tally.wrong_endings += 1
        series.look(saved_last=trained)
    return series.finish()


def lost_ranks(series: Series, count: int) -> Tally:
    """SIGKILL to one of the processes that train together."""
    for _ in counted(series, count):
        pid = series.start()
        series.wait_for_a_moment(pid, early=0.0)
        ranks = children(pid)
        lost = series.dice.randrange(len(ranks))
        said = series.log.stat().st_size
        os.kill(int(ranks[lost]), signal.SIGKILL)
        status = wait(pid)
        words = series.log.read_bytes()[said:].decode()
        error = [line for line in words.splitlines() if line.startswith("error: ")]
        named = len(error) == 1 and f"rank {lost} of {len(ranks)}" in error[0] and "saved the last networks" in error[0]
        if status != 1 or not named or "Traceback" in words or any(alive(int(rank)) for rank in ranks):
            series.tally.wrong_endings += 1
        series.look(saved_last=True)
    return series.finish()


def counted(series: Series, count: int) -> Iterator[int]:
    """Count, with a line now and then, and the time that it takes."""
    begin = time.monotonic()
    for number in range(count):
        yield number
        series.tally.seconds = time.monotonic() - begin
        if (number + 1) % 10 == 0:
            print(
                f"{series.tally.series}: {number + 1} of {count}, {asdict(series.tally)}", file=sys.stderr, flush=True
            )


def checkpoints(folder: Path) -> list[Path]:
    from parkour.policies.checkpoint_folder import checkpoints_of

    return checkpoints_of(folder)


def unfinished(folder: Path) -> list[Path]:
    """Files that somebody had begun to write."""
    return [path for path in folder.rglob(".*") if path.name != ".lock"]


def iterations(folder: Path) -> list[int]:
    """Of the rows of the metrics; a last one that was cut off is none."""
    lines = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    return [json.loads(line)["iteration"] for line in lines if line.endswith(b"\n")]


def table(tallies: Sequence[Tally]) -> str:
    """As Markdown, a column for each series."""
    names = [name for name in asdict(tallies[0]) if name != "series"]
    head = ["| | " + " | ".join(tally.series for tally in tallies) + " |", "|---|" + "---|" * len(tallies)]
    rows = [
        f"| {name.replace('_', ' ')} | " + " | ".join(f"{getattr(tally, name):g}" for tally in tallies) + " |"
        for name in names
    ]
    return "\n".join([*head, *rows])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--hangups", type=int, default=100)
    parser.add_argument("--ranks", type=int, default=20, help="kills of one of two processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    prepare()
    from parkour.storage import write_text

    tallies: list[Tally] = []
    with tempfile.TemporaryDirectory() as folder:
        root, dice = Path(folder), random.Random(options.seed)
        for name, attempt, count, gpus in (
            ("SIGKILL", kills, options.kills, 1),
            ("SIGHUP", hangups, options.hangups, 1),
            ("SIGKILL to one of two", lost_ranks, options.ranks, 2),
        ):
            if count:
                tallies.append(attempt(Series(name, root / attempt.__name__, dice, gpus), count))
                if options.out:
                    figures = [asdict(tally) for tally in tallies]
                    write_text(options.out, json.dumps(figures, indent=1) + "\n", "--out")
    print(table(tallies))
    return 0 if all(tally.clean for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
