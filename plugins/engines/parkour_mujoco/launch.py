"""Before the simulator is imported: what it may print, and where pictures are drawn without a display."""

from __future__ import annotations

import logging
import os
import sys


def choose_renderer() -> None:
    """Before mujoco is imported: name a renderer that is there when there is no display."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", _headless_renderer())


def quiet_warp() -> None:
    """After mjlab is imported, which sets it up: keep kernel chatter off the terminal unless ``PARKOUR_DEBUG`` is set."""
    if os.environ.get("PARKOUR_DEBUG"):
        return
    import warp

    warp.config.quiet = True
    logging.getLogger("mjlab").setLevel(logging.WARNING)


def _headless_renderer() -> str:
    """``egl`` where the library is, else ``disabled``: importing mujoco fails when it names a missing library."""
    from ctypes.util import find_library

    return "egl" if find_library("EGL") else "disabled"
