"""All checks, by kind of component."""

from __future__ import annotations

from importlib import import_module

from parkour.specs import KINDS, Kind
from parkour.testing.common import callable_as_agreed, described
from parkour.testing.subject import Check

MODULES: dict[Kind, str] = {
    "terrain": "terrains",
    "reward": "terms",
    "observation": "observations",
    "modifier": "modifiers",
    "termination": "terms",
    "event": "events",
    "encoder": "encoders",
    "policy": "policies",
    "engine": "engines",
    "task": "tasks",
    "robot": "robots",
    "command": "commands",
    "degradation": "degradations",
    "robot_link": "robot_links",
    "depth_source": "depth_sources",
    "export_target": "export_targets",
    "metric": "metrics",
    "protocol": "protocols",
    "logger": "loggers",
    "callback": "callbacks",
    "curriculum": "curricula",
    "command_term": "command_terms",
}
"""Module in this package with the checks of each kind."""


def checks_of(kind: Kind) -> tuple[Check, ...]:
    """The checks of a kind, in the order in which they are made. Imports what they need."""
    own: tuple[Check, ...] = import_module(f"parkour.testing.{MODULES[kind]}").CHECKS
    return (described, callable_as_agreed, *own)


def all_checks() -> dict[Kind, tuple[Check, ...]]:
    """Of every kind."""
    return {kind: checks_of(kind) for kind in KINDS}
