"""mjlab's environment with the task's own MDP in place of mjlab's managers.

Scene, simulation, CUDA graphs and rendering are mjlab's. Rewards, observations, terminations, commands and events are
engine-neutral (:class:`parkour.mdp.task_mdp.TaskMdp`), evaluated together over all environments.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch
import warp as wp
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers.command_manager import NullCommandManager
from mjlab.managers.event_manager import EventManager
from torch import Tensor

from parkour.cuda_graphs import StepGraphs, graphs_on
from parkour.engines.profile import Phase
from parkour.engines.task_env import Transition
from parkour.mdp.action_delay import ActionDelay
from parkour.tasks.build import build_mdp
from parkour.tasks.resolved import ResolvedTask
from parkour_mujoco.accessor import StateAccessor
from parkour_mujoco.kinematics import WarpKinematics
from parkour_mujoco.motors import DcMotors
from parkour_mujoco.native_sim import CpuSim, NativeSimulation
from parkour_mujoco.rays import WarpRayCaster
from parkour_mujoco.robot_files import load_robot_files
from parkour_mujoco.scene import environment_cfg
from parkour_mujoco.sim_handle import COURSE_FIELDS, DERIVED_FIELDS, RANDOMISED_FIELDS, MujocoSimHandle

GRAPHED: dict[str, Any] = {
    "volatile": ("context", "refreshed"),
    "numbers": ("_steps",),
    "foreign": ("warp", "mjlab", "mujoco"),
}
"""What graphs of the MDP's parts must know of it."""


class ParkourEnv(ManagerBasedRlEnv):
    """Steps all worlds of a task. What it returns are inference tensors: clone them to differentiate through them.

    Args:
        task: what to simulate.
        num_envs: N worlds.
        device: ``cpu`` or ``cuda[:N]``.
        seed: seeds torch, numpy and the courses.
        render: make :meth:`render` return pictures.
        cpu_sim: what steps the worlds on a CPU: C MuJoCo (``native``) or MuJoCo Warp (``warp``), as on a GPU.
        cuda_graphs: on a GPU, queue what follows the physics as CUDA graphs where the task allows it.
    """

    def __init__(
        self,
        task: ResolvedTask,
        *,
        num_envs: int,
        device: str,
        seed: int,
        render: bool = False,
        cpu_sim: CpuSim = "native",
        cuda_graphs: bool = True,
    ) -> None:
        self.task = task
        self._cpu_sim = cpu_sim
        self._cuda_graphs = cuda_graphs
        self.files = load_robot_files(task.robot_folder, task.robot)
        cfg = environment_cfg(task, self.files, num_envs=num_envs, seed=seed, render=render)
        super().__init__(cfg, device=device, render_mode="rgb_array" if render else None)

    def load_managers(self) -> None:
        """Called by mjlab when scene and simulation stand."""
        self.event_manager = EventManager({}, self)
        self.command_manager = NullCommandManager()
        self.sim.expand_model_fields(COURSE_FIELDS + RANDOMISED_FIELDS + DERIVED_FIELDS)
        if self._cpu_sim == "native" and self.sim.wp_device.is_cpu:
            self.sim = NativeSimulation.take_over(self.sim)
        self._touch_fields()
        self.motors = DcMotors(self.task.robot, self.num_envs, self.device)
        self.accessor = StateAccessor(self, self.task.robot, self.files)
        self.mdp = build_mdp(
            self.task,
            num_envs=self.num_envs,
            device=str(self.device),
            seed=self.cfg.seed or 0,
            raycast=WarpRayCaster(),
        )
        self.sim_handle = MujocoSimHandle(self, self.accessor, self.motors, self.mdp, self.task.robot, self.files)
        self._on_gpu = torch.device(self.device).type == "cuda"
        self.kinematics: Callable[[], None] = (
            self.sim.kinematics if isinstance(self.sim, NativeSimulation) else WarpKinematics(self.sim)
        )
        self.mdp.startup(self.sim_handle)
        self.sim_handle.finish_startup()
        joints = self.task.robot.num_joints
        self._torque = torch.zeros(self.num_envs, joints, device=self.device)
        self.delay = ActionDelay(self.task.model.control.action_delay, self.num_envs, joints, self.device)
        self.reset_time_outs = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        self._graphs: StepGraphs | None = None
        if self._cuda_graphs and self._on_gpu:
            stream = torch.cuda.ExternalStream(wp.get_stream(self.sim.wp_device).cuda_stream, device=self.device)
            self._graphs = graphs_on(self.device, self.mdp, "environment steps", stream, **GRAPHED)

    def _touch_fields(self) -> None:
        """Have mjlab make its tensors of the simulator's arrays now.

        It makes them on first use; made inside inference mode they could never be written outside of it.
        """
        for name in COURSE_FIELDS + RANDOMISED_FIELDS:
            getattr(self.sim.model, name)[:1]
        for name in ("qpos", "qvel", "ctrl", "sensordata", "geom_xpos"):
            getattr(self.sim.data, name)[:1]

    def setup_manager_visualizers(self) -> None:
        self.manager_visualizers = {}

    @property
    def num_actions(self) -> int:
        return self.task.robot.num_joints

    # mjlab lets a group be nested and calls its argument differently; ours are flat.
    @torch.inference_mode()
    def reset(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, seed: int | None = None, env_ids: Tensor | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Begin new episodes in all environments, or in ``env_ids``."""
        if seed is not None:
            self.seed(seed)
        begun = torch.zeros_like(self.reset_time_outs)
        begun[slice(None) if env_ids is None else env_ids] = True
        self.sim.reset(begun)
        self._torque = self._begin(begun, self._torque, ended=False)
        self.kinematics()
        self.obs_buf = self._observe(self._torque)
        return self.obs_buf, self.extras

    @torch.inference_mode()
    def transition(self, action: Tensor) -> Transition:
        """One control step. Environments that end are reset and return their next episode's first observation.

        Args:
            action: ``[N, J]``, canonical order; clipped to the task's bound.
        """
        clip = self.task.model.control.action_clip
        action = action.clamp(-clip, clip)
        self._simulate(self.delay(action))
        self.episode_length_buf += 1
        self.common_step_counter += 1
        run = self._run_part
        done, *outcome = run("judge", self._judge, action, self._torque)
        self.mdp.disturb(self.sim_handle)
        # On a GPU to ask whether anybody is done would wait for it, while nothing else is queued.
        if self._on_gpu or done.any():
            self.sim.reset(done)
            self._torque = run("begin", self._begin_ended, done, self._torque)
        self.kinematics()
        if self.mdp.camera is None:
            self.obs_buf = run(("observe", self.mdp.everybody_sees), self._observe, self._torque)
        else:  # The device is asked how many pictures are due, as nothing in a graph can.
            self.obs_buf = self._observe(self._torque)
        return Transition(self.obs_buf, *outcome)

    def get_observations(self) -> dict[str, Tensor]:
        """The last observation groups."""
        return self.obs_buf

    def close(self) -> None:
        """Give renderer and threads back."""
        if self._offline_renderer is not None:
            self._offline_renderer.close()
        if isinstance(self.sim, NativeSimulation):
            self.sim.close()

    def simulate_only(self, steps: int) -> None:
        """Advance the physics by ``steps`` control steps with the controls as they are: the yardstick of benchmarks."""
        for _ in range(steps * self.cfg.decimation):
            self.sim.step()

    def phases(self) -> list[Phase]:
        """The parts of a step, for a profile."""
        mdp = self.mdp
        phases: list[Phase] = [
            ("graphs", self, "_run_part"),
            ("motors", self, "_simulate"),
            ("physics", self.sim, "step"),
            ("kinematics", self, "kinematics"),
            ("state", self.accessor, "read"),
            ("goals", mdp, "advance"),
            ("terminations", mdp.terminations, "compute"),
            ("rewards", mdp.rewards, "compute"),
            ("interval events", mdp, "disturb"),
            ("resets", self, "_begin_ended"),
            ("observations", mdp, "observe"),
        ]
        if mdp.camera is not None:
            phases.append(("depth rendering", mdp.camera, "update"))
        return phases

    def _simulate(self, action: Tensor) -> None:
        """Hold the action for one control step; the motors react at every physics step."""
        target = self.mdp.default_joint_pos + self.task.model.control.action_scale * action
        for _ in range(self.cfg.decimation):
            self._torque = self.motors.torque(target, self.accessor.joint_pos(), self.accessor.joint_vel())
            self.sim.data.ctrl[:] = self._torque
            self.sim.step()

    # -- parts of fixed shapes -----------------------------------------------------------------------------------

    def _run_part(self, key: Hashable, part: Callable[..., Any], *inputs: Tensor) -> Any:
        """``part(*inputs)``, as a CUDA graph where that can be."""
        mdp = self.mdp
        if self._graphs is None or mdp.monitor is not None or mdp.choose_levels is not None or mdp.drive is not None:
            return part(*inputs)
        return self._graphs(key, part, *inputs)

    def _judge(self, action: Tensor, torque: Tensor) -> tuple[Tensor, ...]:
        """After the physics: done, reward, failed, succeeded and timed out; ``[N]`` each."""
        done, reward = self.mdp.advance(self.accessor.read(torque), action, self.episode_length_buf)
        ends = self.mdp.terminations
        return done, reward, ends.failed, ends.succeeded, ends.timed_out

    def _begin_ended(self, done: Tensor, torque: Tensor) -> Tensor:
        return self._begin(done, torque, ended=True)

    def _begin(self, begun: Tensor, torque: Tensor, *, ended: bool) -> Tensor:
        """New episodes where ``begun`` (``[N]`` bool) is set and the simulator's state is its first; the torques."""
        boxes = self.mdp.next_course(begun, self.episode_length_buf, ended=ended)
        self.sim_handle.write_course(begun, boxes)
        with self.sim_handle.only(begun):
            self.mdp.reset(self.sim_handle, begun)
        self.delay.reset(begun)
        self.episode_length_buf[begun] = 0
        return torque.masked_fill(begun.unsqueeze(-1), 0.0)

    def _observe(self, torque: Tensor) -> dict[str, Tensor]:
        """The observation groups, when positions are up to date."""
        return self.mdp.observe(self.accessor.read(torque), self.episode_length_buf)
