"""Checks of commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from typer import Typer
from typer.main import get_command
from typer.testing import CliRunner

from parkour.registry.discovery import HEAVY
from parkour.testing.subject import Subject, expect

BEARABLE = ("numpy", "pydantic")
"""Packages that a command's module may import all the same."""
_PROBE = """
import json, sys, time
import parkour.commands
begin = time.perf_counter()
__import__(sys.argv[1])
print("\\n" + json.dumps({"seconds": time.perf_counter() - begin, "modules": sorted(sys.modules)}))
"""


def is_an_application(subject: Subject) -> str:
    """Its target is a typer.Typer with at least one command."""
    kind = type(subject.target).__name__
    expect(isinstance(subject.target, Typer), f"{subject.spec.target} is a {kind}, expected a typer.Typer")
    try:
        commands = list(_walk(subject.spec.name, get_command(subject.target)))
    except RuntimeError as error:
        expect(False, f"{subject.spec.target}: {error}")
        raise
    return ", ".join(name for name, _ in commands)


def explains_itself(subject: Subject) -> str:
    """Help is shown, for every sub-command, and says what each argument and option means."""
    count = 0
    for name, command in _walk(subject.spec.name, get_command(subject.target)):
        expect((command.help or "").strip(), f"{name}: no help")
        silent = [each.name for each in command.params if not (getattr(each, "help", None) or "").strip()]
        expect(not silent, f"{name}: nothing is said of {', '.join(str(each) for each in silent)}")
        count += len(command.params)
    done = CliRunner().invoke(subject.target, ["--help"])
    expect(done.exit_code == 0 and done.output.strip(), f"--help ends with {done.exit_code}: {done.exception}")
    return f"{count} arguments and options"


def refuses_what_it_does_not_know(subject: Subject) -> str:
    """An option that it does not have is an error of usage."""
    done = CliRunner().invoke(subject.target, ["--no-such-option-at-all"])
    expect(done.exit_code == 2, f"--no-such-option-at-all ends with exit code {done.exit_code}, expected 2")
    return "exit code 2"


def imports_little(subject: Subject) -> str:
    """Its module imports nothing large: help and errors come at once."""
    module = subject.spec.target.partition(":")[0]
    command = [sys.executable, "-c", _PROBE, module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines() or ["the process ended"]
    expect(done.returncode == 0, f"{module} cannot be imported: {lines[-1]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    heavy = [name for name in HEAVY if name in report["modules"] and name not in BEARABLE]
    expect(not heavy, f"importing {module} imports {', '.join(heavy)}: import it inside the command's function")
    return f"{1000 * report['seconds']:.0f} ms"


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and its sub-commands, with their names."""
    yield name, command
    for sub, part in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {sub}", part)


CHECKS = (is_an_application, explains_itself, refuses_what_it_does_not_know, imports_little)
