"""A training process of its own, for tests that end it: ``python -m tests.learning.worker LOG_ROOT ITERATIONS``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from parkour.quick_imports import uncollected

with uncollected():
    from parkour.learning.iteration import Iteration
    from parkour.learning.options import TrainOptions
    from parkour.learning.rescue import PeerLostError
    from parkour.learning.train import train
    from tests.learning.fakes import fake_task, make_env


def say(*words: object) -> None:
    """A line in one piece: ranks share the pipe, and an unbuffered ``print`` writes each word by itself."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Announcer:
    """Says when an iteration is done, and takes its time."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def on_iteration(self, iteration: Iteration) -> None:
        say("iteration", iteration.index)
        time.sleep(self.pause)

    def close(self) -> None:
        pass


def main() -> None:
    minutes = [float(word.removeprefix("minutes=")) for word in sys.argv if word.startswith("minutes=")]
    options = TrainOptions(
        num_envs=4, iterations=int(sys.argv[2]), save_interval=10**6 if "rare" in sys.argv else 2, device="cpu",
        log_root=Path(sys.argv[1]), logger="none", progress=False, resume="resume" in sys.argv,
        time_limit=minutes[0] if minutes else None,
    )  # fmt: skip
    pause = 0.0 if "fast" in sys.argv else 0.05
    try:
        result = train(fake_task(), options, notify=say, make_env=make_env, listeners=[Announcer(pause)])
    except PeerLostError:
        sys.exit(1)
    say("end", result.iterations, result.stopped or "done", result.checkpoint)
    if "threads" in sys.argv:
        say("threads", *(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")))


if __name__ == "__main__":
    main()
