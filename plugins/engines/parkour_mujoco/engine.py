"""Whether the engine can run here, and the way into it. Imports no simulator until an environment is made."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from parkour.engines.protocol import Availability
from parkour.errors import EngineError

if TYPE_CHECKING:
    from parkour.engines.robot_facts import RobotFacts
    from parkour.tasks.resolved import ResolvedTask
    from parkour.viewing.follow import View
    from parkour.viewing.session import Session
    from parkour.viewing.viewer import PictureCamera, Viewer, ViewerOptions
    from parkour_mujoco.env import MujocoEnv
    from parkour_mujoco.simulation import CpuSim

SUPPORTED = "1.6"
"""Version of mjlab that the engine is written for."""
INSTALL = "pip install 'parkour-lab[mujoco]'"
CPU_SIMS = ("native", "warp")
"""What may step the worlds on a CPU."""


class MujocoEngine:
    """See :mod:`parkour.engines.protocol` and :mod:`parkour.viewing.viewer`."""

    viewers = ("web", "native")
    worlds_apart = True
    options: Mapping[str, tuple[str, ...]] = MappingProxyType({"cpu_sim": CPU_SIMS})

    def availability(self) -> Availability:
        """Looks for mjlab and its version without importing it."""
        packages = {name: _version(name) for name in ("mjlab", "mujoco", "mujoco-warp", "warp-lang")}
        if packages["mjlab"] is None or find_spec("mjlab") is None:
            return Availability(False, "mjlab is not installed", INSTALL, packages)
        if not packages["mjlab"].startswith(SUPPORTED):
            return Availability(
                False, f"mjlab {packages['mjlab']} is installed, expected {SUPPORTED}.x", INSTALL, packages
            )
        return Availability(True, details=packages)

    def make_env(
        self, task: ResolvedTask, *, num_envs: int, device: str, seed: int, render: bool = False, **options: Any
    ) -> MujocoEnv:
        """See :meth:`parkour.engines.protocol.Engine.make_env`.

        Further option: ``cpu_sim``, ``"native"`` (C MuJoCo, the default) or ``"warp"``: what steps the worlds on a CPU.
        """
        from parkour.engines.device import check_device

        state = self.availability()
        if not state.ok:
            raise EngineError(f"engine 'mujoco' cannot run here: {state.reason}", hint=state.hint)
        if num_envs < 1:
            raise EngineError(f"got {num_envs} environments, expected at least 1", hint="--num-envs 64")
        check_device(device)
        cpu_sim = self._cpu_sim(device, options)
        from parkour_mujoco.launch import choose_renderer, quiet_stdout

        choose_renderer()
        from parkour_mujoco.env import MujocoEnv

        with quiet_stdout():
            return MujocoEnv(task, num_envs=num_envs, device=device, seed=seed, render=render, cpu_sim=cpu_sim)

    def _cpu_sim(self, device: str, options: Mapping[str, Any]) -> CpuSim:
        """The choice of :data:`CPU_SIMS`, which concerns CPUs alone."""
        from parkour.engines.choice import check_engine_options

        check_engine_options("mujoco", self, options)
        if "cpu_sim" in options and device != "cpu":
            raise EngineError(
                f"--cpu-sim: got {options['cpu_sim']!r} for device {device!r}, expected the device cpu: "
                "a GPU has MuJoCo Warp alone",
                hint="--device cpu, or leave --cpu-sim out",
            )
        return options.get("cpu_sim", "native")

    def robot_facts(self, task: ResolvedTask) -> RobotFacts:
        """See :meth:`parkour.engines.robot_facts.EngineWithRobotFacts.robot_facts`."""
        from parkour_mujoco.robot_facts import robot_facts

        return robot_facts(task)

    def make_viewer(self, kind: str, env: Any, task: ResolvedTask, session: Session, options: ViewerOptions) -> Viewer:
        """See :meth:`parkour.viewing.viewer.EngineWithViewers.make_viewer`."""
        from parkour_mujoco.launch import choose_renderer

        choose_renderer()
        if kind == "web":
            from parkour.viewing.web import open_page
            from parkour_mujoco.viewer.shapes import MujocoShapes

            return open_page(MujocoShapes(task), session, options)
        from parkour_mujoco.viewer.native import NativeViewer

        return NativeViewer(task, session, options)

    def make_camera(self, env: Any, task: ResolvedTask, size: tuple[int, int], view: View) -> PictureCamera:
        """See :meth:`parkour.viewing.viewer.EngineWithCamera.make_camera`."""
        from parkour_mujoco.launch import choose_renderer

        choose_renderer()
        from parkour_mujoco.viewer.camera import FollowCamera

        return FollowCamera(task, size, view)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
