"""``parkour plugins list``: names that two have, what loading costs, and what is printed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from parkour.registry import LOAD_PLUGINS, discovery
from parkour.registry import registry as registry_module
from parkour_cli.__main__ import main
from tests.clocks import HandClock

SOURCE = """
    from parkour import TerrainSpec, hookimpl
    {extra}

    @hookimpl
    def register_terrains():
        yield TerrainSpec(name="{name}", summary="a terrain", target="a:b")
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Runs ``parkour plugins list`` with arguments; returns stdout and stderr."""
    monkeypatch.delenv(LOAD_PLUGINS, raising=False)

    def call(*args: str) -> tuple[str, str]:
        registry_module._registry.cache_clear()
        with pytest.raises(SystemExit) as stop:
            main(["plugins", "list", *args])
        assert not stop.value.code
        captured = capsys.readouterr()
        return captured.out, captured.err

    yield call  # type: ignore[misc]
    registry_module._registry.cache_clear()


def test_names_that_two_have_are_listed_by_their_ids(run, install_plugin) -> None:
    install_plugin("parkour-one", {"list_one": SOURCE.format(name="beam", extra="")})
    install_plugin("parkour-two", {"list_two": SOURCE.format(name="beam", extra="")})
    install_plugin("parkour-three", {"list_three": SOURCE.format(name="gap", extra="")})
    out, _ = run("--kind", "terrain")
    for said in ("ok, as parkour-one:beam", "ok, as parkour-two:beam", "ok, as parkour-three:gap"):
        assert said in out
    rows = json.loads(run("--kind", "terrain", "--json")[0])["components"]
    bare = {row["id"]: row["bare_name"] for row in rows}
    assert bare["parkour-lab:gap"] and not bare["parkour-one:beam"] and not bare["parkour-three:gap"]


def test_timing_shows_the_slow_first_and_what_is_printed(run, install_plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "time", HandClock())
    slow = "from parkour.registry import discovery; discovery.time.sleep(0.2); print('hello from [the] plugin')"
    install_plugin("parkour-slow", {"list_slow": SOURCE.format(name="slow", extra=slow)})
    out, err = run("--timing", "--json")
    loads = json.loads(out)
    assert loads[0]["distribution"] == "parkour-slow" and loads[0]["seconds"] == 0.2
    assert loads[0]["printed"] == "hello from [the] plugin"
    assert {load["distribution"] for load in loads} >= {"parkour-lab", "parkour-slow"}
    assert err.count("parkour-slow 1.0 printed while it was loaded") == 1


def test_timing_as_a_table(run, install_plugin) -> None:
    install_plugin("parkour-chatty", {"list_chatty": SOURCE.format(name="chatty", extra="print('hello [red]')")})
    out, _ = run("--timing")
    assert "hello [red]" in out and "import and hooks" in out and " ms" in out
