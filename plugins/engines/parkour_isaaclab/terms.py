"""The managers' terms: nothing but ways into :class:`parkour_isaaclab.runtime.TaskRuntime`."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from isaaclab.envs import ManagerBasedRLEnv
from isaaclab.managers import ActionTerm, CommandTerm
from torch import Tensor

from parkour.mdp.action_delay import ActionDelay
from parkour_isaaclab.runtime import TaskRuntime, runtime_of
from parkour_isaaclab.tasks import held_task


class TaskCommand(CommandTerm):
    """Owns the task's MDP; its command is the commanded speed ``[N, 1]`` [m/s], which the MDP draws."""

    def __init__(self, cfg: Any, env: ManagerBasedRLEnv) -> None:
        super().__init__(cfg, env)
        self.runtime = TaskRuntime(env, held_task(cfg.task))

    @property
    def command(self) -> Tensor:
        return self.runtime.mdp.command.speed[:, None]

    def reset(self, env_ids: Sequence[int] | None = None) -> dict[str, float]:
        """Nothing to draw: a command is drawn when an episode is first observed."""
        return {}

    def compute(self, dt: float) -> None:
        """Nothing to do: see :meth:`reset`."""

    def _update_metrics(self) -> None:
        pass

    def _resample_command(self, env_ids: Sequence[int]) -> None:
        pass

    def _update_command(self) -> None:
        pass


class JointTargetAction(ActionTerm):
    """Position targets of all joints, about the default pose, from actions: clipped, delayed and scaled."""

    # Isaac Lab's destructor reads it, also of an instance whose making failed.
    _debug_vis_handle = None

    def __init__(self, cfg: Any, env: ManagerBasedRLEnv) -> None:
        super().__init__(cfg, env)
        self._runtime = runtime_of(env)
        joints = self._runtime.task.robot.num_joints
        self._delay = ActionDelay(cfg.delay, self.num_envs, joints, self.device)
        self.clipped = torch.zeros(self.num_envs, joints, device=self.device)
        """``[N, J]`` what the policy wants now, clipped; the task's terms see this."""
        self._raw, self._target = self.clipped, self.clipped

    @property
    def action_dim(self) -> int:
        return self.clipped.shape[-1]

    @property
    def raw_actions(self) -> Tensor:
        return self._raw

    @property
    def processed_actions(self) -> Tensor:
        """``[N, J]`` position targets [rad], canonical order."""
        return self._target

    def process_actions(self, actions: Tensor) -> None:
        self._raw = actions
        # Isaac Lab's own commands step the stock environment, which nobody has checked the actions of.
        self.clipped = self._runtime.mdp.receive(actions).clamp(-self.cfg.clip_at, self.cfg.clip_at)
        self._target = self._runtime.mdp.default_joint_pos + self.cfg.scale * self._delay(self.clipped)

    def apply_actions(self) -> None:
        self._asset.actuators.target_command.set_position_index(
            value=self._target, joint_ids=self._runtime.accessor.joint_ids
        )

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        """Before an episode's first action nothing was sent: a delayed robot holds the default pose."""
        begun = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        begun[slice(None) if env_ids is None else env_ids] = True
        self._delay.reset(begun)


# Called by Isaac Lab's managers as (env, [env_ids,] **params).


def task_failed(env: ManagerBasedRLEnv) -> Tensor:
    """``[N]`` bool: ended in failure."""
    runtime = runtime_of(env)
    runtime.advance()
    return runtime.mdp.terminations.failed


def task_ended(env: ManagerBasedRLEnv, outcome: str) -> Tensor:
    """``[N]`` bool: ended otherwise, ``succeeded`` or ``timed_out``; values are bootstrapped."""
    runtime = runtime_of(env)
    runtime.advance()
    return getattr(runtime.mdp.terminations, outcome)


def task_reward(env: ManagerBasedRLEnv) -> Tensor:
    """``[N]`` reward per second: the manager multiplies by the control step, which the task's reward has in it."""
    return runtime_of(env).reward() / env.step_dt


def task_observation(env: ManagerBasedRLEnv, group: str) -> Tensor:
    """``[N, …]`` an observation group of the task."""
    return runtime_of(env).observe()[group]


def task_course(env: ManagerBasedRLEnv, env_ids: Tensor) -> None:
    """Curriculum: the next patches of ``env_ids``."""
    runtime_of(env).next_course(_indices(env, env_ids))


def task_startup(env: ManagerBasedRLEnv, env_ids: Tensor | None) -> None:
    """Event at startup: what stays the same for the life of an environment."""
    runtime = runtime_of(env)
    runtime.mdp.startup(runtime.sim_handle)


def task_reset(env: ManagerBasedRLEnv, env_ids: Tensor) -> None:
    """Event at reset: new episodes of ``env_ids``."""
    runtime_of(env).reset(_indices(env, env_ids))


def _indices(env: ManagerBasedRLEnv, env_ids: Tensor | slice | None) -> Tensor:
    """``[M]`` int64. Isaac Lab gives int32, or a slice where it means all."""
    if isinstance(env_ids, Tensor):
        return env_ids.long()
    return torch.arange(env.num_envs, device=env.device)[slice(None) if env_ids is None else env_ids]
