"""A command of ``parkour``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from parkour.specs.spec import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """A command of ``parkour``, or a group of them: ``target`` is the address of a ``typer.Typer``.

    See :func:`parkour.commands.make_app`. The name is what users type, the summary its line in ``parkour --help``.
    """

    kind: ClassVar[Kind] = "command"
