"""Code that lies in the working folder does not run, whatever of ours starts a process there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parkour.child_process import python_command, python_environment
from parkour.learning.launch import run_processes

STRANGER = "import pathlib; pathlib.Path(__file__).with_name('ran').touch(); raise SystemExit('a stranger ran')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with modules named as those of the standard library, and as ours."""
    for name in ("tomllib", "random", "typing_extensions", "parkour", "torch"):
        (tmp_path / f"{name}.py").write_text(STRANGER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_child_imports_what_is_installed(folder: Path) -> None:
    command = python_command("parkour_cli", ["--help"])
    assert subprocess.run(command, env=python_environment(), capture_output=True, check=False).returncode == 0
    assert not (folder / "ran").exists()


def test_so_do_the_processes_of_several_gpus(folder: Path) -> None:
    """They run a module through another one, which must not put the folder there either."""
    assert run_processes(2, "parkour_cli", ["tasks", "list", "--json"]) == 0
    assert not (folder / "ran").exists()


def test_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKOUR_TEST", "1")
    assert python_environment(MORE="2") | {"PARKOUR_TEST": "1", "MORE": "2"} == python_environment(MORE="2")
