"""What the site is made of, and the files for containers, clusters and citations; CI builds the site itself."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, blocks

yaml = pytest.importorskip("yaml")


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for item in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(item)]


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    listed = _pages(config["nav"])
    assert set(listed) == pages | {"contributing.md", "changelog.md"}
    assert len(listed) == len(set(listed))
    # A page's reader is served by one machine.
    assert config["theme"]["font"] is False and "extra_javascript" not in config and "extra_css" not in config


def test_ci_builds_it_strictly() -> None:
    assert "mkdocs build --strict" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", "".join(line for line in text.splitlines(True) if not line.startswith("#")))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def test_the_dockerfile_is_sound() -> None:
    found = _instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    names = [name for name, _ in found]
    known = {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "VOLUME", "ENTRYPOINT", "CMD"}
    assert names[0] == "FROM" and set(names) <= known and names.count("ENTRYPOINT") == names.count("CMD") == 1
    assert ":" in found[0][1] and not found[0][1].endswith(":latest"), "an image of a known version"
    # Nothing runs as root, and the entry point is a command of this distribution.
    assert dict(found)["USER"] not in ("root", "0") and names.index("USER") > names.index("COPY")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert yaml.safe_load(dict(found)["ENTRYPOINT"])[0] in scripts
    for name, text in found:
        if name == "RUN":
            subprocess.run(["sh", "-n", "-c", text], check=True)
            assert "apt-get install" not in text or "rm -rf /var/lib/apt/lists/*" in text
    source, target = shlex.split(dict(found)["COPY"])
    assert source == "." and any(f"'{target}[mujoco]'" in text for _, text in found)
    assert {".git", ".venv"} <= set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())


def test_the_slurm_script_is_a_script(tmp_path: Path) -> None:
    (script,) = [block.text for block in blocks(ROOT / "docs" / "clusters.md") if block.language == "bash"]
    path = tmp_path / "job.sh"
    path.write_text(script, encoding="utf-8")
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert script.startswith("#!") and "torchrun" in script and "-m parkour_cli train" in script


def test_the_citation_is_of_this_version() -> None:
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (found["version"], found["license"]) == (project["version"], project["license"])
    assert found["cff-version"] == "1.2.0" and found["authors"] and found["title"] and found["message"]
