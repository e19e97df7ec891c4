"""Pretrained weights run without a word about the versions of what they are shipped with."""

from __future__ import annotations

import logging

import pytest

from parkour.policies.source import pretrained_checkpoint, weights_at
from parkour.policies.task import task_of
from parkour.tasks.versions import compare_version


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_pretrained_weights_name_no_other_version(stage: str, caplog: pytest.LogCaptureFixture) -> None:
    compare_version.cache_clear()
    with caplog.at_level(logging.WARNING):
        task_of(weights_at(pretrained_checkpoint(stage)), "eval")
    assert [record.getMessage() for record in caplog.records] == []
