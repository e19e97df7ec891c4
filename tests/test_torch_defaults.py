"""A notebook that changed torch's defaults hears of it in one line, wherever tensors would be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import parkour
from parkour.engines.gymnasium_env import GymnasiumEnv
from parkour.errors import ParkourError
from parkour.policies.loaded import LoadedPolicy
from parkour.policies.source import PolicySource, load_weights

pytest.importorskip("mujoco")
pytestmark = pytest.mark.mujoco
FEW = {"course.levels": 2, "course.columns": 2}


@pytest.fixture(params=["dtype", "device"])
def changed(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the line says of torch's defaults, once a test calls :func:`_change`."""
    yield request.param
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def _change(what: str) -> None:
    torch.set_default_dtype(torch.float64 if what == "dtype" else torch.float32)
    torch.set_default_device("meta" if what == "device" else None)


def _told(what: str, call: Callable[[], Any]) -> None:
    got = "dtype is torch.float64, expected torch.float32" if what == "dtype" else "device is meta, expected cpu"
    with pytest.raises(ParkourError) as caught:
        call()
    assert caught.value.message == f"torch's default {got}"
    assert caught.value.hint is not None and caught.value.hint.startswith(f"torch.set_default_{what}(")


@pytest.fixture(scope="module")
def env() -> Iterator[GymnasiumEnv]:
    env = parkour.make_env("go2-teacher", 2, changes=FEW, device="cpu")
    yield env
    env.close()


@pytest.fixture(scope="module")
def policy() -> LoadedPolicy:
    return parkour.load_policy()


@pytest.mark.parametrize(
    "call",
    [
        lambda folder: parkour.make_env("go2-teacher", 2, changes=FEW, device="cpu"),
        lambda folder: parkour.load_policy(),
        # Not through load_policy, which knows a device.
        lambda folder: parkour.export("pretrained", folder / "exported"),
        lambda folder: parkour.evaluate("pretrained", num_envs=2, steps=2, changes=FEW, device="cpu"),
        lambda folder: parkour.train("go2-teacher", num_envs=2, iterations=1, device="cpu", log_root=folder / "logs"),
    ],
    ids=["make_env", "load_policy", "export", "evaluate", "train"],
)
def test_calls(tmp_path: Path, changed: str, call: Callable[[Path], Any], policy: LoadedPolicy) -> None:
    _change(changed)
    _told(changed, lambda: call(tmp_path))
    assert not list(tmp_path.rglob("*.pt"))


def test_environments_and_policies_made_before(changed: str, env: GymnasiumEnv, policy: LoadedPolicy) -> None:
    observations, _ = env.reset(seed=1)
    actions = policy(observations)
    _change(changed)
    _told(changed, env.reset)
    _told(changed, lambda: env.step(actions))
    _told(changed, lambda: policy(observations))
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    assert env.step(actions)[1].dtype == torch.float32


def test_training_in_a_notebook_without_gradients(tmp_path: Path) -> None:
    options = {"changes": FEW, "device": "cpu", "log_root": tmp_path}
    with torch.inference_mode():
        run = parkour.train("go2-teacher", num_envs=2, iterations=1, **options)
    weights = load_weights(PolicySource(checkpoint=run.checkpoint))
    assert weights.checkpoint.iteration == 1
