"""What mkdocs does not do by itself: pages of the checkout outside ``docs``, and links to its sources.

A page links to the code as it lies in the checkout, so that the link works there too; on the site the file is under
``source/``. Only what is linked to is copied, and a link that leads nowhere fails the strict build as any other.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ADOPTED = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files of the checkout that are pages of the site, by where they are there."""
SOURCES = "source"
_LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):<code>~?(?:[\w.]*\.)?(\w+)</code>")


def slug(text: str, separator: str) -> str:
    """Anchors of headings as code hosts make them, so that a link works there and here."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", separator)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Anchors need a function, which the configuration file cannot name."""
    config.mdx_configs["toc"]["slugify"] = slug
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adopt pages, and copy the sources that pages link to."""
    for name, uri in ADOPTED.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    linked: set[Path] = set()
    for file in [file for file in files if file.is_documentation_page()]:
        for target in _LINK.findall(_FENCE.sub("", _text(file))):
            path = _outside(file, target[1])
            if path is not None and path.exists():
                linked.add(path)
    for path in sorted(linked):
        for each in _files_of(path):
            uri = _source_uri(each)
            content = each.read_bytes()
            if files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links out of ``docs`` lead to the copies."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    def change(match: re.Match[str]) -> str:
        path = _outside(page.file, match[2])
        if path is None:
            return match[0]
        uri = _uri_of(path)
        here = posixpath.dirname(page.file.src_uri)
        anchor = match[2].partition("#")[2]
        return f"{match[1]}{posixpath.relpath(uri, here or '.')}{'#' + anchor if anchor else ''}{match[3]}"

    text = _LINK.sub(change, _FENCE.sub(keep, markdown))
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)


def on_page_content(html: str, **_: Any) -> str:
    """Roles of docstrings, as :class:`this`, are names in code."""
    return _ROLE.sub(r"<code>\1</code>", html)


def _text(file: File) -> str:
    return file.content_string


def _place(file: File) -> Path:
    """Where a page lies in the checkout."""
    adopted = {uri: name for name, uri in ADOPTED.items()}
    return ROOT / adopted[file.src_uri] if file.src_uri in adopted else ROOT / "docs" / file.src_uri


def _outside(file: File, target: str) -> Path | None:
    """The file or folder of the checkout that a link means, where the site has it somewhere else."""
    path, _, _ = target.partition("#")
    if not path or "://" in path or path.startswith("mailto:"):
        return None
    found = (_place(file).parent / path).resolve()
    inside = found.is_relative_to(ROOT / "docs") and file.src_uri not in ADOPTED.values() and not found.is_dir()
    if inside and found.suffix not in (".py", ".csv", ".json"):
        return None
    return found if found.is_relative_to(ROOT) else None


def _uri_of(path: Path) -> str:
    """Where the site has a file of the checkout."""
    name = path.relative_to(ROOT).as_posix()
    if name in ADOPTED:
        return ADOPTED[name]
    if path.is_dir():
        found = list(_files_of(path))
        return _uri_of(found[0]) if found else f"{SOURCES}/{name}"
    if path.is_relative_to(ROOT / "docs") and path.suffix not in (".py", ".csv", ".json"):
        return path.relative_to(ROOT / "docs").as_posix()
    return _source_uri(path)


def _source_uri(path: Path) -> str:
    # Files whose names begin with a dot are left out of sites.
    name = "/".join(part.lstrip(".") for part in path.relative_to(ROOT).parts)
    # A README of a folder is no page of the site: it is shown as it is written. Other files are shown, not run.
    return f"{SOURCES}/{name}.txt"


def _files_of(path: Path) -> list[Path]:
    """A file, or what stands for a folder: its README, its package's docstring, or its first file."""
    if not path.is_dir():
        return [] if _is_page(path) else [path]
    found = [path / name for name in ("README.md", "__init__.py") if (path / name).is_file()]
    return (found or sorted(each for each in path.rglob("*") if each.is_file()))[:1]


def _is_page(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return name in ADOPTED or (path.is_relative_to(ROOT / "docs") and path.suffix not in (".py", ".csv", ".json"))
