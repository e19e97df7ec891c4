"""``parkour plugins check`` and ``list --check``: a folder of plugins that each break something, and one in order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from parkour.errors import PluginError
from parkour.hookspecs import API_VERSION
from parkour.testing.source import is_path, read_source

HEADER = f"""
    import numpy as np
    from parkour import Box, RewardSpec, SubTerrain, TerrainSpec, hookimpl
    PARKOUR_API = "{API_VERSION}"
    GROUND = Box.slab((-1, 17), (-3, 3), 0.0)
    GOALS = np.array([(2.5, 0.0), (6.0, 0.0)])
"""
HOOK = """
    @hookimpl
    def register_terrains():
        yield TerrainSpec(name="{name}", summary="a {name}", target="{module}:make")
"""
LEVEL = "    def make(difficulty, rng, params): return SubTerrain([GROUND], GOALS)\n"
BROKEN: dict[str, tuple[str, str]] = {
    "syntax_error": ("def register_terrains(:\n", "import failed (SyntaxError"),
    "missing_import": ("import no_such_module_at_all\n", "import failed (ModuleNotFoundError: No module named"),
    "raising_hook": (
        HEADER + "    @hookimpl\n    def register_terrains(): raise ValueError('no beams today')\n",
        "register_terrains raised ValueError: no beams today",
    ),
    "wrong_signature": (
        HEADER + "    def make(difficulty): return None\n" + HOOK,
        "expected to be called with (difficulty, rng, params)",
    ),
    "nan_terrain": (
        HEADER + "    def make(d, rng, params): return SubTerrain([Box((0, 0, np.nan), (1, 1, 1))], GOALS)\n" + HOOK,
        "a box has a NaN or infinite number",
    ),
    "twice": (
        HEADER + LEVEL + HOOK + '        yield TerrainSpec(name="twice", summary="", target="a:b")\n',
        "is registered twice",
    ),
    "other_api": (
        (HEADER + LEVEL + HOOK).replace(f'"{API_VERSION}"', '"9.0"'),
        f"it is written for plugin API 9.0, this parkour has {API_VERSION}",
    ),
    "crashes": (HEADER + "    import os\n    def make(difficulty, rng, params): os._exit(7)\n" + HOOK, "exit status 7"),
}  # fmt: skip


def write_plugin(site: Path, name: str, source: str) -> None:
    """A distribution of one module, as pip would leave it."""
    module = f"bad_{name}"
    info = site / f"parkour_{name}-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: parkour-{name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[parkour]\n{name} = {module}\n")
    text = source.replace("{name}", name).replace("{module}", module)
    (site / f"{module}.py").write_text(dedent(text))


def parkour(*args: str, site: Path | None = None, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PARKOUR_")}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    command = [sys.executable, "-m", "parkour_cli", *args]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every broken plugin, and a good one."""
    folder = tmp_path_factory.mktemp("site")
    for name, (source, _) in BROKEN.items():
        write_plugin(folder, name, source)
    write_plugin(folder, "good", HEADER + LEVEL + HOOK)
    return folder


@pytest.fixture(scope="module")
def listed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = parkour("plugins", "list", "--check", "--json", site=site, cwd=tmp_path_factory.mktemp("cwd"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_plugin_is_listed_with_its_reason(listed: dict[str, Any], name: str) -> None:
    reasons = [
        plugin["reason"] for plugin in listed["broken"] if plugin["distribution"] == f"parkour-{name.replace('_', '-')}"
    ]
    reasons += [
        row["fault"]
        for row in listed["components"]
        if row["distribution"] == f"parkour-{name.replace('_', '-')}" and row["fault"]
    ]
    assert reasons and BROKEN[name][1] in reasons[0]


def test_everything_else_works(listed: dict[str, Any], site: Path, tmp_path: Path) -> None:
    rows = {row["id"]: row for row in listed["components"]}
    assert rows["parkour-good:good"]["fault"] is None
    assert len([row for row in rows.values() if row["distribution"] == "parkour-lab"]) > 40
    done = parkour("tasks", "show", "go2-teacher", "--with", "terrain:good=0.2", "--json", site=site, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["terrains"]["good"]["use"] == "parkour-good:good"


def test_a_broken_terrain_stops_what_needs_it(site: Path, tmp_path: Path) -> None:
    for terrain, said in (("nan_terrain", "a box has a NaN"), ("wrong_signature", "expected to be called with")):
        done = parkour("terrains", "preview", terrain, site=site, cwd=tmp_path)
        assert done.returncode == 1 and done.stdout == ""
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert terrain in line and (said in line or "generator raised TypeError" in line)


# -- folders that are not installed ----------------------------------------------------------------------------------


def project(folder: Path, module: str = HEADER + LEVEL + HOOK, **changes: str) -> Path:
    """A plugin's source folder."""
    (folder / "src" / "level").mkdir(parents=True)
    (folder / "src" / "level" / "__init__.py").write_text(
        dedent(module.replace("{name}", "level").replace("{module}", "level"))
    )
    texts = {"name": '"Parkour.Level"', "version": '"0.4"', "points": 'level = "level"'} | changes
    head = f"[project]\nname = {texts['name']}\nversion = {texts['version']}\n"
    (folder / "pyproject.toml").write_text(f"{head}[project.entry-points.parkour]\n{texts['points']}\n")
    return folder


def test_a_folder_is_checked_without_being_installed_or_changed(tmp_path: Path) -> None:
    folder = project(tmp_path / "level")
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    done = parkour("plugins", "check", "./level", "--json", "--seeds", "2", "--pictures", "pictures", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = json.loads(done.stdout)["plugins"]
    assert (report["distribution"], report["version"], report["ok"]) == ("parkour-level", "0.4", True)
    assert report["source"] == str(folder)
    (part,) = report["components"]
    assert Path(part["picture"]).read_bytes().startswith(b"\x89PNG")
    assert Path(part["picture"]).parent == tmp_path / "pictures"
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def test_a_fault_is_shown_and_gives_exit_code_1(tmp_path: Path) -> None:
    source = (
        HEADER + "    print('hello')\n    def make(d, rng, params): return SubTerrain([GROUND] * 99, GOALS)\n" + HOOK
    )
    folder = project(tmp_path / "level", source.replace("np\n", "np, torch\n", 1))
    done = parkour("plugins", "check", str(folder), "--seeds", "1", cwd=tmp_path)
    assert done.returncode == 1
    for said in ("prints 'hello'", "imports torch", "got 99 boxes, expected 1 to 40"):
        assert said in " ".join(done.stdout.split()), said
    assert ", 3 failed, " in done.stderr


def test_a_fault_that_fails_several_checks_is_said_once(tmp_path: Path) -> None:
    folder = tmp_path / "parkour-robot-mule"
    assert parkour("plugins", "new", folder.name, "--kind", "robot", cwd=tmp_path).returncode == 0
    toml = folder / "parkour_robot_mule" / "robot" / "robot.toml"
    toml.write_text(toml.read_text().replace("pitch =", "pich ="))
    done = parkour("plugins", "check", str(folder), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("unknown key 'camera.pich'; did you mean 'pitch'?") == 1
    failed = re.search(r"(\d+) failed", done.stderr)
    assert failed is not None and done.stdout.count("as above") == int(failed[1]) - 1 > 1


def test_a_crash_is_one_line(tmp_path: Path) -> None:
    source = HEADER + "    import os\n    def make(difficulty, rng, params): os.abort()\n" + HOOK
    done = parkour("plugins", "check", str(project(tmp_path / "level", source)), cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    said = "ended by signal SIGABRT while checking terrain parkour-level:level, without a report"
    assert said in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("parkour-levle", "unknown plugin 'parkour-levle'"),
        ("./nowhere", "no pyproject.toml in"),
        ("/etc", "no pyproject.toml in /etc"),
    ],
)
def test_what_is_not_there(name: str, said: str, tmp_path: Path) -> None:
    done = parkour("plugins", "check", name, cwd=tmp_path)
    assert done.returncode == 1 and said in done.stderr and "hint: " in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": '"a b"'}, "project.name: got 'a b'"),
        ({"name": "3"}, "project.name: got 3"),
        ({"version": '"../../x"'}, "project.version: got '../../x'"),
        ({"points": ""}, "declares no plugin"),
        ({"points": 'level = "lvel"'}, "there is no module 'lvel' (looked in src, .)"),
        ({"points": 'level = "level\\n[console_scripts]"'}, "malformed"),
        ({"points": "level = 1"}, "declares no plugin"),
        ({"points": "= ="}, "cannot read"),
    ],
)
def test_a_project_file_that_says_nothing_sensible(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        read_source(project(tmp_path / "level", **changes))
    assert said in caught.value.message


def test_names_and_paths_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [is_path(text) for text in ("parkour-x", "./x", "a/b", ".", "..")] == [False, True, True, True, True]
    project(tmp_path / "parkour-x")
    assert is_path("parkour-x")
