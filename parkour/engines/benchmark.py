"""How fast an environment steps, against the physics it contains."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from parkour.engines.device import stepping_threads
from parkour.engines.make import make_task_env
from parkour.engines.profile import Phase, PhaseProfile
from parkour.engines.protocol import Engine
from parkour.engines.task_env import Measurable, TaskEnv
from parkour.errors import EngineError, ParkourError
from parkour.tasks.resolved import ResolvedTask

CHUNK = 10
"""Control steps of one kind before the other has its turn."""
WARM_UP = 2 * CHUNK
"""Control steps of each kind that are not counted."""


@dataclass(frozen=True)
class StepRate:
    """One size of one environment, measured in one process. Rates count control steps of all environments together."""

    num_envs: int
    environment: float
    """Full environment steps [control steps/s]: physics, rewards, resets, observations."""
    physics: float
    """Physics alone with the same model and the robots' last controls [control steps/s]."""
    ratio: float
    """``environment / physics``; 1 would be free of cost."""
    environment_ms: float
    """One step of all environments [ms]."""
    physics_ms: float
    build_s: float
    """Time to make the environment, kernels included [s]."""
    memory_gib: float | None
    """Device memory that is taken at the end, by whatever process, where it can be told [GiB]."""
    images: float | None = None
    """Depth images made in full environment steps [1/s]; None in a task without a camera."""
    phases_ms: Mapping[str, float] | None = None
    """Time of the parts of a step, measured one by one in further steps [ms]; None when not asked for."""


def measure_step(
    task: ResolvedTask,
    engine: Engine,
    *,
    num_envs: int,
    steps: int,
    device: str,
    seed: int,
    profile: bool = False,
    engine_options: Mapping[str, Any] | None = None,
) -> StepRate:
    """Times ``steps`` control steps with random actions, and as many of physics alone, after a warm-up of both.

    The two take turns of :data:`CHUNK` steps, so that both see robots in the same state: left to their last torques for
    long, robots fly or lie about, and their contacts cost another time.

    With ``profile`` the phases that the environment names are timed in ``steps`` further ones.

    Raises:
        ParkourError: ``steps`` below 1; whatever the engine raises.
    """
    if steps < 1:
        raise ParkourError(f"got {steps} steps, expected at least 1", hint="--steps 200")
    start = time.perf_counter()
    env = make_task_env(engine, task, num_envs=num_envs, device=device, seed=seed, options=engine_options)
    build = time.perf_counter() - start
    if not isinstance(env, Measurable):
        env.close()
        raise EngineError(f"the environment {type(env).__name__} cannot be measured: it lacks simulate_only and phases")
    phases: dict[str, float] | None = None
    try:
        with torch.inference_mode(), stepping_threads(device):
            stepper = _Stepper(env)
            full, physics = take_turns(stepper, lambda _: env.simulate_only(1), steps, env.device)
            images = stepper.images
            if profile:
                phases = _profile(stepper, range(steps), env.phases(), env.device)
    finally:
        env.close()
    return StepRate(
        num_envs=num_envs,
        environment=num_envs * steps / full,
        physics=num_envs * steps / physics,
        ratio=physics / full,
        environment_ms=1e3 * full / steps,
        physics_ms=1e3 * physics / steps,
        build_s=build,
        memory_gib=device_memory(env.device),
        images=None if env.mdp.camera is None else images / full,
        phases_ms=phases,
    )


class _Stepper:
    """One full control step per call, with random actions; counts the depth images after the warm-up."""

    def __init__(self, env: TaskEnv) -> None:
        self.env = env
        self.images = 0
        self._actions = 0.5 * torch.randn(16, env.num_envs, env.num_actions, device=env.device)

    def __call__(self, i: int) -> None:
        self.env.step(self._actions[i % len(self._actions)])
        if i >= 0 and self.env.mdp.camera is not None:
            seen = self.env.mdp.refreshed
            self.images += self.env.num_envs if seen is None else len(seen)


def take_turns(
    first: Callable[[int], object], second: Callable[[int], object], steps: int, device: torch.device
) -> tuple[float, float]:
    """Seconds of ``steps`` calls of each, :data:`CHUNK` at a time, after a warm-up, whose indices are below 0."""
    totals = [0.0, 0.0]
    for begin in range(-WARM_UP, steps, CHUNK):
        chunk = range(begin, min(begin + CHUNK, steps))
        seconds = _time(first, chunk, device), _time(second, chunk, device)
        if begin >= 0:
            totals = [total + more for total, more in zip(totals, seconds, strict=True)]
    return totals[0], totals[1]


def _profile(
    step: Callable[[int], None], indices: range, phases: list[Phase], device: torch.device
) -> dict[str, float]:
    """Milliseconds of each phase in one call of ``step``."""
    profile = PhaseProfile(device)
    for name, owner, attribute in phases:
        profile.watch(name, owner, attribute)
    profile.start()
    for i in indices:
        step(i)
    return {name: 1e3 * seconds / len(indices) for name, seconds in profile.stop().items()}


def as_json(rates: list[StepRate], *, device: str, task: str) -> dict[str, Any]:
    """The measurement with the machine it was made on."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    return {
        "task": task,
        "device": device,
        "device_name": name,
        "torch": torch.__version__,
        "rates": [asdict(rate) for rate in rates],
    }


def _time(step: Callable[[int], object], indices: range, device: torch.device) -> float:
    """Seconds for one call per index."""
    _synchronise(device)
    start = time.perf_counter()
    for i in indices:
        step(i)
    _synchronise(device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_memory(device: torch.device) -> float | None:
    """What is taken of a GPU's memory, by whatever process [GiB]; None of a CPU."""
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    return (total - free) / 2**30
