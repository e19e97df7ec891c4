"""The training loop: roll out, update, report, save.

Algorithms are rsl-rl's or on their interface; the loop is our own: it can be stopped at any moment without losing what
was learnt, brings numbers to the host once per iteration, and writes checkpoints from which a run goes on exactly.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from rsl_rl.utils import resolve_callable
from tensordict import TensorDict

from parkour.engines.device import stepping_threads
from parkour.engines.task_env import TaskEnv
from parkour.environment import process_number
from parkour.errors import TrainingError
from parkour.learning.diagnosis import not_finite
from parkour.learning.iteration import Iteration, Listener
from parkour.learning.peers import agree, group_store
from parkour.learning.statistics import RolloutStatistics
from parkour.learning.timing import PhaseTimer
from parkour.learning.troubles import Troubles
from parkour.policies.protocols import (
    Actor,
    Algorithm,
    BeginsIterations,
    FollowsProgress,
    KnowsActionStd,
    ReportsScalars,
)


class TrainingRunner:
    """Runner for algorithms on rsl-rl's PPO interface.

    An algorithm may offer ``begin_iteration(index)``, called before each rollout, and be :class:`FollowsProgress` or
    :class:`ReportsScalars`.

    Args:
        env: environments; scalars in ``extras["log"]`` are averaged over each iteration.
        train_cfg: as :class:`parkour.policies.definition.PolicyDefinition` describes it, with ``num_steps_per_env``,
            and ``noise_ramp`` if noise is to grow; copied, not changed.
        device: of the networks and the rollout.
    """

    def __init__(
        self, env: TaskEnv, train_cfg: dict[str, Any], log_dir: str | None = None, device: str = "cpu"
    ) -> None:
        if torch.device(device).type == "cuda":
            torch.set_float32_matmul_precision("high")
        cfg = copy.deepcopy(train_cfg)
        cfg["algorithm"].setdefault("rnd_cfg", None)
        self.env, self.cfg, self.device = env, cfg, device
        self._join_processes()
        make: Any = resolve_callable(cfg["algorithm"]["class_name"])
        # rsl-rl prints the networks when it makes them.
        with contextlib.redirect_stdout(io.StringIO()):
            self.alg: Algorithm = make.construct_algorithm(env.get_observations(), env, cfg, device)
        self.current_learning_iteration = 0
        """Iterations trained so far."""
        self.total_steps = 0
        self.total_seconds = 0.0
        self.stop_reason = ""
        self._troubles = Troubles()
        self.last: Iteration | None = None
        self._stop: Callable[[], str] = lambda: ""
        self._time_share: Callable[[], float] = lambda: 0.0

    def _join_processes(self) -> None:
        """Find the place among processes that train together, on GPUs (NCCL) or on CPUs (gloo)."""
        self.gpu_world_size = process_number("WORLD_SIZE", 1)
        self.gpu_global_rank, self.gpu_local_rank = process_number("RANK"), process_number("LOCAL_RANK")
        self.is_distributed = self.gpu_world_size > 1
        # What algorithms are told.
        self.cfg["multi_gpu"] = None
        if not self.is_distributed:
            return
        self.cfg["multi_gpu"] = {
            "global_rank": self.gpu_global_rank,
            "local_rank": self.gpu_local_rank,
            "world_size": self.gpu_world_size,
        }
        on_gpu = torch.device(self.device).type == "cuda"
        if on_gpu:
            torch.cuda.set_device(self.device)
        # Its functions keep the group that exists when they are first imported (by torch.compile, say) as a default
        # argument. Gloo's threads would then outlive the group, and one that still holds a tensor of the last exchange
        # when Python closes aborts the process. So it is imported before there is a group.
        importlib.import_module("torch.distributed.nn")
        torch.distributed.init_process_group(
            "nccl" if on_gpu else "gloo", store=group_store(), rank=self.gpu_global_rank,
            world_size=self.gpu_world_size,
        )  # fmt: skip

    # -- the loop ----------------------------------------------------------------------------------------------------

    def learn(
        self,
        num_learning_iterations: int,
        init_at_random_ep_len: bool = False,
        *,
        listeners: Sequence[Listener] = (),
        save: Callable[[], None] | None = None,
        stop: Callable[[], str] = lambda: "",
        time_share: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Train until ``current_learning_iteration`` has grown by ``num_learning_iterations``.

        Args:
            num_learning_iterations: how many.
            init_at_random_ep_len: begin with episodes of random age, so that they do not all end at once.
            listeners: told of every iteration (in the first process only).
            save: writes a checkpoint; called every ``save_interval`` iterations and at the end (in the first process).
            stop: asked between steps; a reason ends the loop, after the iteration that several processes share,
                at once in a single one. The unfinished rollout is thrown away.
            time_share: how much of the time limit is over, 0 to 1; 0 where there is none.
        """
        self._stop, self._time_share, self.stop_reason = stop, time_share, ""
        total = self.current_learning_iteration + num_learning_iterations
        if init_at_random_ep_len:
            self.env.episode_length_buf = torch.randint_like(
                self.env.episode_length_buf, high=int(self.env.max_episode_length)
            )
        obs = self._here(self.env.get_observations())
        self.alg.train_mode()
        if self.is_distributed:
            self.alg.broadcast_parameters()
        self._ramp_noise(begin=True)
        self._statistics = RolloutStatistics(self.env.num_envs, self.device)
        saved = -1
        while self.current_learning_iteration < total and not self._should_stop():
            next_obs = self._iterate(obs, total, listeners)
            if next_obs is None:
                break
            obs = next_obs
            if save and self._is_first and self.current_learning_iteration % self.cfg["save_interval"] == 0:
                save()
                saved = self.current_learning_iteration
        if save and self._is_first and saved != self.current_learning_iteration:
            save()

    def _iterate(self, obs: TensorDict, total: int, listeners: Sequence[Listener]) -> TensorDict | None:
        begin, timer = time.perf_counter(), PhaseTimer(self.device)
        if isinstance(self.alg, FollowsProgress):
            self.alg.follow(self._progress(total))
        if isinstance(self.alg, BeginsIterations):
            self.alg.begin_iteration(self.current_learning_iteration)
        self._ramp_noise()
        timer.start()
        with stepping_threads(self.env.device):
            last_obs = self._collect(obs)
        if last_obs is None:
            self.alg.storage.clear()
            return None
        timer.mark()
        losses = self.alg.update()
        timer.mark()
        self._check_finite(losses)
        self.current_learning_iteration += 1
        self._report(begin, timer, losses, total, listeners)
        return last_obs

    def _collect(self, obs: TensorDict) -> TensorDict | None:
        """One rollout into the storage; None when it was broken off."""
        with torch.inference_mode():
            for _ in range(self.cfg["num_steps_per_env"]):
                if not self.is_distributed and self._should_stop():
                    return None
                actions = self.alg.act(obs)
                obs, rewards, dones, extras = self.env.step(actions.to(self.env.device))
                obs, rewards, dones = self._here(obs), rewards.to(self.device), dones.to(self.device)
                self.alg.process_env_step(obs, rewards, dones, extras)
                self._statistics.add(rewards, dones, extras.get("log"))
            self.alg.compute_returns(obs)
        return obs

    def _ramp_noise(self, *, begin: bool = False) -> None:
        """Let the environments' noise grow over the first ``noise_ramp`` iterations."""
        iterations: int = self.cfg.get("noise_ramp", 0)
        if iterations > 0 and isinstance(self.env, TaskEnv):
            self.env.mdp.observations.ramp_noise(self.current_learning_iteration / iterations, begin=begin)

    def _here(self, obs: TensorDict) -> TensorDict:
        """Observations on this device. TensorDict's own ``to`` can be a host sync even where nothing moves."""
        device = torch.device(self.device)
        return obs if all(group.device == device for group in obs.values()) else obs.to(device)

    def _check_finite(self, losses: Mapping[str, float]) -> None:
        """Stop before a broken network is saved."""
        bad = {name: value for name, value in losses.items() if not math.isfinite(value)}
        if not bad:
            return
        iteration = self.current_learning_iteration + 1
        if cause := not_finite(self.alg.storage, self.env):
            raise TrainingError(
                f"training stopped in iteration {iteration}: {cause}; the checkpoints before it are untouched",
                hint="mend the observation group, or its modifiers; then: parkour train --resume",
            )
        name, value = next(iter(bad.items()))
        raise TrainingError(
            f"training diverged in iteration {iteration}: loss {name!r} is {value}; "
            "the checkpoints before it are untouched",
            hint="parkour train --resume, or a lower algorithm.params.learning_rate",
        )

    def _report(
        self, begin: float, timer: PhaseTimer, losses: Mapping[str, float], total: int, listeners: Sequence[Listener]
    ) -> None:
        with torch.inference_mode():
            scalars = self._statistics.drain()
        self._troubles.tell(scalars, self.current_learning_iteration)
        collection, learning = timer.phases()
        seconds = time.perf_counter() - begin
        steps = self.env.num_envs * self.cfg["num_steps_per_env"] * self.gpu_world_size
        self.total_steps += steps
        self.total_seconds += seconds
        scalars |= {f"Loss/{name}": value for name, value in losses.items()}
        scalars["Loss/learning_rate"] = self.alg.learning_rate
        scalars["Policy/mean_std"] = self.action_std()
        if isinstance(self.alg, ReportsScalars):
            scalars |= self.alg.scalars()
        scalars |= {
            "Perf/steps_per_second": steps / seconds,
            "Perf/collection_time": collection,
            "Perf/learning_time": learning,
            "Perf/total_steps": float(self.total_steps),
            "Perf/total_minutes": self.total_seconds / 60.0,
        }
        self.last = Iteration(
            self.current_learning_iteration, total, scalars, steps, self.total_steps, seconds, self.total_seconds
        )
        if self._is_first:
            for listener in listeners:
                listener.on_iteration(self.last)

    def action_std(self) -> float:
        """Mean standard deviation of the actions' distribution: the algorithm's ``action_std``, where it knows it."""
        if isinstance(self.alg, KnowsActionStd) and self.alg.action_std is not None:
            return self.alg.action_std
        policy: Any = self.alg.get_policy()
        return policy.output_std.mean().item()

    # -- stopping ----------------------------------------------------------------------------------------------------

    @property
    def _is_first(self) -> bool:
        return self.gpu_global_rank == 0

    def _should_stop(self) -> bool:
        """Whether to end the loop; all processes answer alike, and for the same reason."""
        reason = self._stop()
        if self.is_distributed:
            reason = agree(reason, self.device)
        self.stop_reason = reason or self.stop_reason
        return bool(reason)

    def _progress(self, total: int) -> float:
        """How much of the run is over; the first process's, so that all take the same steps."""
        progress = max(self.current_learning_iteration / max(total, 1), self._time_share())
        if self.is_distributed:
            shared = torch.tensor(progress, device=self.device)
            torch.distributed.broadcast(shared, src=0)
            progress = shared.item()
        return min(progress, 1.0)

    def get_inference_policy(self) -> Actor:
        """The network that acts, in evaluation mode."""
        self.alg.eval_mode()
        policy = self.alg.get_policy()
        assert isinstance(policy, Actor)
        return policy


@contextlib.contextmanager
def process_group() -> Iterator[None]:
    """Leave the process group at the end, where there is one."""
    try:
        yield
    finally:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
