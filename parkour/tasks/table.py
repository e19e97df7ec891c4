"""Tables: what TOML files and mappings hold, nested by key."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Table = dict[str, Any]


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """A new table: ``over`` merged into ``base``, tables key by key, everything else replaced."""
    result: Table = copy.deepcopy(dict(base))
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merge(old, value)
        else:
            result[key] = copy.deepcopy(value)
    return result
