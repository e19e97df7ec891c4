"""Exports of the pretrained policies, and of random ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from parkour.exporters.exporter import ExportOptions, export_policy
from parkour.policies.source import PolicySource, load_weights
from tests.once import made_once

STAGES = ("teacher", "student")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Exports of the pretrained policies, by stage; copy a folder before changing it."""
    return {stage: made_once(f"shipped_{stage}", partial(_export, stage), tmp_path_factory) for stage in STAGES}


def _export(stage: str, folder: Path) -> None:
    weights = load_weights(PolicySource(task=f"go2-{stage}", pretrained=True))
    export_policy(weights, folder, ExportOptions(rollout=False))
