"""Text of strangers never reaches the terminal as what a terminal obeys, whatever prints it."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from parkour.commands import Styled, console, notice, print_error, print_json, print_result, print_table, setup_logging
from parkour.errors import ParkourError
from parkour.learning.iteration import Iteration
from parkour.learning.progress import make_progress
from parkour.registry.registry import Registry
from parkour.tasks import load_task
from parkour.terminal import Terminal
from parkour_deploy.errors import DeployError

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp\r\x08\ud800\x00\x7f"


def clean(text: str) -> bool:
    """Whether a terminal would show all of it: nothing but visible characters and line breaks."""
    return all(char.isprintable() or char in "\n\t" for char in text)


def test_every_way_of_printing(capsys: pytest.CaptureFixture[str]) -> None:
    notice(HOSTILE)
    print_result(HOSTILE)
    print_error(ParkourError(HOSTILE, hint=HOSTILE))
    print_json({HOSTILE: [HOSTILE]})
    print_table(HOSTILE, ("name",), [(HOSTILE,), (Styled(HOSTILE, "red"),), (5,)])
    setup_logging(verbose=True)
    logging.getLogger("parkour.x").warning("%s", HOSTILE)
    logging.getLogger("parkour.x").debug("%s", HOSTILE)
    setup_logging(verbose=False)
    console().print(Text(HOSTILE, style="red"), HOSTILE, markup=False)
    shown = capsys.readouterr()
    assert clean(shown.out) and clean(shown.err)
    assert "\\x1b[31mred" in shown.out and "\\x1b[31mred" in shown.err


def test_json_says_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"name": HOSTILE, "smile": "\U0001f600", "private": "\U000f0000", "plain": "é"}
    print_json(data)
    assert json.loads(capsys.readouterr().out) == data


def test_errors_are_one_line_of_a_length_that_people_read(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(ParkourError("a\nerror: b\u2028c" + "x" * 100_000))
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and len(shown) < 3000


class Screen:
    """A terminal that keeps what it was sent."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return True


def test_tables_and_live_displays_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    print_table(HOSTILE, (HOSTILE,), [(HOSTILE,)])
    table = Table(HOSTILE)
    table.add_row(Text(HOSTILE))
    with Live(table, console=Terminal(file=screen, force_terminal=True), auto_refresh=False):
        pass
    assert "\\x1b[31mred" in screen.text and "\\x9b2J" in screen.text
    assert "\x1b[31m" not in screen.text and "\x9b" not in screen.text and "\u202e" not in screen.text
    assert "\x1b]0;" not in screen.text and "\x1b[" in screen.text  # Rich's own are there.


def test_progress_shows_the_names_of_rewards_escaped() -> None:
    screen = Screen()
    display = make_progress(Terminal(file=screen, force_terminal=True, width=200), every=0.0)
    terms = {f"{part}/{HOSTILE}": 1.0 for part in ("Episode_Reward", "Success", "Terrain_Level", "Way_Points", "Loss")}
    scalars = {"Perf/steps_per_second": 1.0, "Policy/mean_std": 1.0, "Loss/learning_rate": 1.0, **terms}
    display.on_iteration(Iteration(1, 2, scalars, 1, 1, 1.0, 1.0))
    display.close()
    assert "\\x1b[31mred" in screen.text
    assert "\x1b[31m" not in screen.text and "\x1b]0;" not in screen.text and "\x9b" not in screen.text


@pytest.mark.parametrize("key", ["name", "rewards.x.weight", "course.difficulty", "policy.use", "robot"])
def test_values_of_tasks_in_errors(key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "task.toml"
    section, _, last = key.rpartition(".")
    header = f"[{section}]\n" if section else ""
    path.write_text(f'extends = "go2-teacher"\n{header}{last} = "\\u001B[31m\\u009B2J"\n')
    with pytest.raises(ParkourError) as caught:
        load_task(path)
    print_error(caught.value)
    shown = capsys.readouterr().err
    assert clean(shown) and shown.count("\n") <= 2 and "[31m" in shown


def test_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = tmp_path / "evil_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: evil-{HOSTILE[:8]}\nVersion: 1\x1b[2J\n")
    (info / "entry_points.txt").write_text("[parkour]\n\x1b[31mred = evil_module\n")
    (tmp_path / "evil_module.py").write_text("raise ImportError('\\x1b[2J\\nerror: forged')")
    sys.path.insert(0, str(tmp_path))
    try:
        registry = Registry.discover(path=[str(tmp_path)])
    finally:
        sys.path.remove(str(tmp_path))
    assert registry.broken
    for plugin in registry.broken:
        print_error(ParkourError(str(plugin)))
        print_table("", ("plugin", "version", "reason"), [(plugin.distribution, plugin.version, plugin.reason)])
    shown = capsys.readouterr()
    assert clean(shown.out) and clean(shown.err)


def test_the_robots_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    from parkour_deploy import __main__ as robot
    from parkour_deploy.session import notice as tell

    def refuse(*_: object) -> int:
        raise DeployError(HOSTILE, hint=HOSTILE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(robot._COMMANDS, "list", refuse)
        assert robot.main(["list"]) == 1
    tell(HOSTILE)
    assert clean(capsys.readouterr().err)
