"""What a machine says: environment variables, and packages that do not fit each other."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from parkour import packages as module
from parkour.engines.device import distributed, rank
from parkour.environment import CACHE, PROCESSES, cache_folder, check_environment
from parkour.errors import EngineError, ParkourError
from parkour.packages import pins
from parkour_cli.__main__ import main


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("value", ["abc", "", "-1", "1.5", "9" * 5000, "٣", "1\x1b[2J"])
def test_numbers_of_processes(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ParkourError, match=f"{name}: got .*expected a whole number"):
        check_environment()
    if name != "LOCAL_RANK":
        with pytest.raises(ParkourError):
            distributed() if name == "WORLD_SIZE" else rank()


def test_a_command_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WORLD_SIZE", "abc")
    with pytest.raises(SystemExit) as stop:
        main(["tasks", "list"])
    assert stop.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("error: WORLD_SIZE: got 'abc'") and err.count("\n") == 2


def test_a_cache_that_is_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE, "/dev/null")
    with pytest.raises(ParkourError, match="XDG_CACHE_HOME: got '/dev/null', expected a folder"):
        check_environment()
    monkeypatch.setenv(CACHE, "a" * 300)
    with pytest.raises(ParkourError, match="expected a folder"):
        check_environment()
    monkeypatch.setenv(CACHE, str(tmp_path / "not-there-yet"))
    assert cache_folder() == tmp_path / "not-there-yet"


def test_installed_packages_fit_each_other() -> None:
    found = pins()
    assert all(pin.ok for pin in found), [str(pin) for pin in found if not pin.ok]
    assert "rsl-rl-lib" in {pin.package for pin in found}


def test_packages_that_do_not_fit_are_told_from_their_own_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [f'mjlab==1.6.0; extra == "{extra}"' for extra in ("mujoco", "test")]  # Told once.
    asked = {"parkour-lab": mine, "mjlab": ["mujoco~=3.11.0"], "mujoco": ["mujoco-core"]}
    versions = {"parkour-lab": "0.1.0", "mjlab": "1.6.0", "mujoco": "4.0.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    def requires(name: str) -> list[str]:
        version(name)
        return asked[name]

    monkeypatch.setattr(module.metadata, "version", version)
    monkeypatch.setattr(module.metadata, "requires", requires)
    assert [(pin.package, pin.ok) for pin in pins()] == [("mjlab", True), ("mujoco", False), ("mujoco-core", False)]
    assert str(pins()[1]) == "mjlab 1.6.0 wants mujoco~=3.11.0, found 4.0.0"
    assert str(pins()[2]) == "mujoco 4.0.0 wants mujoco-core, found none"


def test_a_broken_mujoco_says_all_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.launch import choose_renderer

    class Broken:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "mujoco":
                raise ImportError("mujoco-core is missing.\n\nTo mend this:\n  pip install mujoco-core==4.0.0")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "mujoco", raising=False)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    with pytest.raises(EngineError) as caught:
        choose_renderer()
    assert "To mend this: pip install mujoco-core==4.0.0" in caught.value.message
    assert "\n" not in caught.value.message and caught.value.hint is not None and "doctor" in caught.value.hint


def test_no_variable_gives_a_traceback(tmp_path: Path) -> None:
    code = "from parkour_cli.__main__ import main; main(['doctor', '--help'])"
    variables = {"RANK": "x", "PATH": "/usr/bin", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "RANK: got 'x'" in done.stderr
