"""Distillation of the teacher into the student: DAgger, with the student driving.

A rollout is collected without gradients. An update goes through it again, in parts, so that memory stays bounded
whatever the number of environments: the recurrent part over all glimpses of the rollout (truncated back-propagation
through time: what was remembered at its start is a constant), the actor in blocks of control steps, the images in
blocks. Each part takes the gradient of the one after it, which is the gradient of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from rsl_rl.algorithms import Distillation
from rsl_rl.env import VecEnv
from rsl_rl.utils import resolve_callable, resolve_obs_groups
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.engines.task_env import TaskEnv
from parkour.errors import TrainingError
from parkour_policies.depth_sequences import advance_all
from parkour_policies.distillation_storage import DistillationStorage
from parkour_policies.glimpses import Chosen, GlimpseSequences
from parkour_policies.learning_rate import LearningRate, Schedule
from parkour_policies.rma_actor import HISTORY, PROPRIOCEPTION, SCAN, RmaActor
from parkour_policies.student_model import YAW_VALID, Memory, StudentModel

ACTOR_BLOCK = 1 << 16
"""Rows (environments x control steps) that go through the actor at a time."""


class RmaDistillation(Distillation):
    """DAgger of a frozen :class:`RmaActor` into a :class:`StudentModel`, on the interface of rsl-rl's algorithms."""

    student: StudentModel  # pyright: ignore[reportIncompatibleVariableOverride] - never assigned another model
    teacher: RmaActor  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, student: StudentModel, teacher: RmaActor, storage: DistillationStorage, *, learning_rate: float = 1e-3,
        max_grad_norm: float = 1.0, epochs: int = 1, mini_batches: int = 1, learning_rate_half_life: int | None = None,
        learning_rate_schedule: Schedule = "half_life", learning_rate_end: float = 0.0,
        latent_coefficient: float = 0.0, encoder_iterations: int = 0, predicted_yaw_share: float = 0.0,
        image_block: int = 1024, image_precision: str = "float32", device: str = "cpu",
        multi_gpu_cfg: dict | None = None, **unused: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            student, teacher, storage, learning_rate=learning_rate, max_grad_norm=max_grad_norm, device=device,  # type: ignore[arg-type]
            multi_gpu_cfg=multi_gpu_cfg,
        )  # fmt: skip
        self.storage: DistillationStorage = storage  # pyright: ignore[reportIncompatibleVariableOverride]
        self.epochs, self.mini_batches, self.image_block = epochs, mini_batches, image_block
        self.latent_coefficient, self.encoder_iterations = latent_coefficient, encoder_iterations
        self.encoder_only = False
        # Whole environments: what a robot that goes astray sees is what it has to find back from.
        by_itself = torch.arange(storage.num_envs, device=device) < predicted_yaw_share * storage.num_envs
        self.goes_by_itself = by_itself.float().unsqueeze(-1)
        """``[N, 1]`` 1 where the predicted yaws count always."""
        self.schedule = LearningRate(learning_rate, learning_rate_schedule, learning_rate_half_life, learning_rate_end)
        self.progress = 0.0
        # On a CPU half precision is slower, and what is tested there is to be exact.
        self.half_images = image_precision == "bfloat16" and torch.device(device).type == "cuda"
        self.teacher.requires_grad_(False).eval()
        self.clean_groups: Callable[[], Mapping[str, Tensor]] = dict
        """Observation groups without the noise and faults of sensors, which the teacher is spared; told by the
        environment."""
        self.trained = [p for p in student.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=learning_rate)

    # -- rollout -----------------------------------------------------------------------------------------------------

    def follow(self, progress: float) -> None:
        """See :class:`parkour.learning.runner.FollowsProgress`."""
        self.progress = progress

    def begin_iteration(self, iteration: int) -> None:
        """Called before each rollout.

        Raises:
            TrainingError: there is no teacher yet.
        """
        if not self.teacher_loaded:
            raise TrainingError("the student has no teacher", hint="parkour train --stage student --checkpoint TEACHER")
        self.encoder_only = iteration < self.encoder_iterations
        self.learning_rate = self.schedule.at(iteration, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate

    def act(self, obs: TensorDict) -> Tensor:
        """The student's actions ``[N, J]``; the teacher's, on its deployed inputs, are noted."""
        storage = self.storage
        obs = obs.clone(recurse=False)
        obs[YAW_VALID] = obs[YAW_VALID].maximum(self.goes_by_itself)
        if storage.step == 0:
            storage.memory = self.student.memory
        glimpse = self.student.look(obs)
        latents = self.teacher.scan_encoder(obs[SCAN]) if self.latent_coefficient > 0.0 else None
        storage.add(obs, self.teacher(self._without_noise(obs)), latents, glimpse)
        return self.student.act_blind(obs)

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

    # -- update ------------------------------------------------------------------------------------------------------

    def update(self) -> dict[str, float]:
        """Gradient steps on the stored rollout, one for each mini-batch of each epoch; mean losses, by name.

        The losses are those of the first epoch, before most of the steps: the later ones have seen the states before.
        """
        storage, losses = self.storage, []
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
                if epoch == 0:
                    losses.append(loss)
        self.num_updates += 1
        storage.clear()
        action, yaw, latent = torch.stack(losses).mean(dim=0).tolist()
        return {"action": action, "yaw": yaw} | ({"latent": latent} if self.latent_coefficient > 0.0 else {})

    def _mini_batches(self) -> Sequence[Tensor]:
        """``[n]`` int64 environments of each."""
        count, device = self.storage.num_envs, self.storage.dones.device
        if self.mini_batches == 1:
            return [torch.arange(count, device=device)]
        return torch.randperm(count, device=device).tensor_split(min(self.mini_batches, count))

    def _step(
        self, seen: GlimpseSequences | None, features: Tensor | None, env_ids: Tensor, chosen: Chosen | None
    ) -> Tensor:
        """One gradient step on the environments ``env_ids``; the losses ``[3]`` before it.

        Args:
            seen: the glimpses of all environments.
            features: of all images, where the present encoder's are known.
            env_ids: ``[n]`` int64.
            chosen: their glimpses among ``seen``.
        """
        # Zeros rather than none: the ranks average all gradients, whatever each of them saw.
        for parameter in self.trained:
            parameter.grad = torch.zeros_like(parameter)
        if seen is None or chosen is None or len(chosen[0]) == 0:
            losses = self._act_blind(env_ids)
        else:
            losses = self._see_and_act(seen, features, env_ids, chosen)
        if self.encoder_only:
            for parameter in self.student.actor.parameters():
                parameter.grad = None
        if self.is_multi_gpu:
            self.reduce_parameters()
        nn.utils.clip_grad_norm_(self.trained, self.max_grad_norm)  # type: ignore[arg-type]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return losses

    def _act_blind(self, env_ids: Tensor) -> Tensor:
        """The losses ``[3]`` of environments that saw nothing new, whose gradients are added up."""
        return self._actor_losses(self._start(env_ids).output.expand(self.storage.step, -1, -1), env_ids)[0]

    def _see_and_act(self, seen: GlimpseSequences, features: Tensor | None, env_ids: Tensor, chosen: Chosen) -> Tensor:
        """The losses ``[3]`` of the environments ``env_ids``, whose gradients are added up."""
        rows, *sequence = chosen
        at_once = len(rows) <= self.image_block
        if at_once:
            features = self._compress(seen.images[rows])
        else:
            features = (self._features(seen, rows) if features is None else features[rows]).requires_grad_()
        outputs = self._remember(seen, features, rows, sequence, env_ids)
        losses, outputs_grad = self._actor_losses(outputs.detach(), env_ids)
        outputs.backward(outputs_grad)
        if not at_once:
            self._pass_back(seen, rows, features)
        return losses

    def _compress(self, images: Tensor) -> Tensor:
        """What the present encoder makes of the images ``[M, H, W]``: ``[M, …]``, float32."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.half_images):
            features = self.student.encoder.compress(images)
        return features.float()

    def _features(self, seen: GlimpseSequences, rows: Tensor) -> Tensor:
        """``[r, …]`` what the present encoder makes of the images ``rows``."""
        with torch.no_grad():
            return torch.cat([self._compress(seen.images[block]) for block in rows.split(self.image_block)])

    def _start(self, env_ids: Tensor) -> Memory:
        """What was remembered before the first step."""
        memory = self.storage.memory or self.student.blank(self.storage.num_envs)
        return Memory(memory.state[env_ids].clone(), memory.output[env_ids].clone())

    def _remember(
        self, seen: GlimpseSequences, features: Tensor, rows: Tensor, sequence: Sequence[Tensor], env_ids: Tensor
    ) -> Tensor:
        """``[T, n, L + Y]`` the encoder's outputs at each step, from the features of the glimpses ``rows``."""
        places, begins = sequence
        take = lambda values: values.index_select(0, places.flatten()).unflatten(0, places.shape)  # noqa: E731
        start, felt = self._start(env_ids), take(seen.proprioception[rows])
        outputs = advance_all(self.student.encoder, take(features), felt, start.state, begins)
        # Before its first glimpse an environment goes by what it saw in the rollout before.
        outputs = torch.cat((start.output.unsqueeze(0), outputs))
        held = seen.held[:, env_ids].unsqueeze(-1)
        return outputs.gather(0, held.expand(-1, -1, outputs.shape[-1]))

    def _actor_losses(self, outputs: Tensor, env_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Mean action, yaw and latent loss ``[3]``, and the gradient of their sum by ``outputs``; the actor's is added
        up."""
        storage, student = self.storage, self.student
        take = lambda values: values[: storage.step, env_ids].flatten(0, 1)  # noqa: E731
        rows = outputs.flatten(0, 1)
        groups = [take(storage.groups[name]) for name in (PROPRIOCEPTION, HISTORY, YAW_VALID)]
        wanted = take(storage.teacher_actions)
        latents = None if storage.teacher_latents is None else take(storage.teacher_latents)
        grad, total = torch.empty_like(rows), torch.zeros(3, device=rows.device)
        for first in range(0, len(rows), ACTOR_BLOCK):
            part = slice(first, first + ACTOR_BLOCK)
            output = rows[part].requires_grad_()
            proprioception, history, valid = (values[part] for values in groups)
            actions = student.act(output, proprioception, history, valid)
            latent, yaws = student.split(output)
            action = (wanted[part] - actions).norm(dim=-1).sum() / len(rows)
            yaw = (student.yaws(proprioception) - yaws).norm(dim=-1).sum() / len(rows)
            gap = torch.zeros_like(yaw) if latents is None else (latents[part] - latent).norm(dim=-1).sum() / len(rows)
            (action + yaw + self.latent_coefficient * gap).backward()
            assert output.grad is not None
            grad[part] = output.grad
            total += torch.stack((action, yaw, gap)).detach()
        return total, grad.view_as(outputs)

    def _pass_back(self, seen: GlimpseSequences, rows: Tensor, features: Tensor) -> None:
        """Carry the gradients of the features on into the part of the encoder that sees images."""
        assert features.grad is not None
        for block, grad in zip(rows.split(self.image_block), features.grad.split(self.image_block), strict=True):
            compressed = self._compress(seen.images[block])
            if compressed.requires_grad:
                compressed.backward(grad)

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
        for tensor in (*self.student.state_dict().values(), *self.teacher.state_dict().values()):
            torch.distributed.broadcast(tensor, src=0)

    def save(self) -> dict[str, Any]:
        return {
            "student_state_dict": self.student.state_dict(),
            "teacher_state_dict": self.teacher.state_dict(),
            "optimizer_state_dicts": {"student": self.optimizer.state_dict()},
        }

    def load(self, loaded_dict: dict, load_cfg: dict | None = None, strict: bool = True) -> bool:
        self.student.load_state_dict(loaded_dict["student_state_dict"], strict=strict)
        self.teacher.load_state_dict(loaded_dict["teacher_state_dict"], strict=strict)
        self.teacher_loaded = True
        if load_cfg is None or load_cfg.get("optimizer"):
            self.optimizer.load_state_dict(loaded_dict["optimizer_state_dicts"]["student"])
        return True

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: VecEnv, cfg: dict, device: str) -> RmaDistillation:
        """Make student, teacher, storage and algorithm; rsl-rl's own would store every image at every step."""
        make, make_student, make_teacher = (
            resolve_callable(cfg[key].pop("class_name")) for key in ("algorithm", "student", "teacher")
        )
        groups = cfg["obs_groups"] = resolve_obs_groups(obs, cfg["obs_groups"], ["student", "teacher"])
        student: StudentModel = make_student(obs, groups, "student", env.num_actions, **cfg["student"]).to(device)
        teacher: RmaActor = make_teacher(obs, groups, "teacher", env.num_actions, **cfg["teacher"]).to(device)
        student.attach(env)
        storage = DistillationStorage(cfg["num_steps_per_env"], obs, env.num_actions, device)
        algorithm = make(student, teacher, storage, device=device, **cfg["algorithm"], multi_gpu_cfg=cfg["multi_gpu"])
        if isinstance(env, TaskEnv):
            algorithm.clean_groups = lambda: env.mdp.observations.clean
        return algorithm
