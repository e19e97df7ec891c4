"""Our own parts of the physics on other robots than ours: what comes of a step is MuJoCo Warp's own, and where a part
does not serve, MuJoCo Warp's own does, with a line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.engines.other_robots import MODEL, TOML, changed, hexapod, with_feet, with_robot

pytestmark = pytest.mark.mujoco
pytest.importorskip("mujoco_warp")

PARTS = ("broad_phase", "contact_forces", "motors", "solver")
AUTO = tuple(f"physics.{part}=auto" for part in PARTS)
NAMED = (
    "physics.broad_phase=near",
    "physics.contact_forces=constraints",
    "physics.motors=kernel",
    "physics.solver=fused",
)
STOCK = ("physics.broad_phase=all", "physics.contact_forces=sensors", "physics.motors=torch", "physics.solver=batched")
STEPS, WORLDS = 12, 5
STATE = ("qpos", "qvel", "qacc_warmstart")

END = "</worldbody>"
FAT = ('<geom size="0.012" fromto="0 0 -0.03 0 0 -0.15"/>', '<geom size="0.06" fromto="0 0 -0.03 0 0 -0.15"/>')
TOE = (
    '<mesh name="toe" vertex="-0.03 -0.02 -0.02 0.03 -0.02 -0.02 0.03 0.02 -0.02 -0.03 0.02 -0.02 0 0 0.02"/>'
    "</asset><default>"
)
SELF = changed(TOML, ("self_collision = false", "self_collision = true"))
POST = '<body name="post" pos="0 0 -0.1"><geom name="post_collision" type="box" size="20 20 0.3"/></body>' + END
TENDON = '<tendon><fixed name="t" stiffness="5"><joint joint="FL_calf_joint" coef="1"/></fixed></tendon>'
MARGIN = ('conaffinity="0" mass="0"', 'conaffinity="0" mass="0" margin="0.03" gap="0.01"')
EXCLUDE = '<contact><exclude body1="FL_calf" body2="RR_calf"/></contact>'
ALL = ("broad_phase=near", "contact_forces=constraints", "solver=fused")
ROBOTS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    # Model, robot.toml, which parts do not serve, and why.
    "six legs": (*hexapod(), (), ""),
    "margins": (changed(MODEL, MARGIN), TOML, (), ""),
    "legs that touch": (changed(MODEL, FAT), SELF, ALL[:1], "its shapes touch one another"),
    "an excluded pair": (changed(MODEL, FAT, (END, END + EXCLUDE)), SELF, ALL[:1], "its shapes touch one another"),
    "feet that are meshes": (
        changed(with_feet('type="mesh" mesh="toe" pos="0 0 -0.2"'), ("<default>\n    <joint", f"<asset>{TOE}<joint")),
        TOML,
        ALL[:1],
        "its shape 'FL_foot_collision' is of type mesh",
    ),
    "a post in the ground": (
        changed(MODEL, (END, POST)),
        changed(TOML, ('"head_collision"]', '"head_collision", "post_collision"]')),
        ALL[:1],
        "not every shape touches every box",
    ),
    "a tendon": (changed(MODEL, (END, END + TENDON)), TOML, ALL, "its model has the tendon 't'"),
}


def make(*sets: str, folder: Path | None = None, model: str = MODEL, toml: str = TOML, cpu_sim: str = "warp") -> Any:
    from parkour_mujoco.engine import MujocoEngine

    # A solver that is cut short gives what the order of the contacts makes of it: here it ends.
    common = ("course.levels=3", "course.columns=5", "events.push.enabled=false", "physics.iterations=50")
    changes = read_changes((*common, *sets))
    task = load_task("go2-teacher", changes=changes)
    if folder is not None:
        task = with_robot(task, folder, model, toml)
    return MujocoEngine().make_env(task, num_envs=WORLDS, device="cpu", seed=2, cpu_sim=cpu_sim)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Lines on the physics; each is told once in a process, and again in every test."""
    from parkour_mujoco import warp_sim

    warp_sim._tell.cache_clear()
    with caplog.at_level(logging.WARNING):
        yield lambda: [line for line in caplog.messages if line.startswith("physics: ")]


def throw(env: Any, draw: torch.Generator) -> None:
    """The robots, turned and bent anyhow, into the ground and what stands on it."""
    qpos = env.sim.data.qpos[...].clone()
    turned = torch.randn(WORLDS, 4, generator=draw)
    qpos[:, 0] = 8.0 * torch.rand(WORLDS, generator=draw)
    qpos[:, 2] = 0.1 + 0.3 * torch.rand(WORLDS, generator=draw)
    qpos[:, 3:7] = turned / turned.norm(dim=1, keepdim=True)
    qpos[:, 7:] += 0.5 * torch.randn(qpos[:, 7:].shape, generator=draw)
    env.sim.data.qpos[:] = qpos


@pytest.mark.parametrize("name", ROBOTS)
@torch.inference_mode()
def test_what_comes_of_a_control_step_is_mujoco_warps_own(name: str, tmp_path: Path, told: Any) -> None:
    model, toml, left_out, why = ROBOTS[name]
    draw = torch.Generator().manual_seed(3)
    with (
        closing(make(*STOCK, folder=tmp_path, model=model, toml=toml)) as stock,
        closing(make(*AUTO, folder=tmp_path, model=model, toml=toml)) as own,
    ):
        physics = own.sim._sim._physics
        assert own._driven is not None and stock._driven is None and tuple(physics.left_out) == left_out
        own_parts = physics.near, physics.sensing, physics.solver
        assert [part is None for part in own_parts] == [part in left_out for part in ALL]
        assert [why in line for line in told()] == ([True] if left_out else [])
        contacts = 0
        for step in range(STEPS):
            if step % 4 == 0:
                throw(stock, draw)
            action = 2.0 * torch.randn(WORLDS, stock.num_actions, generator=draw)
            for field in STATE:
                getattr(own.sim.data, field)[:] = getattr(stock.sim.data, field)[...]
            for env in (stock, own):
                env._simulate(action)
            mine, theirs = own.sim.data, stock.sim.data
            contacts += int(theirs.nacon[...][0])
            assert int(mine.nacon[...][0]) == int(theirs.nacon[...][0])
            torch.testing.assert_close(mine.qpos[...], theirs.qpos[...], rtol=1e-5, atol=1e-4)
            torch.testing.assert_close(mine.qvel[...], theirs.qvel[...], rtol=1e-4, atol=0.02)
            torch.testing.assert_close(mine.sensordata[...], theirs.sensordata[...], rtol=1e-4, atol=1.0)
            torch.testing.assert_close(own.accessor.joint_torque(), stock.accessor.joint_torque(), rtol=1e-4, atol=0.01)
        assert contacts > 2 * STEPS


def test_a_line_is_told_once(tmp_path: Path, told: Any) -> None:
    for _ in range(2):
        make(*AUTO, folder=tmp_path, model=with_feet('type="box" size="0.03 0.02 0.015" pos="0 0 -0.2"')).close()
    (line,) = told()
    assert line == (
        "physics: this robot steps a little slower, with MuJoCo Warp's own in place of broad_phase=near (its shape "
        "'FL_foot_collision' is of type box)"
    )


def breaks(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("no such\nkernel")


BREAKING = {
    "making it": "parkour_mujoco.warp_physics.worlds.Worlds.load_kernels",
    "the step": "parkour_mujoco.warp_physics.step.PhysicsStep.forward",
    "the motors": "parkour_mujoco.warp_physics.worlds.Worlds.attach",
}


@pytest.mark.parametrize("what", BREAKING)
def test_parts_that_nobody_asked_for_may_break(what: str, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.warp_physics.stock import StockWorlds
    from parkour_mujoco.warp_physics.worlds import Worlds

    monkeypatch.setattr(BREAKING[what], breaks)
    with closing(make(*AUTO)) as env:
        assert isinstance(env.sim._sim, Worlds if what == "the motors" else StockWorlds) and env._driven is None
        env.step(torch.zeros(WORLDS, 12))
    (line,) = told()
    assert "cannot be used here, MuJoCo Warp's own instead: RuntimeError: no such" in line


@pytest.mark.parametrize("what", BREAKING)
def test_parts_that_were_asked_for_say_why_they_cannot_be_had(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BREAKING[what], breaks)
    with pytest.raises(RuntimeError, match="no such"):
        make(*NAMED)


@pytest.mark.parametrize(("decimation", "launches"), [(4, 1), (20, 2), (17, 17), (48, 3)])
def test_a_control_step_of_many_physics_steps_is_several_graphs(
    decimation: int, launches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parkour_mujoco.warp_physics.worlds import Worlds

    ran: list[str] = []
    run = Worlds._run
    with closing(make("physics.motors=kernel", f"timing.decimation={decimation}", "timing.physics_step=0.002")) as env:
        monkeypatch.setattr(Worlds, "_run", lambda self, name: (ran.append(name), run(self, name)))
        before = env.sim.data.time[...].clone()
        env._simulate(torch.zeros(WORLDS, 12))
        passed = env.sim.data.time[...] - before
    assert ran == ["control"] * launches
    torch.testing.assert_close(passed, torch.full((WORLDS,), 0.002 * decimation))


def test_c_mujoco_has_none_of_it(told: Any) -> None:
    with closing(make(*AUTO, cpu_sim="native")) as env:
        assert env._driven is None
        env.step(torch.zeros(WORLDS, 12))
    assert told() == []


def test_a_task_that_says_nothing_steps_with_our_parts() -> None:
    physics = load_task("go2-teacher", overlay="train").model.physics
    assert [getattr(physics, part) for part in PARTS] == ["auto"] * 4
