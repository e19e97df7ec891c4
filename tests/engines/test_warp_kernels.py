"""Kernels of the physics are compiled at once: all that a step launches, nothing else, and none of it runs."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.tasks import load_task
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco
wp = pytest.importorskip("warp")


@pytest.fixture(scope="module")
def worlds() -> Iterator[Any]:
    from parkour_mujoco.engine import MujocoEngine

    sets = ("course.levels=3", "course.columns=6", "physics.motors=kernel")
    task = load_task("go2-teacher", changes=read_changes(sets))
    env: Any = MujocoEngine().make_env(task, num_envs=2, device="cpu", seed=2, cpu_sim="warp")
    yield env.sim._sim
    env.close()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Warp is asked to load from now on."""
    asked, load = [], wp.Module.load

    def watch(module: Any, device: Any, block_dim: int | None = None, **more: Any) -> Any:
        asked.append((module, block_dim))
        return load(module, device, block_dim=block_dim, **more)

    monkeypatch.setattr(wp.Module, "load", watch)
    return asked


def test_a_step_launches_nothing_that_was_not_loaded(
    worlds: Any, loads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mjlab.managers.event_manager import RecomputeLevel

    from parkour_mujoco.warp_physics import worlds as module

    found: list[Any] = []
    compile_together = module.compile_together
    monkeypatch.setattr(module, "compile_together", lambda *args: found.extend(compile_together(*args)))
    worlds.load_kernels()
    assert len(found) > 20 and set(loads) == set(found)
    loads.clear()
    for act in (worlds.step, worlds.forward, worlds.kinematics):
        act()
    worlds.begin(torch.ones(2, dtype=torch.bool))
    worlds.recompute_constants(RecomputeLevel.set_const)
    assert loads and set(loads) <= set(found)


def test_the_worlds_and_the_solver_stay_as_they_are(worlds: Any) -> None:
    options, state = worlds.wp_model.opt, worlds.data.qpos.clone()
    before = options.graph_conditional, options.iterations
    worlds.load_kernels()
    assert torch.equal(worlds.data.qpos, state)
    assert (options.graph_conditional, options.iterations) == before and before[1] > 1


@pytest.mark.parametrize("workers", [1, 3, None])
def test_nothing_runs_and_everything_is_loaded(workers: int | None) -> None:
    from parkour_mujoco.warp_physics.kernels import compile_together

    @wp.kernel(module="unique")
    def count(counts: wp.array(dtype=int), by: int):  # pyright: ignore[reportInvalidTypeForm]
        counts[0] = counts[0] + by

    counts = wp.zeros(1, dtype=int, device="cpu")
    launch = lambda: wp.launch(count, dim=1, inputs=[counts, 2], device="cpu")  # noqa: E731
    ((module, _),) = compile_together(launch, "cpu", workers)
    assert counts.numpy()[0] == 0 and module is count.module and module.execs
    launch()
    assert counts.numpy()[0] == 2


def test_other_threads_go_on_meanwhile() -> None:
    """Environments may be made in several threads at once, or while others step."""
    from parkour_mujoco.warp_physics.kernels import compile_together

    @wp.kernel(module="unique")
    def count(counts: wp.array(dtype=int), by: int):  # pyright: ignore[reportInvalidTypeForm]
        counts[0] = counts[0] + by

    load = wp.Module.load
    mine, theirs = wp.zeros(1, dtype=int, device="cpu"), wp.zeros(1, dtype=int, device="cpu")
    add = lambda counts: wp.launch(count, dim=1, inputs=[counts, 1], device="cpu")  # noqa: E731
    entered, left = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)

    def noting() -> None:
        entered.wait()
        add(mine)
        left.wait()

    makers = [threading.Thread(target=compile_together, args=(noting, "cpu", 1)) for _ in range(2)]
    for maker in makers:
        maker.start()
    for _ in makers:  # One after the other; a launch of ours in the midst of each.
        entered.wait()
        add(theirs)
        left.wait()
    for maker in makers:
        maker.join(30)
    assert mine.numpy()[0] == 0 and theirs.numpy()[0] == 2 and wp.Module.load is load


def test_what_goes_wrong_is_raised_and_launches_run_again() -> None:
    from parkour_mujoco.warp_physics.kernels import compile_together

    load = wp.Module.load
    with pytest.raises(ValueError, match="no such world"):
        compile_together(lambda: (_ for _ in ()).throw(ValueError("no such world")), "cpu")
    assert wp.Module.load is load


def test_nothing_is_collected_while_a_graph_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends in the meantime would be recorded too."""
    from parkour_mujoco.warp_physics import capture

    class Recorder:
        graph = "the graph"

        def __enter__(self) -> Recorder:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(capture.wp, "ScopedCapture", Recorder)
    seen: list[bool] = []
    assert gc.isenabled()
    assert capture.record(lambda: seen.append(gc.isenabled()), "cpu") == "the graph"
    assert seen == [False] and gc.isenabled()


def test_every_graph_is_recorded_there() -> None:
    """Both kinds of worlds, and no other file of the physics."""
    import parkour_mujoco.warp_physics as package

    sources = {path.name: path.read_text() for path in Path(package.__path__[0]).glob("*.py")}
    assert [name for name, text in sources.items() if "ScopedCapture" in text] == ["capture.py"]
    assert all("record(" in sources[name] for name in ("stock.py", "worlds.py"))
