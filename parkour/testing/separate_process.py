"""Checks in a process of their own, so that a plugin that crashes or exits costs a line and not the report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parkour.child_process import python_command, python_environment
from parkour.errors import PluginError
from parkour.registry import LOAD_PLUGINS, canonical_distribution
from parkour.stages import stage
from parkour.testing.source import is_path, read_source


def check_separately(
    plugins: Sequence[str], *, pictures: Path | None = None, compile: bool = True, seeds: int = 20
) -> list[dict[str, Any]]:
    """The reports of :func:`parkour.testing.plugin.check_plugin` as plain data, made one after the other.

    Args:
        plugins: names of installed distributions, or folders of such as are not (their ``pyproject.toml`` is read,
            their code runs in the other process only).
        pictures: folder for pictures of terrains.
        compile: compile terms for real.
        seeds: draws of terrains at each difficulty.

    Raises:
        PluginError: a folder holds no plugin, or the process ended without a report.
        UnknownNameError: no such distribution has parkour plugins.
    """
    with tempfile.TemporaryDirectory(prefix="parkour-check-") as folder:
        scratch = Path(folder)
        paths: list[str] = []
        wanted: dict[str, str] = {}
        for plugin in plugins:
            if not is_path(plugin):
                wanted[canonical_distribution(plugin)] = ""
                continue
            project = read_source(Path(plugin))
            wanted[project.distribution] = str(project.folder)
            paths += project.write_metadata(scratch / "site" / project.distribution)
        report = scratch / "report.json"
        command = python_command("parkour.testing", ["--report", str(report), "--seeds", str(seeds)])
        command += ["--pictures", str(pictures.resolve())] if pictures else []
        command += [] if compile else ["--no-compile"]
        command += [f"{name}={source}" for name, source in wanted.items()]
        # From an empty folder: what lies around here must not be imported in place of what is installed. Standard
        # output is for the report alone.
        empty = scratch / "empty"
        empty.mkdir()
        with stage("checking"):
            done = subprocess.run(
                command,
                cwd=empty,
                env=_environment(paths, list(wanted)),
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                check=False,
            )
        return _read(report, done.returncode)


def _environment(paths: list[str], names: list[str]) -> dict[str, str]:
    environment = python_environment()
    before = [str(Path(path).resolve()) for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    environment["PYTHONPATH"] = os.pathsep.join([*paths, *before])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    if LOAD_PLUGINS in environment:  # Whatever is switched off, the plugins in question are not.
        environment[LOAD_PLUGINS] = ",".join(filter(None, (environment[LOAD_PLUGINS], *names)))
    return environment


def _read(report: Path, code: int) -> list[dict[str, Any]]:
    """The reports, or the error that the other process has written instead."""
    if not report.is_file():
        at = report.with_suffix(".at")
        where = f" while checking {at.read_text(encoding='utf-8')}" if at.is_file() else ""
        end = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        raise PluginError(f"the process that checks plugins ended {end}{where}, without a report")
    found = json.loads(report.read_text(encoding="utf-8"))
    if "error" in found:
        raise PluginError(found["error"], hint=found["hint"])
    return found["plugins"]
