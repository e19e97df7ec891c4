"""What plugins may do to others: API versions, prints, slow imports, names and modules that two of them have."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, distribution

import pytest

from parkour.errors import MissingPluginError
from parkour.hookspecs import API_VERSION, PROJECT
from parkour.registry import BUILTIN, LOAD_PLUGINS, Registry, default_registry, discovery
from parkour.registry.api_version import API_ATTRIBUTE, api_problem, written_api
from parkour.registry.records import BrokenPlugin
from tests.clocks import HandClock

BEAM = """
    from parkour import TerrainSpec, hookimpl
    {extra}

    @hookimpl
    def register_terrains():
        return [TerrainSpec(name="beam", summary="a beam", target="beams:beam")]
"""
MAJOR, MINOR = (int(part) for part in API_VERSION.split("."))


@pytest.mark.parametrize("declared", [None, API_VERSION, f"{MAJOR}.0"])
def test_api_versions_that_fit(declared: str | None) -> None:
    assert api_problem(declared) is None


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (f"{MAJOR + 1}.0", "a newer parkour-lab"),
        (f"{MAJOR}.{MINOR + 1}", "a newer parkour-lab"),
        (f"{MAJOR - 1}.7", "a newer version of the plugin"),
        ("1", "got PARKOUR_API = '1', expected text such as"),
        (1.0, "got PARKOUR_API = 1.0, expected text such as"),
        ("one.zero", "expected text such as"),
    ],
)
def test_api_versions_that_do_not(declared: object, said: str) -> None:
    problem = api_problem(declared)
    assert problem is not None and said in problem and "\n" not in problem


@pytest.mark.parametrize("point", distribution(BUILTIN).entry_points.select(group=PROJECT), ids=lambda p: p.name)
def test_the_built_in_packs_say_which_api_they_are_for(point: EntryPoint) -> None:
    assert getattr(import_module(point.module), API_ATTRIBUTE) == API_VERSION


def test_a_plugin_for_another_api_is_refused_whole(install_plugin) -> None:
    site = install_plugin(
        "parkour-beams", {"beams": BEAM.format(extra=f'PARKOUR_API = "{MAJOR + 1}.0"')}, version="9.0"
    )
    registry = Registry.discover(path=[str(site)])
    assert registry.specs("terrain") == ()
    (broken,) = registry.broken
    assert broken.reason == (
        f"it is written for plugin API {MAJOR + 1}.0, this parkour has {API_VERSION}: install a newer parkour-lab"
    )


def test_one_that_fails_at_import_for_that_reason_says_so_too(install_plugin) -> None:
    source = f'PARKOUR_API: str = "{MAJOR + 1}.0"\nfrom parkour import NoSuchSpec\n'
    site = install_plugin("parkour-beams", {"beams": source})
    (broken,) = Registry.discover(path=[str(site)]).broken
    assert broken.reason.startswith(f"it is written for plugin API {MAJOR + 1}.0")
    assert "import failed (ImportError" in broken.reason


def test_what_is_written_is_read_without_running_it(install_plugin) -> None:
    install_plugin(
        "parkour-written",
        {
            "written_a": 'PARKOUR_API = "3.1"\nraise SystemExit\n',
            "written_b": "x = (\n",
            "written_c": "PARKOUR_API = f()\n",
        },
        entry_points={},
    )
    found = [written_api(name) for name in ("written_a", "written_b", "written_c", "no_such_module", "sys")]
    assert found == ["3.1", None, None, None, None]


def test_a_plugin_without_a_version_loads(install_plugin) -> None:
    site = install_plugin("parkour-beams", {"beams": BEAM.format(extra="")})
    assert len(Registry.discover(path=[str(site)]).specs("terrain")) == 1


def test_prints_do_not_reach_standard_output(
    install_plugin, capsys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_plugin("parkour-chatty", {"chatty": BEAM.format(extra='print("buy", "beams!"); print("now")')})
    monkeypatch.setenv(LOAD_PLUGINS, "parkour-chatty,")
    with caplog.at_level(logging.WARNING, logger="parkour"):
        registry = default_registry()
    assert capsys.readouterr().out == ""
    assert registry.get("terrain", "parkour-chatty:beam")
    (load,) = [load for load in registry.loads if load.distribution == "parkour-chatty"]
    assert load.printed == "buy beams!\nnow"
    assert "parkour-chatty 1.0 printed while it was loaded: 'buy beams!…'" in caplog.text


def test_slow_and_heavy_imports_are_charged_to_who_makes_them(install_plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "time", HandClock())
    slow = (
        "from parkour.registry import discovery; discovery.time.sleep(0.12);"
        "import sys, types; sys.modules['warp'] = types.ModuleType('warp')"
    )
    install_plugin("parkour-slow", {"slow_beams": BEAM.format(extra=slow)})
    site = install_plugin("parkour-quick", {"quick_beams": BEAM.format(extra="")})
    before = sys.modules.pop("warp", None)
    try:
        loads = {load.distribution: load for load in Registry.discover(path=[str(site)]).loads}
    finally:
        sys.modules.pop("warp", None)
        if before is not None:
            sys.modules["warp"] = before
    assert (loads["parkour-slow"].seconds, loads["parkour-quick"].seconds) == (0.12, 0.0)
    assert loads["parkour-slow"].heavy == ("warp",) and loads["parkour-quick"].heavy == ()


def test_a_module_that_two_distributions_name_is_the_first_one_s(install_plugin) -> None:
    """Python has one module of a name: the second plugin would silently register the first one's components."""
    install_plugin("parkour-a", {"beams": BEAM.format(extra="")})
    site = install_plugin("parkour-b", {}, entry_points={"b": "beams"})
    registry = Registry.discover(path=[str(site)])
    assert [item.id for item in registry.specs("terrain")] == ["parkour-a:beam"]
    (broken,) = registry.broken
    assert broken.distribution == "parkour-b"
    assert broken.reason == "its entry point names 'beams', which is parkour-a's: modules need names of their own"


def test_an_object_that_cannot_be_looked_at_costs_only_itself(install_plugin) -> None:
    odd = """
        class Odd:
            def __getattr__(self, name):
                raise RuntimeError("do not look")
        plugin = Odd()
    """
    install_plugin("parkour-odd", {"odd": odd}, entry_points={"odd": "odd:plugin"})
    site = install_plugin("parkour-beams", {"beams": BEAM.format(extra="")})
    registry = Registry.discover(path=[str(site)])
    assert len(registry.specs("terrain")) == 1
    assert "it cannot be read (RuntimeError: do not look)" in registry.broken[0].reason


def test_an_id_of_a_distribution_that_is_gone_says_so() -> None:
    with pytest.raises(MissingPluginError) as caught:
        Registry().get("terrain", "Parkour_Beams:beam", version="0.3")
    assert caught.value.message == "terrain 'beam' comes from the plugin parkour-beams 0.3, which is not installed"
    assert "install parkour-beams 0.3" in str(caught.value.hint)


def test_an_id_of_a_distribution_that_is_switched_off_says_so(install_plugin) -> None:
    install_plugin("parkour-beams", {"beams": BEAM.format(extra="")})
    with pytest.raises(MissingPluginError, match="which is installed but not loaded") as caught:
        Registry.discover(only=[]).get("terrain", "parkour-beams:beam")
    assert "--no-plugins" in str(caught.value.hint)


def test_an_id_of_a_broken_distribution_names_the_fault() -> None:
    broken = BrokenPlugin("parkour-beams", "1", "beams", "import failed (SyntaxError)")
    with pytest.raises(Exception, match="unknown terrain") as caught:
        Registry([], [broken]).get("terrain", "parkour-beams:beam")
    assert not isinstance(caught.value, MissingPluginError)
    assert "import failed" in str(caught.value.hint)  # type: ignore[attr-defined]
