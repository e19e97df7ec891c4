"""Statistics, display, devices, signals and processes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from parkour.engines.choice import choose_engine, choose_num_envs
from parkour.engines.device import choose_device
from parkour.engines.protocol import Availability
from parkour.errors import DeviceError, EngineError, ParkourError
from parkour.learning.iteration import Iteration
from parkour.learning.launch import wants_processes
from parkour.learning.progress import LiveProgress, PlainProgress, Remaining, make_progress
from parkour.learning.signals import StopSignals
from parkour.learning.statistics import RolloutStatistics
from parkour.registry import RegisteredSpec, Registry
from parkour.specs import EngineSpec
from tests.learning.fakes import fake_task

ROOT = Path(__file__).parents[2]
NAN = float("nan")


def test_returns_and_lengths_of_finished_episodes() -> None:
    stats = RolloutStatistics(3, "cpu")
    dones = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    for step, done in enumerate(dones):
        stats.add(torch.full((3,), float(step + 1)), done, None)
    scalars = stats.drain()
    # The first ends after rewards 1 and 2, the second after 1, 2 and 3.
    assert scalars == {"Train/episodes": 2.0, "Train/mean_reward": 4.5, "Train/mean_episode_length": 2.5}
    # The third goes on across the iteration; the first has begun anew.
    stats.add(torch.full((3,), 10.0), torch.tensor([1, 0, 1]), None)
    assert stats.drain()["Train/mean_reward"] == pytest.approx((13 + 16) / 2)


def test_logged_scalars_are_averaged_without_nan_and_counts_are_added() -> None:
    stats = RolloutStatistics(1, "cpu")
    for value, count in ((1.0, 2.0), (NAN, 3.0), (3.0, 0.0)):
        log = {"Way_Points/a": torch.tensor(value), "Way_Points/b": torch.tensor(NAN), "Physics/nan_resets": count}
        stats.add(torch.zeros(1), torch.zeros(1), log)
    stats.add(torch.zeros(1), torch.zeros(1), {"other": torch.tensor([4.0])})
    scalars = stats.drain()
    assert scalars == {"Train/episodes": 0.0, "Way_Points/a": 2.0, "Physics/nan_resets": 5.0, "other": 4.0}
    assert stats.drain() == {"Train/episodes": 0.0}


def make_iteration(index: int, seconds: float = 2.0, total: int = 10, **extra: float) -> Iteration:
    scalars = {
        "Perf/steps_per_second": 1234.0,
        "Policy/mean_std": 0.9,
        "Loss/learning_rate": 2e-4,
        "Loss/value": 0.5,
        "Train/mean_reward": 3.25,
        "Train/mean_episode_length": 100.0,
        "Terrain_Level/gap": 4.5,
        "Way_Points/gap": 0.75,
        **extra,
    }
    return Iteration(index, total, scalars, 100, 100 * index, seconds, seconds * index)


def test_time_left_ignores_the_first_iteration() -> None:
    remaining = Remaining()
    assert remaining.update(make_iteration(1, 60.0)).total_seconds() == 540
    remaining.update(make_iteration(2, 2.0))
    assert remaining.update(make_iteration(3, 4.0)).total_seconds() == 7 * 3


def test_time_left_is_that_of_the_limit_where_it_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("parkour.learning.progress.time.monotonic", lambda: now)
    remaining = Remaining(limit=60.0)
    now = 115.0
    assert remaining.update(make_iteration(1, 10.0, total=1000)).total_seconds() == 45 and remaining.share == 0.25
    assert remaining.update(make_iteration(9)).total_seconds() == 2 and remaining.share == 0.9
    now = 161.0
    assert remaining.update(make_iteration(9, total=1000)).total_seconds() == 0 and remaining.share == 1.0


def test_lines_where_output_is_no_terminal() -> None:
    output = io.StringIO()
    console = Console(file=output, width=200)
    progress = make_progress(console, every=3600.0)
    assert isinstance(progress, PlainProgress)
    for index in (1, 2, 10):
        progress.on_iteration(make_iteration(index))
    progress.close()
    lines = output.getvalue().splitlines()
    assert [line.split(" |")[0] for line in lines] == ["iteration 1/10", "iteration 10/10"]
    for part in ("1,234 steps/s", "level gap 4.50", "way points gap 0.75", "value 0.5", "left 0:00:18"):
        assert part in lines[0]


def test_live_table_on_a_terminal() -> None:
    output = io.StringIO()
    progress = make_progress(Console(file=output, force_terminal=True, width=150))
    assert isinstance(progress, LiveProgress)
    progress.on_iteration(make_iteration(3))
    progress.on_iteration(make_iteration(4))
    progress.close()
    text = output.getvalue()
    for part in ("iteration 4/10", "gap", "4.50", "0.75", "steps/s", "2.0e-04"):
        assert part in text


@pytest.mark.parametrize("device", ["cpu", None])
def test_device_without_a_gpu_is_the_cpu(device: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(device) == "cpu"


def test_device_with_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(name) for name in (None, "cuda", "cuda:1", "cpu")] == ["cuda:0", "cuda:0", "cuda:1", "cpu"]
    with pytest.raises(DeviceError, match="got device 'cuda:2', but torch sees 2 GPUs"):
        choose_device("cuda:2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("cuda") == "cuda:1"


def test_default_size_depends_on_the_device() -> None:
    task = fake_task()
    assert choose_num_envs(None, task, "cpu") == 64
    assert choose_num_envs(None, task, "cuda:0") == 6144
    assert choose_num_envs(3, task, "cuda:0") == 3


class Absent:
    def availability(self) -> Availability:
        return Availability(False, "it is not installed", "pip install it")


class Present:
    def availability(self) -> Availability:
        return Availability(True)


def engines(*names: str) -> Registry:
    return Registry(
        RegisteredSpec(
            spec=EngineSpec(name=name.lower(), summary="", target=f"{__name__}:{name}"),
            distribution="mine",
            version="1",
            entry_point="e",
        )
        for name in names
    )


def test_first_engine_that_can_run_is_chosen() -> None:
    identity, engine = choose_engine(None, engines("Absent", "Present"))
    assert identity == "mine:present" and isinstance(engine, Present)


@pytest.mark.parametrize("name", [None, "absent"])
def test_no_engine(name: str | None) -> None:
    with pytest.raises(EngineError, match=r"absent: it is not installed") as caught:
        choose_engine(name, engines("Absent"))
    assert caught.value.hint == "pip install it"
    with pytest.raises(EngineError, match="no engine is registered"):
        choose_engine(None, engines())


def test_first_signal_is_a_wish_and_the_second_an_order() -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals(said.append) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.reason == "SIGTERM" and len(said) == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_processes_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not wants_processes(1, None)
    assert wants_processes(2, "cpu")
    with pytest.raises(ParkourError, match="got 0 GPUs"):
        wants_processes(0, None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match="got 2 GPUs, but torch sees 1"):
        wants_processes(2, None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not wants_processes(2, "cpu")


def test_two_processes_train_one_policy(tmp_path: Path) -> None:
    """Different rollouts, averaged gradients in both kinds of iteration: the same weights after every update."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        "-m", "tests.learning.pair", str(tmp_path),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    a, b = (torch.load(tmp_path / f"rank{i}.pt", weights_only=True) for i in (0, 1))
    assert a["loss"] != b["loss"]
    assert all(torch.equal(a["actor"][key], b["actor"][key]) for key in a["actor"])
    assert all(torch.equal(a["critic"][key], b["critic"][key]) for key in a["critic"])
    assert a["learning_rate"] == b["learning_rate"]
    runs = list((tmp_path / "rsl_rl" / "go2-teacher").iterdir())
    assert len(runs) == 1 and (runs[0] / "model_4.pt").is_file()
