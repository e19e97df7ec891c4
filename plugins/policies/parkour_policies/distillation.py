"""Distillation of the teacher into the student: DAgger, with the student driving.

A rollout is collected without gradients. The update goes through it once more, in parts, so that memory stays bounded
whatever the number of environments: the recurrent part over the whole rollout (truncated back-propagation through time:
what was remembered at its start is a constant), the actor in blocks of control steps, the images in blocks. Each part
takes the gradient of the one after it, which is the gradient of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from rsl_rl.algorithms import Distillation
from rsl_rl.env import VecEnv
from rsl_rl.utils import resolve_callable, resolve_obs_groups
from tensordict import TensorDict
from torch import Tensor, nn

from parkour.errors import TrainingError
from parkour_policies.rma_actor import HISTORY, PROPRIOCEPTION, RmaActor
from parkour_policies.student_model import YAW_VALID, Glimpse, Memory, StudentModel

ACTOR_BLOCK = 1 << 16
"""Rows (environments x control steps) that go through the actor at a time."""


class DistillationStorage:
    """One rollout: what the actor reads at each step, what the teacher would do, and what the encoder was given."""

    def __init__(self, steps: int, obs: TensorDict, num_actions: int, device: str) -> None:
        num_envs = len(obs[PROPRIOCEPTION])
        make = lambda *shape: torch.zeros(steps, num_envs, *shape, device=device)  # noqa: E731
        self.num_envs, self.num_transitions_per_env, self.step = num_envs, steps, 0
        self.groups = {name: make(*obs[name].shape[1:]) for name in (PROPRIOCEPTION, HISTORY, YAW_VALID)}
        self.teacher_actions = make(num_actions)
        self.dones = make().bool()
        self.glimpses: list[Glimpse | None] = []
        self.memory: Memory | None = None
        """What was remembered before the first step."""

    def add(self, obs: TensorDict, teacher_actions: Tensor, glimpse: Glimpse | None) -> None:
        """What happened before the environment steps."""
        for name, values in self.groups.items():
            values[self.step] = obs[name]
        self.teacher_actions[self.step] = teacher_actions
        self.glimpses.append(None if glimpse is None else _own(glimpse))

    def add_dones(self, dones: Tensor) -> None:
        """``[N]``: whose episode ended in the step."""
        self.dones[self.step] = dones.view(-1) > 0
        self.step += 1

    def clear(self) -> None:
        """Forget the rollout."""
        self.glimpses.clear()
        self.memory, self.step = None, 0


class RmaDistillation(Distillation):
    """DAgger of a frozen :class:`RmaActor` into a :class:`StudentModel`, on the interface of rsl-rl's algorithms."""

    student: StudentModel  # pyright: ignore[reportIncompatibleVariableOverride] - never assigned another model
    teacher: RmaActor  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, student: StudentModel, teacher: RmaActor, storage: DistillationStorage, *, learning_rate: float = 1e-3,
        max_grad_norm: float = 1.0, epochs: int = 1, learning_rate_half_life: int | None = None,
        image_block: int = 1024, device: str = "cpu", multi_gpu_cfg: dict | None = None, **unused: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            student, teacher, storage, learning_rate=learning_rate, max_grad_norm=max_grad_norm, device=device,  # type: ignore[arg-type]
            multi_gpu_cfg=multi_gpu_cfg,
        )  # fmt: skip
        self.storage: DistillationStorage = storage  # pyright: ignore[reportIncompatibleVariableOverride]
        self.image_block, self.epochs, self.half_life = image_block, epochs, learning_rate_half_life
        self.first_learning_rate = learning_rate
        self.teacher.requires_grad_(False).eval()
        self.trained = [p for p in student.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=learning_rate)

    # -- rollout -----------------------------------------------------------------------------------------------------

    def begin_iteration(self, iteration: int) -> None:
        """Called before each rollout.

        Raises:
            TrainingError: there is no teacher yet.
        """
        if not self.teacher_loaded:
            raise TrainingError("the student has no teacher", hint="parkour train --stage student --checkpoint TEACHER")
        if self.half_life is not None:
            self.learning_rate = self.first_learning_rate * 0.5 ** (iteration / self.half_life)
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate

    def act(self, obs: TensorDict) -> Tensor:
        """The student's actions ``[N, J]``; the teacher's, on its deployed inputs, are noted."""
        storage = self.storage
        if storage.step == 0:
            storage.memory = self.student.memory
        glimpse = self.student.look(obs)
        storage.add(obs, self.teacher(obs), glimpse)
        return self.student.act_blind(obs)

    def process_env_step(self, obs: TensorDict, rewards: Tensor, dones: Tensor, extras: dict[str, Any]) -> None:
        self.storage.add_dones(dones)
        self.student.reset(dones)

    # -- update ------------------------------------------------------------------------------------------------------

    def update(self) -> dict[str, float]:
        """As many gradient steps on the stored rollout as there are epochs; mean losses of the first, by name.

        The first epoch's losses are those of the policy that drove; the later ones have seen the same states before.
        """
        storage = self.storage
        storage.glimpses = [None if glimpse is None else _differentiable(glimpse) for glimpse in storage.glimpses]
        glimpses = [glimpse for glimpse in storage.glimpses if glimpse is not None]
        losses = self._epoch(glimpses, [glimpse.features for glimpse in glimpses])
        for _ in range(1, self.epochs):
            self._epoch(glimpses, self._features(glimpses))
        self.num_updates += 1
        storage.clear()
        action, yaw = losses.tolist()
        return {"action": action, "yaw": yaw}

    def _epoch(self, glimpses: Sequence[Glimpse], features: Sequence[Tensor]) -> Tensor:
        """One gradient step; the losses ``[2]`` before it. ``features`` are the present encoder's."""
        # Zeros rather than none: the ranks average all gradients, whatever each of them saw.
        for parameter in self.trained:
            parameter.grad = torch.zeros_like(parameter)
        features = [feature.requires_grad_() for feature in features]
        outputs = self._remember(features)
        losses, outputs_grad = self._actor_losses(outputs.detach())
        outputs.backward(outputs_grad)
        self._compress(glimpses, features)
        if self.is_multi_gpu:
            self.reduce_parameters()
        nn.utils.clip_grad_norm_(self.trained, self.max_grad_norm)  # type: ignore[arg-type]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return losses

    def _features(self, glimpses: Sequence[Glimpse]) -> list[Tensor]:
        """What the present encoder makes of each glimpse's images."""
        if not glimpses:
            return []
        compress, sizes = self.student.encoder.compress, [len(glimpse.images) for glimpse in glimpses]
        with torch.no_grad():
            blocks = [
                compress(images) for images, _ in _blocks([(g.images, g.features) for g in glimpses], self.image_block)
            ]
        # Clones: the parts of a split may not require gradients for themselves.
        return [part.clone() for part in torch.cat(blocks).split(sizes)]

    def _remember(self, features: Sequence[Tensor]) -> Tensor:
        """``[T, N, L + Y]`` the encoder's outputs at each step, from the features of each glimpse."""
        storage, student = self.storage, self.student
        seen = storage.memory
        memory = student.blank(storage.num_envs) if seen is None else Memory(seen.state.clone(), seen.output.clone())
        left, outputs = iter(features), []
        for glimpse, dones in zip(storage.glimpses, storage.dones[: storage.step], strict=True):
            if glimpse is not None:
                memory = student.remember(memory, glimpse, next(left))
            outputs.append(memory.output)
            memory = student.forget(memory, dones)
        return torch.stack(outputs)

    def _actor_losses(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean action and yaw loss ``[2]``, and the gradient of their sum by ``outputs``; the actor's is added up."""
        storage, student = self.storage, self.student
        rows = outputs.flatten(0, 1)
        groups = [storage.groups[name][: storage.step].flatten(0, 1) for name in (PROPRIOCEPTION, HISTORY, YAW_VALID)]
        wanted = storage.teacher_actions[: storage.step].flatten(0, 1)
        grad, total = torch.empty_like(rows), torch.zeros(2, device=rows.device)
        for first in range(0, len(rows), ACTOR_BLOCK):
            part = slice(first, first + ACTOR_BLOCK)
            output = rows[part].requires_grad_()
            proprioception, history, valid = (values[part] for values in groups)
            actions = student.act(output, proprioception, history, valid)
            action = (wanted[part] - actions).norm(dim=-1).sum() / len(rows)
            yaw = (student.yaws(proprioception) - student.split(output)[1]).norm(dim=-1).sum() / len(rows)
            (action + yaw).backward()
            assert output.grad is not None
            grad[part] = output.grad
            total += torch.stack((action, yaw)).detach()
        return total, grad.view_as(outputs)

    def _compress(self, glimpses: Sequence[Glimpse], features: Sequence[Tensor]) -> None:
        """Carry the gradients of the features on into the part of the encoder that sees images."""
        found = [(g.images, f.grad) for g, f in zip(glimpses, features, strict=True) if f.grad is not None]
        if not found:
            return
        for images, grad in _blocks(found, self.image_block):
            compressed = self.student.encoder.compress(images)
            if compressed.requires_grad:
                compressed.backward(grad)

    # -- weights -----------------------------------------------------------------------------------------------------

    def load_teacher(self, weights: dict[str, Tensor]) -> None:
        """Take up a teacher, and begin the student's actor as a copy of it. The weights have been checked."""
        self.teacher.load_state_dict(weights)
        self.student.actor.copy_teacher(weights)
        self.teacher_loaded = True

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
        return make(student, teacher, storage, device=device, **cfg["algorithm"], multi_gpu_cfg=cfg["multi_gpu"])


def _own(glimpse: Glimpse) -> Glimpse:
    """A copy that no environment writes to; a choice of rows is one already."""
    if glimpse.env_ids is not None:
        return glimpse
    return replace(glimpse, images=glimpse.images.clone())


def _differentiable(glimpse: Glimpse) -> Glimpse:
    """A copy that gradients may flow past, of what was seen in inference mode; images are copied block by block."""
    clone = lambda values: None if values is None else values.clone()  # noqa: E731
    return replace(
        glimpse,
        env_ids=clone(glimpse.env_ids),
        mask=clone(glimpse.mask),
        proprioception=glimpse.proprioception.clone(),
        features=glimpse.features.clone(),
    )


def _blocks(pairs: Iterable[tuple[Tensor, Tensor]], size: int) -> Iterable[tuple[Tensor, Tensor]]:
    """Images with their gradients in blocks of about ``size`` rows: small pairs are joined, large ones split."""
    waiting: list[tuple[Tensor, Tensor]] = []
    for images, grads in pairs:
        for part in zip(images.split(size), grads.split(size), strict=True):
            if waiting and sum(len(images) for images, _ in waiting) + len(part[0]) > size:
                yield _joined(waiting)
                waiting = []
            waiting.append(part)
    yield _joined(waiting)


def _joined(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([images for images, _ in pairs]), torch.cat([grads for _, grads in pairs])
