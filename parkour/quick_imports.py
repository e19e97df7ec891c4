"""Imports of others that are quicker without what nobody here needs."""

from __future__ import annotations

import importlib
import sys


def import_rsl_rl() -> None:
    """Import rsl-rl without wandb, if it is not imported yet.

    It imports wandb, where that is installed, for a writer of logs that this project does not use
    (:mod:`parkour.learning.logging` has its own): up to a quarter of all imports.
    """
    if "rsl_rl.utils" in sys.modules or "wandb" in sys.modules:
        return
    sys.modules["wandb"] = None  # type: ignore[assignment] - says that there is none
    try:
        importlib.import_module("rsl_rl.utils")
    finally:
        del sys.modules["wandb"]
