"""Which engine simulates, with which options, and how many environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from parkour.engines.protocol import ConfigurableEngine, Engine
from parkour.errors import EngineError, ParkourError
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.specs import EngineSpec

if TYPE_CHECKING:
    from parkour.tasks.resolved import ResolvedTask


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
    offered = engine.options if isinstance(engine, ConfigurableEngine) else {}
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if name not in offered:
            raise EngineError(f"{flag}: engine {identity!r} has no such option", hint="leave it out, or: --engine NAME")
        if value not in offered[name]:
            raise EngineError(f"{flag}: got {value!r}, expected {' or '.join(offered[name])}")


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
