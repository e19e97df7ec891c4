"""Weights & Biases."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from parkour import Iteration, LoggerContext, ParkourError
from parkour.reading import MalformedError, read_text
from parkour.storage import write_text

WANDB_FILE = "wandb_id.txt"
_WANDB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class WandbLogger:
    """A run at Weights & Biases; the only thing here that uses the network, and only when asked for.

    Its id is kept in the run folder, so that a run that resumes is one run there too.
    """

    def __init__(self, context: LoggerContext) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ParkourError(
                "--logger wandb needs the package wandb, which is not installed",
                hint="pip install wandb, or --logger tensorboard",
            ) from None
        run = context.run
        try:
            self._run = wandb.init(
                project=context.project, name=run.name, dir=str(run), config=dict(context.config), id=wandb_id(run),
                resume="allow",
            )  # fmt: skip
        except wandb.Error as error:
            raise ParkourError(
                f"--logger wandb: {error}", hint="wandb login, or WANDB_MODE=offline, or --logger tensorboard"
            ) from error

    def on_iteration(self, iteration: Iteration) -> None:
        self._run.log(dict(iteration.scalars), step=iteration.index)

    def close(self) -> None:
        self._run.finish()


def wandb_id(run: Path) -> str:
    """The id that the run folder keeps, or a new one, kept from now on."""
    path = run / WANDB_FILE
    try:
        kept = read_text(path).strip()
    except (OSError, MalformedError):
        kept = ""
    if _WANDB_ID.fullmatch(kept):  # wandb makes paths and addresses of it.
        return kept
    made = secrets.token_hex(4)
    write_text(path, f"{made}\n", "--log-root")
    return made
