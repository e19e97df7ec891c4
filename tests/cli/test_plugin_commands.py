"""Commands of plugins: how they are listed, named and run, and what a bad one costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from parkour.registry import LOAD_PLUGINS, default_registry
from parkour.registry import registry as registry_module
from parkour_cli.__main__ import main
from parkour_cli.commands import own_lines

Run = Callable[..., tuple[int, list[str], list[str]]]

PLUGIN = """
    from parkour import CommandSpec, hookimpl

    @hookimpl
    def register_commands():
        yield CommandSpec(name="{name}", summary="Counts [beams].", target="{target}")
"""
COMMAND = """
    from typing import Annotated
    import typer
    from parkour import ParkourError
    from parkour.commands import make_app, print_json

    app = make_app("Counts beams.")

    @app.command()
    def count(number: Annotated[int, typer.Argument(help="Of beams.")]) -> None:
        "Counts beams."
        if number < 0:
            raise ParkourError(f"got {number} beams, expected 0 or more")
        print_json(list(range(number)))
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``parkour`` with arguments; returns exit code, lines of stdout and lines of stderr."""
    monkeypatch.setenv(LOAD_PLUGINS, "")  # Restores the variable when the test ends, whatever a command does.
    monkeypatch.delenv(LOAD_PLUGINS)

    def call(*args: str) -> tuple[int, list[str], list[str]]:
        registry_module._registry.cache_clear()
        with pytest.raises(SystemExit) as stop:
            main(list(args))
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out.splitlines(), captured.err.splitlines()

    yield call  # type: ignore[misc]
    registry_module._registry.cache_clear()


@pytest.fixture
def install(install_plugin: Callable[..., Any]) -> Callable[..., None]:
    """Installs a distribution with one command; its module, too, unless ``target`` says otherwise."""

    def make(distribution: str, name: str, target: str | None = None, command: str = COMMAND) -> None:
        module = distribution.replace("-", "_")
        modules = {module: PLUGIN.format(name=name, target=target or f"{module}_command:app")}
        install_plugin(
            distribution, {**modules, f"{module}_command": command}, entry_points={module: module},
            folder=distribution,
        )  # fmt: skip

    return make


def test_a_command_is_listed_with_where_it_comes_from_and_runs(run: Run, install: Callable[..., None]) -> None:
    install("parkour-beams", "beams")
    code, out, err = run("--help")
    assert (code, err) == (0, [])
    at = out.index("Commands of plugins:")
    assert out[at + 1].split() == ["beams", "Counts", "[beams].", "(parkour-beams)"]
    assert "parkour_beams_command" not in sys.modules, "help imports what only running needs"
    assert run("beams", "2") == (0, ["[", "  0,", "  1", "]"], [])
    assert run("parkour-beams:beams", "0")[:2] == (0, ["[]"])
    assert "Usage: parkour beams [OPTIONS]" in run("beams", "--help")[1][0]


def test_help_shows_what_packs_of_ours_register() -> None:
    """Help imports none of them: their lines are written down, and this holds them to what is registered."""
    registered = {item.spec.name: item.spec.summary for item in default_registry().specs("command") if item.builtin}
    assert own_lines() == registered


def test_help_imports_only_plugins_that_could_have_a_command(run: Run, install_plugin: Callable[..., Any]) -> None:
    terrain = """
        from parkour import TerrainSpec, hookimpl

        @hookimpl
        def register_terrains():
            yield TerrainSpec(name="beam", summary="a beam", target="beams:beam")
    """
    with_all_names = "from scan_hooks import *\n"
    hooks = PLUGIN.format(name="beams", target="a:b")
    install_plugin("parkour-scan", {"scan_terrain": terrain, "scan_names": with_all_names, "scan_hooks": hooks},
                   entry_points={"t": "scan_terrain", "c": "scan_names"})  # fmt: skip
    code, out, err = run("--help")
    assert (code, err) == (0, [])
    assert any("beams" in line for line in out[out.index("Commands of plugins:") :])
    assert "scan_names" in sys.modules and "scan_terrain" not in sys.modules
    assert (
        any("beam " in row for row in run("plugins", "list", "--kind", "terrain")[1]) and "scan_terrain" in sys.modules
    )


def test_errors_of_a_command_are_lines(run: Run, install: Callable[..., None]) -> None:
    install("parkour-beams", "beams")
    assert run("beams", "-1")[0] == 2
    assert run("beams", "--", "-1") == (1, [], ["error: got -1 beams, expected 0 or more"])
    code, _, err = run("beems")
    assert code == 2 and "no command 'beems'; did you mean 'beams'?" in err[0]


@pytest.mark.parametrize("first", [("--no-plugins", "--help"), ("beams", "2")])
def test_without_plugins_there_is_no_command(
    run: Run, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch, first: tuple[str, ...]
) -> None:
    install("parkour-beams", "beams")
    assert "Commands of plugins:" not in run(*first)[1]
    monkeypatch.delenv(LOAD_PLUGINS, raising=False)
    assert run("--no-plugins", "beams", "2")[0] == 2


def test_ours_keep_their_names(run: Run, install: Callable[..., None]) -> None:
    install("parkour-beams", "train")
    assert any(line.split()[:1] == ["parkour-beams:train"] for line in run("--help")[1])
    assert "Train a policy" in " ".join(run("train", "--help")[1])
    assert run("parkour-beams:train", "1")[:2] == (0, ["[", "  0", "]"])
    rows = run("plugins", "list", "--kind", "command")[1]
    assert any("ok, as parkour-beams:train" in row for row in rows)


def test_a_name_that_two_have_is_called_by_its_id(run: Run, install: Callable[..., None]) -> None:
    install("parkour-beams", "beams")
    install("parkour-more-beams", "beams")
    names = [line.split()[0] for line in run("--help")[1] if line.startswith("  parkour-")]
    assert names == ["parkour-beams:beams", "parkour-more-beams:beams"]
    code, _, err = run("beams", "2")
    assert code == 1 and err[0].startswith("error: command 'beams' is ambiguous: ")
    assert run("parkour-more-beams:beams", "1")[0] == 0


@pytest.mark.parametrize(
    ("target", "command", "said"),
    [
        (None, "import no_such_thing\n", "cannot import 'parkour_beams_command' (ModuleNotFoundError"),
        (None, "app = print\n", "is a builtin_function_or_method, expected a typer.Typer"),
        ("parkour_beams_command:ap", COMMAND, "has no attribute 'ap'; did you mean 'app'?"),
    ],
)
def test_a_command_that_cannot_be_loaded_is_one_line(
    run: Run, install: Callable[..., None], target: str | None, command: str, said: str
) -> None:
    install("parkour-beams", "beams", target, command)
    assert run("--help")[0] == 0
    code, out, err = run("beams", "2")
    assert (code, out) == (1, [])
    assert err[0].startswith("error: command 'parkour-beams:beams': ") and said in err[0]


def test_a_broken_plugin_costs_one_warning(run: Run, install_plugin: Callable[..., Any]) -> None:
    source = PLUGIN.format(name="beams", target="a:b").replace(
        "yield CommandSpec", "raise ValueError('no beams') or dict"
    )
    install_plugin("parkour-beams", {"beams_broken": source})
    code, out, err = run("--help")
    assert code == 0 and "Commands:" in out
    (line,) = err
    assert line.startswith("warning: plugin parkour-beams 1.0") and "register_commands raised ValueError" in line
    assert run("beams")[0] == 2
    assert run("train", "--help")[2] == [], "a command of ours looks for no plugins to show its help"
