"""What is chosen while people watch: each setting, and values that nobody offered."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.evaluation.protocol import TaskChanges
from parkour.policies.checkpoint_folder import BEST_FILE
from parkour.viewing import policy_choices
from parkour.viewing.controls import Choice, Setting
from parkour.viewing.options import WatchOptions
from parkour.viewing.prepare import make_session, make_watched_env, watched_task
from parkour.viewing.session import Session
from parkour.viewing.status import status_lines
from tests.evaluation.fakes import QUICK, write_weights
from tests.viewing.fakes import FakeEngine


def session_of(folder: Path, task: str = "go2-teacher", num_envs: int = 1, **changes: Any) -> Session:
    """A session as the page's, on robots that glide."""
    weights = write_weights(folder, *QUICK[1:], task=task)
    options = WatchOptions(num_envs=num_envs, changes=TaskChanges(**changes))
    engine = FakeEngine()
    resolved = watched_task(weights, options, "web", engine)
    env = make_watched_env(engine, resolved, options, "web")
    return make_session(env, resolved, weights, options, None, lambda line: None)


def choose(session: Session, setting: Setting, value: Any) -> None:
    session.controls.ask(Choice(setting, value))
    session.handle()


def test_terrain_difficulty_and_speed(tmp_path: Path) -> None:
    session = session_of(tmp_path)
    assert session.settings is not None
    # The page has courses of every difficulty; episodes begin with those of the overlay play.
    assert session.snapshot().difficulty == pytest.approx(0.85, abs=0.16)
    for name in session.settings.terrains:
        choose(session, Setting.TERRAIN, name)
        assert session.snapshot().terrain == name, "one robot, which goes wherever it is sent"
    choose(session, Setting.TERRAIN, "gap")
    for wanted in (0.0, 0.3, 1.0):
        choose(session, Setting.DIFFICULTY, wanted)
        assert session.snapshot().difficulty == pytest.approx(wanted, abs=0.05)
    choose(session, Setting.SPEED, 0.55)
    for _ in range(3):
        session.advance()
    assert session.snapshot().command == pytest.approx(0.55)
    session.reset()
    assert session.snapshot().command == pytest.approx(0.55), "of later episodes as well"


def test_an_episode_that_is_watched_has_one_speed(tmp_path: Path) -> None:
    """Checkpoints bring the overlay play of their own time, which may draw another one every 6 s."""
    session = session_of(tmp_path, num_envs=6)
    mdp = session.env.mdp
    assert mdp.context is not None
    first = mdp.context.command.clone()
    assert len(first.unique()) > 1
    for _ in range(round(6.0 / mdp.clock.step_dt) + 1):
        session.advance()
        mine = mdp.context.episode_step > 0
        assert torch.equal(mdp.context.command[mine], first[mine])
        first = mdp.context.command.clone()
    again = session_of(tmp_path, changes={"command.resample": 0.1})
    seen = {again.snapshot().command}
    for _ in range(20):
        again.advance()
        seen.add(again.snapshot().command)
    assert len(seen) > 2, "whoever asks for it gets it"


def test_a_difficulty_that_was_asked_for_is_kept_on_the_page(tmp_path: Path) -> None:
    session = session_of(tmp_path, num_envs=3, difficulty=(0.2, 0.3))
    assert ((session.mdp.course.difficulty >= 0.19) & (session.mdp.course.difficulty <= 0.31)).all()


def test_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_choices, "LOOK_EVERY", 0.0)
    session = session_of(tmp_path)
    assert session.settings is not None
    policies = session.settings.policies
    assert policies.names() == ("newest", "model_3", "pretrained", "zero actions", "random actions")
    first = session.policy
    choose(session, Setting.POLICY, "zero actions")
    assert not session.policy(session.obs).any()
    choose(session, Setting.POLICY, "random actions")
    assert session.policy(session.obs).std() > 0.3
    session.advance()
    choose(session, Setting.POLICY, "pretrained")
    # Another size of networks than the fake run's.
    assert policies.trouble and policies.running == "random actions"
    assert any(line.startswith("not taken up:") for line in status_lines(session, session.snapshot()))
    choose(session, Setting.POLICY, "model_3")
    assert policies.trouble == "" and session.policy is not first
    choose(session, Setting.POLICY, "newest")
    followed = session.policy
    session.handle()
    assert session.policy is followed, "nothing new"
    write_weights(tmp_path, *QUICK[1:], iteration=7, seed=5)
    session.handle()
    assert session.policy is not followed and "after 7 iterations" in policies.running
    assert policies.names()[:3] == ("newest", "model_7", "model_3")
    session.advance()
    assert torch.isfinite(session.policy(session.obs)).all()


def test_the_best_checkpoint_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_choices, "LOOK_EVERY", 0.0)
    session = session_of(tmp_path)
    assert session.settings is not None
    policies = session.settings.policies
    newest = session.policy
    choose(session, Setting.POLICY, "best")
    assert "best" not in policies.names() and session.policy is newest, "training has not said which yet"
    best = write_weights(tmp_path / "elsewhere", *QUICK[1:], iteration=2, seed=9)
    best.path.rename(tmp_path / BEST_FILE)
    choose(session, Setting.POLICY, "best")
    assert policies.names()[:3] == ("newest", "best", "model_3")
    assert policies.chosen == "best" and session.policy is not newest and "after 2 iterations" in policies.running
    session.advance()


def test_noise_of_a_student(tmp_path: Path) -> None:
    session = session_of(tmp_path, task="go2-student")
    assert session.settings is not None
    noises = session.settings.noises
    assert noises[0] == "none" and set(noises[1:3]) == {"noisy", "robust (sensors)"}
    # Of the degradations those of the camera's pictures and of the joints, not of its mounting or of the motors.
    assert {"half_frames", "stereo", "late_frames", "blank_camera", "encoder_noise", "no_contacts"} <= set(noises)
    assert not {"roll", "mounting", "narrow_view", "payload", "late_actions", "pipeline", "fast"} & set(noises)
    assert not session.mdp.observations.modifiers
    choose(session, Setting.NOISE, "noisy")
    assert session.mdp.observations.modifiers and session.settings.noise == "noisy"
    session.advance()
    clean = session.mdp.observations.layout
    for name in noises:
        choose(session, Setting.NOISE, name)
        session.advance()
        assert session.settings.noise == name and session.mdp.observations.layout == clean
    choose(session, Setting.NOISE, "blank_camera")
    for _ in range(6):
        session.advance()
    images = session.depth_images()
    assert images is not None and images.min() > 0.999, "nothing is seen"
    choose(session, Setting.NOISE, "none")
    assert not session.mdp.observations.modifiers
    session.advance()


def test_noise_of_a_teacher_is_of_what_it_feels(tmp_path: Path) -> None:
    session = session_of(tmp_path)
    assert session.settings is not None
    assert set(session.settings.noises) == {"none", "encoder_noise", "no_contacts"}
    choose(session, Setting.NOISE, "no_contacts")
    assert session.mdp.observations.modifiers
    session.advance()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (Setting.TERRAIN, "../../etc"), (Setting.TERRAIN, 3.0), (Setting.DIFFICULTY, "0.5"),
        (Setting.DIFFICULTY, math.nan), (Setting.DIFFICULTY, True), (Setting.SPEED, math.inf), (Setting.SPEED, None),
        (Setting.POLICY, "/etc/passwd"), (Setting.POLICY, "model_99"), (Setting.NOISE, "play"), (Setting.NOISE, []),
    ],
)  # fmt: skip
def test_what_is_not_offered_changes_nothing(session: Session, setting: Setting, value: Any) -> None:
    assert session.settings is not None
    before = session.snapshot(), session.policy, session.settings.policies.running, session.settings.noise
    choose(session, setting, value)
    after = session.snapshot(), session.policy, session.settings.policies.running, session.settings.noise
    assert (after[0].terrain, after[0].level, after[0].command, *after[1:]) == (
        before[0].terrain, before[0].level, before[0].command, *before[1:],
    )  # fmt: skip


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return session_of(tmp_path_factory.mktemp("run"), num_envs=2)


def test_numbers_are_bounded(session: Session) -> None:
    choose(session, Setting.SPEED, 50.0)
    assert float(session.mdp.command.speed.max()) == pytest.approx(0.8)
    choose(session, Setting.DIFFICULTY, -3.0)
    assert session.difficulty == (0.0, 0.0)


def test_the_mean_speed_is_of_a_second(session: Session) -> None:
    session.reset()
    session.watch(1)
    assert session.mean_speed == 0.0
    seen = []
    for _ in range(60):
        session.advance()
        seen.append(session.snapshot().speed)
    assert session.mean_speed == pytest.approx(sum(seen[-50:]) / 50, abs=1e-6)
