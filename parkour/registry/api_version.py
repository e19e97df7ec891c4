"""Which version of the plugin API a plugin was written for, and whether this is it."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from parkour.hookspecs import API_VERSION

API_ATTRIBUTE = "PARKOUR_API"
"""Attribute beside a plugin's hooks: the API version that it was written for, ``"major.minor"``."""
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})")


def api_problem(declared: Any) -> str | None:
    """Why a plugin that declares this version cannot be used, in one line; None where it can or declares nothing.

    The major versions must be equal, and the minor one not above ours: minor versions only add.
    """
    if declared is None:
        return None
    match = _VERSION.fullmatch(declared) if isinstance(declared, str) else None
    if match is None:
        return f"got {API_ATTRIBUTE} = {declared!r}, expected text such as {API_VERSION!r}"
    wanted, ours = _numbers(declared), _numbers(API_VERSION)
    if wanted[0] == ours[0] and wanted[1] <= ours[1]:
        return None
    remedy = "a newer parkour-lab" if wanted > ours else "a newer version of the plugin"
    return f"it is written for plugin API {declared}, this parkour has {API_VERSION}: install {remedy}"


def written_api(module: str) -> Any:
    """What a module that cannot be imported says in its source, read without running it; None if nothing."""
    try:
        spec = find_spec(module)
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            return None
        body = ast.parse(Path(spec.origin).read_bytes()).body
    except Exception:  # Its package may raise, the file may be no Python: then it says nothing.
        return None
    for node in body:
        names = [target.id for target in _targets(node) if isinstance(target, ast.Name)]
        if API_ATTRIBUTE in names and isinstance(value := getattr(node, "value", None), ast.Constant):
            return value.value
    return None


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
