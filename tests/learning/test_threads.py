"""What training changes of torch itself is as before afterwards: threads on a CPU, matrix products on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.engines.device import stepping_threads
from parkour.learning.options import TrainOptions
from parkour.learning.train import train
from tests.learning.fakes import FakeEnv, fake_task


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_one_thread_on_a_cpu_and_as_before_afterwards() -> None:
    with stepping_threads("cpu"):
        assert torch.get_num_threads() == 1
        with stepping_threads(torch.device("cpu")):
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_restored_after_an_error() -> None:
    with pytest.raises(KeyError), stepping_threads("cpu"):
        raise KeyError
    assert torch.get_num_threads() == 3


def test_other_devices_are_left_alone() -> None:
    with stepping_threads("cuda:0"):
        assert torch.get_num_threads() == 3


class WatchedEnv(FakeEnv):
    """Keeps the number of threads in each step."""

    seen: list[int]

    def step(self, actions: torch.Tensor) -> Any:
        self.seen = [*getattr(self, "seen", []), torch.get_num_threads()]
        return super().step(actions)


def test_training_steps_in_one_thread_and_updates_in_all(tmp_path: Path) -> None:
    env = WatchedEnv()
    updates: list[int] = []
    task = fake_task()
    options = TrainOptions(num_envs=8, iterations=2, device="cpu", log_root=tmp_path, logger="none", progress=False)

    class Listener:
        def on_iteration(self, iteration: object) -> None:
            updates.append(torch.get_num_threads())

        def close(self) -> None: ...

    train(task, options, make_env=lambda *_: env, listeners=[Listener()])
    assert env.seen == [1] * 8
    assert updates == [3, 3]


class RoughEnv(FakeEnv):
    """Lowers the precision of matrix products, as the runner does on a GPU."""

    def step(self, actions: torch.Tensor) -> Any:
        torch.set_float32_matmul_precision("high")
        return super().step(actions)


def test_matrix_products_are_as_exact_as_before_afterwards(tmp_path: Path) -> None:
    assert torch.get_float32_matmul_precision() == "highest"
    options = TrainOptions(num_envs=8, iterations=1, device="cpu", log_root=tmp_path, logger="none", progress=False)
    env = RoughEnv()
    train(fake_task(), options, make_env=lambda *_: env)
    assert torch.get_float32_matmul_precision() == "highest"
