"""Films while a run trains: every so many iterations another process films the networks as they are then.

Training neither waits for it nor shares anything with it: no environment, no GPU, no random numbers. One film is made
at a time.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from parkour.child_process import python_command, python_environment
from parkour.environment import PROCESSES
from parkour.errors import ParkourError
from parkour.learning.iteration import Iteration
from parkour.learning.peers import LAUNCHER
from parkour.policies.checkpoint import Checkpoint, slim
from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.checkpoint_folder import checkpoint_path, checkpoints_of
from parkour.storage import remove_parts

FOLDER = "videos"
"""Of the films, in the run folder."""
PROGRAM = "parkour.viewing.film_process"
"""A module above this one, so it is only ever named; see there for its arguments."""
SECONDS = 6.0
"""Of a film; without a GPU, half a minute of a processor makes it."""
LONGEST = 900.0
"""What a film may take [s]."""
LAST = 120.0
"""How long a run that is over waits for its last film [s]."""
TICK = 0.2


@dataclass
class _Film:
    """One that is being made."""

    iteration: int
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    weights: Path
    file: Path
    begun: float


class Filmer:
    """Starts films and says what became of them; a listener of the first process.

    Args:
        run: its folder.
        every: iterations from film to film.
        capture: the networks as they are now.
        engine: that plays them.
        engine_options: of the engine's own.
        notify: told in a line of films, and of what could not be filmed.
        program: the module that makes a film.
    """

    def __init__(
        self, run: Path, every: int, capture: Callable[[], Checkpoint], engine: str, engine_options: Mapping[str, str],
        notify: Callable[[str], None], program: str = PROGRAM,
    ) -> None:  # fmt: skip
        self._folder, self._every, self._capture = run / FOLDER, every, capture
        self._engine, self._options = engine, [f"{name}={value}" for name, value in engine_options.items()]
        self._notify, self._program = notify, program
        self._film: _Film | None = None
        self._skipped = False

    def on_iteration(self, iteration: Iteration) -> None:
        self._look()
        if iteration.index % self._every:
            return
        if self._film is None:
            self._try_to_begin(iteration.index)
        elif not self._skipped:
            self._skipped = True
            self._notify(
                f"--video-interval: iteration {iteration.index} is not filmed, as that of {self._film.iteration} still "
                "is; so it will be with others"
            )

    def finish(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait for the last film, as the run is over, unless ``stop()``."""
        self._look()
        if self._film is not None:
            self._notify(f"waiting for the film of iteration {self._film.iteration}")
        end = time.monotonic() + LAST
        while self._film is not None and time.monotonic() < end and not stop():
            time.sleep(TICK)
            self._look()

    def close(self) -> None:
        """Give up the film that is being made."""
        if self._film is not None:
            self._film.process.kill()
            self._film.process.wait()
            self._end("the run ended before it was made")

    def _try_to_begin(self, iteration: int) -> None:
        try:
            self._film = self._begin(iteration)
        except (OSError, ParkourError) as error:
            self._notify(f"--video-interval: iteration {iteration} is not filmed ({error})")

    def _begin(self, iteration: int) -> _Film:
        if self._folder.is_symlink():  # To another run, whose checkpoints are no leftovers.
            raise ParkourError(f"{self._folder} is a link, expected a folder of the run's own")
        self._folder.mkdir(exist_ok=True)
        self._remove_leftovers()
        weights = checkpoint_path(self._folder, iteration)
        save_checkpoint(weights, slim(self._capture()))
        file = weights.with_suffix(".mp4")
        command = python_command(self._program, [str(weights), str(file), f"{SECONDS:g}", self._engine, *self._options])
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the film is over
        try:
            # A session of its own, so that Ctrl-C is ours alone.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, env=_environment(),
                start_new_session=True,
            )  # fmt: skip
        except BaseException:
            said.close()
            raise
        return _Film(iteration, process, said, weights, file, time.monotonic())

    def _remove_leftovers(self) -> None:
        """What a run that was killed left of its film."""
        for weights in checkpoints_of(self._folder):
            weights.unlink(missing_ok=True)
        remove_parts(self._folder)

    def _look(self) -> None:
        """Whether a film is over, or takes too long."""
        film = self._film
        if film is None:
            return
        if film.process.poll() is None:
            if time.monotonic() - film.begun < LONGEST:
                return
            film.process.kill()
            film.process.wait()
            self._end(f"it took longer than {LONGEST:g} s")
        elif film.process.returncode == 0 and film.file.is_file():
            self._end("")
        else:
            film.said.seek(0)
            self._end(_last_line(film.said.read(), film.process.returncode))

    def _end(self, reason: str) -> None:
        film, self._film = self._film, None
        assert film is not None
        film.said.close()
        with suppress(OSError):
            film.weights.unlink()
        if reason:
            remove_parts(self._folder)
            self._notify(f"--video-interval: iteration {film.iteration} is not filmed ({reason})")
        else:
            self._notify(f"video {film.file}")


def _environment() -> dict[str, str]:
    """Ours, but alone, on the CPU, with one thread."""
    ours = python_environment(CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    alone: Sequence[str] = (*PROCESSES, LAUNCHER, "MASTER_ADDR", "MASTER_PORT")
    return {name: value for name, value in ours.items() if name not in alone}


def _last_line(said: bytes, status: int) -> str:
    lines = said.decode(errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), f"status {status}")
