"""Python in a process of its own, which imports what is installed and nothing that lies in the working folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

SAFE_PATH = "PYTHONSAFEPATH"
"""Keeps the working folder off the path of a Python and of those that it starts."""


def python_command(module: str, arguments: Sequence[str]) -> list[str]:
    """``python -m module arguments``, without the working folder on the path.

    Plain ``-m`` puts that folder first: a file ``tomllib.py`` beside the user would run in place of the library.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(**more: str) -> dict[str, str]:
    """This process's environment with ``more``, for :func:`python_command`; those that it starts are as careful."""
    environment: Mapping[str, str] = os.environ
    return {**environment, SAFE_PATH: "1", **more}
