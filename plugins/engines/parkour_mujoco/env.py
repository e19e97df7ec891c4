"""The environment: MuJoCo's worlds around the task's own MDP.

Rewards, observations, terminations, commands and events are engine-neutral (:class:`parkour.mdp.task_mdp.TaskMdp`),
evaluated together over all environments; here are the physics, and the order in which things happen.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from parkour.cuda_graphs import StepGraphs, graphs_on
from parkour.engines.profile import Phase
from parkour.engines.task_env import OVERFLOWS, TaskEnv, Transition
from parkour.errors import EngineError
from parkour.mdp.action_delay import ActionDelay
from parkour.tasks.build import build_mdp, has_depth_camera
from parkour.tasks.resolved import ResolvedTask
from parkour.terrain.rays import RayCaster
from parkour_mujoco.accessor import StateAccessor
from parkour_mujoco.motors import DcMotors
from parkour_mujoco.physics import SolverSettings
from parkour_mujoco.picture_batches import PictureBatches
from parkour_mujoco.robot_files import load_robot_files
from parkour_mujoco.scene import compile_scene, scene_spec
from parkour_mujoco.sim_handle import MujocoSimHandle
from parkour_mujoco.simulation import CpuSim, SimulationWithMotors, make_simulation

if TYPE_CHECKING:
    from parkour.viewing.viewer import PictureCamera

_log = logging.getLogger("parkour.engines.mujoco")
GRAPHED: dict[str, Any] = {
    "volatile": ("context", "refreshed"),
    "numbers": ("_steps",),
    "foreign": ("warp", "mjlab", "mujoco"),
}
"""What graphs of the MDP's parts must know of it."""
PICTURE = (960, 540)
"""Width and height of :meth:`MujocoEnv.render`'s pictures."""


class MujocoEnv(TaskEnv):
    """Steps all worlds of a task. What it returns are inference tensors: clone them to differentiate through them.

    Args:
        task: what to simulate.
        num_envs: N worlds.
        device: ``cpu`` or ``cuda[:N]``.
        seed: seeds torch, numpy and the courses.
        render: make :meth:`render` return pictures.
        cpu_sim: what steps the worlds on a CPU: C MuJoCo (``native``) or MuJoCo Warp (``warp``), as on a GPU.
        cuda_graphs: on a GPU, queue what follows the physics as CUDA graphs where the task allows it.

    Raises:
        EngineError: the robot's model is not what its ``robot.toml`` says, or cannot be simulated.
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
        _seed_everything(seed)
        self.files = load_robot_files(task.robot_folder, task.robot, task.make_robot_model)
        self.spec = scene_spec(task, self.files)
        solver = SolverSettings.of(task.model.physics)
        model = compile_scene(self.spec, task.robot, task.model.timing.physics_step, solver)
        try:
            self.sim = make_simulation(model, num_envs, device, cpu_sim, solver)
        except NotImplementedError as error:
            raise EngineError(f"robot {task.robot.name!r}: MuJoCo Warp cannot simulate its model: {error}") from None
        mdp = build_mdp(task, num_envs=num_envs, device=device, seed=seed, raycast=_ray_caster(task, device))
        self._episode_steps = torch.zeros(num_envs, dtype=torch.int64, device=device)
        super().__init__(task, mdp)
        self.motors = DcMotors(task.robot, num_envs, device)
        self.accessor = StateAccessor(self.sim, device, task.robot, self.files)
        self.sim_handle = MujocoSimHandle(self.sim, self.accessor, self.motors, mdp, task.robot, self.files)
        self._on_gpu = self.device.type == "cuda"
        mdp.startup(self.sim_handle)
        self.sim_handle.finish_startup()
        self._driven = self._attach_motors()
        self.delay = ActionDelay(task.model.control.action_delay, num_envs, self.num_actions, device)
        self._overflows = torch.zeros((), dtype=torch.int64, device=device)
        self._graphs = self._make_graphs() if cuda_graphs and self._on_gpu else None
        self.graphs_of_pictures = True
        """Whether observations of a task with a camera are graphs, too, where there are graphs."""
        self._pictures = PictureBatches(num_envs, device)
        self._camera = self._make_camera() if render else None
        self.reset()

    def _attach_motors(self) -> SimulationWithMotors | None:
        """The simulation, where it is to compute torques itself."""
        if not isinstance(self.sim, SimulationWithMotors):
            return None
        joints, steps = self.accessor, self.task.model.timing.decimation
        return self.sim if self.sim.attach_motors(self.motors, joints.joint_q, joints.joint_v, steps) else None

    def _make_graphs(self) -> StepGraphs:
        from parkour_mujoco.warp_sim import WarpSimulation

        assert isinstance(self.sim, WarpSimulation)
        return graphs_on(self.device, self.mdp, "environment steps", self.sim.stream, **GRAPHED)

    @property
    def episode_length_buf(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """``[N]`` int64: control steps since each episode's start. Assigned in place: graphs know its memory."""
        return self._episode_steps

    @episode_length_buf.setter
    def episode_length_buf(self, value: Tensor) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        with torch.inference_mode():
            self._episode_steps[:] = value

    @torch.inference_mode()
    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        begun = torch.zeros_like(self._episode_steps, dtype=torch.bool)
        begun[slice(None) if env_ids is None else env_ids] = True
        self.sim.reset(begun)
        self._begin_where(begun, ended=False)
        self.sim.kinematics()
        return self._observe()

    @torch.inference_mode()
    def _advance(self, actions: Tensor) -> Transition:
        clip = self.task.model.control.action_clip
        action = actions.clamp(-clip, clip)
        self._simulate(self.delay(action))
        self._episode_steps += 1
        run = self._run_part
        done, *outcome = run("judge", self._judge, action)
        if self._batches_pictures and not self.mdp.is_perception_step:
            self._pictures.ask(done)
        self.mdp.disturb(self.sim_handle)
        # On a GPU to ask whether anybody is done would wait for it, while nothing else is queued.
        if self._on_gpu or done.any():
            self.sim.reset(done)
            run("begin", self._begin_ended, done)
        self.sim.kinematics()
        if self.mdp.camera is None:
            observations = run(("observe", self.mdp.is_perception_step), self._observe)
        else:
            observations = self._look()
        return Transition(observations, *outcome)

    def _look(self) -> dict[str, Tensor]:
        """The observations of a task with a camera, after a step."""
        if self.mdp.is_perception_step and self.graphs_of_pictures:
            return self._run_part(("observe", True), self._observe, optional=True)
        batch = self._pictures.answer()
        if batch is None:
            return self._observe()
        padded, begun = batch
        key = ("observe", False, len(padded))
        observations = self._run_part(key, self._observe, padded, optional=True)
        self.mdp.refreshed = begun
        return observations

    def render(self) -> np.ndarray | None:
        """``[height, width, 3]`` uint8 picture of the first environment; None unless made with ``render=True``."""
        if self._camera is None:
            return None
        from parkour.viewing.snapshot import take_snapshot

        return self._camera.picture(take_snapshot(self.mdp, 0))

    def close(self) -> None:
        """Give renderer and threads back; say what found no room in the physics, if anything did."""
        if self._camera is not None:
            self._camera.close()
        room = self.sim.room()
        if room is not None and (complaint := room.complaint(self.num_envs)):
            _log.warning("physics: %s", complaint)
        self.sim.close()

    def _engine_statistics(self) -> dict[str, Tensor]:
        total = self.sim.overflows()
        if total is None:
            return {}
        new = total - self._overflows
        self._overflows = total
        return {OVERFLOWS: new}

    def simulate_only(self, steps: int) -> None:
        """Advance the physics by ``steps`` control steps with the controls as they are: the yardstick of benchmarks."""
        for _ in range(steps * self.task.model.timing.decimation):
            self.sim.step()

    def phases(self) -> list[Phase]:
        """The parts of a step, for a profile."""
        mdp = self.mdp
        phases: list[Phase] = [
            ("graphs", self, "_run_part"),
            ("motors", self, "_simulate"),
            ("physics", self.sim, "control" if self._driven is not None else "step"),
            ("kinematics", self.sim, "kinematics"),
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
        target = self.mdp.default_joint_pos.add(action, alpha=self.task.model.control.action_scale)
        if self._driven is not None:
            self._driven.control(target)
            return
        for _ in range(self.task.model.timing.decimation):
            state = self.accessor.joint_pos(), self.accessor.joint_vel()
            self.sim.data.ctrl[:] = self.motors.torque(target, *state)
            self.sim.step()

    # -- parts of fixed shapes -----------------------------------------------------------------------------------

    @property
    def _in_graphs(self) -> bool:
        """Whether parts of a step are to be graphs: nobody watches or steers from outside."""
        mdp = self.mdp
        watched = mdp.monitor is not None or mdp.choose_levels is not None or mdp.drive is not None
        return self._graphs is not None and not watched

    @property
    def _batches_pictures(self) -> bool:
        """Whether pictures between perception steps are taken in batches of fixed sizes."""
        fixed = self.mdp.camera is not None and self.mdp.observations.takes_padding
        return fixed and self.graphs_of_pictures and self._in_graphs

    def _run_part(self, key: Hashable, part: Callable[..., Any], *inputs: Tensor, optional: bool = False) -> Any:
        """``part(*inputs)``, as a CUDA graph where that can be; see :class:`StepGraphs`."""
        if self._graphs is None or not self._in_graphs:
            return part(*inputs)
        return self._graphs(key, part, *inputs, optional=optional)

    def _judge(self, action: Tensor) -> tuple[Tensor, ...]:
        """After the physics: done, reward, failed, succeeded and timed out; ``[N]`` each."""
        done, reward = self.mdp.advance(self.accessor.read(), action, self._episode_steps)
        ends = self.mdp.terminations
        return done, reward, ends.failed, ends.succeeded, ends.timed_out

    def _begin_ended(self, done: Tensor) -> None:
        self._begin_where(done, ended=True)

    def _begin_where(self, begun: Tensor, *, ended: bool) -> None:
        """New episodes where ``begun`` (``[N]`` bool) is set and the simulator's state is its first."""
        boxes = self.mdp.next_course(begun, self._episode_steps, ended=ended)
        self.sim_handle.write_course(begun, boxes)
        with self.sim_handle.only(begun):
            self.mdp.reset(self.sim_handle, begun)
        self.delay.reset(begun)
        self._episode_steps[begun] = 0

    def _observe(self, pictures: Tensor | None = None) -> dict[str, Tensor]:
        """The observation groups, when positions are up to date; see :meth:`TaskMdp.observe`."""
        return self.mdp.observe(self.accessor.read(), self._episode_steps, pictures)

    def _make_camera(self) -> PictureCamera:
        from parkour_mujoco.viewer.camera import FollowCamera

        return FollowCamera(self.task, PICTURE, "side")


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _ray_caster(task: ResolvedTask, device: str) -> RayCaster | None:
    """Warp's, where the task has a camera: to import Warp takes a second."""
    if not has_depth_camera(task):
        return None
    from parkour_mujoco.launch import quiet_warp
    from parkour_mujoco.rays import WarpRayCaster

    quiet_warp(device, kernels=False)
    return WarpRayCaster()
