"""Before the simulator is imported: what it may print, and where pictures are drawn without a display."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path

from parkour.errors import EngineError


def name_renderer() -> None:
    """Before anything imports mujoco: name a renderer that is there, where there is no display. Imports nothing."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", _headless_renderer())


def choose_renderer() -> None:
    """:func:`name_renderer`, and whether mujoco can be imported with it.

    Raises:
        EngineError: mujoco cannot be imported, with the renderer that the user named for one.
    """
    name_renderer()
    try:
        import mujoco  # noqa: F401
    # Whatever the library's loader makes of a renderer that is missing.
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        named = f" with MUJOCO_GL={name}" if (name := os.environ.get("MUJOCO_GL")) else ""
        raise EngineError(
            f"mujoco cannot be imported{named}: {' '.join(str(error).split()) or type(error).__name__}",
            hint="unset MUJOCO_GL, or install what it names (Debian: libegl1 for egl, libosmesa6 for osmesa)"
            if named
            else "parkour doctor compares its version with what the engine asks for",
        ) from error


def quiet_warp(device: str = "cuda", *, kernels: bool = True) -> None:
    """After mjlab is imported, if it is: no chatter of Warp's on the terminal unless ``PARKOUR_DEBUG`` is set.

    Args:
        device: where the environment will be; on a CPU nobody needs to hear that there is no GPU.
        kernels: whether the physics runs Warp's kernels: if none are compiled yet, one line says why the first step
            takes so long.
    """
    import warp

    if not _debugging():
        # Up to 1.13 ``quiet``, from then on a log level.
        warp.config.quiet = True  # pyright: ignore[reportAttributeAccessIssue]
        warp.config.log_level = logging.WARNING
        logging.getLogger("mjlab").setLevel(logging.WARNING)
    with _no_stderr() if device == "cpu" and not _debugging() else nullcontext():
        warp.init()
    if not kernels:
        return
    cache = warp.config.kernel_cache_dir
    if cache is None or not any(Path(cache).glob("*mujoco_warp*")):
        print("compiling the physics kernels; this happens once and takes a minute or two", file=sys.stderr)


def quiet_stdout() -> AbstractContextManager[object]:
    """Standard output belongs to the command that runs; mjlab prints tables there."""
    return nullcontext() if _debugging() else redirect_stdout(io.StringIO())


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Nothing on standard error, from C code neither."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # There is none.
        yield
        return
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _debugging() -> bool:
    return os.environ.get("PARKOUR_DEBUG", "") not in ("", "0")


def _headless_renderer() -> str:
    """``egl`` where the library is, else ``disabled``: importing mujoco fails when it names a missing library."""
    from ctypes.util import find_library

    return "egl" if find_library("EGL") else "disabled"
