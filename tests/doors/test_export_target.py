"""A plugin's format of exports: what the command writes with it, compares, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parkour.exporters.manifest_file import read_manifest
from parkour.registry import registry as registry_module
from tests.conftest import InstallPlugin
from tests.doors.conftest import NAME
from tests.doors.test_doors import run
from tests.exporters.conftest import write_checkpoint

SMALL = ("policy.params.hidden_dims=[32, 16, 16]",)
NOTES = """
    from parkour import ExportTargetSpec, Params, hookimpl, param

    PARKOUR_API = "1.1"

    class NotesParams(Params):
        copies: int = param(1, ge=1, le=3, doc="How often the name is written.")

    class Notes:
        suffix = ".txt"

        def __init__(self, copies):
            self.copies = copies

        def write(self, job):
            job.path.write_text(job.graph.name * self.copies)

    @hookimpl
    def register_export_targets():
        for name in ("notes", "onnx"):
            yield ExportTargetSpec(name=name, summary="Names", target="notes:Notes", params="notes:NotesParams")
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "model_1.pt", sets=SMALL, gain=1.0)


def test_the_scaffold_exports(
    installed_doors: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--help") == 0
    assert "  doors " in capsys.readouterr().out
    out = tmp_path / "out"
    assert run("export", "doors", "--checkpoint", checkpoint, "--no-rollout", "--out", out, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert 0.0 <= said["max_error"] < 1e-4 and len(said["checks"]) == 2
    manifest = read_manifest(out)
    assert (manifest.kind, manifest.graphs[0].file, manifest.opset) == (f"{NAME}:doors", "policy.pt2", None)
    assert run("sim2sim", out) == 1
    assert f"holds an export of kind '{NAME}:doors', expected an ONNX one" in capsys.readouterr().err


def test_a_format_that_does_not_run_here(
    install_plugin: InstallPlugin,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    install_plugin("parkour-notes", {"notes": NOTES})
    request.addfinalizer(registry_module._registry.cache_clear)
    registry_module._registry.cache_clear()
    given = ("--checkpoint", checkpoint, "--no-rollout", "--out", tmp_path / "out")
    assert run("export", "notes", *given, "--set", "copies=2") == 0
    assert "not compared with torch: files of parkour-notes:notes do not run here" in capsys.readouterr().err
    assert (tmp_path / "out" / "policy.txt").read_text() == "policypolicy"
    # A built-in name stays what it is; the plugin's is called by its id.
    assert run("export", "parkour-notes:onnx", *given) == 0
    assert read_manifest(tmp_path / "out").kind == "parkour-notes:onnx"
    capsys.readouterr()
    for more, message in (
        (("notes", *given, "--set", "copies=9"), "copies: got 9, expected a number of at most 3"),
        (("notes", *given, "--set", "copy=1"), "unknown key 'copy'"),
        (("notes", *given, "--set", "copies"), "--set: got 'copies', expected KEY=VALUE"),
    ):
        assert run("export", *more) == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert message in line
    assert run("export", "nots", *given) == 2
    assert "has no sub-command 'nots'" in capsys.readouterr().err


def test_kinds_may_be_written_with_hyphens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugins", "new", "parkour-format-fresh", "--kind", "export-target", "--out", tmp_path) == 0
    assert (tmp_path / "parkour-format-fresh" / "parkour_format_fresh" / "export_target.py").is_file()
    assert run("plugins", "list", "--kind", "export-target", "--json") == 0
    out = capsys.readouterr().out
    listed = json.loads(out[out.index("{") :])["components"]
    assert {"onnx", "jit"} <= {each["name"] for each in listed}
