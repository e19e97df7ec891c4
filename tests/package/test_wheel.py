"""The wheel: what is in it, and that it works where nothing of the checkout can be seen."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, readme_plugin

pytestmark = pytest.mark.package

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [Path(folder) for folder in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]

Run = Callable[..., subprocess.CompletedProcess[str]]


def _checked(command: list[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PARKOUR"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the project's build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    _checked([sys.executable, "-c", build, folder], ROOT)
    (found,) = folder.glob("parkour_lab-*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh virtual environment with the wheel, and with this environment's other packages in sight.

    They come in through a ``.pth`` file, whose folders' own ``.pth`` files are not read: an editable installation of
    the checkout is not in sight.
    """
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    found = folder / "bin" / "python"
    _install(found, wheel)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return found


def _install(python: Path, source: Path) -> None:
    """As pip does it, without asking an index."""
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
    _checked([*pip, "--no-build-isolation", source], python.parent)


@pytest.fixture
def parkour(python: Path, tmp_path: Path) -> Run:
    """Runs the installed command ``parkour`` in an empty folder."""
    return lambda *args: _checked([python.with_name("parkour"), *args], tmp_path)


def test_every_file_of_every_package_is_in_it(wheel: Path) -> None:
    expected = {
        str(file.relative_to(ROOT / folder.parent))
        for folder in PACKAGES
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix in (".py", ".toml", ".xml", ".tmpl", ".npz", ".json")
    }
    assert {"parkour_tasks/go2_teacher.toml", "parkour_assets/go2/go2.xml", "parkour_assets/go2/robot.toml"} < expected
    got = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert expected <= got
    assert {name.partition("/")[0] for name in got} == {folder.name for folder in PACKAGES}


def test_its_metadata_are_the_project_s(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = next(name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(archive.read(f"{info}/entry_points.txt").decode())
    assert dict(points["parkour"]) == PROJECT["project"]["entry-points"]["parkour"]
    assert dict(points["console_scripts"]) == PROJECT["project"]["scripts"]
    assert f"{info}/licenses/LICENSE" in archive.namelist()


def test_packages_are_known_to_every_tool() -> None:
    """A new package must be named in several places; one that is forgotten is not shipped, found or checked."""
    names = {folder.name for folder in PACKAGES}
    folders = {str(folder.parent) for folder in PACKAGES}
    tool = PROJECT["tool"]
    on_disk = {init.parent.name for init in ROOT.glob("*/*/*/__init__.py") if "plugins" in init.parts[-4:]}
    assert on_disk <= names
    assert set(tool["importlinter"]["root_packages"]) == names
    for key, listed in (
        ("hatch.build.dev-mode-dirs", tool["hatch"]["build"]["dev-mode-dirs"]),
        ("ruff.src", tool["ruff"]["src"]),
        ("pyright.extraPaths", [".", *tool["pyright"]["extraPaths"]]),
    ):
        assert set(listed) == folders, key


def test_the_command_works_without_the_checkout(python: Path, parkour: Run, tmp_path: Path) -> None:
    where = _checked([python, "-c", "import parkour; print(parkour.__file__)"], tmp_path).stdout
    assert not Path(where.strip()).is_relative_to(ROOT)
    assert parkour("--version").stdout.strip() == f"parkour {PROJECT['project']['version']}"
    listed: dict[str, Any] = json.loads(parkour("plugins", "list", "--json").stdout)
    assert listed["broken"] == []
    kinds = {row["kind"] for row in listed["components"] if row["distribution"] == "parkour-lab"}
    assert {"terrain", "reward", "observation", "termination", "event", "encoder", "policy", "engine", "task"} <= kinds


def test_the_task_resolves_from_the_wheel(parkour: Run) -> None:
    shown = json.loads(parkour("tasks", "show", "go2-teacher", "--json").stdout)
    assert shown["origin"]["task"] == "parkour-lab:go2-teacher"


def test_the_readme_s_plugin_installs(python: Path, parkour: Run, tmp_path: Path) -> None:
    project = tmp_path / "parkour-beam"
    project.mkdir()
    for name, text in readme_plugin().items():
        (project / name).write_text(text, encoding="utf-8")
    _install(python, project)
    shown = json.loads(parkour("plugins", "show", "beam", "--json").stdout)
    assert shown["id"] == "parkour-beam:beam"
    assert [parameter["unit"] for parameter in shown["parameters"]] == ["m"]
    parkour("terrains", "preview", "beam", "--difficulty", "1", "--out", "beam.png")
    assert (tmp_path / "beam.png").read_bytes().startswith(b"\x89PNG")


def test_a_scaffold_of_the_wheel_is_whole(parkour: Run, tmp_path: Path) -> None:
    """Templates and the recorded states are in the wheel: a new project is written, and passes its checks."""
    parkour("plugins", "new", "parkour-reward-fresh", "--kind", "reward")
    report = json.loads(parkour("plugins", "check", "./parkour-reward-fresh", "--no-compile", "--json").stdout)
    assert report["ok"] and report["plugins"][0]["source"] == str(tmp_path / "parkour-reward-fresh")


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_sdist; build_sdist(sys.argv[1])"
    _checked([sys.executable, "-c", build, tmp_path], ROOT)
    (sdist,) = tmp_path.glob("parkour_lab-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    _checked([sys.executable, "-c", again, tmp_path / "again"], source)
    (rebuilt,) = (tmp_path / "again").glob("*.whl")
    contents = [
        {name: archive.getinfo(name).CRC for name in archive.namelist() if not name.endswith("RECORD")}
        for archive in (zipfile.ZipFile(wheel), zipfile.ZipFile(rebuilt))
    ]
    assert rebuilt.name == wheel.name and contents[0] == contents[1]
    assert sdist.stat().st_size < 12e6 and wheel.stat().st_size < 8e6


@pytest.mark.mujoco
@pytest.mark.slow
def test_the_pretrained_policy_from_an_empty_folder(parkour: Run, tmp_path: Path) -> None:
    """Watched, scored, exported, tried in plain MuJoCo and driven: weights and all are in the wheel."""
    pytest.importorskip("mjlab")
    short = ["--steps", "5", "--terrain", "flat"]
    assert "the pretrained weights are used" in parkour("play", "go2-student", "--video", "play.mp4", *short).stderr
    scored = ["--num-envs", "5", "--steps", "5", "--set", "timing.episode_length=0.2", "--json", "eval.json"]
    parkour("eval", "go2-student", "--pretrained", *scored)
    parkour("export", "onnx", "--pretrained", "--no-rollout", "--out", "exported")
    parkour("sim2sim", "exported", "--terrain", "flat", "--episodes", "1", "--seconds", "0.2", "--json", "sim2sim.json")
    (tmp_path / "drive.csv").write_text("time,speed,turn\n0,0.5,0\n0.1,0.5,0.2\n", encoding="utf-8")
    parkour("demo", "--pretrained", "--script", "drive.csv", "--video", "demo.mp4")
    for name in ("play.mp4", "demo.mp4", "eval.json", "sim2sim.json", "exported/policy.onnx"):
        assert (tmp_path / name).stat().st_size > 500, name
