"""``parkour terrains edit``: what can be changed, what it makes, what is saved, and the page with every control."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from parkour.errors import StorageError
from parkour.params import ORDERED, Params, param, within
from parkour.tasks import load_task
from parkour.viewing.editing import TerrainEditor, knobs_of
from parkour_cli import terrains_edit
from parkour_cli.__main__ import main
from parkour_cli.terrains import _numbers, _scenes
from tests.ports import own_port
from tests.viewing.browser import find_chromium, open_page

# Its page is viser's, which comes with the engine.
pytestmark = pytest.mark.mujoco
pytest.importorskip("viser")
pytest.importorskip("trimesh")
from parkour.viewing.web.editor import EDGE_COLOUR, EditorPage, course_map  # noqa: E402


def editor_of(name: str = "gap", *sets: str, folder: Path = Path(), task: str = "go2-teacher") -> TerrainEditor:
    return terrains_edit._editor(name, task, list(sets), 0.5, 0, folder / "out.toml")


class Numbers(Params):
    pair: Annotated[tuple[float, float], within(-10.0, 10.0), ORDERED] = param((-0.2, 0.4), unit="m")
    """The ends."""
    count: int = param(6, ge=1, le=10)
    near: float = param(1.0, ge=0.5, le=1.5)
    far: float = param(2.0, ge=0.0, le=1000.0)
    so: bool = param(True)
    text: str = param("")
    many: tuple[float, ...] = param((1.0,) * 9)


def test_every_number_has_a_slider_that_suits_it() -> None:
    knobs = knobs_of(Numbers())
    assert [knob.label for knob in knobs] == ["pair 1 [m]", "pair 2 [m]", "count", "near", "far", "so"]
    assert [(knob.low, knob.high) for knob in knobs[:-1]] == [(-0.8, 0.8), (-0.8, 0.8), (1, 10), (0.5, 1.5), (0, 4)]
    assert [knob.kind for knob in knobs[2:]] == [int, float, float, bool] and knobs[0].text == "The ends."
    pair, count = knobs[0], knobs[2]
    assert (pair.checked(0.3), pair.checked(7), count.checked(3.4), count.checked(99)) == (0.3, 0.8, 3, 10)
    for nonsense in (float("nan"), float("inf"), "0.3", None, True, [1.0]):
        assert pair.checked(nonsense) is None
    assert knobs[5].checked(False) is False and knobs[5].checked(1) is None
    # What must be above 0 cannot be set to it.
    assert next(knob for knob in editor_of().knobs if knob.key == "gap_length").low > 0.0


def test_values_that_make_no_course_are_told_and_the_last_course_stays() -> None:
    editor = editor_of()
    before = editor.patch
    low = next(knob for knob in editor.knobs if knob.label == "half_width 1 [m]")
    editor.set(low, 2.0)
    editor.redraw()
    assert editor.patch is before
    assert editor.trouble == "terrains.gap.params.half_width: got [2.0, 1.2], expected the lower end first"
    editor.set(low, 0.9)
    editor.redraw()
    assert editor.trouble == "" and editor.patch is not before


def test_what_is_saved_is_a_task_and_the_options_say_the_same(tmp_path: Path) -> None:
    editor = editor_of("gap", "course.roughness=[0.0, 0.0]")
    knob = next(knob for knob in editor.knobs if knob.label == "gap_length 2 [m]")
    editor.set(knob, 0.95)
    editor.redraw()
    path = tmp_path / "wider.toml"
    path.write_text(editor.document())
    assert "gap_length = [0.1, 0.95]" in path.read_text(), path.read_text()
    task = load_task(path)
    assert task.name == "wider" and task.terrains["gap"].params.gap_length == (0.1, 0.95)
    assert task.model.course.roughness == (0.0, 0.0) and task.terrains["hurdle"] is not None
    assert editor.options() == ["terrains.gap.params.gap_length=[0.1, 0.95]"]
    again = load_task("go2-teacher", changes={"terrains.gap.params.gap_length": [0.1, 0.95]})
    assert again.terrains["gap"].params == task.terrains["gap"].params
    # The same course as the preview's, but for the bumps that the task leaves out.
    (scene,) = _scenes("gap", [0.5], 0, _numbers(editor.options(), ["gap"]))
    assert list(scene.patch.sub_terrain.boxes) == list(editor.patch.sub_terrain.boxes)
    editor.reset()
    assert editor.changed() == {}
    # And one can go on with the file.
    assert editor_of("gap", task=str(path), folder=tmp_path).values["gap_length"] == [0.1, 0.95]


def test_a_terrain_that_the_task_has_not_is_added(tmp_path: Path) -> None:
    assert editor_of("parkour-lab:gap").terrain.key == "gap"
    editor = editor_of("crawl")
    path = tmp_path / "crawl.toml"
    path.write_text(editor.document())
    task = load_task(path)
    assert task.model.terrains["crawl"].share == terrains_edit.SHARE and editor.terrain.key == "crawl"
    assert len(task.terrains) == 6 and editor.changed() == {}


def run(*args: str) -> int:
    """Exit code of ``parkour terrains edit …``."""
    with pytest.raises(SystemExit) as caught:
        main(["terrains", "edit", *args])
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["gapp"], "unknown terrain 'gapp'; did you mean 'gap'"),
        (["gap", "--task", "go2"], "unknown task 'go2'"),
        (["gap", "--out", "gap.txt"], "--out: got 'gap.txt', expected a .toml file"),
        (["gap", "--out", "there.toml"], "there.toml is there already"),
        (["gap", "-d", "0:1"], "--difficulty: got '0:1', expected one number"),
        (["gap", "--set", "terrains.gap.params.obstacles=0"], "expected a number of at least 1"),
        (["gap", "--set", "terrains.gap.share=0"], "terrain 'gap' has no share of the courses left"),
        (["gap", "--port", "-1"], "--port"),
    ],
)
def test_bad_input_is_one_line(
    args: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.toml").touch()
    assert run(*args) != 0
    errors = capsys.readouterr().err.splitlines()
    assert said in errors[0] and errors[0].startswith("error:") and len(errors) <= 2
    assert [path.name for path in tmp_path.iterdir()] == ["there.toml"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With somebody who saves, changes one more number and has enough."""
    from parkour.viewing import web

    class Visitor(EditorPage):
        def run(self, stop: Any = None) -> None:
            assert self.editor.seed == 3 and self.editor.difficulty == 1.0 and f":{port}/?token=" in self.address
            self.editor.set(self.editor.knobs[0], 0.2)
            self._do_save()
            self.editor.set(self.editor.knobs[1], 0.9)

    port = own_port()
    monkeypatch.setattr(web, "open_editor", Visitor)
    out = tmp_path / "new" / "gap.toml"
    assert run("gap", "--seed", "3", "--difficulty", "1", "--port", str(port), "--out", str(out)) == 0
    assert load_task(out).terrains["gap"].params.gap_length == (0.2, 0.8)
    said = capsys.readouterr().err.splitlines()
    assert said[-2:] == [f"wrote {out}", "not saved: --set 'terrains.gap.params.gap_length=[0.2, 0.9]'"]


@pytest.fixture
def page() -> Iterator[EditorPage]:
    page = EditorPage(editor_of("crawl"), lambda: "saved: a test", port=own_port())
    yield page
    page.close()


def done(page: EditorPage) -> None:
    """All that was asked for."""
    end = time.monotonic() + 60
    while page._wishes.empty():
        assert time.monotonic() < end
        time.sleep(0.01)
    page.run(stop=page._wishes.empty)


def moved(handle: Any, value: Any) -> None:
    """What a browser does that moves a control."""
    handle.value = value
    event = type("Event", (), {"client": object()})()
    for callback in handle._impl.update_cb:
        callback(event)


def press(page: EditorPage, button: str) -> None:
    page.buttons.value = button
    done(page)


def full_disk() -> str:
    raise StorageError("no space left")


def test_every_slider_sets_its_number(page: EditorPage) -> None:
    editor = page.editor
    assert page.difficulty is not None
    moved(page.difficulty, 0.8)
    done(page)
    assert editor.difficulty == 0.8
    for knob, handle in page.knobs:
        by = -1 if knob.kind is int else 2 * knob.step
        wanted = not editor.value(knob) if knob.kind is bool else handle.value + by
        moved(handle, wanted)
        done(page)
        assert editor.value(knob) == pytest.approx(wanted), knob.label
    assert len(editor.changed()) == 7 and "7 parameters changed" in page._text.content
    assert page._options.content.count("--set 'terrains.crawl.params.") == 7
    np.testing.assert_allclose(page.course.boxes, [box.center for box in editor.patch.boxes], atol=1e-6)
    press(page, "As at first")
    assert not editor.changed() and [h.value for _, h in page.knobs] == [editor.value(k) for k, _ in page.knobs]


def test_another_draw_is_another_course(page: EditorPage) -> None:
    before = page.course.boxes
    press(page, "Another draw")
    assert page.editor.seed == 1 and page.editor.trouble == ""
    assert not np.array_equal(page.course.boxes, before)


def test_markers_are_hidden(page: EditorPage) -> None:
    moved(page.markers, False)
    done(page)
    assert not page.course.markers


def test_the_page_says_whether_the_task_was_saved(page: EditorPage) -> None:
    press(page, "Save task")
    assert "saved: a test" in page._text.content
    page._save = full_disk
    press(page, "Save task")
    assert "**not saved:** no space left" in page._text.content
    page._save = lambda: "saved what no task can have"
    page.editor.values["length"] = [0.9, 0.2]
    press(page, "Save task")
    assert "**not saved:**" in page._text.content and "lower end first" in page._text.content


def test_the_page_is_over_when_somebody_quits(page: EditorPage) -> None:
    page.buttons.value = "Quit"
    page.run()
    assert page._over


def test_the_map_shows_edges_way_points_and_what_hangs_overhead() -> None:
    gaps = course_map(editor_of("gap"))
    assert gaps.shape == (120 * 3, 360 * 3, 3) and (gaps == EDGE_COLOUR).all(-1).sum() > 1000
    bars = course_map(editor_of("crawl"))
    assert ((bars[..., 2] > bars[..., 1].astype(int) + 40).mean()) > 0.05


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
@pytest.mark.parametrize("width", [1000, 390])
def test_the_page_in_a_browser(width: int, tmp_path: Path) -> None:
    """Every slider is moved with the keyboard, every button clicked, and nothing is wider than the window."""
    saved: list[str] = []
    page = EditorPage(editor_of("hurdle"), lambda: saved.append(page.editor.document()) or "saved", port=own_port())
    editor = page.editor
    thread = threading.Thread(target=page.run)
    thread.start()
    try:
        with open_page(page.address, tmp_path / "profile") as browser:
            browser.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=False
            )
            browser.wait_for("document.body.innerText.includes('way points')")
            assert browser.evaluate("document.title") == "parkour: terrain hurdle"
            sliders = "document.querySelectorAll('[role=slider]')"
            assert browser.evaluate(f"{sliders}.length") == len(page.knobs) + 1
            values = lambda: (editor.difficulty, *(editor.value(knob) for knob in editor.knobs))  # noqa: E731
            for place, before in enumerate(values()):
                browser.evaluate(f"{sliders}[{place}].focus()")
                key = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
                browser.call("Input.dispatchKeyEvent", type="keyDown", **key)
                browser.call("Input.dispatchKeyEvent", type="keyUp", **key)
                # The page sends a few times a second, and of quick changes of several sliders not all.
                _until(lambda place=place, before=before: values()[place] > before)
            browser.wait_for("document.body.innerText.includes('not drawn: terrain \\'hurdle\\'')")
            browser.wait_for("document.body.innerText.includes(\"--set 'terrains.hurdle.params.obstacles=7'\")")
            browser.click("Another draw")
            _until(lambda: editor.seed == 1)
            browser.click("Save task")
            browser.wait_for("document.body.innerText.includes('saved')")
            browser.click("As at first")
            _until(lambda: not editor.changed())
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
            assert browser.screenshot().std() > 20
            browser.click("Quit")
            thread.join(60)
            assert not thread.is_alive()
    finally:
        page._over = True
        thread.join()
        page.close()
    assert "obstacles = 7" in saved[0]


def _until(true: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
