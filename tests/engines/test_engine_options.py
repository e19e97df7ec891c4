"""Options of an engine's own: from the command line to the engine, and in the run folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from parkour.engines.protocol import Availability
from parkour.learning import plan as plan_module
from parkour.learning.run_options import OPTIONS_FILE, RunOptions, read_run_options
from parkour_cli.__main__ import main
from tests.learning.fakes import FakeEnv
from tests.learning.test_command import SMALL


class Engine:
    """Keeps what its environments were made with."""

    options: Mapping[str, tuple[str, ...]] = MappingProxyType({"cpu_sim": ("native", "warp")})

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []

    def availability(self) -> Availability:
        return Availability(True)

    def make_env(self, task: Any, *, num_envs: int, device: str, seed: int, render: bool, **options: Any) -> FakeEnv:
        self.got.append(options)
        return FakeEnv(num_envs, seed)


class PlainEngine(Engine):
    """Has none."""

    options = MappingProxyType({})


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Engine:
    made = getattr(request, "param", Engine)()
    monkeypatch.setattr(plan_module, "choose_engine", lambda name: ("pack:fake", made))
    return made


def command(tmp_path: Path, *arguments: str) -> int:
    base = ["train", *arguments, "--device", "cpu", "--logger", "none", "--log-root", str(tmp_path)]
    with pytest.raises(SystemExit) as caught:
        main(base)
    return int(caught.value.code or 0)


def run_folder(tmp_path: Path) -> Path:
    return next(tmp_path.glob("rsl_rl/*/*"))


def test_reach_the_engine_and_the_run_folder(tmp_path: Path, engine: Engine) -> None:
    assert command(tmp_path, "go2-teacher", *SMALL, "--iterations", "1", "--cpu-sim", "warp") == 0
    assert engine.got == [{"cpu_sim": "warp"}]
    written = tomllib.loads((run_folder(tmp_path) / OPTIONS_FILE).read_text())
    assert written.pop("began") and written.pop("commit") is not None and written == {
        "engine": "pack:fake", "device": "cpu", "num_envs": 8, "seed": 1, "engine_options": {"cpu_sim": "warp"},
        "iterations": 1, "number": 1, "save_interval": 100, "keep": 5,
            "callbacks": [], "logger": "none", "video_interval": 0,
    }  # fmt: skip
    # A run goes on as it was.
    assert command(tmp_path, "--resume", "--iterations", "2") == 0
    assert engine.got[1:] == [{"cpu_sim": "warp"}]
    assert command(tmp_path, "--resume", "--iterations", "3", "--cpu-sim", "native") == 0
    assert engine.got[2:] == [{"cpu_sim": "native"}]


def test_not_given_not_passed(tmp_path: Path, engine: Engine) -> None:
    assert command(tmp_path, "go2-teacher", *SMALL, "--iterations", "1") == 0
    assert engine.got == [{}]


@pytest.mark.parametrize(
    ("engine", "value", "message"),
    [
        (Engine, "gpu", "--cpu-sim: got 'gpu', expected native or warp"),
        (PlainEngine, "warp", "--cpu-sim: engine 'pack:fake' has no such option"),
    ],
    indirect=["engine"],
)
def test_refused_in_one_line(
    tmp_path: Path, engine: Engine, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "go2-teacher", *SMALL, "--cpu-sim", value) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("rsl_rl/*/*")), "no run folder is left"


def test_damaged_choices_are_one_line(tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "go2-teacher", *SMALL, "--iterations", "1") == 0
    (run_folder(tmp_path) / OPTIONS_FILE).write_text("engine = ")
    assert command(tmp_path, "--resume", "--iterations", "2") == 1
    assert f"cannot read {run_folder(tmp_path) / OPTIONS_FILE}" in capsys.readouterr().err


def test_kept_for_the_same_engine_and_kind_of_device_alone(tmp_path: Path) -> None:
    before = RunOptions("a:mujoco", "cpu", 4, 1, {"cpu_sim": "warp"})
    kept = [
        RunOptions(engine, device, 4, 1).going_on_from(before).engine_options
        for engine, device in (("a:mujoco", "cpu"), ("a:mujoco", "cuda:0"), ("a:other", "cpu"))
    ]
    assert kept == [{"cpu_sim": "warp"}, {}, {}]
    assert read_run_options(tmp_path) is None
