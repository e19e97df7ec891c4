"""Distillation of the teacher into the student: DAgger, with the student driving.

A rollout is collected without gradients. An update goes through it again, in parts, so that memory stays bounded
whatever the number of environments (:mod:`parkour_policies.student_gradients`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from rsl_rl.algorithms import Distillation
from rsl_rl.utils import resolve_callable, resolve_obs_groups
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.engines.task_env import TaskEnv
from parkour.errors import TrainingError
from parkour_policies.distillation_storage import ACTOR_GROUPS, TEACHER_ACTIONS, TEACHER_LATENTS, DistillationStorage
from parkour_policies.glimpses import Chosen, GlimpseSequences
from parkour_policies.learning_rate import LearningRate, Schedule
from parkour_policies.mirrored_episodes import MirroredEpisodes
from parkour_policies.precision import is_half
from parkour_policies.rma_actor import PROPRIOCEPTION, SCAN, RmaActor
from parkour_policies.student_gradients import StudentGradients
from parkour_policies.student_groups import YAW_VALID, sided_groups
from parkour_policies.student_model import StudentModel


class RmaDistillation(Distillation):
    """DAgger of a frozen :class:`RmaActor` into a :class:`StudentModel`, on the interface of rsl-rl's algorithms."""

    student: StudentModel  # pyright: ignore[reportIncompatibleVariableOverride] - never assigned another model
    teacher: RmaActor  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, student: StudentModel, teacher: RmaActor, storage: DistillationStorage, *, learning_rate: float = 1e-3,
        max_grad_norm: float = 1.0, epochs: int = 1, mini_batches: int = 1, learning_rate_half_life: int = 0,
        learning_rate_schedule: Schedule = "half_life", learning_rate_end: float = 0.0,
        latent_coefficient: float = 0.0, encoder_iterations: int = 0, teacher_iterations: int = 0,
        predicted_yaw_share: float = 0.0, mirrored_share: float = 0.0, image_block: int = 1024,
        image_precision: str = "float32", device: str = "cpu", multi_gpu_cfg: dict | None = None, **unused: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            student, teacher, storage, learning_rate=learning_rate, max_grad_norm=max_grad_norm, device=device,  # type: ignore[arg-type]
            multi_gpu_cfg=multi_gpu_cfg,
        )  # fmt: skip
        self.storage: DistillationStorage = storage  # pyright: ignore[reportIncompatibleVariableOverride]
        self.epochs, self.mini_batches = epochs, mini_batches
        self.latent_coefficient, self.encoder_iterations = latent_coefficient, encoder_iterations
        self.teacher_iterations = teacher_iterations
        self.encoder_only = self.teacher_drives = False
        # Whole environments: what a robot that goes astray sees is what it has to find back from.
        by_itself = torch.arange(storage.num_envs, device=device) < predicted_yaw_share * storage.num_envs
        self.goes_by_itself = by_itself.float().unsqueeze(-1)
        """``[N, 1]`` 1 where the predicted yaws count always."""
        self.schedule = LearningRate(learning_rate, learning_rate_schedule, learning_rate_half_life, learning_rate_end)
        self.progress = 0.0
        self._yaws_valid = self._yaw_valid_share = torch.zeros((), device=device)
        self.gradients = StudentGradients(student, storage, image_block, is_half(image_precision, device))
        self.teacher.requires_grad_(False).eval()
        self.clean_groups: Callable[[], Mapping[str, Tensor]] = dict
        """Observation groups without the noise and faults of sensors, which the teacher is spared; told by the
        environment."""
        self.mirrored_share = mirrored_share
        self.mirrored: MirroredEpisodes | None = None
        """Who is shown the mirror image of everything; None: nobody."""
        self.trained = [p for p in student.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=learning_rate, fused=True)

    def attach(self, env: TaskEnv) -> None:
        """Be told by the environment what the teacher sees, and how it looks in a mirror.

        Raises:
            TaskError: episodes are to be mirrored, and something has no mirror image.
        """
        self.clean_groups = lambda: env.mdp.observations.clean
        if self.mirrored_share > 0.0:
            self.mirrored = MirroredEpisodes.of(
                self.mirrored_share, env.mdp.observations, self._sided_groups(), env.mdp.layout,
                self.storage.num_envs, self.device,
            )  # fmt: skip

    def _sided_groups(self) -> Sequence[str]:
        """What is read besides the true state, which the teacher acts on."""
        return sided_groups(self.student.further, self.latent_coefficient)

    # -- rollout -----------------------------------------------------------------------------------------------------

    def follow(self, progress: float) -> None:
        """See :class:`parkour.policies.protocols.FollowsProgress`."""
        self.progress = progress

    def begin_iteration(self, iteration: int) -> None:
        """Called before each rollout.

        Raises:
            TrainingError: there is no teacher yet.
        """
        if not self.teacher_loaded:
            raise TrainingError("the student has no teacher", hint="parkour train --stage student --checkpoint TEACHER")
        self.encoder_only = iteration < self.encoder_iterations
        self.teacher_drives = iteration < self.teacher_iterations
        self.learning_rate = self._rate(iteration)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate

    def _rate(self, iteration: int) -> float:
        """The learning rate of an iteration."""
        return self.schedule.at(iteration, self.progress)

    def act(self, obs: TensorDict) -> Tensor:
        """The actions ``[N, J]`` of who drives, the student or, in the first iterations, the teacher.

        The teacher's, on its deployed inputs, are noted either way.
        """
        return self._across(self._respond(obs))

    def _respond(self, obs: TensorDict) -> Tensor:
        """What :meth:`act` returns as the student means it, in mirrored episodes for the mirrored robot."""
        storage = self.storage
        self._yaws_valid = self._yaws_valid + obs[YAW_VALID].mean()
        obs = obs.clone(recurse=False)
        obs[YAW_VALID] = obs[YAW_VALID].maximum(self.goes_by_itself)
        if storage.step == 0:
            storage.memory = self.student.memory
        if self.mirrored is not None and self.student.memory is None:
            self.mirrored.begin()
        shown = self._shown(obs)
        glimpse = self.student.look(shown, None if self.mirrored is None else self.mirrored.images)
        latents = self.teacher.scan_encoder(shown[SCAN]) if self.latent_coefficient > 0.0 else None
        wanted = self._across(self.teacher(self._without_noise(obs)))
        storage.add(shown, wanted, latents, glimpse)
        return wanted if self.teacher_drives else self.student.act_blind(shown)

    def _shown(self, obs: TensorDict) -> TensorDict:
        """Observations as the student sees them."""
        return obs if self.mirrored is None else self.mirrored.observed(obs)

    def _across(self, actions: Tensor) -> Tensor:
        """The student's actions as its robots do them, and the other way about: mirrored in mirrored episodes."""
        return actions if self.mirrored is None else self.mirrored.acted(actions)

    def _without_noise(self, obs: TensorDict) -> TensorDict:
        clean = self.clean_groups()
        if not clean:
            return obs
        spared = obs.clone(recurse=False)
        spared.update({name: values.to(self.device) for name, values in clean.items()})
        return spared

    def process_env_step(self, obs: TensorDict, rewards: Tensor, dones: Tensor, extras: dict[str, Any]) -> None:
        self.storage.add_dones(dones)
        self.student.reset(dones)
        if self.mirrored is not None:
            self.mirrored.begin(dones)

    # -- update ------------------------------------------------------------------------------------------------------

    def update(self) -> dict[str, float]:
        """Gradient steps on the stored rollout, one for each mini-batch of each epoch; mean losses, by name."""
        storage = self.storage
        losses: list[list[Tensor]] = [[] for _ in range(self.epochs)]
        dones = storage.dones[: storage.step]
        seen = GlimpseSequences.of(storage.glimpses, dones)
        storage.glimpses.clear()
        features = None if seen is None else seen.features
        for epoch in range(self.epochs):
            # Who saw what is asked of the device for all parts at once, so that it does not stand still between them.
            parts = [(env_ids, None if seen is None else seen.choose(env_ids)) for env_ids in self._mini_batches()]
            for env_ids, chosen in parts:
                loss = self._step(seen, features, env_ids, chosen)
                features = None  # They were the encoder's that saw the images, which has been trained since.
                losses[epoch].append(loss)
        self.num_updates += 1
        self._yaw_valid_share = self._yaws_valid / max(storage.step, 1)
        self._yaws_valid = torch.zeros_like(self._yaws_valid)
        storage.clear()
        return self._report(torch.stack([torch.stack(steps).mean(dim=0) for steps in losses]))

    def _report(self, losses: Tensor) -> dict[str, float]:
        """What :meth:`_loss` reported in each epoch (``[epochs, K]``), by name.

        Those of the first epoch, before most of the steps: the later ones have seen the states before.
        """
        action, yaw, latent = losses[0].tolist()
        return {"action": action, "yaw": yaw} | ({"latent": latent} if self.latent_coefficient > 0.0 else {})

    def scalars(self) -> dict[str, float]:
        """See :class:`parkour.policies.protocols.ReportsScalars`: where way points lay ahead in the last rollout."""
        return {"Policy/yaw_valid": self._yaw_valid_share.item()}

    def _mini_batches(self) -> Sequence[Tensor]:
        """``[n]`` int64 environments of each."""
        count, device = self.storage.num_envs, self.storage.dones.device
        if self.mini_batches == 1:
            return [torch.arange(count, device=device)]
        return torch.randperm(count, device=device).tensor_split(min(self.mini_batches, count))

    def _step(
        self, seen: GlimpseSequences | None, features: Tensor | None, env_ids: Tensor, chosen: Chosen | None
    ) -> Tensor:
        """One gradient step on the environments ``env_ids``; the losses ``[3]`` before it. See
        :meth:`StudentGradients.add`."""
        # Zeros rather than none: the ranks average all gradients, whatever each of them saw.
        for parameter in self.trained:
            parameter.grad = torch.zeros_like(parameter)
        losses = self.gradients.add(seen, features, env_ids, chosen, self._loss)
        if self.encoder_only:
            for parameter in self.student.actor.parameters():
                parameter.grad = None
        if self.is_multi_gpu:
            self.reduce_parameters()
        self._clip_gradients()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return losses

    def reduce_parameters(self) -> None:
        """Average the gradients over all processes."""
        grads = [parameter.grad for parameter in self.trained if parameter.grad is not None]
        flat = torch.cat([grad.flatten() for grad in grads])
        torch.distributed.all_reduce(flat, op=torch.distributed.ReduceOp.SUM)
        for grad, average in zip(grads, (flat / self.gpu_world_size).split([g.numel() for g in grads]), strict=True):
            grad.copy_(average.view_as(grad))

    def _clip_gradients(self) -> None:
        nn.utils.clip_grad_norm_(self.trained, self.max_grad_norm)  # type: ignore[arg-type]

    def _loss(self, output: Tensor, rows: dict[str, Tensor], total: int) -> tuple[Tensor, Tensor]:
        """Action, yaw and latent loss; see :class:`parkour_policies.student_gradients.RowsLoss`."""
        actions = self.student.act_on(output, rows)
        action = (rows[TEACHER_ACTIONS] - actions).norm(dim=-1).sum() / total
        yaw, gap = self._seen_losses(output, rows, total)
        return action + yaw + self.latent_coefficient * gap, torch.stack((action, yaw, gap))

    def _seen_losses(self, output: Tensor, rows: dict[str, Tensor], total: int) -> tuple[Tensor, Tensor]:
        """How far the encoder's yaws are from the true ones, and its latent from the teacher's (0 if none is noted)."""
        latent, yaws = self.student.split(output)
        yaw = (self.student.yaws(rows[PROPRIOCEPTION]) - yaws).norm(dim=-1).sum() / total
        wanted = rows.get(TEACHER_LATENTS)
        return yaw, torch.zeros_like(yaw) if wanted is None else (wanted - latent).norm(dim=-1).sum() / total

    # -- weights -----------------------------------------------------------------------------------------------------

    def load_teacher(self, weights: dict[str, Tensor]) -> None:
        """Take up a teacher, and begin the student's actor as a copy of it. The weights have been checked."""
        self.teacher.load_state_dict(weights)
        self.student.actor.copy_teacher(weights)
        self.teacher_loaded = True

    def load_student(self, weights: dict[str, Tensor]) -> None:
        """Go on from a student. The weights have been checked."""
        self.student.load_state_dict(weights)

    def broadcast_parameters(self) -> None:
        """Give every rank the first one's weights."""
        for network in self._networks().values():
            for tensor in network.state_dict().values():
                torch.distributed.broadcast(tensor, src=0)

    def _networks(self) -> dict[str, nn.Module]:
        """What a checkpoint holds, by name."""
        return {"student": self.student, "teacher": self.teacher}

    def save(self) -> dict[str, Any]:
        networks = {f"{name}_state_dict": network.state_dict() for name, network in self._networks().items()}
        return {**networks, "optimizer_state_dicts": {"student": self.optimizer.state_dict()}}

    def load(self, loaded_dict: dict, load_cfg: dict | None = None, strict: bool = True) -> bool:
        for name, network in self._networks().items():
            network.load_state_dict(loaded_dict[f"{name}_state_dict"], strict=strict)
        self.teacher_loaded = True
        if load_cfg is None or load_cfg.get("optimizer"):
            self.optimizer.load_state_dict(loaded_dict["optimizer_state_dicts"]["student"])
        return True

    @staticmethod
    def construct_algorithm(  # pyright: ignore[reportIncompatibleMethodOverride] - environments of tasks alone
        obs: TensorDict, env: TaskEnv, cfg: dict, device: str
    ) -> RmaDistillation:
        """Make student, teacher, storage and algorithm; rsl-rl's own would store every image at every step."""
        make = resolve_callable(cfg["algorithm"].pop("class_name"))
        student, teacher = make_networks(obs, env, cfg, device)
        groups = (*ACTOR_GROUPS, *student.further)
        storage = DistillationStorage(cfg["num_steps_per_env"], obs, env.num_actions, device, groups)
        algorithm = make(student, teacher, storage, device=device, **cfg["algorithm"], multi_gpu_cfg=cfg["multi_gpu"])
        algorithm.attach(env)
        return algorithm


def make_networks(obs: TensorDict, env: TaskEnv, cfg: dict, device: str) -> tuple[StudentModel, RmaActor]:
    """Student, which the environment tells of new images, and teacher of a training configuration, whose groups are
    resolved."""
    groups = cfg["obs_groups"] = resolve_obs_groups(obs, cfg["obs_groups"], list(cfg["obs_groups"]))
    make_student, make_teacher = (resolve_callable(cfg[key].pop("class_name")) for key in ("student", "teacher"))
    student: StudentModel = make_student(obs, groups, "student", env.num_actions, **cfg["student"]).to(device)
    teacher: RmaActor = make_teacher(obs, groups, "teacher", env.num_actions, **cfg["teacher"]).to(device)
    student.follow_images(env.mdp)
    return student, teacher
