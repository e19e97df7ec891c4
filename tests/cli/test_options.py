"""Every option of every command is explained, and some test of the command gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from parkour_cli.app import app

TESTS = Path(__file__).parents[1]


def _read(path: Path) -> str:
    """A test file, and what it imports of the helpers beside it: they may be what names the command."""
    source = path.read_text(encoding="utf-8")
    helpers = [
        TESTS.parent / f"{name.replace('.', '/')}.py" for name in re.findall(r"^from (tests[\w.]*) ", source, re.M)
    ]
    return "\n".join([source, *(helper.read_text(encoding="utf-8") for helper in helpers if helper.exists())])


SOURCES = {path: _read(path) for path in sorted(TESTS.rglob("test_*.py")) if path.name != Path(__file__).name}
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


def test_all_commands_were_found() -> None:
    assert {"", "train", "play", "export onnx", "plugins list"} < set(COMMANDS)
    assert len(OPTIONS) > 130


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_the_command_and_all_that_it_takes(name: str) -> None:
    command = COMMANDS[name]
    assert len(command.help or "") > 20
    unexplained = [p.name for p in command.params if p.name != "help" and not (getattr(p, "help", None) or "").strip()]
    assert unexplained == []


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{name} {option.opts[-1]}" for name, option in OPTIONS])
def test_every_option_is_tested(name: str, option: Any) -> None:
    """A test file that names the command gives it the option."""
    spellings = (*option.opts, *option.secondary_opts)
    tested = [path for path, source in SOURCES.items() if _says(source, *name.split()) and _says_one(source, spellings)]
    assert tested, f"no test of 'parkour {name}' gives it {' or '.join(spellings)}"


def _says(source: str, *words: str) -> bool:
    """Whether all words stand in it, as strings or within one."""
    return all(re.search(rf"[\"' ]{re.escape(word)}[\"'= ]", source) for word in words)


def _says_one(source: str, spellings: Sequence[str]) -> bool:
    return any(_says(source, spelling) for spelling in spellings)


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{name} {option.opts[-1]}" for name, option in OPTIONS])
def test_no_option_is_called_as_its_value(name: str, option: Any) -> None:
    """Some versions of Typer (0.27) take ``metavar="DEVICE"`` of ``--device`` for the option's name: ``--DEVICE``."""
    assert (option.metavar or "").lower() != option.name.replace("_", "-")
