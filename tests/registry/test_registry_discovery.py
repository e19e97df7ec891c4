"""Discovery: faults are isolated."""

from __future__ import annotations

from pathlib import Path

import pytest

from parkour.registry import Registry
from parkour.registry.discovery import installed_entries

GOOD = """
    from parkour import TerrainSpec, hookimpl

    @hookimpl
    def register_terrains():
        return [TerrainSpec(name="{name}", summary="a beam", target="beams:beam")]
"""

BROKEN_MODULES = {
    "syntax error": ("def register_terrains(:\n", "import failed (SyntaxError"),
    "missing import": ("import no_such_module_at_all\n", "import failed (ModuleNotFoundError"),
    "raises at import": ("raise RuntimeError('two\\nlines')\n", "import failed (RuntimeError: two)"),
    "exits at import": ("import sys; sys.exit(3)\n", "import failed (SystemExit: 3)"),
    "raising hook": (
        """
        from parkour import hookimpl

        @hookimpl
        def register_terrains():
            raise ValueError("no beams today")
        """,
        "register_terrains raised ValueError: no beams today",
    ),
    "hook returns None": (
        """
        from parkour import hookimpl

        @hookimpl
        def register_terrains():
            pass
        """,
        "register_terrains returned None, expected an iterable of TerrainSpec",
    ),
    "hook returns a spec": (
        """
        from parkour import TerrainSpec, hookimpl

        @hookimpl
        def register_terrains():
            return TerrainSpec(name="a", summary="", target="a:b")
        """,
        "returned an object of type TerrainSpec, expected an iterable of TerrainSpec",
    ),
    "hook returns text": (
        """
        from parkour import hookimpl

        @hookimpl
        def register_rewards():
            return "abc"
        """,
        "returned an object of type str, expected an iterable of RewardSpec",
    ),
    "spec of another kind": (
        """
        from parkour import RewardSpec, hookimpl

        @hookimpl
        def register_terrains():
            return [RewardSpec(name="a", summary="", target="a:b")]
        """,
        "got an object of type RewardSpec, expected TerrainSpec",
    ),
    "illegal name": (
        """
        from parkour import TerrainSpec, hookimpl

        @hookimpl
        def register_terrains():
            return [TerrainSpec(name="Big Beam", summary="", target="a:b")]
        """,
        "got name 'Big Beam', expected lower-case letters",
    ),
    "malformed target": (
        """
        from parkour import TerrainSpec, hookimpl

        @hookimpl
        def register_terrains():
            return [TerrainSpec(name="beam", summary="", target="a.b")]
        """,
        "'beam': got target 'a.b', expected 'module:attribute'",
    ),
    "misspelt hook": (
        """
        from parkour import hookimpl

        @hookimpl
        def register_terrain():
            return []
        """,
        "'register_terrain' is marked with @parkour.hookimpl but is no hook; did you mean 'register_terrains'?",
    ),
    "hook with arguments": (
        """
        from parkour import hookimpl

        @hookimpl
        def register_terrains(config):
            return []
        """,
        "register_terrains must take no arguments (missing a required argument: 'config')",
    ),
    "unmarked hook": ("def register_terrains(): return []\n", "register_terrains is not marked with @parkour.hookimpl"),
    "no hook": ("x = 1\n", "no hook found"),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN_MODULES.values(), ids=BROKEN_MODULES.keys())
def test_a_broken_plugin_is_recorded_and_others_load(install_plugin, source: str, reason: str) -> None:
    site = install_plugin("parkour-bad", {"bad": source}, version="0.3")
    install_plugin("parkour-beams", {"beams": GOOD.format(name="beam")})
    registry = Registry.discover(path=[str(site)])
    assert [item.id for item in registry.specs("terrain")] == ["parkour-beams:beam"]
    (broken,) = registry.broken
    assert (broken.distribution, broken.version, broken.entry_point) == ("parkour-bad", "0.3", "bad")
    assert reason in broken.reason
    assert "\n" not in str(broken)


def test_a_raising_plugin_keeps_its_traceback(install_plugin) -> None:
    site = install_plugin("parkour-bad", {"bad": BROKEN_MODULES["raising hook"][0]})
    (broken,) = Registry.discover(path=[str(site)]).broken
    assert 'raise ValueError("no beams today")' in broken.traceback
    assert broken.kind == "terrain"


def test_one_bad_hook_or_spec_does_not_cost_the_others(install_plugin) -> None:
    source = """
        from parkour import RewardSpec, TerrainSpec, hookimpl

        @hookimpl
        def register_terrains():
            yield TerrainSpec(name="first", summary="", target="beams:first")
            yield "second"
            yield TerrainSpec(name="first", summary="again", target="beams:other")
            yield TerrainSpec(name="third", summary="", target="beams:third")
            raise RuntimeError("no fourth")

        @hookimpl
        def register_rewards():
            return [RewardSpec(name="first", summary="", target="beams:reward")]

        @hookimpl
        def register_event():
            return []
    """
    site = install_plugin("parkour-beams", {"beams": source})
    registry = Registry.discover(path=[str(site)])
    assert [item.spec.name for item in registry.specs("terrain")] == ["first", "third"]
    assert registry.get("terrain", "first").spec.target == "beams:first"
    assert [item.spec.name for item in registry.specs("reward")] == ["first"]
    reasons = [broken.reason for broken in registry.broken]
    assert len(reasons) == 4
    assert any("got an object of type str" in reason for reason in reasons)
    assert any("registered twice; the one of entry point 'beams' is kept" in reason for reason in reasons)
    assert any("raised RuntimeError: no fourth" in reason for reason in reasons)
    assert any("did you mean 'register_events'?" in reason for reason in reasons)


def test_a_name_may_be_registered_once_per_distribution_over_all_entry_points(install_plugin) -> None:
    source = GOOD.format(name="beam")
    site = install_plugin("parkour-beams", {"beams_a": source, "beams_b": source})
    registry = Registry.discover(path=[str(site)])
    assert len(registry.specs("terrain")) == 1
    assert "registered twice; the one of entry point 'beams_a' is kept" in registry.broken[0].reason


def test_a_hook_may_be_implemented_under_another_name(install_plugin) -> None:
    source = GOOD.format(name="beam").replace("@hookimpl", '@hookimpl(specname="register_terrains")')
    site = install_plugin("parkour-beams", {"beams": source.replace("def register_terrains", "def my_beams")})
    registry = Registry.discover(path=[str(site)])
    assert [item.spec.name for item in registry.specs("terrain")] == ["beam"]
    assert registry.broken == ()


def test_two_distributions_with_one_entry_point_name_both_load(install_plugin) -> None:
    install_plugin("parkour-a", {"mod_a": GOOD.format(name="a")}, entry_points={"terrains": "mod_a"})
    site = install_plugin("parkour-b", {"mod_b": GOOD.format(name="b")}, entry_points={"terrains": "mod_b"})
    registry = Registry.discover(path=[str(site)])
    assert [item.id for item in registry.specs("terrain")] == ["parkour-a:a", "parkour-b:b"]


def test_a_distribution_visible_twice_counts_once(install_plugin) -> None:
    source = GOOD.format(name="beam")
    first = install_plugin("parkour-beams", {"beams": source}, folder="first", version="2.0")
    second = install_plugin("Parkour_Beams", {"beams": source}, folder="second", version="1.0")
    registry = Registry.discover(path=[str(first), str(second), str(first)])
    assert [(item.id, item.version) for item in registry.specs("terrain")] == [("parkour-beams:beam", "2.0")]
    assert registry.broken == ()


def test_a_damaged_entry_point_list_is_reported(install_plugin) -> None:
    site = install_plugin("parkour-beams", {"beams": GOOD.format(name="beam")})
    other = install_plugin("parkour-damaged", {})
    (other / "parkour_damaged-1.0.dist-info" / "entry_points.txt").write_text("[parkour]\nno equals sign\n")
    registry = Registry.discover(path=[str(site)])
    assert [item.spec.name for item in registry.specs("terrain")] == ["beam"]
    (broken,) = registry.broken
    assert broken.distribution == "parkour-damaged"
    assert "entry_points.txt cannot be read" in broken.reason


def test_a_folder_without_plugins_gives_nothing(tmp_path: Path) -> None:
    assert installed_entries([str(tmp_path)]) == ([], [])


def test_everything_installed_loads(installed: Registry) -> None:
    own = [broken for broken in installed.broken if broken.distribution == "parkour-lab"]
    assert own == []
