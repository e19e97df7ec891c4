"""Pictures of episodes, one after another in one video."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from parkour.errors import EngineError, ParkourError
from parkour.storage import cannot_write, check_writable, discard, part_of, put_in_place
from parkour_mujoco.sim2sim.courses import WayPoints
from parkour_mujoco.sim2sim.depth import check_renderer
from parkour_mujoco.sim2sim.world import World

SIZE = (960, 540)
FRAMES_PER_SECOND = 25


class Film:
    """Renders with MuJoCo's own renderer and writes an MP4.

    Args:
        path: of the file, ``.mp4``.

    Raises:
        ParkourError: another suffix.
        EngineError: nothing can be rendered here, or no encoder is installed.
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != ".mp4":
            raise ParkourError(f"--video: got {path.name!r}, expected an .mp4 file", hint=f"--video {path}.mp4")
        try:
            import imageio_ffmpeg  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise EngineError("--video: no encoder is installed", hint="pip install imageio-ffmpeg") from None
        check_writable(path, "--video")
        self.path, self._part = path, part_of(path)
        self._writer = imageio_ffmpeg.write_frames(
            str(self._part), SIZE, fps=FRAMES_PER_SECOND, macro_block_size=1, ffmpeg_log_level="error"
        )
        self._writer.send(None)
        self._renderer: Any = None

    def watch(self, step_dt: float) -> Any:
        """A watcher of one episode."""
        every = max(1, round(1.0 / (FRAMES_PER_SECOND * step_dt)))
        self._close_renderer()
        count = 0

        def frame(world: World, goals: WayPoints) -> None:
            nonlocal count
            if count % every == 0:
                self._writer.send(np.ascontiguousarray(self._picture(world, goals)))
            count += 1

        return frame

    def close(self) -> Path:
        """Finish the file, which until then has another name.

        Raises:
            StorageError: it cannot be written.
        """
        self._close_renderer()
        self._writer.close()
        try:
            put_in_place(self._part, self.path)
        except OSError as error:
            discard(self._part)
            raise cannot_write(self.path, "--video", error) from error
        return self.path

    def _picture(self, world: World, goals: WayPoints) -> np.ndarray:
        import mujoco

        if self._renderer is None:
            try:
                check_renderer()
                self._renderer = mujoco.Renderer(world.model, SIZE[1], SIZE[0])
            except Exception as error:  # OpenGL's own errors
                raise EngineError(
                    f"--video: nothing can be rendered here ({type(error).__name__}: {error})",
                    hint="install EGL (libegl1) and set MUJOCO_GL=egl, or leave --video out",
                ) from None
        camera = mujoco.MjvCamera()
        camera.lookat[:] = world.data.qpos[:3]
        camera.distance, camera.azimuth, camera.elevation = 2.8, 125.0, -20.0
        options = mujoco.MjvOption()
        options.geomgroup[3] = 0
        self._renderer.update_scene(world.data, camera, options)
        self._mark(goals)
        return self._renderer.render()

    def _mark(self, goals: WayPoints) -> None:
        """Way points as spheres: green the one aimed at, grey the others."""
        import mujoco

        scene = self._renderer.scene
        for index, goal in enumerate(goals.goals):
            if scene.ngeom >= scene.maxgeom:
                return
            colour = (0.1, 0.8, 0.3, 1.0) if index == goals.index else (0.5, 0.5, 0.5, 0.6)
            mujoco.mjv_initGeom(
                scene.geoms[scene.ngeom],
                mujoco.mjtGeom.mjGEOM_SPHERE,
                np.full(3, 0.06),
                np.array([*goal, 0.6]),
                np.eye(3).reshape(-1),
                np.array(colour, np.float32),
            )
            scene.ngeom += 1

    def _close_renderer(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
