"""Every option of every command is explained, and tested by a file that runs the command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from parkour_cli.app import app

TESTS = Path(__file__).parents[1]
TESTED_IN: dict[str, tuple[str, ...]] = {
    "": ("cli/test_cli_commands.py",),
    "train": ("learning/test_command.py", "learning/test_train.py", "cli/test_arguments.py"),
    "eval": ("evaluation/test_eval_command.py", "cli/test_arguments.py"),
    "play": ("cli/test_play_demo.py",),
    "demo": ("cli/test_play_demo.py",),
    "export onnx": ("export/test_export.py", "cli/test_arguments.py"),
    "export jit": ("export/test_export.py", "cli/test_arguments.py"),
    "sim2sim": ("export/test_sim2sim.py", "cli/test_arguments.py"),
    "plugins list": ("cli/test_cli_commands.py", "cli/test_plugins_check.py", "cli/test_arguments.py"),
    "plugins show": ("cli/test_cli_commands.py",),
    "plugins check": ("cli/test_plugins_check.py", "cli/test_arguments.py"),
    "plugins new": ("cli/test_plugins_new.py", "cli/test_arguments.py"),
    "tasks list": ("cli/test_cli_commands.py",),
    "tasks show": ("cli/test_cli_commands.py",),
    "terrains preview": ("terrain/test_preview.py", "cli/test_arguments.py"),
    "bench env": ("cli/test_cli_commands.py", "cli/test_arguments.py"),
    "doctor": ("cli/test_cli_commands.py",),
}
"""Command to the files that run it, under ``tests``."""
TYPERS = {"--install-completion", "--show-completion", "--help"}
"""Options that are not ours."""


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Commands that do something, and the application itself."""
    if not hasattr(command, "list_commands"):
        yield " ".join(path), command
        return
    if not path:
        yield "", command
    for name in command.list_commands(None):
        yield from _leaves(command.get_command(None, name), (*path, name))


COMMANDS = dict(_leaves(get_command(app)))
OPTIONS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option" and not TYPERS & set(option.opts)
]


def test_all_commands_are_in_the_table() -> None:
    assert set(COMMANDS) == set(TESTED_IN)
    assert len(OPTIONS) > 130


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_the_command_and_all_that_it_takes(name: str) -> None:
    command = COMMANDS[name]
    assert len(command.help or "") > 20
    unexplained = [p.name for p in command.params if p.name != "help" and not (getattr(p, "help", None) or "").strip()]
    assert unexplained == []


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{name} {option.opts[-1]}" for name, option in OPTIONS])
def test_every_option_is_tested(name: str, option: Any) -> None:
    source = "\n".join((TESTS / path).read_text(encoding="utf-8") for path in TESTED_IN[name])
    spelt = "|".join(re.escape(text) for text in (*option.opts, *option.secondary_opts))
    assert re.search(rf"[\"' ]({spelt})[\"'= ]", source), f"{option.opts} of {name!r} is in none of {TESTED_IN[name]}"
