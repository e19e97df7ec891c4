"""Which device, how many environments, which engine: choices that depend on the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from parkour.errors import DeviceError, EngineError, ParkourError
from parkour.mdp.engine import Engine
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.specs import EngineSpec

if TYPE_CHECKING:
    from parkour.tasks.resolve import ResolvedTask

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


def distributed() -> bool:
    """Whether this process is one of several that train together."""
    return int(os.getenv("WORLD_SIZE", "1")) > 1


def rank() -> int:
    """Number of this process among those that train together; 0 when it is alone."""
    return int(os.getenv("RANK", "0"))


def choose_device(wanted: str | None) -> str:
    """``cpu`` or ``cuda:N``: what was asked for, or else a GPU if there is one. Each of several processes has its own.

    Raises:
        DeviceError: it does not exist here.
    """
    if wanted is None:
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if not _DEVICE.fullmatch(wanted):
        raise DeviceError(f"got device {wanted!r}, expected 'cpu', 'cuda' or 'cuda:N'")
    if wanted == "cpu":
        return wanted
    if not torch.cuda.is_available():
        raise DeviceError(f"got device {wanted!r}, but torch sees no CUDA GPU", hint="--device cpu, or: parkour doctor")
    index = int(os.getenv("LOCAL_RANK", "0")) if distributed() else int(wanted.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise DeviceError(f"got device 'cuda:{index}', but there are {torch.cuda.device_count()} GPUs, counted from 0")
    return f"cuda:{index}"


def choose_num_envs(wanted: int | None, task: ResolvedTask, device: str) -> int:
    """Environments per process: what was asked for, or the task's default for the kind of device.

    Raises:
        ParkourError: fewer than one.
    """
    if wanted is None:
        defaults = task.model.environments
        return defaults.cuda if device.startswith("cuda") else defaults.cpu
    if wanted < 1:
        raise ParkourError(f"got {wanted} environments, expected at least 1", hint="--num-envs 64")
    return wanted


def choose_engine(name: str | None, registry: Registry | None = None) -> tuple[str, Engine]:
    """The engine of a name, or the first that can run here, with its id.

    Raises:
        EngineError: it cannot run here, or none can.
        UnknownNameError: no engine has this name.
    """
    registry = registry or default_registry()
    candidates = [registry.get("engine", name)] if name else sorted(registry.specs("engine"), key=_rank)
    problems: list[tuple[str, str, str]] = []
    for item in candidates:
        engine: Engine = resolve_target(item.spec.target, owner=f"engine {item.id!r}")()
        state = engine.availability()
        if state.ok:
            return item.id, engine
        problems.append((item.spec.name, state.reason, state.hint))
    if not problems:
        raise EngineError("no engine is registered", hint="parkour plugins list --kind engine")
    reasons = "; ".join(f"{engine}: {reason}" for engine, reason, _ in problems)
    raise EngineError(f"no engine can run here ({reasons})", hint=problems[0][2] or "parkour doctor")


def _rank(item: RegisteredSpec) -> int:
    """Engines in order of preference, otherwise as they are registered."""
    return -item.spec.preference if isinstance(item.spec, EngineSpec) else 0


def check_engine_options(identity: str, engine: Engine, options: Mapping[str, str]) -> None:
    """Whether an engine has these options of its own and takes these values; before anything slow happens.

    Raises:
        EngineError: it has not, or does not.
    """
    offered: Mapping[str, tuple[str, ...]] = getattr(engine, "options", {})
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if name not in offered:
            raise EngineError(f"{flag}: engine {identity!r} has no such option", hint="leave it out, or: --engine NAME")
        if value not in offered[name]:
            raise EngineError(f"{flag}: got {value!r}, expected {' or '.join(offered[name])}")


@contextmanager
def stepping_threads(device: str | torch.device) -> Iterator[None]:
    """While environments step on a CPU, torch works in one thread; afterwards in as many as before.

    A step is hundreds of small operations, which gain nothing from threads, and the physics has threads of its own:
    torch's would wait for their next operation on the very cores that the physics needs. An update of networks is
    another matter, so this holds for rollouts alone. On other devices nothing changes.
    """
    before = torch.get_num_threads()
    if torch.device(device).type != "cpu" or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
