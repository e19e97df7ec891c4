"""A library of the system that is missing is found before a simulator fails for it, and told with its package."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

import pytest

from parkour.engines.smoke import smoke_run
from parkour.errors import EngineError
from parkour.tasks import load_task
from parkour_isaaclab import install
from parkour_isaaclab.backends.backend import find_backend
from parkour_isaaclab.backends.ovphysx import OvPhysxBackend
from parkour_isaaclab.engine import IsaacLabEngine
from parkour_isaaclab.shared_libraries import absent_libraries, debian_packages

VERSIONS = {"isaaclab": "3.0.0", "ovphysx": "0.6.4", "ovstage": "0.2.1", "newton": "1.6.1", "mujoco-warp": "3.12.0"}
NEEDED, ABSENT = b"\0libc.so.6\0", b"\0libQ.so.6\0"
asks_the_loader = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("ldd") is None, reason="there is no ldd here"
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package with two shared libraries: a sound one, and one that needs a library that nobody has."""
    built = Path(str(import_module("_ctypes").__file__))
    if built.suffix != sysconfig.get_config_var("SHLIB_SUFFIX") or NEEDED not in built.read_bytes():
        pytest.skip("this Python has no library that needs libc.so.6")
    folder = tmp_path / "stagelike"
    (folder / "bin").mkdir(parents=True)
    (folder / "__init__.py").touch()
    shutil.copy(built, folder / "bin" / "libsound.so")
    (folder / "bin" / "libstage.so").write_bytes(built.read_bytes().replace(NEEDED, ABSENT))
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@asks_the_loader
def test_the_loader_says_what_it_does_not_find(package: Path) -> None:
    assert absent_libraries(["stagelike/bin/libsound.so"]) == ()
    assert absent_libraries(["stagelike/bin/libsound.so", "stagelike/bin/libstage.so"]) == ("libQ.so.6",)


@asks_the_loader
def test_what_a_package_has_itself_is_not_the_systems(package: Path) -> None:
    """Its libraries are loaded one by one, each from where the package knows that it is."""
    (package / "plugins").mkdir()
    shutil.copy(package / "bin" / "libsound.so", package / "plugins" / "libQ.so.6")
    assert absent_libraries(["stagelike/bin/libstage.so"]) == ()


def test_files_that_are_not_there_need_nothing() -> None:
    assert absent_libraries(["no_such_package/lib.so", "parkour/no_such_file.so"]) == ()


def test_packages_by_debians_rule() -> None:
    names = ["libGL.so.1", "libX11.so.6", "libOpenGL.so.0", "libgcc_s.so.1", "libEGL.so", "weird"]
    assert debian_packages(names) == ["libgl1", "libx11-6", "libopengl0", "libgcc-s1", "libegl"]


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of Isaac Lab is installed, and the system lacks two libraries that PhysX needs."""
    monkeypatch.setattr(install, "distribution_version", VERSIONS.get)
    monkeypatch.setattr(install, "isaaclab_version", lambda: VERSIONS["isaaclab"])
    monkeypatch.setattr(
        install, "absent_libraries", lambda files: ("libGL.so.1", "libX11.so.6") if "ovstage" in str(files) else ()
    )


@pytest.mark.usefixtures("lacking")
def test_a_physics_without_its_libraries_is_told_with_their_packages() -> None:
    with pytest.raises(EngineError) as caught:
        IsaacLabEngine().make_env(load_task("go2-teacher"), num_envs=1, device="cpu", seed=0)
    assert caught.value.message == (
        "--physics ovphysx: it needs libGL.so.1, libX11.so.6, which the system's loader does not find"
    )
    assert caught.value.hint == "apt install libgl1 libx11-6 (Debian's names), or: --physics newton"


@pytest.mark.usefixtures("lacking")
def test_doctor_names_the_libraries_and_the_packages() -> None:
    state = IsaacLabEngine().availability()
    assert state.ok
    assert state.details["physics"].startswith("newton, not ovphysx: it needs libGL.so.1, libX11.so.6")
    task = load_task("go2-teacher")
    report = smoke_run(IsaacLabEngine(), "isaaclab", task, num_envs=1, device="cpu", seconds=1.0, versions={})
    assert "libGL.so.1, libX11.so.6" in report.as_markdown()
    assert report.as_markdown().endswith(
        "hint: apt install libgl1 libx11-6 (Debian's names), or: --physics newton\n```"
    )


def test_each_file_that_a_backend_names_is_in_a_package_that_it_installs() -> None:
    for name in OvPhysxBackend.libraries:
        assert name.partition("/")[0] in find_backend("ovphysx").distributions
