"""The session: what buttons do to it, and that it runs the policy as evaluation does."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from parkour.evaluation.protocol import evaluation_task
from parkour.policies.deployed import load_policy
from parkour.viewing.controls import BUTTONS, SPEEDS, WINDOW_KEYS, Action, Controls, buttons, window_action
from parkour.viewing.history import RewardHistory
from parkour.viewing.loop import run
from parkour.viewing.watch import PLAY
from tests.evaluation.fakes import GlidingEnv
from tests.viewing.fakes import make_session


def test_every_action_has_one_button_and_keys_of_its_own() -> None:
    assert sorted(button.action.name for button in BUTTONS) == sorted(action.name for action in Action)
    for keys in ([b.browser_key for b in BUTTONS], [b.window_key for b in BUTTONS]):
        assert len(set(keys)) == len(keys)
    assert not {button.browser_key for button in BUTTONS} & {*"WASDQE"}, "these move the camera on the page"
    assert all(len(button.window_key) == 1 or button.window_key in WINDOW_KEYS for button in BUTTONS)


def test_keys_of_the_window() -> None:
    assert window_action(32, driving=False) is Action.PAUSE
    assert window_action(ord("."), driving=False) is Action.STEP
    assert window_action(265, driving=True) is Action.SPEED_UP
    assert window_action(265, driving=False) is None
    assert window_action(ord("W"), driving=True) is None


def test_actions_arrive_from_other_threads_in_order() -> None:
    controls = Controls()
    asked = [Action.STEP, Action.RESET, Action.PAUSE]
    thread = threading.Thread(target=lambda: [controls.ask(action) for action in asked])
    thread.start(), thread.join()
    assert list(controls.take()) == asked
    assert list(controls.take()) == []


def test_it_runs_as_evaluation_does(tmp_path: Path) -> None:
    session, task, weights = make_session(tmp_path)
    alone = GlidingEnv(evaluation_task(weights, PLAY), 5, "cpu", 1)
    policy = load_policy(weights, task, alone)
    torch.manual_seed(1)
    alone.mdp.choose_levels = session.mdp.choose_levels
    with torch.inference_mode():
        alone.reset(), policy.reset()
        obs = alone.get_observations()
        wanted = []
        for _ in range(30):
            obs, _, dones, _ = alone.step(policy(obs))
            policy.reset(dones)
            wanted.append({name: obs[name].clone() for name in obs.keys()})  # noqa: SIM118
    session, _, _ = make_session(tmp_path)
    for step in range(30):
        session.advance()
        assert all(torch.equal(session.obs[name], value) for name, value in wanted[step].items())


def ask(*actions: Action, session) -> None:
    for action in actions:
        session.controls.ask(action)
    session.handle()


def test_pause_step_and_pace(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path)
    ask(Action.STEP, Action.STEP, session=session)
    assert session.paused and session.steps == 2
    ask(Action.PAUSE, session=session)
    assert not session.paused
    ask(*[Action.FASTER] * 20, session=session)
    assert session.pace == SPEEDS[-1]
    ask(*[Action.SLOWER] * 40, session=session)
    assert session.pace == SPEEDS[0]
    ask(Action.QUIT, session=session)
    assert session.quit


def test_reset_begins_again_on_another_course_for_the_watched_robot_alone(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path)
    for _ in range(20):
        session.advance()
    before = session.snapshot()
    seen = set()
    for _ in range(12):
        ask(Action.RESET, session=session)
        shown = session.snapshot()
        assert shown.seconds == 0 and shown.goal_index == 0 and shown.terrain == before.terrain
        assert shown.base_pos[0] < before.base_pos[0]
        seen.add(shown.level)
        # What is drawn is the course on which the robot stands.
        patch = int(session.mdp.course.patch[session.watched])
        boxes = session.mdp.course.library.boxes[patch].numpy()
        assert np.array_equal(shown.boxes, boxes[boxes[:, 2] > -20].astype(np.float64))
    assert len(seen) > 1
    assert (session.env.episode_length_buf[1:] == 20).all()
    assert len(session.rewards.times) == 0


def test_next_terrain_and_next_robot(tmp_path: Path) -> None:
    session, task, _ = make_session(tmp_path, num_envs=10)
    names = [session.snapshot().terrain]
    for _ in range(5):
        ask(Action.NEXT_TERRAIN, session=session)
        names.append(session.snapshot().terrain)
        assert session.snapshot().seconds == 0
        session.advance()
    assert names == [*task.terrains, names[0]]
    for _ in range(10):
        ask(Action.NEXT_ROBOT, session=session)
    assert session.watched == 0


def test_ends_are_counted_and_courses_change(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, sets=("timing.episode_length=1.0",))
    levels = set()
    for _ in range(200):
        session.advance()
        levels.add(session.snapshot().level)
    counts = dict(session.episodes)
    assert counts.pop("episodes") == sum(counts.values()) >= 15
    assert counts["timed out"] > 0
    assert len(levels) > 1


def test_goals_by_status(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, terrains=("flat",))
    session.mdp.goals.index[:] = 3
    shown = session.snapshot()
    assert [status.value for status in shown.goal_statuses()] == ["passed"] * 3 + ["current", "next"] + ["later"] * 3
    assert len({tuple(colour) for colour in shown.goal_colours()}) == 4
    session.mdp.goals.index[:] = 8
    assert {status.value for status in session.snapshot().goal_statuses()} == {"passed"}
    # They stand on the ground.
    course = session.mdp.course
    assert shown.goals[:, 2] == pytest.approx(course.height(course.goals)[0].numpy())


def test_driving(tmp_path: Path) -> None:
    session, task, _ = make_session(tmp_path, driven=True, num_envs=1, terrains=("demo",))
    assert task.model.max_episode_steps * task.model.step_dt > 600
    assert session.snapshot().terrain == "demo"
    ask(*[Action.SPEED_UP] * 4, Action.LEFT, session=session)
    session.advance()
    shown = session.snapshot()
    assert shown.command == pytest.approx(0.4)
    assert shown.heading == pytest.approx(np.radians(6.0), abs=1e-5)
    ask(*[Action.SPEED_UP] * 20, Action.RIGHT, session=session)
    session.advance()
    assert session.snapshot().command == pytest.approx(task.model.command.speed[1])
    assert session.snapshot().heading == pytest.approx(0.0, abs=1e-5)
    ask(Action.AUTOPILOT, Action.STOP, session=session)
    session.advance()
    assert session.snapshot().heading is None and session.snapshot().command == 0.0


def test_a_student_that_is_steered_goes_by_the_heading(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, task="go2-student", driven=True, num_envs=1)
    assert session.policy.actor.yaw_source == "observed"  # type: ignore[attr-defined]
    ask(Action.AUTOPILOT, session=session)
    session.advance()
    assert session.policy.actor.yaw_source == "predicted"  # type: ignore[attr-defined]


def test_keys_of_driving_do_nothing_where_nobody_drives(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path)
    ask(Action.SPEED_UP, Action.AUTOPILOT, session=session)
    assert session.mdp.drive is None
    assert not any(button.driving for button in buttons(driving=False))


def test_reward_history_is_that_of_the_watched_robot() -> None:
    history = RewardHistory(("a", "b"), 4, 0.5)
    assert history.latest() == {"a": 0.0, "b": 0.0} and history.values.shape == (0, 2)
    for value in range(6):
        history.add(np.array([value, -value]) * 0.5)
    assert history.values[:, 0].tolist() == [2, 3, 4, 5]
    assert history.times.tolist() == [-1.5, -1.0, -0.5, 0.0]
    assert history.latest() == {"a": 5.0, "b": -5.0}
    history.clear()
    assert len(history.times) == 0


def test_the_loop_keeps_to_the_pace(tmp_path: Path) -> None:
    import time

    from tests.viewing.fakes import NotingViewer, ViewerOptions

    session, _, _ = make_session(tmp_path, num_envs=1)
    viewer = NotingViewer(session, ViewerOptions("test"), None)
    start = time.monotonic()
    run(session, viewer=viewer, steps=25)
    assert session.steps == 25
    assert time.monotonic() - start >= 0.4
    session.controls.ask(Action.PAUSE)
    stop = time.monotonic() + 0.2
    run(session, viewer=viewer, steps=50, stop=lambda: time.monotonic() > stop)
    assert session.steps == 25
