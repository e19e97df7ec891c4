"""A minute on an engine: whether environments of a task can be made and stepped there, as a report to hand on."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from parkour.engines.make import make_task_env
from parkour.engines.protocol import Engine
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.mdp.task_mdp import TaskMdp
from parkour.tasks.resolved import ResolvedTask

STANDING = 100
"""Control steps for which robots stand before what their feet carry is read."""
LINES = 12
"""Last lines of a traceback that a report shows."""


@dataclass
class SmokeReport:
    """What came of it. Nothing in it names the user or the machine's files but the lines of a traceback."""

    engine: str
    task: str
    device: str
    num_envs: int
    versions: dict[str, Any] = field(default_factory=dict)
    built_s: float | None = None
    """Time to make the environments, the simulator's start included [s]."""
    steps: int = 0
    steps_per_s: float | None = None
    """Control steps per second, over all environments."""
    episodes: int = 0
    """That ended."""
    checks: dict[str, bool] = field(default_factory=dict)
    foot_force: float | None = None
    """Mean vertical force on a standing robot's feet together [N]."""
    base_height: float | None = None
    """Mean height of a standing robot's base above its start [m]."""
    groups: dict[str, list[int]] = field(default_factory=dict)
    """Shape of each observation group."""
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.error is None and all(self.checks.values())

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}

    def as_markdown(self) -> str:
        """To paste into an issue."""
        rows = [f"- {name}: {_shown(value)}" for name, value in self.as_dict().items() if name != "error"]
        block = f"\n```\n{self.error}\n```" if self.error else ""
        return (
            "\n".join([f"### Smoke run of engine {self.engine}: {'passed' if self.ok else 'FAILED'}", "", *rows])
            + block
        )


def smoke_run(
    engine: Engine,
    name: str,
    task: ResolvedTask,
    *,
    num_envs: int,
    device: str,
    seconds: float,
    versions: dict[str, Any],
    options: Mapping[str, Any] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SmokeReport:
    """Make environments, let robots stand, then move them at random until the time is up.

    Whatever is raised is in the report.

    Args:
        engine: to try.
        name: of the engine.
        task: to simulate.
        num_envs: environments.
        device: where.
        seconds: for all of it; the simulator's start may take longer.
        versions: put into the report.
        options: of the engine's own.
        clock: seconds.
    """
    report = SmokeReport(name, task.name, device, num_envs, versions)
    env: TaskEnv | None = None
    start = clock()
    try:
        env = make_task_env(engine, task, num_envs=num_envs, device=device, seed=1, options=options)
        report.built_s = clock() - start
        _step(env, report, start + seconds, clock)
    except Exception as error:
        lines = "".join(traceback.format_exception(error)).strip().splitlines()
        hint = [f"hint: {error.hint}"] if isinstance(error, ParkourError) and error.hint else []
        report.error = "\n".join(lines[-LINES:] + hint)
    finally:
        if env is not None:
            env.close()
    return report


def _step(env: TaskEnv, report: SmokeReport, end: float, clock: Callable[[], float]) -> None:
    observations = env.get_observations()
    report.groups = {name: list(value.shape[1:]) for name, value in observations.items()}
    layout = {name: sum(field.size for field in fields) for name, fields in env.mdp.observations.layout.items()}
    report.checks["layout"] = layout == {name: value[0].numel() for name, value in observations.items()}
    finite = torch.ones((), dtype=torch.bool, device=env.device)
    begin, standing = clock(), torch.zeros(report.num_envs, env.num_actions, device=env.device)
    # Always as many steps as it takes to stand; then until the time is up.
    while report.steps < STANDING or clock() < end:
        actions = standing if report.steps < STANDING else torch.randn_like(standing)
        result = env.transition(actions)
        for value in (result.reward, *result.observations.values()):
            finite &= torch.isfinite(value).all()
        report.steps += 1
        report.episodes += int(result.done.sum())
        if report.steps == STANDING:
            _look(env.mdp, report)
    report.steps_per_s = report.steps * report.num_envs / max(clock() - begin, 1e-9)
    report.checks["finite"] = bool(finite)


def _look(mdp: TaskMdp, report: SmokeReport) -> None:
    """At robots that stand."""
    seen = mdp.context
    assert seen is not None
    report.foot_force = float(seen.contacts.foot_force[..., 2].sum(dim=-1).mean())
    report.base_height = float((seen.robot.base_pos[:, 2] - mdp.course.spawn[:, 2]).mean())
    report.checks["stands"] = report.foot_force > 0.0 and report.base_height > 0.1


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items()) or "none"
    return str(value)
