"""Commands, in one process: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.registry import LOAD_PLUGINS
from parkour.registry import registry as registry_module
from parkour_cli.__main__ import main
from parkour_cli.commands import commands

Run = Callable[..., tuple[int, str, str]]

BEAMS = """
    from parkour import EngineSpec, Params, TerrainSpec, hookimpl, param

    class BeamParams(Params):
        width: float = param(0.3, unit="m", ge=0.05, le=1.0, doc="Width of the beam.")

    def beam(difficulty, rng, params):
        raise NotImplementedError

    class Engine:
        def availability(self):
            raise RuntimeError("no [wheels]")

    @hookimpl
    def register_terrains():
        yield TerrainSpec(name="cli_beam", summary="a [beam]", target="cli_beams:beam", params="cli_beams:BeamParams")
        yield TerrainSpec(name="feet_edge", summary="shares its name with a reward", target="cli_beams:beam")

    @hookimpl
    def register_engines():
        yield EngineSpec(name="wheels", summary="", target="cli_beams:Engine", extra="wheels")
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``parkour`` with arguments; returns exit code, stdout and stderr."""
    monkeypatch.setenv(LOAD_PLUGINS, "")  # Restores the variable when the test ends, whatever a command does.
    monkeypatch.delenv(LOAD_PLUGINS)
    monkeypatch.delenv("PARKOUR_DEBUG", raising=False)

    def call(*args: str) -> tuple[int, str, str]:
        registry_module._registry.cache_clear()
        code = 0
        try:
            main(list(args))
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def _json(result: tuple[int, str, str]) -> Any:
    code, out, err = result
    assert code == 0, err
    return json.loads(out)


def test_help_lists_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for name, item in commands().items():
        assert name in out
        assert item.spec.summary[:30] in out


@pytest.mark.parametrize("command", commands())
def test_every_command_exists_and_has_help(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    # The robot's side has a parser of its own, which writes it small.
    assert f"usage: parkour {command}" in out.lower()


def test_version(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version") == (0, f"parkour {version('parkour-lab')}\n", "")


def test_a_misspelt_command_is_wrong_usage_with_a_suggestion(run: Run) -> None:
    code, _, err = run("plugin")
    assert code == 2
    assert "no command 'plugin'; did you mean 'plugins'?" in err


def test_plugins_list(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS}, version="0.4")
    install_plugin("parkour-cli-bad", {"cli_bad": "import no_such_thing\n"})
    listed = _json(run("plugins", "list", "--json"))
    rows = {(row["kind"], row["id"]): row for row in listed["components"]}
    assert rows["terrain", "parkour-cli-beams:cli_beam"]["version"] == "0.4"
    assert rows["task", "parkour-lab:go2-teacher"]["status"] == "ok"
    assert [plugin["distribution"] for plugin in listed["broken"]] == ["parkour-cli-bad"]
    code, out, err = run("plugins", "list")
    assert code == 0
    assert "a [beam]" in out
    assert "import failed (ModuleNotFoundError: No module named 'no_such_thing')" in out
    assert [line for line in err.splitlines() if "parkour-cli-bad" in line] == err.splitlines()
    assert len(err.splitlines()) == 1


def test_plugins_list_of_one_kind(run: Run) -> None:
    listed = _json(run("plugins", "list", "--kind", "engine", "--json"))
    assert {row["kind"] for row in listed["components"]} == {"engine"}
    assert "unknown kind 'enginn'; did you mean 'engine'" in run("plugins", "list", "--kind", "enginn")[2]


def test_verbose_shows_tracebacks_of_broken_plugins(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-bad", {"cli_bad": "import no_such_thing\n"})
    assert "Traceback" not in run("plugins", "list")[2]
    assert "Traceback" in run("-v", "plugins", "list")[2]


def test_no_plugins_loads_builtins_only(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS})
    install_plugin("parkour-cli-bad", {"cli_bad": "import no_such_thing\n"})
    listed = _json(run("--no-plugins", "plugins", "list", "--json"))
    assert {row["distribution"] for row in listed["components"]} == {"parkour-lab"}
    assert listed["broken"] == []
    assert os.environ[LOAD_PLUGINS] == ""


def test_plugins_show(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS}, version="0.4")
    shown = _json(run("plugins", "show", "cli_beam", "--json"))
    assert shown["id"] == "parkour-cli-beams:cli_beam"
    assert shown["target"] == "cli_beams:beam"
    assert shown["parameters"] == [
        {
            "name": "width", "type": "float", "required": False, "default": 0.3, "unit": "m",
            "bounds": "≥ 0.05, ≤ 1", "doc": "Width of the beam.",
        }
    ]  # fmt: skip
    _, out, _ = run("plugins", "show", "parkour-cli-beams:cli_beam")
    for text in ("a [beam]", "Width of the beam.", "≥ 0.05, ≤ 1", "0.4"):
        assert text in out


def test_plugins_show_asks_for_the_kind_where_several_have_the_name(
    run: Run, install_plugin: Callable[..., Any]
) -> None:
    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS})
    code, _, err = run("plugins", "show", "feet_edge")
    assert code == 1
    assert "'feet_edge' is ambiguous: a terrain and a reward" in err
    assert _json(run("plugins", "show", "feet_edge", "--kind", "reward", "--json"))["kind"] == "reward"


def test_plugins_show_of_an_unknown_name(run: Run) -> None:
    code, out, err = run("plugins", "show", "hurdel")
    assert (code, out) == (1, "")
    assert err.splitlines()[0].startswith("error: unknown component 'hurdel'; did you mean 'hurdle'")
    assert err.splitlines()[1].startswith("hint: ")


def test_tasks_list(run: Run) -> None:
    rows = {row["id"]: row for row in _json(run("tasks", "list", "--json"))["tasks"]}
    teacher = rows["parkour-lab:go2-teacher"]
    assert (teacher["stage"], teacher["robot"], teacher["status"]) == ("teacher", "go2", "ok")
    assert teacher["overlays"] == ["train", "eval", "pipeline", "finetune", "robust", "play"]
    assert "Isaac-Extreme-Parkour-Teacher-Unitree-Go2-Play-v0" in teacher["aliases"]
    assert "go2-teacher" in run("tasks", "list")[1]


def test_tasks_show(run: Run) -> None:
    args = ("tasks", "show", "go2-teacher", "--overlay", "eval", "--set", "rewards.feet_edge.weight=-2")
    shown = _json(run(*args, "--with", "terrain:demo=0.15", "--json"))
    assert shown["rewards"]["feet_edge"]["weight"] == -2.0
    assert shown["terrains"]["demo"]["use"] == "parkour-lab:demo"
    assert shown["origin"]["overlays"] == ["eval"]
    _, out, _ = run(*args)
    for text in ("parkour-lab:feet_edge", "-2.0", "parkour-lab:rma-teacher", "parkour-lab:scan_mlp", "eval"):
        assert text in out


@pytest.mark.parametrize("name", ["go2-teacher", "go2-student"])
def test_tasks_show_has_every_number(run: Run, name: str) -> None:
    """What the resolved task holds and the tables do not is a number that nobody finds."""
    args = ("tasks", "show", name, "--set", "physics.iterations=77", "--set", "events.push.interval=8.75")
    tables, (_, out, _) = _json(run(*args, "--json")), run(*args)
    rows = {tuple(line.split(maxsplit=1)) for line in out.splitlines()}
    for section in ("timing", "physics", "environments", "control", "course", "goals", "heading", "command"):
        for key, value in tables[section].items():
            assert (f"{section}.{key}", str(value)) in rows
    assert ("physics.iterations", "77") in rows
    # A camera's angles say nothing of a robot that has none.
    assert ("camera.width" in out) == (name == "go2-student")
    shown = {tuple(line.split()[:3]) for line in out.splitlines()}
    # No pair is broken in two on a narrow terminal.
    assert "gap_length=[0.1,0.8], platform_length=[0.8,1.5]," in out
    assert {("push", "interval", "8.75"), ("friction", "startup", "parkour-lab:friction")} <= shown
    assert name == "go2-teacher" or ("depth", "zoom", "1.0") in shown


def test_tasks_show_as_toml_can_be_shown_again(run: Run, tmp_path) -> None:
    _, text, _ = run("tasks", "show", "go2-teacher", "--toml")
    (tmp_path / "mine.toml").write_text(text)
    assert run("tasks", "show", str(tmp_path / "mine.toml"), "--toml") == (0, text, "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["go2-teachr"], "unknown task 'go2-teachr'; did you mean 'go2-teacher'"),
        (["mine.toml"], "no task file at mine.toml"),
        (["go2-teacher", "--overlay", "evil"], "unknown overlay 'evil'; did you mean 'eval'?"),
        (["go2-teacher", "--with", "terrain:gpa=1"], "unknown terrain 'gpa'; did you mean 'gap'?"),
        (["go2-teacher", "--with", "reward:feet_egde=1"], "unknown reward 'feet_egde'; did you mean 'feet_edge'"),
        (["go2-teacher", "--set", "rewards.feet_edge.wight=1"], "unknown key 'rewards.feet_edge.wight'; did you mean"),
        (
            ["go2-teacher", "--set", "rewards.feet_edge.weight=abc"],
            'rewards.feet_edge.weight: got "abc", expected a num',
        ),
        (["go2-teacher", "--json", "--toml"], "got --json and --toml, expected one of them"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(run: Run, args: list[str], message: str) -> None:
    code, out, err = run("tasks", "show", *args)
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert len(lines) <= 2


def test_a_task_of_a_broken_plugin_says_so(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-bad", {"cli_bad": "import no_such_thing\n"})
    code, _, err = run("tasks", "show", "go2-teacher", "--with", "terrain:beam=1")
    assert code == 1
    assert err.splitlines()[-1].startswith("hint: it may be missing because plugin parkour-cli-bad 1.0")


def test_a_name_of_two_distributions_is_one_line(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS}, version="0.4")
    install_plugin("parkour-cli-more-beams", {"cli_more_beams": BEAMS}, version="2.0")
    code, _, err = run("tasks", "show", "go2-teacher", "--with", "terrain:cli_beam=1")
    assert code == 1
    assert err.splitlines() == [
        "error: terrain 'cli_beam' is ambiguous: parkour-cli-beams:cli_beam (version 0.4) and "
        "parkour-cli-more-beams:cli_beam (version 2.0)",
        "hint: write 'parkour-cli-beams:cli_beam'",
    ]


def test_debug_shows_the_traceback_of_a_parkour_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKOUR_DEBUG", "1")
    with pytest.raises(ParkourError):
        run("tasks", "show", "go2-teachr")


def test_a_bug_is_not_dressed_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("parkour_cli.tasks.default_registry", fail)
    with pytest.raises(ZeroDivisionError):
        run("tasks", "list")


def test_doctor(run: Run, install_plugin: Callable[..., Any]) -> None:
    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS})
    code, out, _ = run("doctor", "--json")
    report = json.loads(out)
    assert code == (0 if any(engine["ok"] for engine in report["engines"]) else 1)
    wheels = next(engine for engine in report["engines"] if engine["name"] == "wheels")
    assert (wheels["ok"], wheels["reason"]) == (False, "RuntimeError: no [wheels]")
    assert wheels["hint"] == "pip install 'parkour-lab[wheels]'"
    assert report["torch"]["version"]
    assert report["assets"]["robots"]["go2"]["problem"] is None
    assert report["plugins"]["components"]["parkour-cli-beams 1.0"] == 3


def test_doctor_fails_where_no_engine_can_run(
    run: Run, install_plugin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from parkour.registry import Registry
    from parkour.registry.discovery import installed_entries

    install_plugin("parkour-cli-beams", {"cli_beams": BEAMS})
    entries, _ = installed_entries()
    only = Registry.from_entries(entry for entry in entries if entry.distribution == "parkour-cli-beams")
    monkeypatch.setattr("parkour_cli.doctor.default_registry", lambda: only)
    code, out, _ = run("doctor")
    assert code == 1
    assert "RuntimeError: no [wheels]" in out
    assert "engine wheels: pip install 'parkour-lab[wheels]'" in out.splitlines()
