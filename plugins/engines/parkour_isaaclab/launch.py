"""Isaac Sim is started first; only then may Isaac Lab be imported."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from typing import Any

from parkour_isaaclab.install import add_sources

_app: Any = None


def launch(*, device: str, headless: bool = True, cameras: bool = False) -> None:
    """Start Isaac Sim, once per process; does nothing where it runs already (a script of Isaac Lab's started it).

    Args:
        device: where physics runs.
        headless: without a window.
        cameras: whether pictures will be rendered. Policies' depth images are not: they are cast against the course's
            boxes, so a student trains without.
    """
    global _app
    add_sources()
    if _app is not None or _is_running():
        return
    from isaaclab.app import AppLauncher

    with _own_arguments():
        # Isaac Lab's own scripts say "video" too where they film the viewport.
        _app = AppLauncher(headless=headless, enable_cameras=cameras, video=cameras, device=device).app
    atexit.register(_app.close)


def quiet_stdout() -> AbstractContextManager[object]:
    """Standard output belongs to the command that runs; Isaac Sim and Isaac Lab print there."""
    return nullcontext() if os.environ.get("PARKOUR_DEBUG", "") not in ("", "0") else redirect_stdout(io.StringIO())


def _is_running() -> bool:
    """Whether Kit runs in this process: its application interface can only be imported then."""
    if "omni.kit.app" not in sys.modules:
        return False
    import omni.kit.app

    return omni.kit.app.get_app() is not None and "isaaclab.app" in sys.modules


@contextmanager
def _own_arguments() -> Iterator[None]:
    """Kit reads the command line, which is ours; and the launcher puts the original standard output back in place."""
    stdout, arguments = sys.stdout, sys.argv
    sys.argv = arguments[:1]
    try:
        yield
    finally:
        sys.stdout, sys.argv = stdout, arguments
