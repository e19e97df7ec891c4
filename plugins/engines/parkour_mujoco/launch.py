"""Before the simulator is imported: what it may print, and where pictures are drawn without a display."""

from __future__ import annotations

import logging
import os
import sys


def quiet_warp() -> None:
    """Keep kernel-compilation chatter off the terminal; ``PARKOUR_DEBUG=1`` lets it through."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", _headless_renderer())
    if os.environ.get("PARKOUR_DEBUG"):
        return
    import warp

    warp.config.quiet = True
    logging.getLogger("mjlab").setLevel(logging.WARNING)


def _headless_renderer() -> str:
    """``egl`` where the library is, else ``disabled``: importing mujoco fails when it names a missing library."""
    from ctypes.util import find_library

    return "egl" if find_library("EGL") else "disabled"
