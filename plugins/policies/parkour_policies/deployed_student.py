"""What is deployed of a student: a graph that looks, at the camera's rate, and one that acts, at the control's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from parkour.errors import ExportError
from parkour.exporters.graphs import DeployedGraph
from parkour.exporters.manifest import Port
from parkour_policies.commanded_heading import heading_is_commanded
from parkour_policies.depth_encoders import SplitDepthEncoder
from parkour_policies.depth_pixels import DEPTH_LIMITS, legible
from parkour_policies.rma_actor import HISTORY, PROPRIOCEPTION

if TYPE_CHECKING:
    from parkour_policies.student_model import StudentModel


class Looking(nn.Module):
    """Image, proprioception (whose yaws are ignored) and state to scan latent, yaws and next state."""

    kept: Tensor

    def __init__(self, student: StudentModel) -> None:
        super().__init__()
        self.depth_encoder = copy.deepcopy(student.depth_encoder)
        kept = torch.ones(student.actor.history_shape[1])
        kept[student.yaw_columns.cpu()] = 0.0
        self.register_buffer("kept", kept)
        self.scan_latent, self.yaw_scale = student.scan_latent, student.yaw_scale

    def forward(self, depth: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        encoder = cast("SplitDepthEncoder", self.depth_encoder)
        features = encoder.compress(legible(depth))
        output, after = encoder.advance(features, proprioception * self.kept, state)
        return output[:, : self.scan_latent], output[:, self.scan_latent :] * self.yaw_scale, after


class Acting(nn.Module):
    """Proprioception (yaws replaced unless commanded externally), yaws, scan latent and history to actions."""

    picked: Tensor
    yaw_columns: Tensor
    steered_columns: Tensor

    def __init__(self, student: StudentModel) -> None:
        super().__init__()
        self.actor = copy.deepcopy(student.actor)
        columns, width = student.yaw_columns.tolist(), student.actor.history_shape[1]
        # A choice of columns of [proprioception | yaws], which every format of graphs knows.
        picked = [width + columns.index(i) if i in columns else i for i in range(width)]
        self.register_buffer("picked", torch.tensor(picked))
        self.register_buffer("yaw_columns", student.yaw_columns.cpu())
        self.register_buffer("steered_columns", student.steered_columns.cpu())
        # ONNX takes "any of none" for true, so that the graph must not ask.
        self.can_be_steered = len(student.steered_columns) > 0

    def forward(
        self, proprioception: Tensor, yaw: Tensor, scan_latent: Tensor, history: Tensor, *further: Tensor
    ) -> Tensor:
        if self.can_be_steered:
            given = heading_is_commanded(proprioception, self.steered_columns)
            yaw = torch.where(given, proprioception.index_select(-1, self.yaw_columns), yaw)
        both = torch.cat((proprioception, yaw), dim=-1)
        more = torch.cat(further, dim=-1) if further else None
        return self.actor(both.index_select(-1, self.picked), scan_latent, history, more)


def student_graphs(student: StudentModel) -> tuple[DeployedGraph, DeployedGraph]:
    """The two graphs, in the order in which they run.

    Raises:
        ExportError: an episode does not begin with a state of zeros.
    """
    state = student.encoder.initial_state(1)[0]
    if state.any():
        raise ExportError("the depth encoder begins with a state that is not zero, which deploy.toml cannot say")
    width = student.actor.history_shape[1]
    proprioception = Port(name=PROPRIOCEPTION, shape=(width,), source=f"group:{PROPRIOCEPTION}")
    latent, yaw = (student.scan_latent,), (len(student.yaw_columns),)
    looking = DeployedGraph(
        name="depth_encoder",
        module=Looking(student).eval(),
        inputs=(
            Port(name="depth", shape=student.image_shape, source="group:depth", limits=DEPTH_LIMITS),
            proprioception,
            Port(name="state", shape=tuple(state.shape), source="state:next_state"),
        ),
        outputs=(
            Port(name="scan_latent", shape=latent),
            Port(name="yaw", shape=yaw),
            Port(name="next_state", shape=tuple(state.shape)),
        ),
        perception=True,
    )
    acting = DeployedGraph(
        name="depth_actor",
        module=Acting(student).eval(),
        inputs=(
            proprioception,
            Port(name="yaw", shape=yaw, source="graph:depth_encoder.yaw"),
            Port(name="scan_latent", shape=latent, source="graph:depth_encoder.scan_latent"),
            Port(name="history", shape=(student.actor.history_shape[0] * width,), source=f"group:{HISTORY}"),
            *(
                Port(name=name, shape=(size,), source=f"group:{name}")
                for name, size in zip(student.further, student.further_sizes, strict=True)
            ),
        ),
        outputs=(Port(name="actions", shape=(student.num_actions,)),),
    )
    return looking, acting
