"""Isaac Lab's environment as everybody else sees it."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import isaaclab.envs as isaac_envs  # first: other modules of Isaac Lab import each other in a circle
import numpy as np
import torch
from isaaclab.sim import SimulationContext
from torch import Tensor

from parkour.engines.profile import Phase
from parkour.engines.task_env import TaskEnv, Transition
from parkour.errors import EngineError
from parkour.tasks.blame import blame
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.snapshot import take_snapshot
from parkour.viewing.viewer import PictureCamera
from parkour_isaaclab.backends.backend import Backend
from parkour_isaaclab.cfg import ParkourEnvCfg, environment_cfg
from parkour_isaaclab.kernels import CompileNotice, kernel_folder
from parkour_isaaclab.runtime import runtime_of
from parkour_isaaclab.tasks import held_task
from parkour_isaaclab.viewer.pictures import open_camera

LONGEST_REASON = 300
"""Characters of an error of Isaac Lab's that are shown."""


class IsaacVecEnv(TaskEnv):
    """See :meth:`parkour.engines.protocol.Engine.make_env`."""

    def __init__(self, env: isaac_envs.ManagerBasedRLEnv, compiling: CompileNotice, *, render: bool = False) -> None:
        self.unwrapped, self._compiling = env, compiling
        runtime = runtime_of(env)
        super().__init__(runtime.task, runtime.mdp)
        self.backend = runtime.backend
        """What simulates."""
        self._render = render
        self._camera: PictureCamera | None = None
        self.reset()

    @classmethod
    def make(
        cls, task: ResolvedTask, backend: Backend, *, num_envs: int, device: str, seed: int, render: bool = False
    ) -> IsaacVecEnv:
        """Environments of a task, once the backend was started. Isaac Lab's own panel is left out, ours is there."""
        cfg = environment_cfg(task, backend, num_envs=num_envs, device=device, seed=seed)
        cfg.ui_window_class_type = None
        return cls.of(cfg, render=render)

    @classmethod
    def of(cls, cfg: ParkourEnvCfg, *, render: bool = False) -> IsaacVecEnv:
        """Environments of a configuration.

        Raises:
            EngineError: Isaac Lab cannot build them. What a component of the task raises stays what it is.
        """
        env = isaac_envs.ManagerBasedRLEnv.__new__(isaac_envs.ManagerBasedRLEnv)
        compiling = CompileNotice(kernel_folder())
        try:
            env.__init__(cfg)
            return cls(env, compiling, render=render)
        except BaseException as error:
            compiling.stop()
            # Half built it cannot be closed, but would try to when it is collected.
            env._is_closed = True
            # There is one simulation per process, and the next would be refused.
            SimulationContext.clear_instance()
            of_its_own = isinstance(error, (ValueError, RuntimeError, KeyError, OSError))
            if of_its_own and not blame(held_task(cfg.commands.task.task), error):
                raise EngineError(f"Isaac Lab: {_one_line(error)}", hint="PARKOUR_DEBUG=1 shows where") from error
            raise

    @property
    def episode_length_buf(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """``[N]`` int64: control steps since each episode's start."""
        return self.unwrapped.episode_length_buf

    @episode_length_buf.setter
    def episode_length_buf(self, value: Tensor) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.unwrapped.episode_length_buf = value

    # What one step returns is written to in the next: all of them happen in inference mode, as the first does.
    @torch.inference_mode()
    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        return self.unwrapped.reset(env_ids=env_ids)[0]

    @torch.inference_mode()
    def _advance(self, actions: Tensor) -> Transition:
        observations, reward, *_ = self.unwrapped.step(actions)
        # The first step compiles the last of them.
        self._compiling.stop()
        ends = self.mdp.terminations
        return Transition(observations, reward, ends.failed, ends.succeeded, ends.timed_out)

    def simulate_only(self, steps: int) -> None:
        """Physics alone for ``steps`` control steps: the yardstick of benchmarks."""
        env = self.unwrapped
        # Newton makes all physics steps of a control step in one call.
        at_once = env.cfg.decimation if env.sim.physics_manager.handles_decimation() else 1
        for _ in range(steps * env.cfg.decimation // at_once):
            env.scene.write_data_to_sim()
            env.sim.step(render=False)
            env.scene.update(dt=env.physics_dt * at_once)

    def phases(self) -> list[Phase]:
        """The parts of a step, for a profile."""
        env, mdp = self.unwrapped, self.mdp
        phases: list[Phase] = [
            ("motors", env.scene, "write_data_to_sim"),
            ("physics", env.sim, "step"),
            ("state", runtime_of(env).accessor, "read"),
            ("terminations", mdp.terminations, "compute"),
            ("rewards", mdp.rewards, "compute"),
            ("interval events", mdp, "disturb"),
            ("resets", env, "_reset_idx"),
            ("observations", mdp, "observe"),
        ]
        if mdp.camera is not None:
            phases.append(("depth rendering", mdp.camera, "update"))
        return phases

    def render(self) -> np.ndarray | None:
        """``[height, width, 3]`` uint8 picture of the first environment; None if it was made without ``render``."""
        if not self._render:
            return None
        if self._camera is None:
            self._camera = open_camera(self, self.task)
        return self._camera.picture(take_snapshot(self.mdp, 0))

    def close(self) -> None:
        self._compiling.stop()
        if self._camera is not None:
            self._camera.close()
        self.unwrapped.close()


def _one_line(error: BaseException) -> str:
    """What an error says, its lines in one; Isaac Lab lists names over several."""
    text = " ".join(str(error).split())
    if not text:
        return type(error).__name__
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} …"
