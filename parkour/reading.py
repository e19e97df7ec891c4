"""TOML and JSON of strangers, bounded before they are read: see :mod:`parkour_deploy.reading`, which robots use too."""

from __future__ import annotations

from parkour_deploy.reading import (
    DEEPEST,
    LONGEST_KEY,
    BeyondLimitsError,
    MalformedError,
    check_file,
    check_values,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
    read_row,
    read_text,
    read_toml,
    user_path,
)

__all__ = [
    "DEEPEST",
    "LONGEST_KEY",
    "BeyondLimitsError",
    "MalformedError",
    "check_file",
    "check_values",
    "parse_json",
    "parse_toml",
    "read_bytes",
    "read_json",
    "read_row",
    "read_text",
    "read_toml",
    "user_path",
]
