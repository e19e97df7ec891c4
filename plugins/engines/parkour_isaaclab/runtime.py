"""A task's own MDP inside Isaac Lab's environment: what the managers' terms share.

Isaac Lab's environment calls its managers in a fixed order; the first of them that needs a result has the runtime
compute it for all, in the order of :class:`parkour.mdp.task_mdp.TaskMdp`:

======================  =========================================================
manager                 what the runtime does
======================  =========================================================
terminations            ``advance``, then the interval events (``disturb``)
rewards                 the reward that ``advance`` found
curriculum              ``next_course``; the environment moves to its new cell
events, mode reset      ``reset``: events place the robots
observations            ``observe``, once for all groups
======================  =========================================================
"""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import torch
from isaaclab.envs import ManagerBasedRLEnv
from torch import Tensor

from parkour.errors import EngineError
from parkour.mdp.task_mdp import TaskMdp
from parkour.tasks.build import build_mdp
from parkour.tasks.resolved import ResolvedTask
from parkour_isaaclab.accessor import StateAccessor, fresh_contacts
from parkour_isaaclab.backends.backend import backend_of
from parkour_isaaclab.robot import find_robot
from parkour_isaaclab.sim_handle import IsaacSimHandle

ROBOT, CONTACTS = "robot", "contacts"
"""What the scene calls them."""


class TaskRuntime:
    """Made when the simulation runs and before the managers that use it.

    Raises:
        EngineError: the scene does not fit the task.
    """

    def __init__(self, env: ManagerBasedRLEnv, task: ResolvedTask) -> None:
        self._env, self.task = env, task
        for name in (ROBOT, CONTACTS):
            if name not in env.scene.keys():  # noqa: SIM118 - a scene is no mapping
                raise EngineError(f"the scene has no {name!r}, got {', '.join(env.scene.keys())}")
        robot = env.scene[ROBOT]
        self.mdp: TaskMdp = build_mdp(task, num_envs=env.num_envs, device=str(env.device), seed=env.cfg.seed or 0)
        asset = find_robot(task)
        self.accessor = StateAccessor(robot, env.scene[CONTACTS], task.robot, asset)
        self.backend = backend_of(env.cfg.sim.physics)
        """What simulates."""
        self.backend.settle_course(env)
        self.sim_handle = IsaacSimHandle(robot, self.accessor, self.mdp, self.backend, lambda: self.origins)
        self._cells = self._cell_origins()
        self.origins = self._cells[self.mdp.course.patch]
        """``[N, 3]`` where each environment's patch has its origin in the world [m]."""
        self._step = 0
        self._ending = False
        self._stale = True
        self._reward = torch.zeros(env.num_envs, device=env.device)
        self._observed: dict[str, Tensor] = {}

    @property
    def action(self) -> Tensor:
        """``[N, J]`` the clipped action of this step; kept by the action term."""
        return self._env.action_manager.get_term("joints").clipped

    def advance(self) -> None:
        """After the physics of a control step; the first call of a step does it."""
        if self._env.common_step_counter == self._step:
            return
        self._step = self._env.common_step_counter
        seen = self.accessor.read(self.origins)
        _, self._reward = self.mdp.advance(seen, self.action, self._env.episode_length_buf)
        self.mdp.disturb(self.sim_handle)
        self._ending = self._stale = True

    def reward(self) -> Tensor:
        """``[N]`` of this step."""
        self.advance()
        return self._reward

    def next_course(self, env_ids: Tensor) -> None:
        """Choose the next patches and move there. Outside a step nobody's episode has ended, only been broken off."""
        self.mdp.next_course(env_ids, self._env.episode_length_buf, ended=self._ending)
        self.origins[env_ids] = self._cells[self.mdp.course.patch[env_ids]]
        self._env.scene.env_origins[env_ids] = self.origins[env_ids]

    def reset(self, env_ids: Tensor) -> None:
        """Begin episodes where :meth:`next_course` put them."""
        self.mdp.reset(self.sim_handle, env_ids)
        self.accessor.forget_torques(env_ids)
        self._stale = True

    def observe(self) -> dict[str, Tensor]:
        """The observation groups; computed at the first call after a step or reset."""
        if self._stale:
            step = self._env.episode_length_buf
            seen = fresh_contacts(self.accessor.read(self.origins), step == 0)
            self._observed = self.mdp.observe(seen, step)
            self._stale = self._ending = False
        return self._observed

    def _cell_origins(self) -> Tensor:
        terrain = self._env.scene.terrain
        found = None if terrain is None else terrain.terrain_origins
        course = self.mdp.course.library
        if found is None or tuple(found.shape[:2]) != (course.levels, course.columns):
            got = "none" if found is None else " x ".join(map(str, found.shape[:2]))
            raise EngineError(
                f"the scene's terrain has {got} cells, expected {course.levels} x {course.columns}, one per patch"
            )
        return found.reshape(-1, 3)


def runtime_of(env: ManagerBasedRLEnv) -> TaskRuntime:
    """The runtime, which the command term ``task`` owns: command terms are made first."""
    return env.command_manager.get_term("task").runtime
