"""Signals to a pipeline: the stage saves, and the same call goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from parkour.pipeline.process import StageStoppedError
from tests.pipeline.fakes import Fake, option


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_training_saves_and_goes_on(fake: Fake, number: signal.Signals, status: int) -> None:
    before = signal.getsignal(number)  # Ignored where a script runs the tests in the background.
    fake.orders["wait"] = "train"
    killer = threading.Thread(target=_signal_when, args=(fake.folder / "waits", number))
    killer.start()
    with pytest.raises(StageStoppedError) as stopped:
        fake.run()
    killer.join()
    assert stopped.value.status == status and signal.getsignal(number) is before
    assert len(fake.calls()) == 1 and "teacher: not finished" in fake.report()
    del fake.orders["wait"]
    outcome, _ = fake.run()
    first = fake.calls()[0]
    assert first[:2] == ["train", "--resume"]
    assert float(option(first, "--time-limit")) == pytest.approx(0.33 * 15.0 / 2.0, rel=1e-3)
    assert outcome.records["teacher"].result["minutes"] == pytest.approx(0.33 * 15.0, rel=1e-3)


def test_second_signal_ends_what_does_not_end(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, as by Ctrl-Z: it hears nothing."""
    monkeypatch.setattr("parkour.pipeline.process.PATIENCE", 0.2)
    fake.orders["wait"] = "stopped"

    def interrupt() -> None:
        _signal_when(fake.folder / "waits", signal.SIGINT)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(StageStoppedError) as stopped:
        fake.run()
    killer.join()
    assert stopped.value.status == 130


def test_signal_while_a_stage_starts_reaches_it(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.orders["wait"] = "train"
    started: list[Any] = []
    popen = subprocess.Popen

    def start(*args: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        started.append(popen(*args, **options))
        return started[0]

    monkeypatch.setattr("parkour.pipeline.process.subprocess.Popen", start)
    with pytest.raises(StageStoppedError) as stopped:
        fake.run()
    assert stopped.value.status == 143 and started[0].returncode is not None


def _signal_when(path: Path, number: signal.Signals) -> None:
    while not path.exists():
        time.sleep(0.02)
    os.kill(os.getpid(), number)
