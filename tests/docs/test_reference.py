"""The generated reference is up to date, and whole."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from parkour.hookspecs import HOOKS
from parkour.specs import SPEC_TYPES
from parkour.testing.catalogue import all_checks
from parkour.testing.subject import title_of
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "plugin_reference.md"
PARAMETERS = ROOT / "docs" / "parameters.md"


def _generator() -> ModuleType:
    path = Path(ROOT / "docs" / "make_reference.py")
    spec = importlib.util.spec_from_file_location("make_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_what_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == _generator().page(), "run: python docs/make_reference.py"


def test_the_page_of_parameters_is_what_the_models_say() -> None:
    assert PARAMETERS.read_text(encoding="utf-8") == _generator().parameters_page(), (
        "run: python docs/make_reference.py"
    )


def test_every_hook_spec_and_check_is_in_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind, hook in HOOKS.items():
        section = re.split(rf"^## {kind}$", text, flags=re.MULTILINE)[1].split("\n## ")[0]
        assert f"`{hook}() -> Iterable[{SPEC_TYPES[kind].__name__}]`" in section
        missing = [check.__name__ for check in all_checks()[kind] if f"- {title_of(check)}.\n" not in f"{section}\n"]
        assert missing == []
