"""What the tests of pipelines share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.fakes import ROOT, Fake


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("parkour.pipeline.process.TICK", 0.02)
    return Fake(tmp_path)
