"""The gradient of a loss on a student's actions in a rollout, in bounded memory.

It goes through three parts: the actor, in blocks of control steps; the recurrent part, over all glimpses of the rollout
(truncated back-propagation through time: what was remembered at its start is a constant); the images, in blocks. Each
part takes the gradient of the one after it, which is the gradient of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from parkour_policies.depth_sequences import advance_all
from parkour_policies.distillation_storage import DistillationStorage
from parkour_policies.glimpses import Chosen, GlimpseSequences
from parkour_policies.precision import half_layers
from parkour_policies.student_model import Memory, StudentModel

ACTOR_BLOCK = 1 << 16
"""Rows (environments x control steps) that go through the actor at a time."""


class RowsLoss(Protocol):
    """What is to become smaller."""

    def __call__(self, output: Tensor, rows: dict[str, Tensor], total: int) -> tuple[Tensor, Tensor]:
        """Of ``B`` rows, out of ``total``.

        Args:
            output: ``[B, L + Y]`` of the encoder, as held at each row.
            rows: ``[B, …]`` what the storage has of them, by name.
            total: rows of the mini-batch: what a mean divides by.

        Returns:
            This block's share of the loss, a scalar; and of the numbers that are reported, ``[K]``.
        """
        ...


@dataclass
class StudentGradients:
    """Adds up the gradients of encoder and actor."""

    student: StudentModel
    storage: DistillationStorage
    image_block: int
    """Images that go through the encoder at a time."""
    half_images: bool = False
    """Whether they go through it in bfloat16."""

    def add(
        self, seen: GlimpseSequences | None, features: Tensor | None, env_ids: Tensor, chosen: Chosen | None,
        loss: RowsLoss,
    ) -> Tensor:  # fmt: skip
        """Gradients of ``loss`` over the environments ``env_ids``; the sum of what it reports ``[K]``.

        Args:
            seen: the glimpses of all environments; None of none.
            features: of all images, where the present encoder's are known.
            env_ids: ``[n]`` int64.
            chosen: their glimpses among ``seen``.
            loss: of rows.
        """
        if seen is None or chosen is None or len(chosen[0]) == 0:
            return self._act(self._start(env_ids).output.expand(self.storage.step, -1, -1), env_ids, loss)[0]
        rows, *sequence = chosen
        at_once = len(rows) <= self.image_block
        if at_once:
            features = self._compress(seen.images[rows])
        else:
            features = (self._features(seen, rows) if features is None else features[rows]).requires_grad_()
        outputs = self._remember(seen, features, rows, sequence, env_ids)
        reported, outputs_grad = self._act(outputs.detach(), env_ids, loss)
        outputs.backward(outputs_grad)
        if not at_once:
            self._pass_back(seen, rows, features)
        return reported

    def _compress(self, images: Tensor) -> Tensor:
        """What the present encoder makes of the images ``[M, H, W]``: ``[M, …]``, float32."""
        with half_layers(images.device, self.half_images):
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

    def _act(self, outputs: Tensor, env_ids: Tensor, loss: RowsLoss) -> tuple[Tensor, Tensor]:
        """What ``loss`` reports ``[K]``, and its gradient by ``outputs``; the actor's is added up."""
        held, stored = outputs.flatten(0, 1), self.storage.rows(env_ids)
        grad, reported = torch.empty_like(held), []
        for first in range(0, len(held), ACTOR_BLOCK):
            part = slice(first, first + ACTOR_BLOCK)
            output = held[part].requires_grad_()
            share, numbers = loss(output, {name: values[part] for name, values in stored.items()}, len(held))
            share.backward()
            assert output.grad is not None
            grad[part] = output.grad
            reported.append(numbers.detach())
        return torch.stack(reported).sum(dim=0), grad.view_as(outputs)

    def _pass_back(self, seen: GlimpseSequences, rows: Tensor, features: Tensor) -> None:
        """Carry the gradients of the features on into the part of the encoder that sees images."""
        assert features.grad is not None
        for block, grad in zip(rows.split(self.image_block), features.grad.split(self.image_block), strict=True):
            compressed = self._compress(seen.images[block])
            if compressed.requires_grad:
                compressed.backward(grad)
