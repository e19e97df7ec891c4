"""An engine without physics, whose viewer and camera only write down what they are shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from parkour.engines.protocol import Availability
from parkour.evaluation.protocol import TaskChanges, evaluation_task
from parkour.mdp.drive import Drive
from parkour.policies.deployed import load_policy
from parkour.policies.source import Weights
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.depth import DepthFeed
from parkour.viewing.driving import Driver
from parkour.viewing.follow import View
from parkour.viewing.session import Session
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.viewer import ViewerOptions
from parkour.viewing.watch import DRIVEN, PLAY
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import GlidingEnv, write_weights


class NotingViewer:
    """Remembers snapshots; closed after ``life`` updates."""

    def __init__(self, session: Session, options: ViewerOptions, life: int | None) -> None:
        self.session, self.options, self.life = session, options, life
        self.shown: list[Snapshot] = []
        self.closed = False

    @property
    def running(self) -> bool:
        return self.life is None or len(self.shown) < self.life

    @property
    def where(self) -> str:
        return "in a test"

    def update(self, session: Session) -> None:
        self.shown.append(session.snapshot())

    def close(self) -> None:
        self.closed = True


class PaintingCamera:
    """The robot's way along x as a grey level."""

    def __init__(self, size: tuple[int, int], view: View) -> None:
        self.size, self.view, self.closed = size, view, False

    def picture(self, snapshot: Snapshot) -> np.ndarray:
        level = min(max(int(20 * snapshot.base_pos[0]), 0), 255)
        return np.full((self.size[1], self.size[0], 3), level, np.uint8)

    def close(self) -> None:
        self.closed = True


class FakeEngine:
    """See :mod:`parkour.viewing.viewer`."""

    viewers: tuple[str, ...] = ("web", "native")
    worlds_apart = True

    def __init__(self, life: int | None = None) -> None:
        self.life = life
        self.made: dict[str, Any] = {}
        self.env: Any = None
        self.viewer: NotingViewer | None = None
        self.camera: PaintingCamera | None = None

    def availability(self) -> Availability:
        return Availability(True)

    def make_env(self, task: ResolvedTask, **options: Any) -> GlidingEnv:
        self.made |= {"task": task, **options}
        self.env = GlidingEnv(task, options["num_envs"], options["device"], options["seed"])
        return self.env

    def make_viewer(self, kind: str, env: Any, task: Any, session: Session, options: ViewerOptions) -> NotingViewer:
        self.made["kind"] = kind
        self.viewer = NotingViewer(session, options, self.life)
        return self.viewer

    def make_camera(self, env: Any, task: Any, size: tuple[int, int], view: View) -> PaintingCamera:
        self.camera = PaintingCamera(size, view)
        return self.camera


def once_shown(engine: FakeEngine, act: Callable[[], object], pictures: int = 5) -> threading.Thread:
    """Does ``act`` when the viewer has shown some pictures, however long that takes."""

    def wait() -> None:
        while engine.viewer is None or len(engine.viewer.shown) < pictures:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def make_session(
    folder: Path, *, task: str = "go2-teacher", num_envs: int = 5, driven: bool = False, depth: bool = False,
    terrains: tuple[str, ...] = (), sets: tuple[str, ...] = (),
) -> tuple[Session, ResolvedTask, Weights]:  # fmt: skip
    """A session on robots that glide."""
    weights = write_weights(folder, task=task)
    resolved = evaluation_task(
        weights, DRIVEN if driven else PLAY, TaskChanges(terrains=terrains, changes=read_changes(sets))
    )
    env = GlidingEnv(resolved, num_envs, "cpu", 1)
    policy = load_policy(weights, resolved, env)
    driver = None
    if driven:
        driver = Driver(Drive(num_envs, "cpu", env.mdp.clock.step_dt), resolved.model.command.speed[1])
    feed = DepthFeed(env.mdp, resolved.model.camera, env.get_observations()) if depth else None
    torch.manual_seed(1)
    return Session(env, policy, driver=driver, depth=feed), resolved, weights
