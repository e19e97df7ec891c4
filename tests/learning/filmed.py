"""One of several processes that train and film: ``MODULE FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from parkour.engines.device import rank
from parkour.learning import films
from tests.learning.fakes import fake_task, make_env
from tests.learning.runs import options, train


def main() -> None:
    films.Filmer.__init__.__defaults__ = ("tests.learning.fake_film",)
    done = train(fake_task(), options(Path(sys.argv[1]), video_interval=4), notify=print, make_env=make_env)
    print("end", rank(), done.iterations, flush=True)


if __name__ == "__main__":
    main()
