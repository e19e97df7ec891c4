"""Whether the engine can run here, and the way into it. Imports no simulator until an environment is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parkour.engines.protocol import Availability
from parkour.errors import DeviceError, EngineError
from parkour_isaaclab.install import SUPPORTED, distribution_version, is_importable, isaaclab_version

if TYPE_CHECKING:
    from parkour.tasks.resolved import ResolvedTask
    from parkour.viewing.session import Session
    from parkour.viewing.viewer import PictureCamera, Viewer, ViewerOptions
    from parkour_isaaclab.vec_env import IsaacVecEnv

INSTALL = (
    "pip install --extra-index-url https://pypi.nvidia.com 'isaaclab[isaacsim]==2.3.2.post1', "
    "then 'parkour-lab[isaaclab]'; see docs/isaaclab.md"
)


class IsaacLabEngine:
    """See :mod:`parkour.engines.protocol` and :mod:`parkour.viewing.viewer`."""

    viewers = ("web", "native")

    def availability(self) -> Availability:
        """Looks for Isaac Lab, its version and Isaac Sim without importing them."""
        version = isaaclab_version()
        packages = {"isaaclab": version, "isaacsim": distribution_version("isaacsim")}
        if version is None:
            return Availability(False, "isaaclab is not installed", INSTALL, packages)
        if not version.startswith(f"{SUPPORTED}."):
            newer = version.split(".")[0].isdigit() and int(version.split(".")[0]) >= 3
            reason = f"Isaac Lab {version} is installed, expected {SUPPORTED}.x"
            return Availability(False, reason + (" (3.x is not supported yet)" if newer else ""), INSTALL, packages)
        if not is_importable("isaacsim"):
            return Availability(False, "isaaclab is there, but Isaac Sim is not installed", INSTALL, packages)
        return Availability(True, details=packages)

    def make_env(
        self, task: ResolvedTask, *, num_envs: int, device: str, seed: int, render: bool = False, **options: Any
    ) -> IsaacVecEnv:
        """See :meth:`parkour.engines.protocol.Engine.make_env`. Starts Isaac Sim if it does not run yet.

        Further option: ``headless``, False to open Isaac Sim's window (default True).
        """
        state = self.availability()
        if not state.ok:
            raise EngineError(f"engine 'isaaclab' cannot run here: {state.reason}", hint=state.hint)
        headless = options.pop("headless", True)
        if options:
            raise EngineError(f"engine 'isaaclab' got unknown options {sorted(options)}, expected headless or none")
        if num_envs < 1:
            raise EngineError(f"got {num_envs} environments, expected at least 1", hint="--num-envs 64")
        _check_device(device)
        from parkour_isaaclab.launch import launch, quiet_stdout

        with quiet_stdout():
            launch(device=device, headless=bool(headless), cameras=render)
            from parkour_isaaclab.vec_env import IsaacVecEnv

            return IsaacVecEnv.make(task, num_envs=num_envs, device=device, seed=seed, render=render)

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
        from parkour_isaaclab.viewer.window import IsaacWindow

        return IsaacWindow(env.unwrapped, session, options)

    def make_camera(self, env: IsaacVecEnv, task: ResolvedTask, size: tuple[int, int], behind: bool) -> PictureCamera:
        """See :meth:`parkour.viewing.viewer.EngineWithCamera.make_camera`."""
        from parkour_isaaclab.viewer.camera import ViewportCamera

        return ViewportCamera(env.unwrapped, size, behind)


def _check_device(device: str) -> None:
    import torch

    kind = device.split(":")[0]
    if kind not in ("cpu", "cuda"):
        raise DeviceError(f"got device {device!r}, expected 'cpu', 'cuda' or 'cuda:N'")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"got device {device!r}, but torch sees no CUDA GPU", hint="--device cpu, or: parkour doctor")
