"""One measurement in a process of its own: ``python benchmarks/measure.py KIND OUT.json KEY=VALUE...``.

:mod:`run` starts these one after another, so that each has the whole device and a failure costs one figure alone.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

SEED = 1
ACTION_SIZE = 0.5
"""Standard deviation of the random actions."""
CHUNK = 10
"""Control steps of one kind before the other has its turn; as in ``parkour bench env``."""
PEER = "Mjlab-Velocity-Rough-Unitree-Go1"
"""mjlab's task that is nearest to ours: a quadruped on rough terrain with a height scan, four physics steps of 5 ms."""

SUCCESS = (0.80, 0.90, 0.95)
"""Shares of completed courses, the minutes to which are asked."""

Row = dict[str, Any]


def machine(device: str) -> Row:
    """Hardware and versions."""
    import torch

    from parkour.learning.state import versions

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if device != "cpu" else []
    return {
        "cpu": _cpu_name(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "gpus": gpus,
        "cuda": torch.version.cuda if gpus else None,
        "system": platform.system(),
        "versions": versions(),
        "isaaclab": _isaaclab_physics(),
    }


def _isaaclab_physics() -> list[str]:
    """What of Isaac Lab's physics can run here."""
    from parkour.engines.choice import choose_engine
    from parkour.errors import ParkourError

    try:
        _, engine = choose_engine("isaaclab")
    except ParkourError:
        return []
    if not engine.availability().ok:
        return []
    from parkour_isaaclab.backends.backend import find_backend
    from parkour_isaaclab.install import find_obstacle

    return [name for name in ("newton", "ovphysx") if find_obstacle(find_backend(name)) is None]


def environment(
    device: str, num_envs: int, steps: int, task: str = "go2-teacher", engine: str = "mujoco", **options: Any
) -> Row:
    """The full environment step, and the physics alone with the same model, in turns; ``options`` are the engine's."""
    from dataclasses import asdict

    from parkour.engines.benchmark import measure_step
    from parkour.engines.choice import choose_engine
    from parkour.engines.device import stepping_threads
    from parkour.tasks import load_task

    resolved = load_task(task, overlay="train")
    _, found = choose_engine(engine)
    chosen: Any = _Engine(found, **options) if options else found
    with stepping_threads(device):
        rate = measure_step(resolved, chosen, num_envs=num_envs, steps=steps, device=device, seed=SEED)
    model = resolved.model.timing
    return asdict(rate) | {"decimation": model.decimation, "physics_step": model.physics_step, **_host_memory()}


class _Engine:
    """An engine with options of its own already chosen."""

    def __init__(self, engine: Any, **options: Any) -> None:
        self._engine, self._options = engine, options

    def make_env(self, *args: Any, **kwargs: Any) -> Any:
        return self._engine.make_env(*args, **kwargs, **self._options)


def peer(device: str, num_envs: int, steps: int) -> Row:
    """mjlab's own task, stepped as ours is: random actions, resets and observations, physics alone in turns."""
    import torch

    from parkour.engines.device import stepping_threads
    from parkour_mujoco.launch import choose_renderer, quiet_stdout, quiet_warp

    choose_renderer()
    import mjlab.tasks.velocity.config.go1  # noqa: F401 - registers the task
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.tasks.registry import load_env_cfg

    quiet_warp(device)
    cfg = load_env_cfg(PEER)
    cfg.scene.num_envs, cfg.seed = num_envs, SEED
    stripped = _strip_pictures(cfg.scene.entities["robot"])
    start = time.perf_counter()
    with quiet_stdout():
        env = ManagerBasedRlEnv(cfg, device=device)
        env.reset()
    build = time.perf_counter() - start
    actions = ACTION_SIZE * torch.randn(16, num_envs, env.action_manager.total_action_dim, device=device)

    def full_step(i: int) -> None:
        env.step(actions[i % len(actions)])

    def physics_step(_: int) -> None:
        for _ in range(cfg.decimation):
            env.sim.step()

    with torch.inference_mode(), stepping_threads(device):
        full, physics = _in_turns(full_step, physics_step, steps, device)
    return {
        "num_envs": num_envs,
        "environment": num_envs * steps / full,
        "physics": num_envs * steps / physics,
        "ratio": physics / full,
        "environment_ms": 1e3 * full / steps,
        "physics_ms": 1e3 * physics / steps,
        "build_s": build,
        "memory_gib": _device_memory(device),
        "decimation": cfg.decimation,
        "physics_step": cfg.sim.mujoco.timestep,
        "visual_meshes": not stripped,
        **_host_memory(),
    }


def _strip_pictures(robot: Any) -> bool:
    """Leave out meshes that are only looked at, where their files are not installed."""
    make = robot.spec_fn
    spec = make()
    folder = Path(spec.modelfiledir) / spec.meshdir
    if all((folder / mesh.file).exists() for mesh in spec.meshes):
        return False

    def without() -> Any:
        import mujoco

        spec = make()
        for geom in list(spec.geoms):
            if geom.type == mujoco.mjtGeom.mjGEOM_MESH:  # pyright: ignore[reportAttributeAccessIssue]
                spec.delete(geom)
        for mesh in list(spec.meshes):
            spec.delete(mesh)
        return spec

    robot.spec_fn = without
    return True


def training(device: str, num_envs: int, iterations: int, stage: str = "teacher", gpus: int = 1) -> Row:
    """``parkour train``: all of it, as anyone runs it; the first iterations are left out."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["train", "--stage", stage, "--num-envs", str(num_envs), "--iterations", str(iterations),
                   "--log-root", folder, "--seed", str(SEED), "--save-interval", "100000"]  # fmt: skip
        command += ["--gpus", str(gpus)] if gpus > 1 else ["--device", device]
        command += ["--pretrained"] if stage == "student" else []
        seconds = _parkour(command)
        files = list(Path(folder).glob("rsl_rl/*/*/metrics.jsonl"))
        rows = [json.loads(line) for line in files[0].read_text().splitlines()]
    counted = rows[max(1, len(rows) // 5) :]
    mean = lambda key: sum(row[key] for row in counted) / len(counted)  # noqa: E731
    steps = (rows[-1]["Perf/total_steps"] - rows[-2]["Perf/total_steps"]) if len(rows) > 1 else 0
    duration = sum(steps / row["Perf/steps_per_second"] for row in counted) / len(counted)
    collection, learning = mean("Perf/collection_time"), mean("Perf/learning_time")
    return {
        "num_envs": num_envs,
        "gpus": gpus,
        "iterations": len(counted),
        "steps_per_iteration": steps,
        "steps_per_second": steps / duration,
        "iteration_s": duration,
        "collection_s": collection,
        "learning_s": learning,
        "learning_share": learning / duration,
        "command_s": seconds,
        **_host_memory(),
    }


def time_to_success(device: str, num_envs: int, minutes: int, save_interval: int, courses: int) -> Row:
    """Minutes of ``parkour train`` from scratch after which ``parkour eval`` finds :data:`SUCCESS`.

    Args:
        device: where.
        num_envs: that train.
        minutes: of training.
        save_interval: iterations between two checkpoints, each of which is scored.
        courses: that each is scored on, the same for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "curve.json"
        common = ["--device", device, "--seed", str(SEED)]
        _parkour(["train", "--num-envs", str(num_envs), "--time-limit", str(minutes), "--log-root", folder,
                  "--save-interval", str(save_interval), "--keep", "0", *common])  # fmt: skip
        log = next(Path(folder).glob("rsl_rl/*/*/metrics.jsonl"))
        _parkour(["eval", "--run", str(log.parent), "--all", "--num-envs", str(courses), "--json", str(out), *common])
        trained = {row["iteration"]: row["seconds"] for row in map(json.loads, log.read_text().splitlines())}
        points = json.loads(out.read_text())["points"]
    curve = [
        (trained[point["checkpoint"]["iteration"]] / 60, point["overall"]["metrics"]["success"]["mean"])
        for point in points
    ]
    return {"num_envs": num_envs, "courses": courses, "curve": curve, "minutes_to": minutes_to(curve)}


def minutes_to(curve: Sequence[tuple[float, float]]) -> dict[str, float | None]:
    """Minutes at the first checkpoint that reaches each of :data:`SUCCESS`; None where none does."""
    return {
        f"{wanted:.2f}": next((minutes for minutes, success in curve if success >= wanted), None) for wanted in SUCCESS
    }


def evaluation(device: str, num_envs: int, steps: int, protocol: str, repeat: int = 2) -> Row:
    """``parkour eval`` of the pretrained teacher: from command to table."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "eval.json"
        command = ["eval", "--pretrained", "--protocol", protocol, "--num-envs", str(num_envs), "--steps", str(steps),
                   "--device", device, "--seed", str(SEED), "--json", str(out)]  # fmt: skip
        seconds = [_parkour(command) for _ in range(repeat)]
        report = json.loads(out.read_text())
    taken = report.get("steps") or report.get("run", {}).get("steps")
    return {"protocol": protocol, "num_envs": num_envs, "steps_wanted": steps, "steps": taken, "command_s": seconds}


def _parkour(arguments: list[str]) -> float:
    """Run a command; wall time in seconds."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "parkour_cli", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise RuntimeError(f"parkour {' '.join(arguments[:3])}: exit status {done.returncode}: {tail}")
    return time.perf_counter() - start


def _in_turns(
    first: Callable[[int], None], second: Callable[[int], None], steps: int, device: str
) -> tuple[float, float]:
    """Seconds that ``steps`` calls of each take, after a warm-up."""
    totals = [0.0, 0.0]
    for begin in range(-2 * CHUNK, steps, CHUNK):
        for index, call in enumerate((first, second)):
            seconds = _time(call, range(begin, min(begin + CHUNK, steps)), device)
            totals[index] += seconds if begin >= 0 else 0.0
    return totals[0], totals[1]


def _time(call: Callable[[int], None], indices: range, device: str) -> float:
    import torch

    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    wait()
    start = time.perf_counter()
    for i in indices:
        call(i)
    wait()
    return time.perf_counter() - start


def _device_memory(device: str) -> float | None:
    import torch

    if not device.startswith("cuda"):
        return None
    free, total = torch.cuda.mem_get_info(device)
    return (total - free) / 2**30


def _host_memory() -> Row:
    """Greatest resident memory of this process, or of a command that it ran [GiB]."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return {"host_memory_gib": max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 2**20}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


KINDS: dict[str, Callable[..., Row]] = {
    "machine": machine,
    "environment": environment,
    "peer": peer,
    "training": training,
    "evaluation": evaluation,
    "time_to_success": time_to_success,
}


def _arguments(pairs: list[str]) -> Iterator[tuple[str, Any]]:
    for pair in pairs:
        key, _, value = pair.partition("=")
        yield key, int(value) if value.isdigit() else value


def main() -> None:
    """Measure, and write the row."""
    kind, out, *pairs = sys.argv[1:]
    row = KINDS[kind](**dict(_arguments(pairs)))
    Path(out).write_text(json.dumps(row))


if __name__ == "__main__":
    main()
