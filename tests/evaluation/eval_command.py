"""``parkour eval`` as a call: exit code, what it prints, and its one error line."""

from __future__ import annotations

from pathlib import Path

import pytest

from parkour.registry import registry as registry_module
from parkour_cli.__main__ import main
from tests.evaluation.fakes import QUICK

FAST = [part for item in (*QUICK, "timing.episode_length=3.0") for part in ("--set", item)]
SMALL = ["--num-envs", "10", "--steps", "100", "--device", "cpu", *FAST]


def command(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    code = 0
    registry_module._registry.cache_clear()
    try:
        main(["eval", *(str(argument) for argument in arguments)])
    except SystemExit as stop:
        code = int(stop.code or 0)
    output = capsys.readouterr()
    return code, output.out, output.err


def fails(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one error line (and perhaps one hint) of a command that must fail."""
    code, out, err = command(capsys, *arguments)
    lines = [line for line in err.splitlines() if line.startswith(("error: ", "hint: "))]
    assert code == 1 and out == "" and "Traceback" not in err
    assert len([line for line in lines if line.startswith("error: ")]) == 1 and len(lines) <= 2
    return "\n".join(lines)
