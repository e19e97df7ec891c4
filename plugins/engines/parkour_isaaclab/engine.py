"""Whether the engine can run here, and the way into it. Imports no simulator until an environment is made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from parkour.engines.protocol import Availability
from parkour.errors import EngineError
from parkour_isaaclab.backends.backend import DEFAULT, NAMES, Backend, find_backend
from parkour_isaaclab.install import find_installation, find_obstacle

if TYPE_CHECKING:
    from parkour.tasks.resolved import ResolvedTask
    from parkour.viewing.follow import View
    from parkour.viewing.session import Session
    from parkour.viewing.viewer import PictureCamera, Viewer, ViewerOptions
    from parkour_isaaclab.vec_env import IsaacVecEnv


class IsaacLabEngine:
    """See :mod:`parkour.engines.protocol` and :mod:`parkour.viewing.viewer`."""

    viewers = ("web", "native")
    options: Mapping[str, tuple[str, ...]] = MappingProxyType({"physics": NAMES})

    def availability(self) -> Availability:
        """Looks for Isaac Lab, its version and its physics without importing them."""
        return find_installation()

    def make_env(
        self, task: ResolvedTask, *, num_envs: int, device: str, seed: int, render: bool = False, **options: Any
    ) -> IsaacVecEnv:
        """See :meth:`parkour.engines.protocol.Engine.make_env`.

        Further options: ``physics``, one of :data:`parkour_isaaclab.backends.backend.NAMES`; ``headless``, False to
        open the window of a backend that has one (default True).
        """
        state = self.availability()
        if not state.ok:
            raise EngineError(f"engine 'isaaclab' cannot run here: {state.reason}", hint=state.hint)
        headless = bool(options.pop("headless", True))
        backend = self._backend(options)
        if num_envs < 1:
            raise EngineError(f"got {num_envs} environments, expected at least 1", hint="--num-envs 64")
        from parkour.engines.device import check_device

        check_device(device)
        from parkour_isaaclab.launch import prepare, quiet_stdout

        prepare()
        with quiet_stdout():
            backend.start(device=device, window=not headless, cameras=render)
            from parkour_isaaclab.vec_env import IsaacVecEnv

            return IsaacVecEnv.make(task, backend, num_envs=num_envs, device=device, seed=seed, render=render)

    def _backend(self, options: Mapping[str, Any]) -> Backend:
        """The choice of :data:`parkour_isaaclab.backends.backend.NAMES`, if what it needs is there."""
        from parkour.engines.choice import check_engine_options

        check_engine_options("isaaclab", self, options)
        backend = find_backend(options.get("physics", DEFAULT))
        if obstacle := find_obstacle(backend):
            others = [name for name in NAMES if find_obstacle(find_backend(name)) is None]
            hint = "".join(f", or: --physics {name}" for name in others)
            raise EngineError(f"--physics {backend.name}: {obstacle.reason}", hint=obstacle.hint + hint)
        return backend

    def watch_options(self, kind: str, video: bool) -> Mapping[str, Any]:
        """See :meth:`parkour.viewing.viewer.EngineWithWatchOptions.watch_options`: a page needs no rendering at all."""
        return {"headless": kind != "native", "render": video}

    def make_viewer(
        self, kind: str, env: IsaacVecEnv, task: ResolvedTask, session: Session, options: ViewerOptions
    ) -> Viewer:
        """See :meth:`parkour.viewing.viewer.EngineWithViewers.make_viewer`."""
        if kind == "web":
            from parkour.viewing.web import open_page
            from parkour_isaaclab.viewer.shapes import UsdShapes

            return open_page(UsdShapes(env.unwrapped), session, options)
        if not env.backend.renders:
            from parkour_isaaclab.viewer.borrowed import mujoco_viewing

            return mujoco_viewing("--viewer native").make_viewer(kind, env, task, session, options)
        from parkour_isaaclab.viewer.window import IsaacWindow

        return IsaacWindow(env.unwrapped, session, options)

    def make_camera(self, env: IsaacVecEnv, task: ResolvedTask, size: tuple[int, int], view: View) -> PictureCamera:
        """See :meth:`parkour.viewing.viewer.EngineWithCamera.make_camera`."""
        from parkour_isaaclab.viewer.pictures import open_camera

        return open_camera(env, task, size, view)
