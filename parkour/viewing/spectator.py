"""Watching an evaluation: its robots, its courses and what they see, without a say in either."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tensordict import TensorDict
from torch import Tensor

from parkour.engines.protocol import Engine
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.policies.deployed import DeployedPolicy
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.depth import DepthFeed
from parkour.viewing.loop import FRAME_TIME, IDLE
from parkour.viewing.session import Session
from parkour.viewing.viewer import (
    KINDS,
    Viewer,
    ViewerOptions,
    check_depth_width,
    check_viewer,
    open_viewer,
    watch_options,
)


class ScoredSession(Session):
    """A session whose steps an evaluation takes: what is asked for changes what is seen, never what is scored."""

    def _begin(self) -> None:
        """Everything has begun already."""

    def follow(self, obs: TensorDict, dones: Tensor) -> None:
        """After a control step of the evaluation."""
        self.obs = obs
        self._note(dones)

    def advance(self) -> None:
        """The evaluation's to do."""

    def reset(self) -> None:
        """Episodes end by themselves."""


class EvaluationViewer:
    """Shows an evaluation as it runs; see :class:`parkour.evaluation.rollout.Spectator`.

    Steps are taken as fast as the machine can; a pause holds the evaluation up. Closing the viewer leaves it running.

    Args:
        kind: ``web`` or ``native``.
        name: of the engine, for messages.
        engine: whose environments are watched.
        title: of page or window.
        depth_width: of the depth images [pixels]; what suits the viewer when None.
        notify: told where to look.

    Raises:
        ParkourError: no such viewer, or a width that is none.
        EngineError: the engine has none of this kind, or it cannot be opened here.
    """

    def __init__(
        self, kind: str, name: str, engine: Engine, title: str, depth_width: int | None, notify: Callable[[str], None]
    ) -> None:
        check_depth_width(depth_width)
        if kind not in KINDS or kind == "none":
            raise ParkourError(f"--viewer: got {kind!r}, expected web or native")
        check_viewer(name, engine, kind)
        self._kind, self._engine, self._title, self._depth_width = kind, engine, title, depth_width
        self._notify = notify
        self._viewer: Viewer | None = None
        self._session: ScoredSession | None = None
        self._shown = 0.0

    @property
    def env_options(self) -> Mapping[str, Any]:
        """Arguments of ``make_env`` for the environment that is watched."""
        return watch_options(self._engine, self._kind, video=False)

    def begin(self, env: TaskEnv, task: ResolvedTask, policy: DeployedPolicy) -> None:
        """Open the viewer; the environment has its first observations."""
        feed = DepthFeed(env.mdp, task.model.camera, env.get_observations())
        session = ScoredSession(env, policy, depth=feed if feed.seen_by_policy else None)
        options = ViewerOptions(self._title, depth=session.depth is not None, depth_width=self._depth_width)
        self._session = session
        self._viewer = open_viewer(self._kind, self._engine, env, task, session, options)
        self._notify(f"{self._viewer.where} (Ctrl-C ends the evaluation)")

    def after_step(self, obs: TensorDict, dones: Tensor) -> None:
        """Show the step, if eyes need it, and wait as long as people want it to stand still."""
        session, viewer = self._session, self._viewer
        if session is None or viewer is None:
            return
        session.follow(obs, dones)
        session.handle()
        if time.monotonic() - self._shown >= FRAME_TIME or session.paused:
            self._shown = time.monotonic()
            viewer.update(session)
        while session.paused and not session.quit and viewer.running:
            time.sleep(IDLE)
            session.handle()
            viewer.update(session)
        if session.quit or not viewer.running:
            self.close()

    def close(self) -> None:
        """Close the viewer."""
        if self._viewer is not None:
            self._viewer.close()
        self._viewer = self._session = None
