"""The page of ``parkour terrains edit``: a terrain's numbers as sliders, beside what they make."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import numpy as np
import viser

from parkour.errors import ParkourError
from parkour.terrain.palette import height_colours
from parkour.terrain.raster import OPEN
from parkour.text import counted
from parkour.viewing.editing import Knob, TerrainEditor
from parkour.viewing.snapshot import GOAL_COLOURS, GoalStatus
from parkour.viewing.web.course import CourseScene, light
from parkour.viewing.web.served_page import ServedPage

EDGE_COLOUR, OVERHEAD_COLOUR, GOAL_COLOUR = (219, 20, 89), (107, 64, 184), (31, 95, 191)
"""On the map."""
MAP_SCALE = 3
"""Pixels of the map per cell of the rasters."""
HINT = "Save task: write the file. Another draw: the same numbers, other dice. As at first: all numbers as they were."
PATIENCE = 0.2
"""Between looks at whether to end [s]."""


class EditorPage(ServedPage):
    """Serves the page, and does what is asked for there in the thread that calls :meth:`run`.

    Args:
        editor: what is changed.
        save: writes the task, and says in a line where it is.
        port: to serve at; the default one or a free one after it when None.

    Raises:
        EngineError: the port is in use, or the page cannot be protected from other pages.
    """

    def __init__(self, editor: TerrainEditor, save: Callable[[], str], port: int | None = None) -> None:
        super().__init__(f"terrain {editor.terrain.key}", port, control_width="large")
        self.editor, self._save = editor, save
        self._wishes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._over = False
        self._said = ""
        scene: Any = self.server.scene
        scene.set_up_direction("+z")
        light(scene)
        self.course = CourseScene(scene, "/world")
        length, width = (extent * editor.grid.cell for extent in editor.grid.shape)
        self.server.initial_camera.position = (0.1 * length, -1.7 * width, 1.3 * width)
        self.server.initial_camera.look_at = (0.55 * length, 0.0, 0.0)
        self._add_controls(self.server.gui)
        self._show()

    def _add_controls(self, gui: Any) -> None:
        self._text = gui.add_markdown("")
        self._map = gui.add_image(course_map(self.editor), label="map", format="png")
        self.acts: dict[str, Callable[[], None]] = {
            "Save task": self._do_save, "Another draw": self._again, "As at first": self._reset, "Quit": self._quit,
        }  # fmt: skip
        self.buttons = gui.add_button_group("do", tuple(self.acts), hint=HINT)
        self.buttons.on_click(self._pressed)
        self.difficulty = None
        if self.editor.graded:
            self.difficulty = gui.add_slider(
                "difficulty", min=0.0, max=1.0, step=0.01, initial_value=self.editor.difficulty
            )
            self._follow(self.difficulty, self._set_difficulty)
        self.knobs = [(knob, self._add_knob(gui, knob)) for knob in self.editor.knobs]
        for knob, handle in self.knobs:
            self._follow(handle, lambda value, knob=knob: self.editor.set(knob, value))
        self.markers = gui.add_checkbox("way points", initial_value=True)
        self._follow(self.markers, lambda value: setattr(self.course, "markers", bool(value)))
        self._options = gui.add_markdown("")

    def _add_knob(self, gui: Any, knob: Knob) -> Any:
        value = self.editor.value(knob)
        if knob.kind is bool:
            return gui.add_checkbox(knob.label, initial_value=bool(value), hint=knob.text)
        low, high, step = (knob.kind(number) for number in (knob.low, knob.high, knob.step))
        return gui.add_slider(knob.label, min=low, max=high, step=step, initial_value=value, hint=knob.text)

    def _pressed(self, event: viser.GuiEvent) -> None:
        # What a client sends may be anything.
        if self.buttons.value in self.acts:
            self._wishes.put(self.acts[self.buttons.value])

    def _follow(self, handle: Any, act: Callable[[Any], None]) -> None:
        def moved(event: viser.GuiEvent) -> None:
            # Our own updates come back without a client.
            if event.client is not None:
                value = handle.value
                self._wishes.put(lambda: act(value))

        handle.on_update(moved)

    # -- what is asked for -------------------------------------------------------------------------------------------

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Do what is asked for until somebody quits, or ``stop()``."""
        while not self._over and not stop():
            try:
                wishes = [self._wishes.get(timeout=PATIENCE)]
            except queue.Empty:
                continue
            # A slider that is dragged asks more often than a course can be drawn.
            while not self._wishes.empty():
                wishes.append(self._wishes.get())
            self._said = ""
            for wish in wishes:
                wish()
            self.editor.redraw()
            self._show()

    def _set_difficulty(self, value: Any) -> None:
        if isinstance(value, (int, float)) and 0.0 <= value <= 1.0:
            self.editor.difficulty = float(value)

    def _do_save(self) -> None:
        try:
            self.editor.checked()
            self._said = self._save()
        except ParkourError as error:  # Another disk, another day: nobody loses what is on the page.
            self._said = f"**not saved:** {error.message}"

    def _again(self) -> None:
        self.editor.seed += 1

    def _reset(self) -> None:
        self.editor.reset()
        for knob, handle in self.knobs:
            handle.value = self.editor.value(knob)

    def _quit(self) -> None:
        self._over = True

    # -- what is shown -----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        editor, patch = self.editor, self.editor.patch
        goals = np.asarray(patch.sub_terrain.goals, float)
        ground = patch.height[editor.grid.index(goals)]
        colours = np.tile(np.array(GOAL_COLOURS[GoalStatus.LATER], np.uint8), (len(goals), 1))
        with self.server.atomic():
            boxes = np.stack([box.row() for box in patch.boxes])
            self.course.update(boxes, np.concatenate([goals, ground[:, None]], axis=-1), colours)
            self._map.image = course_map(editor)
            self._text.content = self._status()
            self._options.content = _as_options(editor.options())

    def _status(self) -> str:
        editor, sub_terrain = self.editor, self.editor.patch.sub_terrain
        lines = [f"**{editor.terrain.key}**: {editor.terrain.spec.summary}"]
        bumps = len(editor.patch.boxes) - len(sub_terrain.boxes)
        lines.append(f"{len(sub_terrain.boxes)} boxes and {bumps} bumps, {len(sub_terrain.goals)} way points")
        lines.append(f"draw {editor.seed}, {counted(len(editor.changed()), 'parameter')} changed")
        if editor.trouble:
            lines.append(f"**not drawn:** {editor.trouble}")
        if self._said:
            lines.append(self._said)
        return "  \n".join(lines)


def course_map(editor: TerrainEditor) -> np.ndarray:
    """``[rows, columns, 3]`` uint8, from above, x to the right: heights, edges, what hangs overhead, way points."""
    patch = editor.patch
    picture = height_colours(patch.height)
    picture[patch.edge] = EDGE_COLOUR
    if patch.ceiling is not None:
        overhead = patch.ceiling < OPEN
        picture[overhead] = (picture[overhead].astype(int) + OVERHEAD_COLOUR) // 2
    picture = np.kron(picture, np.ones((MAP_SCALE, MAP_SCALE, 1), np.uint8))
    for i, j in zip(*editor.grid.index(np.asarray(patch.sub_terrain.goals, float)), strict=True):
        x, y = MAP_SCALE * i + MAP_SCALE // 2, MAP_SCALE * j + MAP_SCALE // 2
        picture[max(x - 4, 0) : x + 5, max(y - 4, 0) : y + 5] = 255
        picture[max(x - 3, 0) : x + 4, max(y - 3, 0) : y + 4] = GOAL_COLOUR
    return np.ascontiguousarray(picture.transpose(1, 0, 2)[::-1])


def _as_options(options: list[str]) -> str:
    """As lines to copy."""
    if not options:
        return ""
    return "\n".join(["```", *(f"--set '{option}'" for option in options), "```"])
