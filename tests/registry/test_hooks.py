"""Every hook is documented, has its contract checked, and is implemented here once by a plugin of a third party."""

from __future__ import annotations

import inspect

import pluggy
import pytest

from parkour import hookspecs
from parkour.hookspecs import HOOKS
from parkour.registry import Registry
from parkour.specs import KINDS, SPEC_TYPES, Kind
from parkour.testing.catalogue import MODULES

SPECS: dict[Kind, str] = {
    "terrain": 'TerrainSpec(name="thing", summary="a thing", target="things:x", flat=True)',
    "reward": 'RewardSpec(name="thing", summary="a thing", target="things:x")',
    "observation": 'ObservationSpec(name="thing", summary="a thing", target="things:x", needs=("depth_camera",))',
    "modifier": 'ModifierSpec(name="thing", summary="a thing", target="things:x")',
    "termination": 'TerminationSpec(name="thing", summary="a thing", target="things:x", outcome="success")',
    "event": 'EventSpec(name="thing", summary="a thing", target="things:x", mode="reset")',
    "encoder": 'EncoderSpec(name="thing", summary="a thing", target="things:x", encodes="depth", recurrent=True)',
    "policy": 'PolicySpec(name="thing", summary="a thing", target="things:x", stage="teacher")',
    "engine": 'EngineSpec(name="thing", summary="a thing", target="things:x", extra="things")',
    "task": 'TaskSpec(name="thing", summary="a thing", target="things:x.toml", aliases=(TaskAlias(name="t"),))',
    "robot": 'RobotSpec(name="thing", summary="a thing", target="things:robots/thing", model_version="2")',
    "command": 'CommandSpec(name="thing", summary="a thing", target="things:x")',
    "degradation": 'DegradationSpec(name="thing", summary="a thing", target="things:x", part="camera")',
    "robot_link": 'RobotLinkSpec(name="thing", summary="a thing", target="things:x")',
    "depth_source": 'DepthSourceSpec(name="thing", summary="a thing", target="things:x")',
    "export_target": 'ExportTargetSpec(name="thing", summary="a thing", target="things:x")',
    "metric": 'MetricSpec(name="thing", summary="a thing", target="things:x", per="episode", unit="m")',
    "logger": 'LoggerSpec(name="thing", summary="a thing", target="things:x", keeps=("thing.txt",))',
    "callback": 'CallbackSpec(name="thing", summary="a thing", target="things:x", renders=True)',
    "curriculum": 'CurriculumSpec(name="thing", summary="a thing", target="things:x")',
    "command_term": 'CommandTermSpec(name="thing", summary="a thing", target="things:x", unit="m")',
    "protocol": 'ProtocolSpec(name="thing", summary="a thing", target="things:x")',
}
"""A registration of each kind; a new hook needs one."""


def declared_hooks() -> set[str]:
    """Functions of the module that pluggy knows for hooks."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    return {name for name in dir(hookspecs) if manager.parse_hookspec_opts(hookspecs, name) is not None}


def test_hooks_kinds_and_specs_are_the_same_set() -> None:
    assert set(HOOKS.values()) == declared_hooks()
    assert set(HOOKS) == set(KINDS) == set(SPEC_TYPES) == set(MODULES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_hook_is_documented(kind: Kind) -> None:
    text = inspect.getdoc(getattr(hookspecs, HOOKS[kind]))
    assert text and len(text) > 80, f"{HOOKS[kind]} needs a docstring: what it registers, and what is made of it"
    assert inspect.getdoc(SPEC_TYPES[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_every_hook_is_called(kind: Kind, install_plugin) -> None:
    assert kind in SPECS, f"{HOOKS[kind]} is not tested: write a registration of it into SPECS"
    source = f"""
        from parkour import *
        PARKOUR_API = "{hookspecs.API_VERSION}"

        @hookimpl
        def {HOOKS[kind]}():
            yield {SPECS[kind]}
    """
    site = install_plugin("parkour-things", {"things": source})
    registry = Registry.discover(path=[str(site)])
    assert registry.broken == ()
    assert {each: [item.id for item in registry.specs(each)] for each in KINDS if registry.specs(each)} == {
        kind: ["parkour-things:thing"]
    }
    assert type(registry.get(kind, "thing").spec) is SPEC_TYPES[kind]
