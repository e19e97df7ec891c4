"""What every spec has, and which kinds there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

Kind = Literal[
    "terrain", "reward", "observation", "modifier", "termination", "event", "encoder", "policy", "engine", "task",
    "robot", "command", "degradation", "robot_link", "depth_source", "export_target", "metric",
    "protocol", "logger", "callback", "curriculum", "command_term",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What all specs have."""

    kind: ClassVar[Kind]

    name: str
    """Lower-case letters, digits, ``-``, ``_`` and ``.``; unique within its distribution and kind."""
    summary: str
    """One line for lists."""
    target: str
    """``"module:attribute"`` of the component, imported when it is first used."""
    params: str | None = None
    """``"module:Class"`` of the :class:`parkour.params.Params` model, or None for a component without parameters."""
    source: str = ""
    """Paper, formula or publication that the component follows."""
