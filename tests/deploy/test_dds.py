"""Over DDS on loopback: two processes, the robot's own messages. Short: what needs no network is tried without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("cyclonedds")

from parkour_deploy.dds.network import LOOPBACK_UNICAST
from parkour_deploy.errors import LinkError
from parkour_deploy.links.go2 import Go2Link
from parkour_deploy.links.link import LinkContext
from parkour_mujoco.fake_go2.operator import Script
from parkour_mujoco.fake_go2.options import FakeOptions
from tests.deploy.harness import ride

pytestmark = pytest.mark.mujoco

PATIENCE = 120
"""How long a process may take [s]."""


@dataclass
class Network:
    """A domain of its own, on loopback without multicast."""

    domain: int

    @property
    def where(self) -> list[str]:
        """Options of a command."""
        return ["--interface", LOOPBACK_UNICAST, "--domain", str(self.domain)]

    @contextmanager
    def fake(self, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
        """A simulated robot in a process of its own."""
        command = [sys.executable, "-m", "parkour_cli", "fake-go2", str(folder), "--json", *self.where, *options]
        with started(command) as process:
            yield process

    @contextmanager
    def controller(self, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
        """A controller in a process of its own."""
        command = [
            sys.executable, "-m", "parkour_deploy", "run", str(folder), *self.where, "--json",
            "--foot-thresholds", "22,22,22,22", *options,
        ]  # fmt: skip
        with started(command) as process:
            yield process


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended, whatever happens."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def result(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """What it printed as JSON, and what it told people."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return json.loads(out), err


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Network:
    return Network(100 + (os.getpid() + hash(request.node.name)) % 120)


def test_the_teacher_walks_as_without_a_network(shipped: dict[str, Path], network: Network, tmp_path: Path) -> None:
    """Ten seconds on level ground: the trajectory is that of the same run in one process, to the last digit."""
    folder, log = shipped["teacher"], tmp_path / "log.npz"
    options = ("--terrain", "flat", "--difficulty", "0", "--policy-at", "2.6", "--seconds", "12.6", "--lockstep")
    with (
        network.fake(folder, *options) as robot,
        network.controller(folder, "--move", "--no-guard", "--flat", "--lockstep", "--log", str(log)) as controller,
    ):
        walked, _ = result(robot)
        controller.send_signal(signal.SIGINT)
        _, told = result(controller)
    alone = ride(folder, FakeOptions("flat", 0.0, seconds=12.6, script=Script(policy=2.6)), control={"flat": True})
    assert walked["fell"] is None
    assert walked["commands"]["corrupt"] == walked["unanswered"] == 0
    track = np.stack(alone.robot.track)
    assert walked["distance"] == pytest.approx(float(np.linalg.norm(track[-1, :2] - track[0, :2])), abs=1e-3)
    assert walked["way_points"] == alone.robot.goals.index
    assert "READY -> POLICY" in told
    with np.load(log) as data:
        steps = data["step.action"]
    alone_steps = np.array([row["action"] for row in alone.log._steps])
    assert np.array_equal(steps[: len(alone_steps)], alone_steps[: len(steps)])
    assert len(steps) >= 490


def test_the_student_passes_the_demo_course(shipped: dict[str, Path], network: Network, tmp_path: Path) -> None:
    folder = shipped["student"]
    options = ("--terrain", "demo", "--difficulty", "0.3", "--policy-at", "2.6", "--seconds", "30", "--lockstep")
    with (
        network.fake(folder, *options, "--sport-mode") as robot,
        network.controller(
            folder, "--move", "--no-guard", "--lockstep", "--depth", "topic", "--log", str(tmp_path / "log.npz")
        ) as controller,
    ):
        walked, _ = result(robot)
        controller.send_signal(signal.SIGINT)
        _, told = result(controller)
    assert walked["way_points"] == walked["way_points_of"] == 8
    # The robot's own controller was asked to let go before the first command.
    assert "the robot's own controller 'normal' let go" in told
    assert walked["commands"]["torn"] == 0


def test_somebody_elses_commands_damp(shipped: dict[str, Path], network: Network, tmp_path: Path) -> None:
    folder = shipped["teacher"]
    options = ("--policy-at", "2.6", "--seconds", "3.5", "--fault", "writer@1.0", "--pace", "0.5")
    with (
        network.fake(folder, *options) as robot,
        network.controller(
            folder, "--move", "--no-guard", "--flat", "--stale", "1000", "--log", str(tmp_path / "log.npz")
        ) as controller,
    ):
        result(robot)
        controller.send_signal(signal.SIGINT)
        report, told = result(controller)
    assert report["fault"] == "somebody else writes rt/lowcmd"
    assert told.count("-> DAMP") == 1


def test_dry_by_default(shipped: dict[str, Path], network: Network, tmp_path: Path) -> None:
    """Nothing is ever written, whatever the operator presses."""
    folder = shipped["teacher"]
    with (
        network.fake(folder, "--seconds", "1.5", "--pace", "0.5") as robot,
        network.controller(
            folder, "--flat", "--stale", "1000", "--log", str(tmp_path / "log.npz"), "--seconds", "60"
        ) as controller,
    ):
        # Nobody writes commands, so the robot would wait for ever: a listener to them stands in.
        listener = Go2Link(LinkContext(LOOPBACK_UNICAST, network.domain))
        listener.open_limp()
        figures, _ = result(robot)
        controller.send_signal(signal.SIGINT)
        _, told = result(controller)
        listener.close()
    assert figures["commands"] == {"obeyed": 0, "corrupt": 0, "disabled": 0, "torn": 0}
    assert "motors: left alone" in told


def test_a_switcher_that_is_silent_or_stubborn(network: Network) -> None:
    from parkour_deploy.dds.network import participant
    from parkour_deploy.dds.switcher import Switcher, SwitcherService

    part = participant(LOOPBACK_UNICAST, network.domain)
    with pytest.raises(LinkError, match="does not answer, so nobody knows"):
        Switcher(part, timeout=0.3).release()
    service = SwitcherService(participant(LOOPBACK_UNICAST, network.domain), "mcf", stubborn=True)
    import threading

    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            service.serve()
            time.sleep(0.002)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.raises(LinkError, match="own controller 'mcf' keeps running"):
            Switcher(part, timeout=10.0).release()
    finally:
        over.set()
        thread.join()


def test_a_controller_that_is_killed(shipped: dict[str, Path], network: Network, tmp_path: Path) -> None:
    """The guard damps; how soon on a machine with nothing else to do is in docs/results/deployment.md."""
    folder = shipped["teacher"]
    with (
        network.fake(folder, "--policy-at", "9", "--seconds", "4.5", "--pace", "0.5") as robot,
        network.controller(
            folder, "--move", "--flat", "--stale", "1000", "--patience", "2000", "--log", str(tmp_path / "log.npz")
        ) as controller,
    ):
        assert controller.stderr is not None
        for line in controller.stderr:
            if "DAMP -> STAND" in line:
                break
        time.sleep(0.5)
        controller.kill()
        figures, _ = result(robot)
    assert figures["last_driven"] is not None and figures["last_driven"] < 4.0
    assert figures["driven_to_limp_ms"] is not None
    assert figures["driven_to_limp_ms"] <= 200


def test_no_such_interface() -> None:
    with pytest.raises(LinkError, match="--interface: got 'wlan9', expected one of"):
        Go2Link(LinkContext("wlan9")).open(move=False)
