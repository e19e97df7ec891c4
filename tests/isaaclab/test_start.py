"""The start: libraries of the system, and kernels, of which no more are compiled than are needed."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from parkour_isaaclab.backends.backend import find_backend
from parkour_isaaclab.shared_libraries import _installed, absent_libraries

pytestmark = pytest.mark.isaaclab


def test_the_libraries_that_are_asked_about_are_in_the_wheels(physics: str) -> None:
    """And nothing is missing where these tests run."""
    files = find_backend(physics).libraries
    assert all(_installed(file) is not None for file in files)
    assert absent_libraries(files) == ()


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Warp is asked to capture, and with which kernels loaded before. None are, which would take minutes."""
    import warp as wp

    happened: list[str] = []
    begin = wp.capture_begin

    def recorded(*args: Any, force_module_load: bool | None = None, **options: Any) -> None:
        happened.append("capture, all kernels loaded" if force_module_load else "capture")
        begin(*args, force_module_load=False, **options)

    monkeypatch.setattr(wp, "capture_begin", recorded)
    return happened


@pytest.fixture
def method() -> Iterator[str]:
    """The name of Isaac Lab's method, which is as Isaac Lab wrote it until it is wrapped."""
    from isaaclab.actuators.newton.physx_runtime import PhysxActuatorRuntime

    from parkour_isaaclab.kernels import load_own_kernels_only

    name = "_capture_native_actuator_graphs"
    before = vars(PhysxActuatorRuntime)[name]
    load_own_kernels_only.cache_clear()
    setattr(PhysxActuatorRuntime, name, vars(before).get("__wrapped__", before))
    yield name
    setattr(PhysxActuatorRuntime, name, before)


def _motors(events: list[str], *, stateful: bool = False) -> Any:
    """Isaac Lab's runtime, on the CPU, of motors that copy a number."""
    import warp as wp
    from isaaclab.actuators.newton.physx_runtime import PhysxActuatorRuntime

    source, target = wp.ones(1, dtype=wp.float32, device="cpu"), wp.zeros(1, dtype=wp.float32, device="cpu")

    def compute(collection: Any, dt: float) -> None:
        events.append("computed")
        wp.copy(target, source)

    runtime: Any = PhysxActuatorRuntime(SimpleNamespace(device="cpu"), logger=SimpleNamespace(warning=pytest.fail))
    runtime.adapter = SimpleNamespace(is_stateful=stateful, _states_a=None, _states_b=None)
    runtime._run_native_actuator_kernels = compute
    return runtime


def test_isaac_lab_loads_every_kernel_before_it_captures_motors(events: list[str], method: str) -> None:
    """If this fails, a new Isaac Lab needs no help any more."""
    runtime = _motors(events)
    getattr(runtime, method)(None, 0.005)
    assert events == ["capture, all kernels loaded", "computed"] * 2


@pytest.mark.parametrize(("stateful", "first"), [(False, ["computed"]), (True, [])])
def test_motors_load_their_own_kernels_alone(events: list[str], method: str, stateful: bool, first: list[str]) -> None:
    import warp as wp

    from parkour_isaaclab.kernels import load_own_kernels_only

    scoped = wp.ScopedCapture
    load_own_kernels_only()
    runtime = _motors(events, stateful=stateful)
    getattr(runtime, method)(None, 0.005)
    assert events == first + ["capture", "computed"] * 2
    assert len(runtime.native_actuator_graphs) == 2
    assert wp.ScopedCapture is scoped


def test_compiling_is_said_again_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_isaaclab import kernels

    lines: list[str] = []
    monkeypatch.setattr(kernels, "notice", lines.append)
    monkeypatch.setattr(kernels, "REPEAT", 0.0)
    compiling = kernels.CompileNotice(tmp_path / "cache", poll=0.01)
    for count in range(1, 4):
        (tmp_path / "cache" / f"module_{count}").mkdir(parents=True)
        _wait(lambda: len(lines) >= count)  # noqa: B023 - called at once
    compiling.stop()
    assert lines[0].startswith("compiling kernels; this happens once")
    assert lines[-1] == "still compiling kernels, 0 min"


def _wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing was said"
        time.sleep(0.01)


@pytest.mark.slow
def test_what_is_compiled_is_said_until_the_first_step(make_env: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_isaaclab import kernels, vec_env

    lines: list[str] = []
    monkeypatch.setattr(kernels, "notice", lines.append)
    watched: list[Any] = []

    class Watched(kernels.CompileNotice):
        def __init__(self, folder: Any) -> None:
            super().__init__(folder, poll=0.01)
            watched.append(self)
            # As a compiler does.
            (folder / "wp_new_p1").mkdir(parents=True)
            (folder / "wp_new_p1").rmdir()

    monkeypatch.setattr(vec_env, "CompileNotice", Watched)
    env = make_env(load_task("go2-teacher", overlay="play", changes=read_changes(["course.levels=1"])))
    assert len(lines) == 1 and lines[0].startswith("compiling kernels; this happens once")
    assert not watched[0]._over.is_set()
    env.step(torch.zeros(4, 12))
    assert watched[0]._over.is_set()
