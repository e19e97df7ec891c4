"""Checks of export targets, on a small policy and on one with a state."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from parkour.exporters.graphs import DeployedGraph
from parkour.exporters.manifest import Port
from parkour.exporters.targets import Approximates, ExportJob, ExportTarget, RunsFiles, made_of, outputs_of
from parkour.testing.subject import NotChecked, Subject, expect

OBSERVATION, JOINTS, STATE = 30, 12, 8
BATCHES = (1, 64)
TOLERANCE = 1e-4
"""Between torch and the file, where a target says no other."""
METADATA: Mapping[str, str] = {"task": "example", "iteration": "7"}


class _Acting(nn.Module):
    """Without a state: some layers, and a choice of columns, as policies have it."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(OBSERVATION - 4, 16), nn.ELU(), nn.Linear(16, JOINTS))

    def forward(self, obs: Tensor) -> Tensor:
        return self.mlp(torch.cat((obs[:, :10], obs[:, 14:]), dim=-1))


class _Remembering(nn.Module):
    """With a state that goes in and comes out, and an image."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 3 * 4, STATE))
        self.cell = nn.GRUCell(STATE, STATE)
        self.head = nn.Linear(STATE, JOINTS)

    def forward(self, depth: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        after = self.cell(self.look(depth.unsqueeze(1)), state)
        return self.head(after), after


def example_jobs(folder: Path, suffix: str, batch: int | None = None) -> list[ExportJob]:
    """Graphs to be written into ``folder``: one without a state, and one with a state and an image."""
    torch.manual_seed(0)
    acting = DeployedGraph(
        name="acting",
        module=_Acting().eval(),
        inputs=(Port(name="obs", shape=(OBSERVATION,), source="observation"),),
        outputs=(Port(name="actions", shape=(JOINTS,)),),
    )
    remembering = DeployedGraph(
        name="remembering",
        module=_Remembering().eval(),
        inputs=(
            Port(name="depth", shape=(7, 9), source="group:depth"),
            Port(name="state", shape=(STATE,), source="state:next_state"),
        ),
        outputs=(Port(name="actions", shape=(JOINTS,)), Port(name="next_state", shape=(STATE,))),
    )
    return [
        ExportJob(graph, graph.module, folder / f"{graph.name}{suffix}", batch, {**METADATA, "graph": graph.name})
        for graph in (acting, remembering)
    ]


def _target(subject: Subject) -> ExportTarget:
    return made_of(subject.registered, {})


def writes_a_file_for_each_graph(subject: Subject) -> str:
    """It writes a file for each graph, whether the batch is open or not."""
    target = _target(subject)
    sizes = []
    for batch in (None, 3):
        with tempfile.TemporaryDirectory() as folder:
            for job in example_jobs(Path(folder), target.suffix, batch):
                target.write(job)
                size = job.path.stat().st_size if job.path.is_file() else 0
                expect(size > 0, f"it wrote no {job.path.name}")
                sizes.append(size)
    return f"two graphs, {min(sizes)} to {max(sizes)} bytes"


def acts_as_torch(subject: Subject) -> str:
    """Its files give what torch gives."""
    target = _target(subject)
    if not isinstance(target, RunsFiles):
        raise NotChecked("it has no load(path): its files are not run here")
    tolerance = target.tolerance if isinstance(target, Approximates) else TOLERANCE
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for job in example_jobs(Path(folder), target.suffix):
            target.write(job)
            run = target.load(job.path)
            for batch in BATCHES:
                draw = np.random.default_rng(batch)
                shapes = [(batch, *port.shape) for port in job.graph.inputs]
                values = [draw.standard_normal(shape).astype(np.float32) for shape in shapes]
                wanted, got = outputs_of(job.module, values), run(values)
                expect(len(got) == len(wanted), f"{job.graph.name}: {len(got)} outputs, expected {len(wanted)}")
                for port, ours, theirs in zip(job.graph.outputs, wanted, got, strict=True):
                    shape = tuple(np.shape(theirs))
                    expect(shape == ours.shape, f"{port.name} has shape {shape}, expected {ours.shape}")
                    error = float(np.abs(ours - theirs).max()) / max(1.0, float(np.abs(ours).max()))
                    worst = max(worst, error if np.isfinite(error) else float("inf"))
    expect(worst <= tolerance, f"its files differ from torch by {worst:.3g}, expected at most {tolerance:g}")
    return f"greatest difference {worst:.1e} in batches of {' and '.join(map(str, BATCHES))}"


CHECKS = (writes_a_file_for_each_graph, acts_as_torch)
