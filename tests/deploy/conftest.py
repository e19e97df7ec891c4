"""Exports of the pretrained policies, and of random ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from parkour.exporters.exporter import ExportOptions, export_policy
from parkour.policies.source import PolicySource, load_weights


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Exports of the pretrained policies, by stage."""
    found = {}
    for stage in ("teacher", "student"):
        weights = load_weights(PolicySource(task=f"go2-{stage}", pretrained=True))
        out = tmp_path_factory.mktemp(f"shipped_{stage}")
        found[stage] = export_policy(weights, out, ExportOptions(rollout=False)).folder
    return found
