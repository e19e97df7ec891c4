"""A policy that runs while people watch: time, resets, which robot, and what is shown of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from parkour.engines.task_env import TaskEnv
from parkour.mdp.observations import ObservationSet
from parkour.viewing.controls import SPEEDS, Action, Choice, Controls
from parkour.viewing.depth import DepthFeed
from parkour.viewing.driving import Driver
from parkour.viewing.history import RewardHistory
from parkour.viewing.policy_choices import WatchedPolicy
from parkour.viewing.settings import Settings
from parkour.viewing.snapshot import Snapshot, take_snapshot

IMAGES = 16
"""Robots whose depth images are shown, at most."""
SPEED_SECONDS = 1.0
"""That speeds are averaged over."""
HISTORY_SECONDS = 10.0
"""Of the plots of rewards."""


class Session:
    """Steps environments with a policy, as evaluation does, and does what :class:`Controls` ask for.

    Not for several threads: viewers ask through :attr:`controls`, and are updated between steps.

    Args:
        env: the robots.
        policy: the deployed one.
        driver: who drives; None where way points lead and speeds are drawn.
        depth: whose pictures are shown; None for none.
        difficulty: range that courses are drawn from; None: all that were built.
    """

    def __init__(
        self,
        env: TaskEnv,
        policy: WatchedPolicy,
        *,
        driver: Driver | None = None,
        depth: DepthFeed | None = None,
        difficulty: tuple[float, float] | None = None,
    ) -> None:
        self.env, self.policy, self.driver, self.depth = env, policy, driver, depth
        self.mdp = env.mdp
        self.controls = Controls()
        self.watched = 0
        """The robot that is shown."""
        self.paused = False
        self.pace = 1.0
        """Simulated seconds per second, if the machine can."""
        self.quit = False
        self.settings: Settings | None = None
        """What may be changed besides; None where somebody else settles it."""
        self.difficulty = difficulty
        """Range that courses are drawn from; None: all that were built."""
        self.steps = 0
        """Control steps since the start."""
        self.episodes: dict[str, int] = {"episodes": 0, "completed": 0, "timed out": 0, "failed": 0}
        """How those that ended did, all robots together."""
        steps = round(HISTORY_SECONDS / self.mdp.clock.step_dt)
        self.rewards = RewardHistory(self.mdp.rewards.names, steps, self.mdp.clock.step_dt)
        self._speeds: deque[float] = deque(maxlen=max(round(SPEED_SECONDS / self.mdp.clock.step_dt), 1))
        self._acts: dict[Action, Callable[[], None]] = {
            Action.PAUSE: self._toggle_pause,
            Action.STEP: self._step_once,
            Action.RESET: self.reset,
            Action.NEXT_TERRAIN: self.next_terrain,
            Action.NEXT_ROBOT: lambda: self.watch((self.watched + 1) % self.mdp.num_envs),
            Action.SLOWER: lambda: self._change_pace(-1),
            Action.FASTER: lambda: self._change_pace(1),
            Action.QUIT: self._stop,
        }
        self._begin()
        self.obs = env.get_observations()

    def _begin(self) -> None:
        """The first episodes, on any courses."""
        self.mdp.choose_levels = self._any_levels
        if self.difficulty is not None:
            everyone = torch.arange(self.mdp.num_envs, device=self.mdp.device)
            self.mdp.course.set_levels(everyone, self._any_levels(everyone))
        self._drive()
        with torch.inference_mode():
            self.env.reset()
            self.policy.reset()

    @property
    def step_dt(self) -> float:
        """Control step [s]."""
        return self.mdp.clock.step_dt

    # -- time --------------------------------------------------------------------------------------------------------

    def handle(self) -> None:
        """Do what was asked for since the last call."""
        for wish in self.controls.take():
            if isinstance(wish, Choice):
                if self.settings is not None:
                    self.settings.choose(wish)
            elif self.driver is None or not self.driver.act(wish):
                self._acts.get(wish, lambda: None)()
        if self.settings is not None:
            self.settings.poll()

    @torch.inference_mode()
    def advance(self) -> None:
        """One control step."""
        self._drive()
        self.obs, _, dones, _ = self.env.step(self.policy(self.obs))
        self.policy.reset(dones)
        self._note(dones)

    def _note(self, dones: Tensor) -> None:
        """What a control step brought: ``[N]`` whose episode ended."""
        self.steps += 1
        self.rewards.add(self.mdp.rewards.step_values[self.watched].cpu().numpy())
        assert self.mdp.context is not None
        self._speeds.append(float(self.mdp.context.robot.base_lin_vel_b[self.watched, 0]))
        if bool(dones.any()):
            self._count(dones)

    @property
    def mean_speed(self) -> float:
        """Of the watched robot, forward, over the last second [m/s]."""
        return sum(self._speeds) / len(self._speeds) if self._speeds else 0.0

    def snapshot(self, env_id: int | None = None) -> Snapshot:
        """A robot now; the one that is watched when None."""
        return take_snapshot(self.mdp, self.watched if env_id is None else env_id)

    def depth_images(self) -> np.ndarray | None:
        """``[M, H, W]`` in [0, 1], the watched robot's first; None where none are shown."""
        if self.depth is None:
            return None
        return self.depth.images(self.obs, self._depicted())

    def depth_labels(self) -> list[str]:
        """Whose each of :meth:`depth_images` is."""
        if self.depth is None:
            return []
        course, groups = self.mdp.course, max(len(self.depth.groups), 1)
        terrain = course.terrain.tolist()
        names = [f"{env_id + 1} {course.library.names[terrain[env_id]]}" for env_id in self._depicted()]
        names[0] += ", watched"
        return names * groups

    def _depicted(self) -> list[int]:
        """Robots whose depth images are shown, the watched one first."""
        others = range(self.mdp.num_envs) if self.depth is not None and self.depth.seen_by_policy else ()
        return [self.watched, *(i for i in others if i != self.watched)][:IMAGES]

    # -- robots and courses ------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def reset(self) -> None:
        """A new episode for the robot that is watched, on another course of its terrain."""
        ids = torch.tensor([self.watched], device=self.mdp.device)
        self.mdp.course.set_levels(ids, self._any_levels(ids))
        self.env.begin(ids)
        dones = torch.zeros(self.mdp.num_envs, dtype=torch.long, device=self.mdp.device)
        dones[self.watched] = 1
        self.policy.reset(dones)
        self.obs = self.env.get_observations()
        self.rewards.clear()

    def watch(self, env_id: int) -> None:
        """Show another robot."""
        self.watched = env_id
        self.rewards.clear()
        self._speeds.clear()

    def next_terrain(self) -> None:
        """Show the first robot of the next terrain that has one, at the start of an episode."""
        terrain = self.mdp.course.terrain.tolist()
        present = sorted(set(terrain))
        following = present[(present.index(terrain[self.watched]) + 1) % len(present)]
        self.watch(terrain.index(following))
        self.reset()

    def go_to_terrain(self, name: str) -> None:
        """Show a robot on a terrain, at the start of an episode; the one that is watched goes there if there is none.

        Args:
            name: of a terrain that courses were built of.
        """
        course = self.mdp.course
        index = course.library.names.index(name)
        terrain = course.terrain.tolist()
        if index in terrain:
            self.watch(terrain.index(index))
        else:
            columns = course.library.terrain[: course.library.columns].tolist()
            course.set_columns(torch.tensor([self.watched], device=self.mdp.device), columns.index(index))
        self.reset()

    @torch.inference_mode()
    def set_policy(self, policy: WatchedPolicy) -> None:
        """Go on with another policy, which remembers nothing yet."""
        self.policy = policy
        policy.reset()

    @torch.inference_mode()
    def set_observations(self, observations: ObservationSet) -> None:
        """Begin anew with observation groups of the same layout."""
        self.mdp.observations = observations
        self.env.reset()
        self.policy.reset()
        self.obs = self.env.get_observations()
        self.rewards.clear()

    def _any_levels(self, env_ids: Tensor) -> Tensor:
        """A course is as good as another: levels ``[M]`` drawn anew, of those whose difficulty is the nearest."""
        course = self.mdp.course
        if self.difficulty is None:
            return torch.randint(course.num_levels, (len(env_ids),), device=env_ids.device)
        low, high = self.difficulty
        built = course.library.difficulty.view(course.num_levels, -1)[:, course.column[env_ids]]
        off = (low - built).clamp(min=0.0) + (built - high).clamp(min=0.0)
        nearest = off <= off.min(dim=0).values + 1e-6
        return torch.multinomial(nearest.T.float(), 1).squeeze(-1)

    def _count(self, dones: Tensor) -> None:
        ends = self.mdp.terminations
        self.episodes["episodes"] += int(dones.sum())
        for name, which in (("completed", ends.succeeded), ("timed out", ends.timed_out), ("failed", ends.failed)):
            self.episodes[name] += int((which & (dones > 0)).sum())
        if bool(dones[self.watched]):
            self.rewards.clear()
            self._speeds.clear()

    # -- what actions do ---------------------------------------------------------------------------------------------

    def _drive(self) -> None:
        if self.driver is not None:
            self.mdp.drive = self.driver.drive
            self.driver.update(self.steps * self.step_dt)
            self.policy.use_observed_yaw(not self.driver.autopilot)

    def _toggle_pause(self) -> None:
        self.paused = not self.paused

    def _step_once(self) -> None:
        self.paused = True
        self.advance()

    def _change_pace(self, by: int) -> None:
        nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.pace))
        self.pace = SPEEDS[min(max(nearest + by, 0), len(SPEEDS) - 1)]

    def _stop(self) -> None:
        self.quit = True
