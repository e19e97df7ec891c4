"""A plugin cannot take the rest down, whatever it does at import, in a hook, or with what a hook returns."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from parkour.child_process import python_command, python_environment
from parkour.registry import Registry, isolation
from parkour.registry.isolation import PluginFaultError, run_isolated
from parkour.text import printable

SPEC = """
    from parkour import RewardSpec, TaskAlias, TaskSpec, TerrainSpec, hookimpl

    class Evil(str):
        def __eq__(self, other): raise RuntimeError("no")
        def __hash__(self): raise RuntimeError("no")
        def __format__(self, spec): raise RuntimeError("no")

    class Other(TerrainSpec):
        def __getattribute__(self, name): raise RuntimeError("no")

    class Unspeakable(Exception):
        def __str__(self): raise RuntimeError("no")
    {more}

    @hookimpl
    def register_{kind}s():
        {body}
"""
GOOD = 'TerrainSpec(name="beam", summary="a beam", target="beams:beam")'


def discover(install_plugin, source: str, module: str = "strange", version: str = "1.0") -> Registry:
    site = install_plugin("parkour-strange", {module: source}, version=version)
    return Registry.discover(path=[*sys.path, str(site)])


def hook(kind: str, body: str, more: str = "") -> str:
    return SPEC.format(kind=kind, body=body, more=more)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise KeyboardInterrupt", "import failed (KeyboardInterrupt)"),
        ("raise SystemExit('bye')", "import failed (SystemExit: bye)"),
        ("raise GeneratorExit", "import failed (GeneratorExit)"),
        ("class Mine(BaseException): pass\nraise Mine('mine')", "import failed (Mine: mine)"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
        ("raise ValueError('\\x1b[31mred\\x07')", r"ValueError: \x1b[31mred\x07"),
        ("import sys, types; sys.modules['parkour.errors'] = types.ModuleType('mine')", "'parkour.errors'"),
        ("import sys; del sys.modules['json']", "'json'"),
        (hook("terrain", "raise KeyboardInterrupt"), "raised KeyboardInterrupt"),
        (hook("terrain", "raise Unspeakable"), "raised Unspeakable"),
        (hook("terrain", "import itertools; return itertools.repeat(1)"), "more than 10000 specs"),
        (hook("terrain", "return 5"), "expected an iterable of TerrainSpec"),
        (hook("terrain", "return [Other(name='o', summary='o', target='o:o')]"), "expected TerrainSpec"),
        (hook("terrain", "return [TerrainSpec(name=Evil('e'), summary='e', target='e:e')]"), "type Evil"),
        (hook("terrain", "return [TerrainSpec(name='e', summary=Evil('e'), target='e:e')]"), "got summary an object"),
        (hook("terrain", "return [TerrainSpec(name='e', summary='\\x1b[2J', target='e:e')]"), "got summary '\\x1b[2J'"),
        (hook("terrain", "return [TerrainSpec(name='e' * 65, summary='e', target='e:e')]"), "at most 64"),
        (hook("terrain", "return [TerrainSpec(name='e', summary='e', target='e:e', flat=1)]"), "got flat 1"),
        (hook("terrain", "return [TerrainSpec(name='e', summary='e', target=None)]"), "got target an object of type"),
        (hook("reward", "return [RewardSpec(name='r', summary='r', target='r:r', source=5)]"), "got source 5"),
        (hook("task", "return [TaskSpec(name='t', summary='t', target='t:t.toml', aliases=5)]"), "got aliases 5"),
        (hook("task", "return [TaskSpec(name='t', summary='t', target='t:t.toml', aliases=('a',))]"), "TaskAlias"),
        (
            hook("task", "return [TaskSpec(name='t', summary='t', target='t:t', aliases=(TaskAlias(name=5),))]"),
            "TaskAlias with name",
        ),
    ],
)
def test_a_fault_costs_the_plugin_alone(install_plugin, source: str, said: str) -> None:
    registry = discover(install_plugin, source)
    [broken] = [plugin for plugin in registry.broken if plugin.distribution == "parkour-strange"]
    assert said in broken.reason.replace("None", "an object of type NoneType") or said in broken.reason
    assert broken.reason.isprintable()
    assert registry.get("terrain", "gap") and registry.get("reward", "collision")
    import parkour.errors

    assert sys.modules["parkour.errors"] is parkour.errors and "json" in sys.modules


def test_specs_before_a_fault_are_kept(install_plugin) -> None:
    registry = discover(install_plugin, hook("terrain", f"yield {GOOD}; raise KeyboardInterrupt"))
    assert registry.get("terrain", "beam")
    assert any("KeyboardInterrupt" in plugin.reason for plugin in registry.broken)


def test_a_version_is_shown_as_text(install_plugin) -> None:
    registry = discover(install_plugin, hook("terrain", f"return [{GOOD}]"), version="1.0\x1b[31m")
    assert registry.get("terrain", "beam").version == r"1.0\x1b[31m"


def test_the_user_s_ctrl_c_is_no_fault_of_a_plugin() -> None:
    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    # As in a terminal, whoever runs the tests.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_isolated("somebody", interrupted)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(PluginFaultError):
            run_isolated("somebody", lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
    finally:
        signal.signal(signal.SIGINT, before)


def test_where_ctrl_c_is_ignored_a_plugin_raised_the_interrupt() -> None:
    """A job that a script starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(PluginFaultError):
            run_isolated("somebody", lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_plugin_in_a_thread_is_isolated_too() -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            run_isolated("somebody", lambda: 1 / 0)
        except PluginFaultError as fault:
            caught.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert isinstance(caught[0].__cause__, ZeroDivisionError)


def test_a_slow_import_is_named_while_it_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(isolation, "SLOW", 0.05)
    said = "plugin parkour-slow 1.0 has not finished loading"

    def hang() -> None:
        end = time.monotonic() + 60.0
        while said not in caplog.text and time.monotonic() < end:
            time.sleep(0.01)

    with caplog.at_level(logging.WARNING):
        run_isolated("plugin parkour-slow 1.0", hang)
    assert said in caplog.text


def test_commands_go_on_with_status_0(install_plugin, tmp_path: Path) -> None:
    site = install_plugin("parkour-strange", {"strange_command": "raise KeyboardInterrupt"})
    done = subprocess.run(
        python_command("parkour_cli", ["plugins", "list", "--json"]),
        env=python_environment(PYTHONPATH=os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "KeyboardInterrupt" in json.dumps(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain é ✓", "plain é ✓"), ("\x1b[2J", r"\x1b[2J"), ("a\rb\nc", r"a\rb\nc"), ("\u202eabc", r"\u202eabc")],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_of_a_traceback_stay() -> None:
    assert printable("a\n\tb\x07", lines=True) == "a\n\tb\\x07"
