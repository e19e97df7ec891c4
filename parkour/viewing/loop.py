"""The loop of a session: steps at the pace that was asked for, frames as often as eyes need them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np

from parkour.stages import stage
from parkour.viewing.pictures import caption, depth_sheet, inset, places
from parkour.viewing.session import Session
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.video import FRAMES_PER_SECOND, VideoWriter
from parkour.viewing.viewer import PictureCamera, Viewer

FRAME_TIME = 1 / 30
"""Between updates of a viewer [s]."""
IDLE = 0.01
"""Sleep while paused [s]."""
BEHIND = 0.25
"""A machine that falls behind by more than this gives up catching up [s]."""


class Film:
    """Pictures of a session at its own time, whatever the pace.

    Args:
        writer: of the file.
        cameras: one per robot that is shown, the watched one's first.
        size: width and height of the whole.
        depth: whether depth images are in the pictures' corners.
        depth_width: of those [pixels]; a third of a robot's picture when None.
    """

    def __init__(
        self,
        writer: VideoWriter,
        cameras: Sequence[PictureCamera],
        size: tuple[int, int],
        *,
        depth: bool,
        depth_width: int | None = None,
    ) -> None:
        self.writer, self.cameras, self.size = writer, tuple(cameras), size
        self.depth, self.depth_width = depth, depth_width
        self._due = 0.0

    def follow(self, session: Session) -> None:
        """After a control step, or before the first one: take a picture if one is due."""
        if session.steps * session.step_dt + 1e-9 < self._due:
            return
        self._due += 1 / FRAMES_PER_SECOND
        _, corners = places(len(self.cameras), self.size)
        robots = [session.watched, *(i for i in range(session.mdp.num_envs) if i != session.watched)]
        whole = np.full((self.size[1], self.size[0], 3), 30, np.uint8)
        for index, (camera, robot, (left, top)) in enumerate(zip(self.cameras, robots, corners, strict=False)):
            picture = self._picture(session, camera, robot, index)
            whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        self.writer.add(whole)

    def _picture(self, session: Session, camera: PictureCamera, robot: int, index: int) -> np.ndarray:
        snapshot = session.snapshot(robot)
        words = describe(snapshot) if len(self.cameras) == 1 else snapshot.course
        picture = caption(camera.picture(snapshot), words)
        images = session.depth_images() if self.depth else None
        if images is None or index >= len(images):
            return picture
        # Alone, a robot has the others' images beside its own.
        shown = images if len(self.cameras) == 1 else images[index : index + 1]
        labels = session.depth_labels()[index : index + len(shown)]
        return inset(picture, depth_sheet(shown, self.depth_width or picture.shape[1] // 3, labels))

    def close(self) -> None:
        """Finish the file."""
        with ExitStack() as stack:
            stack.callback(self.writer.close)
            for camera in self.cameras:
                stack.callback(camera.close)


def describe(snapshot: Snapshot) -> str:
    """A line about what is seen."""
    passed = f"{min(snapshot.goal_index, len(snapshot.goals))}/{len(snapshot.goals)} way points"
    return (
        f"{snapshot.course}   {passed}   {snapshot.speed:.1f} of {snapshot.command:.1f} m/s   {snapshot.seconds:.1f} s"
    )


def run(
    session: Session,
    *,
    viewer: Viewer | None = None,
    film: Film | None = None,
    steps: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Step until ``steps`` are done, the viewer is closed, somebody quits, or ``stop()``.

    Without a viewer as fast as the machine can.
    """
    with ExitStack() as stack:
        # Who has a viewer sees how far it is.
        step = stack.enter_context(stage("filming, control step", steps)) if viewer is None else None
        _run(session, viewer, film, steps, stop, step or (lambda: None))


def _run(
    session: Session,
    viewer: Viewer | None,
    film: Film | None,
    steps: int | None,
    stop: Callable[[], bool],
    stepped: Callable[[], None],
) -> None:
    if film is not None:
        film.follow(session)
    clock, shown = time.monotonic(), 0.0
    while not (session.quit or stop() or (viewer is not None and not viewer.running)):
        before = session.steps
        session.handle()
        if not session.paused:
            if steps is not None and session.steps >= steps:
                break
            session.advance()
            stepped()
        if film is not None and session.steps > before:
            film.follow(session)
        if viewer is None:
            continue
        if time.monotonic() - shown >= FRAME_TIME:
            shown = time.monotonic()
            viewer.update(session)
        clock = _wait(clock, session)


def _wait(clock: float, session: Session) -> float:
    """Sleep until the step's time has passed; the time at which the next one begins."""
    if session.paused:
        time.sleep(IDLE)
        return time.monotonic()
    clock += session.step_dt / session.pace
    left = clock - time.monotonic()
    if left > 0:
        time.sleep(left)
    return clock if left > -BEHIND else time.monotonic()
