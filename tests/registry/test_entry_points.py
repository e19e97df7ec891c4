"""Entry points and sources of plugins, read without importlib.metadata and without importing the plugins."""

from __future__ import annotations

import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from parkour.entry_points import PROJECT, EntryPoint, InstalledDistribution, canonical_distribution, distributions_with
from parkour.registry.sources import could_mention

METADATA = "Metadata-Version: 2.1\nName: Parkour_Beams\nVersion: 1.2\nSummary: x\n\nName: in the description\n"
POINTS = "[console_scripts]\nbeams = beams:main\n\n[ parkour ]\n# told\nbeams = beams.plugin [extra]\nb=beams : it\n"


@pytest.mark.parametrize("group", [PROJECT, "console_scripts", "pytest11"])
def test_what_is_installed_here_is_read_as_importlib_metadata_reads_it(group: str) -> None:
    expected: dict[str, set[tuple[str, str]]] = {}
    for dist in distributions():
        points = {(point.name, point.value) for point in dist.entry_points.select(group=group)}
        if points:
            expected.setdefault(canonical_distribution(dist.metadata["Name"]), points)
    found: dict[str, set[tuple[str, str]]] = {}
    for dist in distributions_with(group):
        if points := {(point.name, point.value) for point in dist.select(group)}:
            found.setdefault(canonical_distribution(dist.identity()[0]), points)
    assert found == expected and found


@pytest.mark.parametrize("folder", ["parkour_beams-1.2.dist-info", "parkour_beams.egg-info"])
def test_folders_and_archives_are_read(folder: str, tmp_path: Path) -> None:
    metadata = "METADATA" if folder.endswith("dist-info") else "PKG-INFO"
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "entry_points.txt").write_text(POINTS)
    (tmp_path / folder / metadata).write_text(METADATA)
    archive = tmp_path / "beams.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("parkour_beams-1.2.dist-info/entry_points.txt", POINTS)
        file.writestr("parkour_beams-1.2.dist-info/METADATA", METADATA)
    for place in (tmp_path, archive):
        (dist,) = distributions_with(PROJECT, [str(tmp_path / "absent"), str(place)])
        assert dist.identity() == ("Parkour_Beams", "1.2")
        assert [tuple(point) for point in dist.select(PROJECT)] == [
            ("beams", "beams.plugin [extra]"), ("b", "beams : it"),
        ]  # fmt: skip


def test_what_an_entry_point_names_is_loaded() -> None:
    assert EntryPoint("a", "os.path").load() is sys.modules["os.path"]
    assert EntryPoint("a", "os : path.join [extra]").load() is __import__("os").path.join
    with pytest.raises(ValueError, match="got the address 'os/path', expected 'module' or 'module:attribute'"):
        EntryPoint("a", "os/path").load()


def test_damage_is_told() -> None:
    assert InstalledDistribution("", "").identity() == ("unknown", "unknown")
    with pytest.raises(ValueError, match="got the line 'no equals sign', expected NAME = MODULE"):
        InstalledDistribution("[parkour]\nno equals sign\n", "").select(PROJECT)


@pytest.mark.parametrize(
    ("address", "could"),
    [
        ("scanned_with", True),
        ("scanned_without", False),
        ("scanned_star", True),
        ("scanned_without:plugin", True),  # An object may come from anywhere.
        ("scanned_pack.plugin", False),
        ("scanned_pack.absent", True),
        ("no_such_module_at_all", True),  # To fail, and be told.
        ("sys", True),
    ],
)
def test_sources_are_searched_without_importing_them(address: str, could: bool, install_plugin) -> None:
    site = install_plugin(
        "parkour-scanned",
        {
            "scanned_with": "def register_commands(): ...\n",
            "scanned_without": "raise SystemExit\n",
            "scanned_star": "from scanned_with import *\n",
        },
        entry_points={},
    )
    (site / "scanned_pack").mkdir()
    (site / "scanned_pack" / "__init__.py").write_text("raise SystemExit\n")
    (site / "scanned_pack" / "plugin.py").write_text("")
    assert could_mention(address, "register_commands") is could
    assert not [name for name in sys.modules if name.startswith("scanned_")]
