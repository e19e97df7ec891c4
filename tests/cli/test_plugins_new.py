"""``parkour plugins new``: names, folders, and that what is written is clean."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from parkour.errors import ParkourError, StorageError
from parkour.hookspecs import API_VERSION
from parkour.specs import KINDS as ALL_KINDS
from parkour_cli.__main__ import main
from parkour_cli.scaffold import KINDS, LONGEST, project_files, project_of_several, write_project

NAMES = ("parkour-{}-x", "zz", "a" * LONGEST)


@pytest.mark.parametrize("kind", KINDS)
def test_projects_are_whole_and_say_what_they_are(kind: str) -> None:
    contents = project_files(f"Parkour.{kind}_Logs", kind)
    package = f"parkour_{kind}_logs"
    project = tomllib.loads(contents["pyproject.toml"])["project"]
    assert project["name"] == f"parkour-{kind.replace('_', '-')}-logs"
    assert project["entry-points"]["parkour"] == {package: f"{package}.plugin"}
    assert {"README.md", ".gitignore", ".github/workflows/ci.yml", f"{package}/__init__.py"} < set(contents)
    assert f'PARKOUR_API = "{API_VERSION}"' in contents[f"{package}/plugin.py"]
    assert 'name="logs' in contents[f"{package}/plugin.py"]
    assert sum(path.startswith("tests/test_") for path in contents) == 2
    for path, text in contents.items():
        assert "$" not in text.replace("${{ matrix.python }}", ""), path
        assert text.endswith("\n") and not text.endswith("\n\n"), path


def test_there_is_a_template_for_every_kind() -> None:
    assert tuple(KINDS) == ALL_KINDS


PROMISED = ("parkour", "parkour.testing", "parkour.commands", "parkour.engines.kit")
"""What plugin authors may rely on: docs/plugins.md."""


@pytest.mark.parametrize("kind", KINDS)
def test_projects_import_only_what_is_promised(kind: str) -> None:
    imported = re.compile(r"^ *(?:from|import) (parkour[\w.]*)", re.MULTILINE)
    for path, text in project_files("other-name", kind).items():
        for module in imported.findall(text) if path.endswith(".py") else ():
            assert module in PROMISED or module.startswith("parkour_deploy."), f"{path}: {module}"


def test_a_project_of_several_kinds_passes_its_checks(tmp_path: Path) -> None:
    from parkour.testing.separate_process import check_separately

    args = ["plugins", "new", "parkour-many", "--kind", "terrain", "--kind", "reward", "--kind", "task"]
    assert _exit_code([*args, "--out", str(tmp_path)]) == 0
    readme = (tmp_path / "parkour-many" / "README.md").read_text()
    for text in (
        "parkour_many/terrain_plugin.py",
        "parkour_many/task.toml",
        "--with reward:many",
        "parkour train many",
    ):
        assert text in readme
    (report,) = check_separately([str(tmp_path / "parkour-many")], compile=False, seeds=2)
    assert {part["kind"] for part in report["components"]} == {"terrain", "reward", "task"}
    parts = (report, *report["components"])
    assert [check for part in parts for check in part["checks"] if check["status"] == "failed"] == []


def test_kinds_that_write_the_same_file_are_refused() -> None:
    with pytest.raises(ParkourError, match=r"--kind: policy and task both write parkour_many/task.toml"):
        project_of_several("parkour-many", ["policy", "task"])


@pytest.mark.skipif(shutil.which("ruff", path=str(Path(sys.executable).parent)) is None, reason="ruff is not installed")
def test_projects_pass_ruff_whatever_their_names(tmp_path: Path) -> None:
    for name in NAMES:
        for kind in KINDS:
            write_project(project_files(name.format(kind), kind), tmp_path / kind / name.format(kind), force=False)
    several = project_of_several("parkour-many", ["terrain", "reward", "robot"])
    write_project(several, tmp_path / "several", force=False)
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *command, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "kind", "component", "said"),
    [
        ("../evil", "terrain", None, "got name '../evil'"),
        ("a b", "terrain", None, "got name 'a b'"),
        ("-x", "terrain", None, "got name '-x'"),
        ("x-", "terrain", None, "got name 'x-'"),
        ("a" * (LONGEST + 1), "terrain", None, f"{LONGEST} at most"),
        ("", "terrain", None, "got name ''"),
        ("3d-beams", "terrain", None, "no name in Python"),
        ("class", "terrain", None, "no name in Python"),
        ("Parkour_Lab", "terrain", None, "parkour's own"),
        ("parkour", "terrain", None, "a module 'parkour' is installed already"),
        ("json", "terrain", None, "a module 'json' is installed already"),
        ("parkour-terrains", "terrain", None, "a module 'parkour_terrains' is installed already"),
        ("parkour-x", "terrian", None, "unknown kind 'terrian'; did you mean 'terrain'"),
        ("parkour-x", "terrain", "Big Beam", "--component: got 'Big Beam'"),
        ("parkour-x", "terrain", '"; import os', "--component: got"),
    ],
)
def test_bad_names_are_refused(name: str, kind: str, component: str | None, said: str) -> None:
    with pytest.raises(ParkourError) as caught:
        project_files(name, kind, component)
    assert said in caught.value.message and "\n" not in caught.value.message


def test_nothing_is_overwritten_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["plugins", "new", "parkour-logs", "--kind", "reward", "--out", str(tmp_path)]
    assert _exit_code(args) == 0
    readme = tmp_path / "parkour-logs" / "README.md"
    assert str(readme) in capsys.readouterr().out.splitlines()
    readme.write_text("mine")
    (tmp_path / "parkour-logs" / "notes.txt").write_text("mine too")
    assert _exit_code(args) == 1
    assert "is there already" in capsys.readouterr().err
    assert readme.read_text() == "mine"
    assert _exit_code([*args, "--force"]) == 0
    assert readme.read_text().startswith("# parkour-logs")
    assert (tmp_path / "parkour-logs" / "notes.txt").read_text() == "mine too"


def test_an_empty_folder_is_welcome_and_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_project({"a/b.txt": "text\n"}, tmp_path / "empty", force=False)
    assert (tmp_path / "empty" / "a" / "b.txt").read_text() == "text\n"
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="is there already"):
        write_project({}, tmp_path / "file", force=False)
    with pytest.raises(StorageError, match="cannot write"):
        write_project({"a.txt": ""}, tmp_path / "file", force=True)


def _exit_code(args: list[str]) -> int:
    try:
        main(args)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
