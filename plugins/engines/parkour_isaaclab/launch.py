"""What happens before Isaac Lab is imported: standard output stays the command's, and films find a renderer."""

from __future__ import annotations

import io
import os
import sys
import warnings
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from ctypes.util import find_library

STDOUT, STDERR = 1, 2
"""The process's own descriptors."""


HARMLESS = (
    "In Newton, body com pose always has unit quaternion",
    "Opacity data contains",
    "Newton shape color replacement is enabled",
)
"""How warnings begin that Isaac Lab gives in every run, whatever is simulated."""


def prepare() -> None:
    """All of it; once is enough."""
    divert_native_stdout()
    choose_renderer()
    ignore_harmless_warnings()


def ignore_harmless_warnings() -> None:
    """They would hide those that matter."""
    for beginning in HARMLESS:
        warnings.filterwarnings("ignore", message=beginning)


def quiet_stdout() -> AbstractContextManager[object]:
    """Isaac Lab's Python prints on standard output while it makes an environment."""
    return nullcontext() if os.environ.get("PARKOUR_DEBUG", "") not in ("", "0") else redirect_stdout(io.StringIO())


def choose_renderer() -> None:
    """Without a display films need EGL, and MuJoCo, which Newton imports, must hear of it before."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", "egl" if find_library("EGL") else "disabled")


def divert_native_stdout() -> None:
    """From now on what simulators print past Python goes to standard error; once is enough.

    PhysX warns there in the middle of a run, which would end up in the JSON of ``--json``.
    """
    try:
        if sys.stdout.fileno() != STDOUT:
            return
    except (OSError, ValueError, AttributeError):  # a stream of somebody's own, as under tests
        return
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(STDOUT), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, buffering=1)
    os.dup2(STDERR, STDOUT)
