"""From ``"module:attribute"`` to the object, when it is needed and not before."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from parkour.errors import ParkourError, PluginError

TARGET_PATTERN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
"""``package.module:attribute.attribute``."""


def resolve_target(target: str, *, owner: str = "target") -> Any:
    """Import ``"module:attribute"``.

    Args:
        target: address of the object; the attribute may be dotted.
        owner: what the address belongs to, for the error (``"terrain 'parkour-lab:gap'"``).

    Raises:
        PluginError: the address is malformed, the module does not import, or it has no such attribute.
    """
    if not isinstance(target, str) or not TARGET_PATTERN.fullmatch(target):
        raise PluginError(f"{owner}: got target {target!r}, expected 'module:attribute'")
    module_name, _, path = target.partition(":")
    try:
        found: Any = import_module(module_name)
    except ParkourError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise PluginError(f"{owner}: cannot import {module_name!r} ({reason})", hint=_import_hint(error)) from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            near = get_close_matches(part, dir(found), n=1)
            tail = f"; did you mean {near[0]!r}?" if near else ""
            raise PluginError(f"{owner}: {module_name!r} has no attribute {path!r}{tail}") from error
    return found


def _import_hint(error: Exception) -> str | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install what provides the module {error.name.partition('.')[0]!r}, or repair the plugin"
    return None
