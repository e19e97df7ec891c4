"""An evaluation that is watched scores what it scores unwatched, and is held up by a pause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parkour.errors import EngineError, ParkourError
from parkour.evaluation.evaluate import EvaluationOptions, evaluate
from parkour.policies.source import Weights
from parkour.viewing import session as session_module
from parkour.viewing import spectator as module
from parkour.viewing.controls import Action
from parkour.viewing.spectator import EvaluationViewer
from tests.evaluation.fakes import GlidingEnv, write_weights
from tests.viewing.fakes import FakeEngine, once_shown

STEPS = 60


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_weights(tmp_path_factory.mktemp("run"))


@pytest.fixture(autouse=True)
def no_pause_between_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRAME_TIME", 0.0)


def score(weights: Weights, viewer: EvaluationViewer | None, num_envs: int = 5) -> Any:
    from parkour.evaluation.protocol import TaskChanges
    from parkour_cli.changes import read_changes
    from tests.evaluation.fakes import QUICK

    changes = TaskChanges(changes=read_changes([*QUICK, "timing.episode_length=1.0"]))
    options = EvaluationOptions(num_envs=num_envs, steps=STEPS, device="cpu", changes=changes)
    make = lambda task, n, device, seed: GlidingEnv(task, n, device, seed)  # noqa: E731
    return evaluate(weights, options, make_env=make, spectator=viewer)


def opened(engine: FakeEngine, kind: str = "web", width: int | None = None, told: list[str] | None = None) -> Any:
    lines = told if told is not None else []
    return EvaluationViewer(kind, "fake", engine, "a test", width, lines.append)


def test_figures_are_those_of_an_unwatched_evaluation(weights: Weights) -> None:
    engine, told = FakeEngine(), []
    watched, alone = score(weights, opened(engine, told=told)), score(weights, None)
    assert engine.viewer is not None and engine.viewer.closed and "in a test" in told[0]
    assert watched.steps == alone.steps and len(engine.viewer.shown) >= watched.steps
    for name, values in alone.episodes.values.items():
        np.testing.assert_array_equal(watched.episodes.values[name], values, err_msg=name)


def test_what_people_ask_for_changes_what_is_seen_alone(weights: Weights) -> None:
    class Asking(FakeEngine):
        def make_viewer(self, *args: Any) -> Any:
            viewer = super().make_viewer(*args)
            for action in (Action.NEXT_ROBOT, Action.RESET, Action.NEXT_TERRAIN):
                viewer.session.controls.ask(action)
            return viewer

    engine = Asking()
    watched, alone = score(weights, opened(engine)), score(weights, None)
    assert engine.viewer is not None and {snapshot.env_id for snapshot in engine.viewer.shown} != {0}
    for name, values in alone.episodes.values.items():
        np.testing.assert_array_equal(watched.episodes.values[name], values, err_msg=name)


def test_a_pause_holds_it_up(weights: Weights) -> None:
    class Pausing(FakeEngine):
        def make_viewer(self, *args: Any) -> Any:
            viewer = super().make_viewer(*args)
            viewer.session.controls.ask(Action.PAUSE)
            pressing.append(once_shown(self, lambda: viewer.session.controls.ask(Action.PAUSE), 10))
            return viewer

    engine, pressing = Pausing(), []
    result = score(weights, opened(engine))
    pressing[0].join()
    assert engine.viewer is not None
    first = [snapshot.seconds for snapshot in engine.viewer.shown[:10]]
    assert len(set(first)) == 1, "it stands still"
    assert result.steps > 1


def test_closing_the_viewer_leaves_the_evaluation_running(weights: Weights) -> None:
    engine = FakeEngine(life=3)
    result = score(weights, opened(engine))
    assert engine.viewer is not None and engine.viewer.closed and len(engine.viewer.shown) == 3
    assert result.steps > 10 and len(result.episodes) > 0


def test_depth_images_are_those_of_a_student_and_not_of_hundreds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "IMAGES", 3)
    seen: list[tuple[int, ...]] = []

    class Looking(FakeEngine):
        def make_viewer(self, kind: str, env: Any, task: Any, session: Any, options: Any) -> Any:
            images = session.depth_images()
            seen.append(images.shape)
            assert options.depth and options.depth_width == 900
            return super().make_viewer(kind, env, task, session, options)

    score(write_weights(tmp_path, task="go2-student"), opened(Looking(), width=900), num_envs=6)
    assert seen == [(3, 58, 87)]


@pytest.mark.parametrize(
    ("kind", "width", "message"),
    [
        ("none", None, "--viewer: got 'none', expected web or native"),
        ("windows", None, "--viewer: got 'windows'"),
        ("web", 10, "--depth-width: got 10, expected 64 to 4096 pixels"),
    ],
)
def test_bad_wishes_are_told(kind: str, width: int | None, message: str) -> None:
    with pytest.raises(ParkourError, match=message):
        opened(FakeEngine(), kind, width)


def test_an_engine_without_the_viewer_is_told() -> None:
    engine = FakeEngine()
    engine.viewers = ("web",)
    with pytest.raises(EngineError, match="engine 'fake' has no native viewer"):
        opened(engine, "native")
