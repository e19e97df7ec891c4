"""Learning as graphs: the same networks, losses and learning rates as without. On a GPU with CUDA graphs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from parkour.cuda_graphs import StepGraphs
from parkour.learning.runner import TrainingRunner
from parkour_policies import encoders
from parkour_policies.rma_actor import EncoderChoice
from parkour_policies.rma_ppo import RmaPPO
from parkour_policies.rma_teacher import rma_teacher
from tests.cuda_graphs.recorded_graph import RecordedGraph
from tests.learning.fakes import FakeEnv, fake_task

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda:0" if ON_GPU else "cpu"
TOLERANCE = {"rtol": 1e-2, "atol": 1e-3} if ON_GPU else {"rtol": 1e-3, "atol": 1e-5}
SETTINGS = (
    # The coefficient rises from iteration 2 on, every fourth iteration is a DAgger iteration.
    "algorithm.params.dagger_interval=4",
    "algorithm.params.latent_regularisation_iterations=[2, 6]",
    "algorithm.params.latent_regularisation=[0.0, 1.0]",
    "algorithm.params.mini_batches=3",
)


def make_runner(graphs: bool, *, encoder: Any = None) -> TrainingRunner:
    torch.manual_seed(0)
    cfg: dict[str, Any] = {**rma_teacher(fake_task(*SETTINGS)).train_cfg, "num_steps_per_env": 4, "save_interval": 1}
    if encoder is not None:
        cfg["actor"]["scan_encoder"] = EncoderChoice("other", encoder, 32, {})
    runner = TrainingRunner(FakeEnv(12, device=DEVICE), cfg, None, DEVICE)
    alg = algorithm(runner)
    for name in ("acting", "learning"):
        if not graphs:
            getattr(alg, name).disable("not wanted")
        elif not ON_GPU:
            setattr(alg, name, StepGraphs((alg.actor, alg.critic), new_graph=RecordedGraph, what=name))
    return runner


def algorithm(runner: TrainingRunner) -> RmaPPO:
    assert isinstance(runner.alg, RmaPPO)
    return runner.alg


class Recorder:
    """The scalars of all iterations."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_iteration(self, iteration: Any) -> None:
        self.rows.append({k: v for k, v in iteration.scalars.items() if not k.startswith("Perf/")})

    def close(self) -> None: ...


def train(runner: TrainingRunner, iterations: int) -> list[dict[str, float]]:
    torch.manual_seed(1)
    recorder = Recorder()
    runner.learn(iterations, listeners=[recorder])
    return recorder.rows


def assert_alike(one: TrainingRunner, other: TrainingRunner) -> None:
    mine, theirs = one.alg.save(), other.alg.save()
    for key, value in mine.items():
        if key != "optimizer_state_dicts":
            for name, tensor in value.items():
                assert_close(tensor, theirs[key][name])
    for name, optimizer in algorithm(one).optimizers().items():
        wanted = algorithm(other).optimizers()[name].state_dict()["state"]
        state = optimizer.state_dict()["state"]
        assert state.keys() == wanted.keys()
        for index, moments in state.items():
            for moment, tensor in moments.items():
                assert_close(tensor, wanted[index][moment])


def assert_close(one: Tensor, other: Tensor) -> None:
    if not ON_GPU or one.numel() == 1:
        torch.testing.assert_close(one, other, **TOLERANCE)
        return
    # Adam takes whole steps along gradients that are nearly 0, of which a GPU's rounding decides the sign: here and
    # there an element differs by some steps.
    assert (one - other).norm() <= TOLERANCE["rtol"] * other.norm() + TOLERANCE["atol"]


def test_training_is_that_without_graphs() -> None:
    plain, graphed = make_runner(False), make_runner(True)
    expected, got = train(plain, 9), train(graphed, 9)
    alg = algorithm(graphed)
    assert alg.acting.failure is None and alg.learning.failure is None
    assert all(alg.acting.captured(("act", source)) for source in ("privileged", "history"))
    assert all(alg.learning.captured(key) for key in (("policy", False), ("policy", True), ("history", None)))
    for mine, theirs in zip(got, expected, strict=True):
        assert mine == pytest.approx(theirs, rel=TOLERANCE["rtol"], abs=TOLERANCE["atol"])
    assert_alike(plain, graphed)


def test_processes_average_between_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with the same samples do what one does."""
    plain, graphed = make_runner(False), make_runner(True)
    alg = algorithm(graphed)
    alg.gpu_world_size = 2
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda flat, op: flat.mul_(2.0))
    train(plain, 6)
    train(graphed, 6)
    assert all(alg.learning.captured(key) for key in (("policy", True, "gradients"), ("policy", "step")))
    assert_alike(plain, graphed)


def test_going_on_from_a_checkpoint_records_anew() -> None:
    plain, graphed = make_runner(False), make_runner(True)
    for runner in (plain, graphed):
        train(runner, 3)
        saved = {name: _copy(part) for name, part in runner.alg.save().items()}
        train(runner, 1)
        algorithm(runner).load(saved)
        train(runner, 3)
    assert algorithm(graphed).learning.captured(("policy", True))
    assert_alike(plain, graphed)


class Asking(nn.Module):
    """An encoder that asks the device something, as nothing in a graph can."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, values: Tensor) -> Tensor:
        return self.inner(values) * (1.0 if float(values.sum()) < 1e9 else 0.5)


def asking(input_shape: Any, latent_dim: int) -> nn.Module:
    return Asking(encoders.scan_mlp(input_shape, latent_dim))


def test_encoder_that_waits_trains_without_graphs_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    plain, graphed = (make_runner(graphs, encoder=asking) for graphs in (False, True))
    train(plain, 3)
    train(graphed, 3)
    alg = algorithm(graphed)
    assert "forces a host sync" in (alg.acting.failure or "") and "forces a host sync" in (alg.learning.failure or "")
    assert len([line for line in capsys.readouterr().err.splitlines() if line.startswith("[INFO]")]) == 2
    assert_alike(plain, graphed)


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("graphs", [False, True])
def test_half_precision_of_the_layers_trains_alike(graphs: bool) -> None:
    """Losses and first steps are within the precision of bfloat16; weights, values and actions are float32."""
    exact, half = make_runner(graphs), make_runner(graphs)
    algorithm(half).half_networks = True
    expected, got = train(exact, 6), train(half, 6)
    alg = algorithm(half)
    assert alg.learning.captured(("policy", True)) is graphs
    assert got != expected
    for mine, theirs in zip(got[:2], expected[:2], strict=True):
        for name in ("Loss/value", "Loss/estimator", "Policy/mean_std"):
            assert mine[name] == pytest.approx(theirs[name], rel=0.05)
    assert all(p.dtype == torch.float32 for p in (*alg.actor.parameters(), *alg.critic.parameters()))
    assert {now.dtype for now in (alg.storage.actions, alg.storage.values, alg.storage.actions_log_prob)} == {
        torch.float32
    }


def test_the_policy_has_not_moved_before_the_first_step() -> None:
    """Acting and gradient steps round alike, so that probabilities are those under which actions were drawn."""
    runner = make_runner(False)
    alg = algorithm(runner)
    alg.half_networks = True
    seen: list[Tensor] = []
    take = alg._policy_gradients
    alg._policy = dataclasses.replace(alg._policy, backward=lambda batch: seen.append(take(batch)) or seen[-1])
    train(runner, 1)
    assert seen[0].abs() < 1e-6 < seen[-1]


def test_precision_of_the_task_counts_on_a_gpu_alone() -> None:
    task = fake_task(*SETTINGS, "algorithm.params.precision=bfloat16")
    cfg: dict[str, Any] = {**rma_teacher(task).train_cfg, "num_steps_per_env": 4, "save_interval": 1}
    runner = TrainingRunner(FakeEnv(12, device=DEVICE), cfg, None, DEVICE)
    assert algorithm(runner).half_networks is ON_GPU
    assert not algorithm(make_runner(False)).half_networks
