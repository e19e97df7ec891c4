"""The script of the documentation, driven in the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from parkour.evaluation.protocol import TaskChanges
from parkour.policies.source import PolicySource, load_weights
from parkour.viewing.driving import Script
from parkour.viewing.loop import run
from parkour.viewing.options import DriveOptions, WatchOptions
from parkour.viewing.prepare import make_session, make_watched_env, watched_task

PAGE = Path(__file__).parents[2] / "docs" / "play.md"

pytestmark = [pytest.mark.mujoco, pytest.mark.slow]


def test_the_documented_script_stays_on_the_ground(tmp_path: Path) -> None:
    from parkour_mujoco.engine import MujocoEngine

    text = PAGE.read_text()
    assert "--terrain field --script drive.csv" in text
    start = text.index("time,speed,turn")
    (tmp_path / "drive.csv").write_text(text[start : text.index("```", start)])
    source, engine = Script(tmp_path / "drive.csv"), MujocoEngine()
    weights = load_weights(PolicySource(pretrained=True))
    options = WatchOptions(drive=DriveOptions(tmp_path / "drive.csv"), changes=TaskChanges(terrains=("field",)))
    task = watched_task(weights, options, "none", engine)
    env = make_watched_env(engine, task, options, "none")
    session = make_session(env, task, weights, options, source, lambda line: None)
    steps = round(source.end / session.step_dt)
    run(session, steps=steps)
    snapshot = session.snapshot()
    env.close()
    assert session.episodes["episodes"] == 0 and snapshot.seconds == pytest.approx(steps * session.step_dt)
    # It has gone far enough to the left to have left a course.
    assert snapshot.base_pos[1] > 2.0 and 0.2 < snapshot.base_pos[2] < 0.5
