"""Functions as graphs: the same numbers as without, and no graph where none can be. On a GPU with CUDA graphs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from parkour.cuda_graphs import StepGraphs, graphs_on
from tests.cuda_graphs.recorded_graph import RecordedGraph

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"


def make_graphs(owner: object, **options: Any) -> StepGraphs:
    if ON_GPU:
        return graphs_on(DEVICE, owner, "tests", **options)
    return StepGraphs(owner, new_graph=RecordedGraph, what="tests", **options)


class Owner:
    """Keeps state in all the ways that terms do."""

    def __init__(self) -> None:
        self.replaced = self.old = torch.zeros(3, device=DEVICE)
        self.in_place = torch.zeros(3, device=DEVICE)
        self.nested = {"deep": [torch.zeros(3, device=DEVICE)]}
        self.count = 0

    def step(self, x: Tensor) -> Tensor:
        self.old, self.replaced = self.replaced, self.replaced + x
        self.in_place += 2 * x
        self.nested["deep"][0] = self.nested["deep"][0] - x
        return self.old + self.in_place + self.nested["deep"][0]


def test_state_of_all_kinds_is_kept_between_replays() -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)
    for step in range(10):
        x = torch.randn(3, device=DEVICE)
        torch.testing.assert_close(graphs("step", graphed.step, x), plain.step(x))
        torch.testing.assert_close(graphed.old, plain.old)
        if step == 7:  # Somebody else puts another tensor there, as a checkpoint that is loaded does.
            plain.replaced, graphed.replaced = torch.ones(3, device=DEVICE), torch.ones(3, device=DEVICE)
    assert graphs.captured("step") and graphs.failure is None


def test_replays_count_as_calls_do_whoever_runs_in_between() -> None:
    owner = Owner()
    graphs = make_graphs(owner, numbers=("count",))

    def count(x: Tensor) -> Tensor:
        owner.count += 2
        return x + 1

    for step in range(12):
        # Somebody may run the part as it is, when graphs exist already.
        (count if step == 9 else lambda x: graphs("count", count, x))(torch.ones(3, device=DEVICE))
        assert owner.count == 2 * (step + 1)
    assert graphs.captured("count")


def test_results_are_the_callers() -> None:
    owner = Owner()
    graphs = make_graphs(owner)
    results = [graphs("step", owner.step, torch.ones(3, device=DEVICE)) for _ in range(8)]
    assert len({float(result[0]) for result in results}) == 8


def test_memory_that_turns_up_late_is_seen_by_graphs_recorded_before() -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)

    def late(owner: Owner) -> Tensor:
        owner.in_place = owner.in_place * 0.5
        return owner.in_place

    for step in range(20):
        x = torch.randn(3, device=DEVICE)
        torch.testing.assert_close(graphs("step", graphed.step, x), plain.step(x))
        if step > 6:
            torch.testing.assert_close(graphs("late", lambda: late(graphed)), late(plain))
    assert graphs.captured("step") and graphs.captured("late")


def test_what_others_replace_between_the_calls_is_read_anew() -> None:
    """A part that only reads, of what another one replaces that is no graph."""
    owner = Owner()
    graphs = make_graphs(owner)
    for step in range(10):
        owner.replaced = torch.full((3,), float(step), device=DEVICE)
        assert graphs("read", lambda: owner.replaced * 2)[0] == 2 * step
    assert graphs.captured("read")
    owner.replaced = torch.ones(4, device=DEVICE)
    assert graphs("read", lambda: owner.replaced * 2).shape == (4,)
    assert graphs.failure == "replaced is no tensor of fixed shape, and changes"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda owner, x: setattr(owner, "count", owner.count + 1), "count is no tensor of fixed shape"),
        (lambda owner, x: setattr(owner, "replaced", torch.cat([owner.replaced, x])), "replaced is no tensor of fixed"),
        (lambda owner, x: float(x.sum()), "forces a host sync"),
    ],
)
def test_what_no_graph_can_repeat_runs_as_it_is(change: Any, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)

    def call(owner: Owner, x: Tensor) -> Tensor:
        change(owner, x)
        owner.in_place += x
        return owner.in_place.clone()

    for _ in range(8):
        x = torch.randn(3, device=DEVICE)
        torch.testing.assert_close(graphs("part", lambda x: call(graphed, x), x), call(plain, x))
    assert reason in (graphs.failure or "")
    told = capsys.readouterr().err.splitlines()
    assert told == [f"[INFO] tests run without CUDA graphs: {graphs.failure}"]


def test_an_optional_part_that_is_no_graph_leaves_the_others_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    plain, graphed = Owner(), Owner()
    graphs = make_graphs(graphed)

    def wait(owner: Owner, x: Tensor) -> Tensor:
        owner.replaced = owner.replaced + float(x.sum())
        return owner.replaced

    for _ in range(12):
        x = torch.randn(3, device=DEVICE)
        torch.testing.assert_close(graphs("step", graphed.step, x), plain.step(x))
        for key in ("wait", "wait elsewhere"):
            got = graphs(key, lambda x: wait(graphed, x), x, optional=True)
            torch.testing.assert_close(got, wait(plain, x))
    assert graphs.failure is None and graphs.captured("step") and not graphs.captured("wait")
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("[INFO] part of the tests runs without a CUDA graph: ")


def test_gradient_steps_and_inputs_of_any_structure() -> None:
    """A backward pass and Adam: parameters end where they end without graphs."""

    def train(graphs: StepGraphs | None) -> tuple[list[Tensor], Tensor]:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.ELU(), nn.Linear(8, 2)).to(DEVICE)
        adam = torch.optim.Adam(net.parameters(), lr=1e-2, fused=True, capturable=ON_GPU)
        total = torch.zeros((), device=DEVICE)
        last = {}

        def step(batch: dict[str, Any]) -> Tensor:
            # What is kept of the last pass holds its graph, with nodes of the stream on which it ran.
            last["output"] = net(batch["pair"][0])
            loss = (last["output"] - batch["pair"][1]).square().mean()
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            adam.step()
            total.add_(loss.detach())
            return loss.detach()

        for _ in range(12):
            batch = {"pair": (torch.randn(16, 4, device=DEVICE), torch.randn(16, 2, device=DEVICE)), "nothing": None}
            _ = step(batch) if graphs is None else graphs("train", step, batch)
        return [p.detach() for p in net.parameters()], total

    graphs = make_graphs(())
    torch.testing.assert_close(train(graphs), train(None), rtol=1e-4, atol=1e-5)
    assert graphs.captured("train"), graphs.failure


def test_random_numbers_are_new_at_every_replay_and_follow_the_seed() -> None:
    graphs = make_graphs(())
    shape = torch.zeros(5, device=DEVICE)
    torch.manual_seed(1)
    first = [graphs("draw", torch.randn_like, shape) for _ in range(8)]
    assert graphs.captured("draw")
    assert len({float(values[0]) for values in first}) == 8
    state = torch.cuda.get_rng_state() if ON_GPU else torch.get_rng_state()
    then = graphs("draw", torch.randn_like, shape)
    (torch.cuda.set_rng_state if ON_GPU else torch.set_rng_state)(state)
    torch.testing.assert_close(graphs("draw", torch.randn_like, shape), then)


@pytest.mark.skipif(not ON_GPU, reason="needs a GPU")
def test_what_waits_for_the_gpu_is_found_before_it_is_recorded_and_harms_nothing() -> None:
    graphs = make_graphs(())
    for _ in range(6):
        graphs("wait", lambda x: float(x.sum()), torch.ones(3, device=DEVICE))
    assert "forces a host sync" in (graphs.failure or "") and "test_cuda_graphs.py" in (graphs.failure or "")
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.randn(3, device=DEVICE).isfinite().all()


def test_forgotten_graphs_are_recorded_anew() -> None:
    owner = Owner()
    graphs = make_graphs(owner)
    for step in range(12):
        if step == 6:
            owner.in_place = torch.zeros(3, device=DEVICE)
            graphs.forget()
        graphs("step", owner.step, torch.ones(3, device=DEVICE))
    assert graphs.captured("step")
    torch.testing.assert_close(owner.in_place, torch.full((3,), 12.0, device=DEVICE))
