"""Warp compiles kernels when they are first used, for minutes: that is said, and no more are compiled than are used."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any

import warp as wp

from parkour.commands import notice

POLL, REPEAT = 1.0, 60.0
"""How often it is looked whether kernels are being compiled, and for how long a line about it holds [s]."""


class CompileNotice:
    """Says on standard error that kernels are being compiled, if they are: at once, and again each minute.

    Args:
        folder: where compiled kernels are kept. Each that is compiled changes what is in it.
        poll: how often that is looked at [s].
    """

    def __init__(self, folder: Path, poll: float = POLL) -> None:
        self._folder, self._poll = folder, poll
        self._over = threading.Event()
        self._begin = time.monotonic()
        self._before = self._changed()
        threading.Thread(target=self._watch, name="compile notice", daemon=True).start()

    def stop(self) -> None:
        """All that is needed is compiled. May be called again; takes no time."""
        self._over.set()

    def _watch(self) -> None:
        said = None
        while not self._over.wait(self._poll):
            now = self._changed()
            if now == self._before:
                continue
            self._before, moment = now, time.monotonic()
            if said is None:
                notice(f"compiling kernels; this happens once and takes some minutes (kept in {self._folder})")
            elif moment - said < REPEAT:
                continue
            else:
                notice(f"still compiling kernels, {(moment - self._begin) / 60:.0f} min")
            said = moment

    def _changed(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:  # Nothing was ever compiled.
            return 0


def kernel_folder() -> Path:
    """Where Warp keeps compiled kernels."""
    wp.init()
    return Path(str(wp.config.kernel_cache_dir))


@cache
def load_own_kernels_only() -> None:
    """Have the motors on PhysX load their own kernels before they are captured, not those of all imported modules.

    Isaac Lab 3.0 asks Warp for all of them (``force_module_load``), solvers of cloth and fluids among them, whose
    compilation takes minutes on a GPU. It has no option for it, so the one method is wrapped; if a version has it no
    longer, nothing is changed. To be called before the first step.
    """
    from isaaclab.actuators.newton.physx_runtime import PhysxActuatorRuntime

    name = "_capture_native_actuator_graphs"
    if (capture := vars(PhysxActuatorRuntime).get(name)) is not None:
        setattr(PhysxActuatorRuntime, name, _after_own_kernels(capture))


def _after_own_kernels(capture: Callable[..., None]) -> Callable[..., None]:
    @wraps(capture)
    def wrapped(runtime: Any, collection: Any, dt: float) -> None:
        # Computed once as they are, kernels are loaded, which a capture needs with older drivers. Motors with a state
        # would be a step ahead of themselves.
        if runtime.adapter is not None and not runtime.adapter.is_stateful:
            runtime._run_native_actuator_kernels(collection, dt)
        with _captures_without_loading():
            capture(runtime, collection, dt)

    return wrapped


@contextmanager
def _captures_without_loading() -> Iterator[None]:
    scoped = wp.ScopedCapture

    def without_loading(*args: Any, **options: Any) -> wp.ScopedCapture:
        return scoped(*args, **(options | {"force_module_load": False}))

    wp.ScopedCapture = without_loading  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        wp.ScopedCapture = scoped  # pyright: ignore[reportAttributeAccessIssue]
