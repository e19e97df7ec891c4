"""Checks in a process of their own, so that a plugin that crashes or exits costs a line and not the report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from parkour.errors import PluginError
from parkour.registry import LOAD_PLUGINS, canonical_distribution
from parkour.testing.source import is_path, read_source


def check_separately(
    what: str, *, pictures: Path | None = None, compile: bool = True, seeds: int = 20
) -> dict[str, Any]:
    """The report of :func:`parkour.testing.plugin.check_plugin` as plain data.

    Args:
        what: name of an installed distribution, or the folder of one that is not (its ``pyproject.toml`` is read, its
            code runs in the other process only).
        pictures: folder for pictures of terrains.
        compile: compile terms for real.
        seeds: draws of terrains at each difficulty.

    Raises:
        PluginError: the folder holds no plugin, or the process ended without a report.
        UnknownNameError: no such distribution has parkour plugins.
    """
    with tempfile.TemporaryDirectory(prefix="parkour-check-") as folder:
        scratch = Path(folder)
        name, paths, source = canonical_distribution(what), [], ""
        if is_path(what):
            project = read_source(Path(what))
            name, source = project.distribution, str(project.folder)
            paths = project.write_metadata(scratch / "site")
        report = scratch / "report.json"
        command = [sys.executable, "-m", "parkour.testing", name, "--report", str(report), "--seeds", str(seeds)]
        command += ["--source", source] if source else []
        command += ["--pictures", str(pictures.resolve())] if pictures else []
        command += [] if compile else ["--no-compile"]
        # From an empty folder: what lies around here must not be imported in place of what is installed. Standard
        # output is for the report alone.
        empty = scratch / "empty"
        empty.mkdir()
        done = subprocess.run(
            command,
            cwd=empty,
            env=_environment(paths, name),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            check=False,
        )
        return _read(report, name, done.returncode)


def _environment(paths: list[str], name: str) -> dict[str, str]:
    environment = dict(os.environ)
    before = [str(Path(path).resolve()) for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    environment["PYTHONPATH"] = os.pathsep.join([*paths, *before])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    if LOAD_PLUGINS in environment:  # Whatever is switched off, the plugin in question is not.
        environment[LOAD_PLUGINS] = ",".join(filter(None, (environment[LOAD_PLUGINS], name)))
    return environment


def _read(report: Path, name: str, code: int) -> dict[str, Any]:
    """The report, or the error that the other process has written instead."""
    if not report.is_file():
        at = report.with_suffix(".at")
        where = f" while checking {at.read_text(encoding='utf-8')}" if at.is_file() else ""
        end = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        raise PluginError(f"plugin {name}: the process that checked it ended {end}{where}, without a report")
    found = json.loads(report.read_text(encoding="utf-8"))
    if "error" in found:
        raise PluginError(found["error"], hint=found["hint"])
    return found
