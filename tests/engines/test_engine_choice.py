"""Which engine is taken where none is named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from parkour.engines import choice
from parkour.engines.choice import choose_engine
from parkour.registry import Registry
from parkour.registry.records import RegisteredSpec
from parkour.specs import EngineSpec


def _registered(name: str, preference: int) -> RegisteredSpec:
    spec = EngineSpec(name=name, summary=name, target=f"{name}:Engine", preference=preference)
    return RegisteredSpec(spec=spec, distribution="somebody", version="1", entry_point="engines")


def test_the_preferred_one_of_those_that_can_run(monkeypatch: Any) -> None:
    running = {"a": True, "b": True, "c": False}

    def resolve(target: str, *, owner: str) -> Any:
        state = SimpleNamespace(ok=running[target.split(":")[0]], reason="not here", hint="")
        return lambda: SimpleNamespace(name=target, availability=lambda: state)

    specs = [_registered("a", -1), _registered("b", 0), _registered("c", 1)]
    registry: Any = SimpleNamespace(specs=lambda kind: specs)
    monkeypatch.setattr(choice, "resolve_target", resolve)
    assert choose_engine(None, registry)[0].endswith(":b")
    running["b"] = False
    assert choose_engine(None, registry)[0].endswith(":a")


def test_isaaclab_stands_back_behind_mujoco() -> None:
    specs = {item.spec.name: item.spec for item in Registry.discover().specs("engine")}
    mujoco, isaaclab = specs["mujoco"], specs["isaaclab"]
    assert isinstance(mujoco, EngineSpec) and isinstance(isaaclab, EngineSpec)
    assert isaaclab.preference < mujoco.preference
