"""An exported policy on a course, from the start to the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from parkour.errors import ExportError
from parkour.exporters.manifest import Manifest
from parkour_deploy.contract import Contract
from parkour_deploy.policy import GraphPolicy
from parkour_mujoco.physics import SolverSettings
from parkour_mujoco.robot_files import RobotFiles
from parkour_mujoco.sim2sim.contexts import Contexts
from parkour_mujoco.sim2sim.courses import Patch, WayPoints
from parkour_mujoco.sim2sim.depth import DepthCamera
from parkour_mujoco.sim2sim.heading import Operator
from parkour_mujoco.sim2sim.noise import CameraNoise
from parkour_mujoco.sim2sim.observation import SimulatedObserver, Situation, unknown_groups
from parkour_mujoco.sim2sim.terms import Ending, TaskTerms
from parkour_mujoco.sim2sim.world import State, World

CONTACT_FORCE = 2.0
"""A foot is in contact when its force, now or one control step ago, is above this [N]."""


@dataclass(frozen=True)
class Conditions:
    """What is the same in every episode of a run."""

    speed: float
    """Commanded [m/s]."""
    seconds: float
    """Time-out [s]."""
    friction: float
    """Sliding friction of the robot's shapes."""


Watcher = Callable[[World, WayPoints], None]
"""Told of every control step; a camera."""


class Runner:
    """Runs episodes of one exported policy.

    Args:
        manifest: of the export.
        contract: the same, as a robot reads it.
        files: the robot's model.
        policy: its graphs.
        conditions: of all episodes.
        notify: told in a line when something has to stand in for something else.
        noise: of the depth camera.
    """

    def __init__(
        self,
        manifest: Manifest,
        contract: Contract,
        files: RobotFiles,
        policy: GraphPolicy,
        conditions: Conditions,
        notify: Callable[[str], None] = lambda line: None,
        noise: CameraNoise | None = None,
    ) -> None:
        self.manifest, self.files, self.policy, self.conditions = manifest, files, policy, conditions
        self.layout = manifest.robot.layout()
        self.step_dt = manifest.timing.physics_step * manifest.timing.decimation
        self.terms = TaskTerms(manifest, unknown_groups(contract), friction=conditions.friction, notify=notify)
        self.observer = SimulatedObserver(contract, self.terms.groups)
        self._camera = DepthCamera(manifest.camera, notify) if manifest.camera is not None else None
        self._noise = noise
        self.errors = np.random.default_rng(0)
        """Draws the errors of commanded headings."""

    def world(self, patch: Patch, *, visuals: bool = False) -> World:
        """The course with the robot in it."""
        return World(
            self.files,
            self.layout,
            patch.boxes,
            timestep=self.manifest.timing.physics_step,
            solver=SolverSettings.of(self.manifest.physics),
            friction=self.conditions.friction,
            visuals=visuals,
            camera=self.manifest.camera,
        )

    @property
    def max_steps(self) -> int:
        """Control steps of an episode."""
        return round(self.conditions.seconds / self.step_dt)

    def begin(self, patch: Patch) -> None:
        """Forget the episode before."""
        self.terms.begin(patch)
        self.observer.reset()
        self.policy.reset()
        if self._noise is not None:
            self._noise.reset()

    def picture(self, world: World) -> np.ndarray | None:
        """What the camera shows now, ``[H, W]`` [m], if there is one."""
        if self._camera is None:
            return None
        distances = self._camera.capture(world.model, world.data)
        return distances if self._noise is None else self._noise(distances)

    def run(self, patch: Patch, *, watch: Watcher | None = None) -> dict[str, float]:
        """One episode; its figures under the names of ``parkour eval``."""
        world = self.world(patch, visuals=watch is not None)
        walk = _Walk(self, world, patch)
        tally = _Tally(patch, self.step_dt)
        while True:
            if watch is not None:
                watch(world, walk.goals)
            before = walk.goals.index
            state = walk.step()
            tally.add(state, world.torque, np.maximum(_norms(state.foot_force), _norms(walk.contexts.last_force)))
            reached, ending = walk.goals.done, walk.ending(state)
            fell = not state.finite or (ending.failed and not reached)
            if reached or fell or ending.over or tally.steps >= self.max_steps:
                return tally.row(state, walk.goals, before, fell=fell, broken=not state.finite)
            walk.observe()


class _Walk:
    """The loop of control: observation, action, physics."""

    def __init__(self, run: Runner, world: World, patch: Patch) -> None:
        manifest = run.manifest
        self.run, self.world, self.patch = run, world, patch
        self.goals = WayPoints(
            patch.goals, radius=manifest.goals.radius, dwell=manifest.goals.dwell, step_dt=run.step_dt
        )
        commanded = manifest.heading.source != "way_points"
        self._operator = Operator(manifest.heading, run.step_dt, run.errors) if commanded else None
        self.action = np.zeros(run.layout.num_joints)
        self._queue = [self.action] * manifest.control.nominal_action_delay
        self._default = np.array(run.layout.default_joint_pos)
        run.begin(patch)
        self.contexts = Contexts(
            run.layout, patch, step_dt=run.step_dt, max_steps=run.max_steps, command=run.conditions.speed
        )
        self._count = 0
        start = patch.spawn + np.array([0.0, 0.0, run.layout.base_height])
        self._look(world.place(start, self._default))

    def step(self) -> State:
        """Act on the last observation for one control step."""
        control = self.run.manifest.control
        raw = self.run.policy(self.observation[None])[0].astype(float)
        if not np.isfinite(raw).all():
            raise ExportError(
                f"the export's action at control step {self._count} is NaN or infinite, expected finite numbers",
                hint="export another checkpoint: parkour export onnx --checkpoint FILE --out DIR",
            )
        self.action = np.clip(raw, -control.action_clip, control.action_clip)
        self._queue.append(self.action)
        target = self._default + control.action_scale * self._queue.pop(0)
        state = self.world.hold(target, self.run.manifest.timing.decimation)
        self.goals.advance(state.base_pos[:2])
        self._count += 1
        return state

    def ending(self, state: State) -> Ending:
        """What the task's terminations say after a step; nothing where the physics broke."""
        goals = self.goals.seen(state.base_pos[:2], self.goals.yaws(state.base_pos[:2], state.yaw))
        context = self.contexts.acted(state, self.world.torque, goals, self.action)
        return self.run.terms.ended(context) if state.finite else Ending(failed=True, over=True)

    def observe(self) -> None:
        """Look again, after a step that ended nothing."""
        self._look(self.world.settle())

    def _look(self, state: State) -> None:
        perception = self._count % self.run.manifest.timing.perception_period == 0
        yaws = self.goals.yaws(state.base_pos[:2], state.yaw)
        if self._operator is not None:
            yaws = self._operator.aim(yaws[0], state.yaw, self._count)
        if perception:
            self._yaws = yaws
        contact = np.maximum(_norms(state.foot_force), _norms(self.contexts.last_force))
        depth = self.run.picture(self.world) if perception else None
        context = self.contexts.observed(
            state, self.world.torque, self.goals.seen(state.base_pos[:2], self._yaws), self.action,
            perception=perception, depth=depth,
        )  # fmt: skip
        now = Situation.of(
            state, self.patch, yaws=self._yaws, command=self.run.conditions.speed, action=self.action,
            contact=contact, perception=perception, depth=depth, context=context,
        )  # fmt: skip
        self.observation = self.run.observer.observe(now)


class _Tally:
    """Sums over an episode's steps."""

    def __init__(self, patch: Patch, step_dt: float) -> None:
        self.patch, self.step_dt = patch, step_dt
        self.steps, self.edge, self.edge_squared, self.energy_rate = 0, 0.0, 0.0, 0.0

    def add(self, state: State, torque: np.ndarray, force: np.ndarray) -> None:
        self.steps += 1
        if not state.finite:
            return
        edge = int((self.patch.edge(state.feet_pos[:, :2]) & (force > CONTACT_FORCE)).sum())
        self.edge += edge
        self.edge_squared += edge**2
        self.energy_rate += float(np.abs(torque * state.joint_vel).sum())

    def row(self, state: State, goals: WayPoints, before: int, *, fell: bool, broken: bool) -> dict[str, float]:
        count = len(goals.goals)
        return {
            "success": float(goals.done),
            "way_points": goals.index / count,
            "way_points_before": before / max(count - 1, 1),
            "displacement": self.patch.displacement(state.base_pos[:2], goals.index),
            "edge_per_step": self.edge / self.steps,
            "edge_per_episode": self.edge,
            "length": self.steps * self.step_dt,
            "fall": float(fell),
            "time_out": float(not goals.done and not fell),
            "power": self.energy_rate / self.steps,
            "broken": float(broken),
            "steps": float(self.steps),
            "edge_squared": self.edge_squared,
        }


def _norms(force: np.ndarray) -> np.ndarray:
    """``[F]`` of forces ``[F, 3]``."""
    return np.linalg.norm(force, axis=-1)
