"""Names, ids, suggestions, off switches and targets."""

from __future__ import annotations

import logging

import pytest

from parkour.errors import AmbiguousNameError, PluginError, UnknownNameError, nearest
from parkour.registry import (
    BUILTIN,
    LOAD_PLUGINS,
    BrokenPlugin,
    RegisteredSpec,
    Registry,
    default_registry,
    resolve_target,
)
from parkour.specs import KINDS, RewardSpec, Spec, TerrainSpec


def terrain(name: str, distribution: str, version: str = "1.0") -> RegisteredSpec:
    return RegisteredSpec(TerrainSpec(name=name, summary="", target="a:b"), distribution, version, "terrains")


def test_bare_names_and_ids() -> None:
    beam = terrain("beam", "parkour-beams")
    registry = Registry([beam])
    assert registry.get("terrain", "beam") is beam
    assert registry.get("terrain", "parkour-beams:beam") is beam
    assert registry.get("terrain", "Parkour_Beams:beam") is beam
    assert beam.id == "parkour-beams:beam"


def test_a_builtin_keeps_its_bare_name() -> None:
    own, other = terrain("gap", BUILTIN), terrain("gap", "a-gap")
    registry = Registry([other, own])
    assert registry.get("terrain", "gap") is own
    assert registry.get("terrain", "a-gap:gap") is other
    assert registry.specs("terrain") == (own, other)


def test_ambiguity_names_both_ids_with_versions() -> None:
    registry = Registry([terrain("beam", "b", "2.1"), terrain("beam", "a", "0.9")])
    with pytest.raises(AmbiguousNameError) as caught:
        registry.get("terrain", "beam")
    assert caught.value.message == "terrain 'beam' is ambiguous: a:beam (version 0.9) and b:beam (version 2.1)"
    assert caught.value.hint == "write 'a:beam'"


def test_one_name_in_two_kinds_is_no_ambiguity() -> None:
    reward = RegisteredSpec(RewardSpec(name="beam", summary="", target="a:b"), "a", "1", "x")
    registry = Registry([terrain("beam", "b"), reward])
    assert registry.get("reward", "beam") is reward


@pytest.mark.parametrize("name", ["hurdel", "hurdles", "parkour-lab:hurdel"])
def test_unknown_names_suggest_near_ones(name: str) -> None:
    registry = Registry([terrain("hurdle", BUILTIN), terrain("step", BUILTIN)])
    with pytest.raises(UnknownNameError, match=r"unknown terrain .*did you mean '(parkour-lab:)?hurdle'"):
        registry.get("terrain", name)


def test_an_unknown_name_mentions_the_plugin_that_could_have_had_it() -> None:
    other = BrokenPlugin("parkour-rewards-x", "1", "r", "register_rewards raised", kind="reward")
    vague = BrokenPlugin("parkour-any", "1", "any", "import failed")
    culprit = BrokenPlugin("parkour-beams", "0.2", "beams", "bad target", kind="terrain", name="beam")
    registry = Registry([], [other, vague, culprit])
    with pytest.raises(UnknownNameError) as caught:
        registry.get("terrain", "beam")
    assert "parkour-beams 0.2" in str(caught.value.hint)
    with pytest.raises(UnknownNameError) as caught:
        registry.get("terrain", "other")
    assert "parkour-any" in str(caught.value.hint)
    with pytest.raises(UnknownNameError) as caught:
        registry.get("terrain", "parkour-xyz:other")
    assert "broken" not in str(caught.value.hint)


PLUGIN = """
    from parkour import TerrainSpec, hookimpl

    @hookimpl
    def register_terrains():
        return [TerrainSpec(name="beam", summary="", target="a:b")]
"""


def _distributions(registry: Registry) -> set[str]:
    return {item.distribution for item in registry.specs("terrain")}


def test_off_switches(install_plugin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    install_plugin("parkour-a", {"plug_a": PLUGIN})
    install_plugin("parkour-b", {"plug_b": PLUGIN})
    assert _distributions(Registry.discover()) >= {"parkour-a", "parkour-b"}
    monkeypatch.setenv(LOAD_PLUGINS, "Parkour_B, parkour-missing")
    with caplog.at_level(logging.WARNING):
        chosen = default_registry()
    assert _distributions(chosen) & {"parkour-a", "parkour-b"} == {"parkour-b"}
    assert "'parkour-missing'" in caplog.text
    monkeypatch.setenv(LOAD_PLUGINS, "")
    assert {item.distribution for kind in KINDS for item in default_registry().specs(kind)} <= {BUILTIN}


def test_the_default_registry_warns_once_per_broken_plugin(
    install_plugin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_plugin("parkour-bad-once", {"bad_once": "raise RuntimeError('boom')\n"})
    monkeypatch.setenv(LOAD_PLUGINS, "parkour-bad-once")
    with caplog.at_level(logging.DEBUG, logger="parkour"):
        assert default_registry() is default_registry()
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len([line for line in warnings if "parkour-bad-once 1.0" in line]) == 1
    assert any("Traceback" in record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG)


def test_resolve_target() -> None:
    assert resolve_target("parkour.specs:TerrainSpec.kind") == "terrain"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("parkour.specs", "expected 'module:attribute'"),
        ("parkour.specs:", "expected 'module:attribute'"),
        ("os; import sys:x", "expected 'module:attribute'"),
        ("parkour.no_such:thing", "cannot import 'parkour.no_such' (ModuleNotFoundError"),
        ("parkour.specs:TerainSpec", "has no attribute 'TerainSpec'; did you mean 'TerrainSpec'?"),
    ],
)
def test_a_target_that_cannot_be_resolved_is_a_plugin_error(target: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        resolve_target(target, owner="terrain 'a:b'")
    assert message in caught.value.message
    assert caught.value.message.startswith("terrain 'a:b': ")


def _all() -> list[RegisteredSpec]:
    registry = Registry.discover(only=[])
    return [item for kind in KINDS for item in registry.specs(kind)]


@pytest.mark.parametrize("item", _all(), ids=lambda item: f"{item.spec.kind}-{item.spec.name}")
def test_every_builtin_spec_resolves_and_describes_itself(item: RegisteredSpec) -> None:
    from parkour.registry.describe import describe_parameters

    spec: Spec = item.spec
    assert spec.summary
    if not (spec.target.endswith(".toml") or spec.kind in ("robot", "degradation", "protocol")):
        assert callable(resolve_target(spec.target))
    for parameter in describe_parameters(item):
        assert parameter.doc, f"{parameter.name} has no text"
        assert not parameter.required, "a component must work without parameters"


@pytest.mark.parametrize(
    ("name", "near"),
    [("terain", ["terrain"]), ("wall", []), ("link", ["robot_link"]), ("x", []), ("termnation", ["termination"])],
)
def test_only_names_that_are_alike_or_hold_the_word_are_suggested(name: str, near: list[str]) -> None:
    assert nearest(name, KINDS, n=1) == near
