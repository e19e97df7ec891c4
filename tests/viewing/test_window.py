"""MuJoCo's window, without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parkour.errors import EngineError
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.viewer import ViewerOptions
from parkour_mujoco.launch import choose_renderer
from tests.viewing.fakes import make_session

pytestmark = pytest.mark.mujoco
# Before anything imports MuJoCo.
choose_renderer()
mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mjlab")


class Window:
    """MuJoCo's handle, without a window."""

    def __init__(self, model: Any, data: Any, key: Any) -> None:
        self.model, self.key, self.open = model, key, True
        self.cam, self.opt = mujoco.MjvCamera(), mujoco.MjvOption()
        self.user_scn = mujoco.MjvScene(model, maxgeom=100)
        self.viewport = mujoco.MjrRect(0, 0, 1200, 800)
        self.synced, self.texts, self.figures, self.images = 0, [], [], []

    def lock(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def is_running(self) -> bool:
        return self.open

    def sync(self) -> None:
        self.synced += 1

    def set_texts(self, text: Any) -> None:
        self.texts.append(text)

    def set_figures(self, figures: Any) -> None:
        self.figures = figures

    def set_images(self, image: Any) -> None:
        rectangle, picture = image
        assert picture.shape[:2] == (rectangle.height, rectangle.width)
        self.images.append(picture)

    def close(self) -> None:
        self.open = False


def test_the_window_shows_the_session_and_takes_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.viewer import native

    monkeypatch.setattr(native, "open_window", Window)
    monkeypatch.setattr(native, "PLOTS_EVERY", 0.0)
    session, task, _ = make_session(tmp_path, driven=True, depth=True, num_envs=1, terrains=("hurdle",))
    viewer = native.NativeViewer(task, session, ViewerOptions("a test", behind=True, depth=True))
    window = viewer._window
    for _ in range(12):
        session.advance()
    session.reset()
    session.advance()
    viewer.update(session)
    shown: Snapshot = session.snapshot()
    assert viewer.running and window.synced == 2
    assert "hurdle" in window.texts[-1][2] and window.texts[-1][3] == "1 x"
    assert window.user_scn.ngeom == 2 * len(shown.goals) + 1
    np.testing.assert_allclose(window.cam.lookat, shown.base_pos, atol=0.1)
    # The new course's sizes, in the model that the window draws.
    first = window.model.geom("box_0")
    np.testing.assert_allclose(window.model.geom_size[first.id], shown.boxes[0, 7:], atol=1e-9)
    assert len(window.figures) == len(session.rewards.names) and window.images[-1].std() > 5
    figure = window.figures[0][1]
    assert figure.linepnt[0] == 1 and figure.title == session.rewards.names[0]
    window.key(32), window.key(265), window.key(999)
    session.handle()
    assert session.paused and session.driver is not None and session.driver.speed == pytest.approx(0.1)
    viewer.close()
    assert not viewer.running


def test_a_plot_holds_a_long_history() -> None:
    from parkour_mujoco.viewer.native import POINTS, fill_figure, reward_figure

    figure = reward_figure("term")
    times, values = np.linspace(-9.98, 0, 500), np.sin(np.linspace(0, 9, 500))
    fill_figure(figure, times, values)
    points = figure.linedata[0, : 2 * figure.linepnt[0]].reshape(-1, 2)
    assert 100 < len(points) <= POINTS
    np.testing.assert_allclose(points[-1], (times[-1], values[-1]), atol=1e-6)
    assert figure.range[1][0] < values.min() and figure.range[1][1] > values.max()
    fill_figure(figure, times[:0], values[:0])
    assert figure.linepnt[0] == 0


def test_a_window_that_cannot_be_opened_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.viewer import native

    glfw = pytest.importorskip("glfw")
    monkeypatch.setattr(glfw, "init", lambda: False)
    with pytest.raises(EngineError, match="--viewer native: RuntimeError: GLFW finds no display") as caught:
        native.open_window(None, None, None)
    assert "--viewer web" in (caught.value.hint or "")
    monkeypatch.setattr(glfw, "init", lambda: True)

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("could not create window")

    import mujoco.viewer

    monkeypatch.setattr(mujoco.viewer, "launch_passive", fail)
    with pytest.raises(EngineError, match="could not create window"):
        native.open_window(None, None, None)
