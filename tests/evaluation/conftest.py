"""Weights to score, and an engine without physics."""

from __future__ import annotations

from typing import Any

import pytest

from parkour.engines.protocol import Availability
from parkour.evaluation import evaluate as evaluate_module
from parkour.policies.source import Weights
from tests.evaluation.fakes import GlidingEnv, write_weights


class GlidingEngine:
    """An engine without physics."""

    def availability(self) -> Availability:
        return Availability(True)

    def make_env(self, task: Any, *, num_envs: int, device: str, seed: int, **options: Any) -> GlidingEnv:
        return GlidingEnv(task, num_envs, device, seed)


@pytest.fixture
def gliding_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the engine that would be chosen."""
    choose = evaluate_module.choose_engine
    monkeypatch.setattr(
        evaluate_module,
        "choose_engine",
        lambda name: ("tests:gliding", GlidingEngine()) if name is None else choose(name),
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_weights(tmp_path_factory.mktemp("logs") / "rsl_rl" / "go2-teacher" / "2026-01-01_00-00-00")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_weights(tmp_path_factory.mktemp("student"), task="go2-student")
