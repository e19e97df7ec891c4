"""What a stopwatch counts: work and sleep, and not what others take of the processors."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parkour import stopwatch as module
from parkour.stopwatch import Stopwatch


def test_work_and_sleep_count() -> None:
    watch, begin, wall = Stopwatch(), time.thread_time(), time.perf_counter()
    while time.thread_time() - begin < 0.05:
        pass
    time.sleep(0.05)
    assert 0.1 <= watch.seconds() <= time.perf_counter() - wall + 0.01


@pytest.mark.skipif(not module._WAITED.exists(), reason="this system does not tell")
def test_waiting_for_a_processor_does_not() -> None:
    """Another process has every second turn of the only processor that there is for both."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)  # It has begun.
        watch, begin, wall = Stopwatch(), time.thread_time(), time.perf_counter()
        while time.thread_time() - begin < 0.3:
            pass
        own, whole = watch.seconds(), time.perf_counter() - wall
    finally:
        other.kill()
        other.wait()
        os.sched_setaffinity(0, before)
    assert own < 0.8 * whole


def test_where_nobody_tells_it_is_a_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAITED", tmp_path / "nothing")
    watch = Stopwatch()
    time.sleep(0.05)
    assert watch.seconds() >= 0.05


def test_waiting_is_taken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "schedstat"
    monkeypatch.setattr(module, "_WAITED", told)
    told.write_text("0 1000000000 3")
    watch = Stopwatch()
    told.write_text("0 8000000000 4")
    assert watch.seconds() == pytest.approx(-7.0, abs=0.5)
