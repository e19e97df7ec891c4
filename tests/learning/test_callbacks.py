"""Callbacks and loggers: when they are called, and that a fault of theirs costs a line and no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.errors import PluginError, TrainingError
from parkour.learning.callbacks import Training, TrainingCallback
from parkour.learning.iteration import Iteration
from parkour.learning.train import train
from parkour.policies.checkpoint_folder import checkpoints_of
from parkour.registry import registry as registry_module
from tests.learning.fakes import FakeEnv, fake_task, make_env
from tests.learning.runs import Recorder, options

MOMENTS = ("on_start", "on_iteration", "on_checkpoint", "on_end")


class Told(TrainingCallback):
    """Writes down what it is told, and raises at one moment."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.calls = fails, []

    def _called(self, moment: str, *what: Any) -> None:
        self.calls.append((moment, *what))
        if moment == self.fails:
            raise ValueError("no more\npaper")

    def on_start(self, training: Training) -> None:
        self._called("on_start", training.iteration)

    def on_iteration(self, training: Training, iteration: Iteration) -> None:
        self._called("on_iteration", iteration.index)

    def on_checkpoint(self, training: Training, checkpoint: Path) -> None:
        assert checkpoint.exists()
        self._called("on_checkpoint", checkpoint.name)

    def on_end(self, training: Training) -> None:
        self._called("on_end", training.stopped, training.failed)


def run_with(
    tmp_path: Path, *callbacks: TrainingCallback, env: Any = make_env, **changes: Any
) -> tuple[Any, list[str]]:
    lines: list[str] = []
    result = train(
        fake_task(), options(tmp_path, **changes), make_env=env, callbacks=list(callbacks), notify=lines.append
    )
    return result, lines


def test_when_they_are_called(tmp_path: Path) -> None:
    told = Told()
    run_with(tmp_path, told, iterations=3)
    assert told.calls == [
        ("on_start", 0),
        ("on_iteration", 1),
        ("on_iteration", 2),
        ("on_checkpoint", "model_2.pt"),
        ("on_iteration", 3),
        ("on_checkpoint", "model_3.pt"),
        ("on_end", "", False),
    ]
    again = Told()
    run_with(tmp_path, again, iterations=4, resume=True)
    assert [call[:2] for call in again.calls] == [
        ("on_start", 3), ("on_iteration", 4), ("on_checkpoint", "model_4.pt"), ("on_end", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_one_that_fails_costs_a_line(moment: str, tmp_path: Path) -> None:
    bad, good = Told(moment), Told()
    result, lines = run_with(tmp_path, bad, good)
    assert result.iterations == 4 and [path.name for path in checkpoints_of(result.run)] == ["model_2.pt", "model_4.pt"]
    (line,) = [line for line in lines if line.startswith("callback")]
    assert line.startswith("callback 'Told' failed ") and "(ValueError: no more paper)" in line
    assert line.endswith("; training goes on without it") == (moment != "on_end")
    assert bad.calls[-1][0] == moment and [call[0] for call in bad.calls].count(moment) == 1
    assert good.calls[-1] == ("on_end", "", False)


def test_the_end_is_told_of_a_training_that_fails(tmp_path: Path) -> None:
    class Nan(FakeEnv):
        def step(self, actions: torch.Tensor) -> tuple:
            obs, reward, done, extras = super().step(actions)
            return obs, reward * float("nan"), done, extras

    told = Told()
    with pytest.raises(TrainingError, match="training diverged in iteration 1"):
        run_with(tmp_path, told, env=lambda task, n, device, seed: Nan(n, seed))
    (_, stopped, failed) = told.calls[-1]
    assert failed and stopped.startswith("training diverged in iteration 1")


def test_one_may_stop_the_training(tmp_path: Path) -> None:
    class Enough(TrainingCallback):
        def on_iteration(self, training: Training, iteration: Iteration) -> None:
            if iteration.index == 3:
                training.stop("that will do")
                training.stop("too late")

    result, _ = run_with(tmp_path, Enough(), iterations=9)
    assert (result.iterations, result.stopped, result.checkpoint.name) == (3, "that will do", "model_3.pt")


def test_looking_at_the_policy_changes_nothing(tmp_path: Path) -> None:
    class Acts(TrainingCallback):
        def on_iteration(self, training: Training, iteration: Iteration) -> None:
            with training.acting() as policy:
                assert torch.isfinite(policy(training.env.get_observations())).all()

    losses = []
    for name, callbacks in (("with", [Acts()]), ("without", [])):
        recorder = Recorder()
        train(fake_task(), options(tmp_path / name), make_env=make_env, listeners=[recorder], callbacks=callbacks)
        losses.append(recorder.losses())
    assert losses[0] == losses[1]


LOGGER = """
    from parkour import LoggerSpec, hookimpl

    class Bad:
        def __init__(self, context): {made}
        def on_iteration(self, iteration): {told}
        def close(self): {closed}

    @hookimpl
    def register_loggers():
        yield LoggerSpec(name="bad", summary="", target="bad_logger:Bad")
"""


def _with_logger(install_plugin: Any, **bodies: str) -> None:
    source = LOGGER.format(**{"made": "pass", "told": "pass", "closed": "pass"} | bodies)
    install_plugin("parkour-bad", {"bad_logger": source})
    registry_module._registry.cache_clear()


@pytest.mark.parametrize(
    ("bodies", "when"), [({"told": "1 / 0"}, "in iteration 1"), ({"closed": "1 / 0"}, "as it was closed")]
)
def test_a_logger_that_fails_costs_a_line(
    bodies: dict[str, str], when: str, install_plugin: Any, tmp_path: Path
) -> None:
    _with_logger(install_plugin, **bodies)
    result, lines = run_with(tmp_path, logger="bad")
    assert result.iterations == 4 and len((result.run / "metrics.jsonl").read_text().splitlines()) == 4
    (line,) = [line for line in lines if line.startswith("logger")]
    assert line.startswith(f"logger 'parkour-bad:bad' failed {when} (ZeroDivisionError: division by zero)")


def test_a_logger_that_cannot_be_made_is_told_before_anything_is_trained(install_plugin: Any, tmp_path: Path) -> None:
    _with_logger(install_plugin, made="1 / 0")
    with pytest.raises(PluginError, match=r"logger 'parkour-bad:bad' \(version 1.0\) cannot be made: ZeroDivision"):
        run_with(tmp_path, logger="bad")
    # The folder of a run in which nothing was trained is gone.
    assert list((tmp_path / "rsl_rl" / "go2-teacher").iterdir()) == []


COUNTING = """
    from parkour import CallbackSpec, TrainingCallback, hookimpl

    class Counts(TrainingCallback): ...

    @hookimpl
    def register_callbacks():
        yield CallbackSpec(name="counts", summary="", target="counting:Counts")
"""


def test_a_resumed_run_says_what_it_does_without(install_plugin: Any, tmp_path: Path) -> None:
    install_plugin("parkour-counting", {"counting": COUNTING})
    registry_module._registry.cache_clear()
    had = "the run's last start had --callback parkour-counting:counts, --logger parkour-lab:tensorboard; "
    named: dict[str, Any] = {"callbacks": {"counts": {}}, "logger": "tensorboard"}
    first, lines = run_with(tmp_path, iterations=1, **named)
    assert not [line for line in lines if "last start" in line]
    # The start that it is told of has neither callback nor logger, so the one after it has nothing to tell.
    more = {"logger": "tensorboard"}
    for iterations, given, told in ((2, named, False), (3, {}, True), (4, more, False)):
        _, lines = run_with(tmp_path, iterations=iterations, resume=True, **given)
        assert bool([line for line in lines if line.startswith(had)]) is told, lines
        assert told or not [line for line in lines if "last start" in line], lines
    # What a folder says is shown if it may be a name, and never looked up.
    text = (first.run / "options.toml").read_text()
    said = "callbacks = ['; curl evil', 'parkour-gone:callback']"
    (first.run / "options.toml").write_text(text.replace("callbacks = []", said))
    _, lines = run_with(tmp_path, iterations=5, resume=True, logger="tensorboard")
    assert any(line.startswith("the run's last start had --callback parkour-gone:callback; ") for line in lines)
    assert not any("curl" in line for line in lines)
