"""The check list, on a simulated robot that hangs."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mujoco")

from parkour_deploy.__main__ import main
from parkour_deploy.check import listening, moving
from parkour_deploy.check.moving import JointMover
from parkour_deploy.check.picture import level_ground
from parkour_deploy.check.png import write_png
from parkour_deploy.contract import read_contract
from parkour_deploy.errors import ContractError, DeployError
from parkour_deploy.links.link import LinkContext
from parkour_mujoco.fake_go2 import link as link_module
from parkour_mujoco.fake_go2.faults import parse_fault
from parkour_mujoco.fake_go2.link import SimulatedLink
from parkour_mujoco.fake_go2.options import FakeOptions
from tests.clocks import HandClock

pytestmark = pytest.mark.mujoco

LINKS = {"hanging": "tests.deploy.test_check:HangingLink"}
SOURCES = {"simulated": "parkour_mujoco.fake_go2.link:SimulatedDepth"}


@pytest.fixture(autouse=True)
def own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Robot and check wait for each other, not for the clock on the wall: a joint takes 1.2 s to move."""
    clock = HandClock()
    for module in (listening, moving, link_module):
        monkeypatch.setattr(module, "time", clock)


class HangingLink(SimulatedLink):
    """A robot in the air, at its own pace."""

    def __init__(self, context: LinkContext) -> None:
        super().__init__(context, FakeOptions("flat", 0.0, seconds=60.0, hang=True))


class SwappedLink(SimulatedLink):
    """A robot whose motors are wired otherwise: front and hind legs change places."""

    def __init__(self, context: LinkContext) -> None:
        super().__init__(context, FakeOptions("flat", 0.0, seconds=60.0, hang=True))
        self.robot._joints = np.roll(self.robot._joints, 2)


def mover(folder: Path, link: SimulatedLink) -> JointMover:
    contract = read_contract(folder)
    assert contract.hardware is not None
    return JointMover(link, contract, contract.hardware)


def test_the_whole_list(shipped: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calibration, picture = tmp_path / "calibration.json", tmp_path / "depth.png"
    arguments = [
        "check", str(shipped["student"]), "--interface", "lo", "--link", "hanging", "--depth", "simulated", "--move",
        "--yes", "--seconds", "0.2", "--calibration", str(calibration), "--picture", str(picture), "--json",
    ]  # fmt: skip
    code = main(arguments, links=LINKS, sources=SOURCES)
    out, err = capsys.readouterr()
    findings = json.loads(out)
    assert not [finding for finding in findings if not finding["ok"]], err
    names = [finding["name"] for finding in findings]
    assert [name for name in names if name.endswith("_joint")] == list(read_contract(shipped["student"]).joints)
    assert {"export", "versions", "states", "checksums", "joints", "IMU", "feet in the air", "camera"} <= set(names)
    assert code == 0
    # In the air the sensors say 20, and the thresholds leave a margin.
    assert json.loads(calibration.read_text())["foot_thresholds"] == [22.0] * 4
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_legs_that_are_wired_otherwise(shipped: dict[str, Path]) -> None:
    contract = read_contract(shipped["teacher"])
    link = SwappedLink(LinkContext("lo", contract=contract))
    link.open(move=True)
    findings = mover(shipped["teacher"], link).run(lambda question: False)
    assert not any(finding.ok for finding in findings)


def test_the_hips_are_told_by_the_robot_and_not_by_their_names(shipped: dict[str, Path]) -> None:
    contract = read_contract(shipped["teacher"])
    assert contract.hip_joints == (0, 1, 2, 3) and contract.hips_to_the_left and contract.hardware is not None
    link = SimulatedLink(LinkContext("lo", contract=contract), FakeOptions("flat", 0.0, seconds=60.0, hang=True))
    for hips, left, said in (((4, 5), True, "right"), ((4, 5), False, "to the side"), ((), True, "forward")):
        named = replace(contract, joints=tuple("abcdefghijkl"), hip_joints=hips, hips_to_the_left=left)
        assert JointMover(link, named, contract.hardware)._where(4, -1.0) == said


def test_a_robot_without_hardware_says_what_is_missing(shipped: dict[str, Path]) -> None:
    contract = replace(read_contract(shipped["teacher"]), hardware=None)
    with pytest.raises(ContractError, match="nothing is known of the robot's hardware") as caught:
        contract.known_hardware()
    assert "robot.toml needs a table [hardware]" in str(caught.value.hint)


def test_a_fault_ends_the_motion(shipped: dict[str, Path]) -> None:
    contract = read_contract(shipped["teacher"])
    fake = FakeOptions("flat", 0.0, seconds=60.0, hang=True, fault=parse_fault("hot@0.2"))
    link = SimulatedLink(LinkContext("lo", contract=contract), fake)
    with pytest.raises(DeployError, match="95 °C, limit 85 °C; the motors were damped"):
        mover(shipped["teacher"], link).run(lambda question: False)
    assert not link.robot._command[3].any()
    assert link.robot._command[4].all()


def test_level_ground_is_what_the_simulated_camera_sees(shipped: dict[str, Path]) -> None:
    contract = read_contract(shipped["student"])
    assert contract.camera is not None
    link = SimulatedLink(LinkContext("lo", contract=contract), FakeOptions("flat", 0.0))
    robot = link.robot
    robot.world.place(robot.patch.spawn + np.array([0.0, 0.0, 0.3]), contract.default_joint_pos)
    seen, expected = robot.picture(), level_ground(contract.camera, 0.3)
    # The course has bumps of a few centimetres.
    assert np.median(np.abs(seen - expected)) < 0.03


def test_png(tmp_path: Path) -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = write_png(tmp_path / "x.png", grey).read_bytes()
    begin = data.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(data[begin : data.index(b"IEND") - 8]), np.uint8).reshape(3, 5)
    assert np.array_equal(rows[:, 1:], grey)
