"""Help and errors as all commands have them, whatever version of Typer draws them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

UsageError: Any = typer.BadParameter.__mro__[1]
"""What wrong usage raises; Typer shows only this child of it, and has click inside itself or beside it by version."""
_TYPE = re.compile(r" ?<(?:list\[)?(\w+)[^>]*>$")
"""What Typer puts for an option's value, or beside an argument's name, where no metavar is given: ``<int range>``."""
_VALUES = {"int": "N", "float": "X", "path": "PATH"}


@contextmanager
def _named(ctx: Any) -> Iterator[None]:
    """Wrong usage knows of which command it was; of an option without its value it does not."""
    try:
        yield
    except UsageError as error:
        error.ctx = error.ctx or ctx
        raise


class Command(TyperCommand):
    """A command with our help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _named(ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)


class Group(TyperGroup):
    """A command of sub-commands with our help: it lists them in whole sentences, and names them to who missed them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _named(ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, _first_sentence(found.help)) for name, found in found.items() if found and not found.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0] if args else ""
        if word and not word.startswith("-") and self.get_command(ctx, word) is None:
            ctx.fail(f"{ctx.command_path} has no sub-command {word!r}{self._instead(ctx, args)}")
        return super().resolve_command(ctx, args)

    def _instead(self, ctx: Any, args: list[str]) -> str:
        """What may have been meant: a name alike, or one that was forgotten or stands elsewhere, with its arguments."""
        from difflib import get_close_matches

        names = self.list_commands(ctx)
        if near := get_close_matches(args[0], names, n=1):
            return f"; did you mean {near[0]!r}?"
        meant = next((name for name in names if name in args[1:]), names[0])
        expected = f", expected {_either(names)}"
        command = self.get_command(ctx, meant)
        if command is None or not any(each.param_type_name == "argument" for each in command.params):
            return expected
        return f"{expected}: {' '.join([ctx.command_path, meant, *(arg for arg in args if arg != meant)])}"


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            argument = parameter.param_type_name == "argument"
            sections["Arguments" if argument else "Options"].append((_name(record[0], argument), _spaced(record[1])))
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _name(text: str, argument: bool) -> str:
    """``--steps <int>`` as ``--steps N``, and ``TASK <str>`` as ``TASK``."""
    found = _TYPE.search(text)
    if found is None:
        return text
    return text[: found.start()] + ("" if argument else f" {_VALUES.get(found[1], 'TEXT')}")


def _spaced(text: str) -> str:
    """Defaults that we tell ourselves as far from the sentence as those that Typer tells."""
    return re.sub(r"(?<=[^\s(]) \[(?=default)", "  [", text)


def _first_sentence(text: str | None) -> str:
    plain = " ".join((text or "").split())
    return re.split(r"(?<=[.?!]) ", plain)[0]


def _either(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
