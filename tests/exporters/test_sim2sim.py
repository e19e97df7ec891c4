"""Exports in plain C MuJoCo: all terrains, no torch, figures, comparison, and input that is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from parkour.errors import ParkourError
from parkour.exporters.exporter import ExportOptions, ExportResult, export_policy
from parkour.exporters.manifest_file import MANIFEST, _digest, read_manifest
from parkour.policies.source import weights_at
from parkour.registry import Registry
from tests.exporters.conftest import STAGES

pytest.importorskip("mujoco")
pytestmark = pytest.mark.mujoco

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    from parkour_cli.__main__ import main

    def invoke(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main(["sim2sim", *args])
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return invoke


@pytest.fixture
def copy(exports: dict[str, ExportResult], tmp_path: Path) -> Path:
    """The teacher's export, to be changed."""
    return Path(shutil.copytree(exports["teacher"].folder, tmp_path / "copy"))


@pytest.mark.parametrize("stage", STAGES)
def test_runs_on_all_terrains(exports: dict[str, ExportResult], installed: Registry, stage: str) -> None:
    from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export

    names = tuple(item.spec.name for item in installed.specs("terrain") if item.builtin)
    options = Sim2SimOptions(terrains=names, episodes=1, seconds=0.6, difficulty=(0.5, 0.5))
    result = run_export(exports[stage].folder, options)
    assert list(result["by_terrain"]) == list(names)
    for episode in result["episodes"]:
        assert np.isfinite([value for value in episode.values() if not isinstance(value, str)]).all()
        assert 0.0 < episode["length"] <= 0.6 + 1e-9
        assert episode["success"] + episode["fall"] + episode["time_out"] == 1.0
        assert episode["power"] > 1.0
    assert result["overall"]["episodes"] == len(names)
    # The same again, to the last digit.
    assert run_export(exports[stage].folder, options) == result


@pytest.mark.parametrize("stage", STAGES)
def test_no_torch_in_the_process(exports: dict[str, ExportResult], stage: str) -> None:
    code = (
        "import sys; from parkour_cli.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "heavy = {'torch', 'mjlab', 'warp', 'rsl_rl', 'tensordict'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert {'mujoco', 'onnxruntime'} <= set(sys.modules)\n"
    )
    args = ["sim2sim", str(exports[stage].folder), "--episodes", "1", "--seconds", "0.1", "--terrain", "gap"]
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "gap" in done.stdout


def test_figures_of_a_walk(exports: dict[str, ExportResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """A robot carried along the course at a constant speed: what is counted is known beforehand."""
    from parkour_deploy.contract import read_contract
    from parkour_deploy.policy import GraphPolicy
    from parkour_mujoco.sim2sim import episode as module
    from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
    from parkour_mujoco.sim2sim.run import _robot_files
    from parkour_mujoco.sim2sim.world import World

    manifest = exports["teacher"].manifest
    patch = Patch(build_courses(manifest, CoursePlan(("flat",), (0.0, 0.0), 1, 3)), 0)
    route = [np.array([*patch.spawn[:2]])]
    for goal in patch.goals:
        steps = int(np.ceil(np.linalg.norm(goal - route[-1]) / 0.05))
        route += [*np.linspace(route[-1], goal, steps + 1)[1:], *[goal] * 6]
    count = 0

    def carry(self: World, target: np.ndarray, steps: int):
        nonlocal count
        count += 1
        self.data.qpos[:3] = (*route[count], 0.3)
        return self.state()

    monkeypatch.setattr(World, "hold", carry)
    contract = read_contract(exports["teacher"].folder)
    policy = GraphPolicy(contract)
    runner = module.Runner(manifest, contract, _robot_files(manifest), policy, module.Conditions(0.5, 60.0, 1.0))
    figures = runner.run(patch)
    assert (figures["success"], figures["fall"], figures["time_out"], figures["way_points"]) == (1.0, 0.0, 0.0, 1.0)
    assert figures["way_points_before"] == 1.0
    assert figures["displacement"] == pytest.approx((route[count][0] - patch.spawn[0]) / 16.0)
    assert figures["length"] == pytest.approx(count * 0.02)
    assert figures["steps"] == count
    assert figures["edge_per_episode"] == 0.0


def test_a_fall_is_counted(exports: dict[str, ExportResult], monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export
    from parkour_mujoco.sim2sim.world import World

    original = World.hold

    def tip(self: World, target: np.ndarray, steps: int):
        self.data.qpos[3:7] = (0.0, 1.0, 0.0, 0.0)
        return original(self, target, steps)

    monkeypatch.setattr(World, "hold", tip)
    options = Sim2SimOptions(terrains=("flat",), episodes=2, seconds=1.0)
    overall = run_export(exports["teacher"].folder, options)["overall"]
    assert overall["metrics"]["fall"] == {"mean": 1.0, "std": 0.0}
    assert overall["metrics"]["length"]["mean"] == pytest.approx(0.02)


@pytest.mark.parametrize("crooked", [False, True])
def test_depth_of_the_renderer_and_of_rays(exports: dict[str, ExportResult], crooked: bool) -> None:
    """Two ways in MuJoCo, and the training's own; they differ at the edges of boxes only."""
    import torch

    from parkour.mdp.camera import CameraGeometry, DepthCamera
    from parkour_mujoco.physics import SolverSettings
    from parkour_mujoco.sim2sim import depth
    from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses
    from parkour_mujoco.sim2sim.run import _robot_files
    from parkour_mujoco.sim2sim.world import World

    manifest = exports["student"].manifest
    assert manifest.camera is not None
    mounting = {"roll": 0.1, "yaw": -0.15, "position": (0.3, 0.02, 0.1)} if crooked else {}
    manifest = manifest.model_copy(update={"camera": manifest.camera.model_copy(update=mounting)})
    assert manifest.camera is not None
    patch = Patch(build_courses(manifest, CoursePlan(("gap",), (0.8, 0.8), 1, 3)), 0)
    world = World(
        _robot_files(manifest), manifest.robot.layout(), patch.boxes,
        timestep=0.005, solver=SolverSettings(), camera=manifest.camera,
    )  # fmt: skip
    state = world.place(np.array([2.0, 0.1, 0.35]), np.array(manifest.robot.default_joint_pos))
    lines: list[str] = []
    eye = depth.DepthCamera(manifest.camera, lines.append)
    cast = eye.capture(world.model, world.data, rays=True)
    geometry = CameraGeometry(**manifest.camera.model_dump())
    camera = DepthCamera(1, "cpu", geometry)
    as_tensor = lambda value: torch.tensor(np.asarray(value, np.float32))[None]  # noqa: E731
    trained = camera.view(as_tensor(state.base_pos), as_tensor([1, 0, 0, 0]), as_tensor(patch.boxes))[0].numpy()
    assert cast.shape == (60, 106)
    assert cast.min() < 1.0
    assert cast.max() == 2.0
    assert np.median(np.abs(cast - trained)) < 1e-5
    assert (np.abs(cast - trained) < 1e-3).mean() > 0.99
    if not lines:
        rendered = eye.capture(world.model, world.data)
        if not lines:
            assert np.median(np.abs(rendered - cast)) < 1e-3
            assert (np.abs(rendered - cast) < 0.01).mean() > 0.97
    eye.close()


@pytest.mark.parametrize("antialias", [False, True])
def test_processing_of_depth(exports: dict[str, ExportResult], antialias: bool) -> None:
    import torch

    from parkour_deploy.contract import read_contract
    from parkour_deploy.picture import DepthPicture

    contract = read_contract(exports["student"].folder)
    group = contract.group("depth")
    assert contract.camera is not None and group is not None
    raw = np.random.default_rng(0).uniform(0.1, 2.0, (60, 106))
    assert group.params["antialias"] is False
    got = DepthPicture(contract.camera, {**group.params, "antialias": antialias})(raw)
    cut = torch.tensor(raw[:-2, 4:-4])[None, None]
    wanted = torch.nn.functional.interpolate(cut, size=(58, 87), mode="bicubic", antialias=antialias)[0, 0]
    assert np.abs(got - (wanted.numpy() / 2.0 - 0.5)).max() < 1e-6


def test_json_and_comparison(run: Run, exports: dict[str, ExportResult], tmp_path: Path) -> None:
    args = (str(exports["teacher"].folder), "--episodes", "1", "--seconds", "0.1", "--terrain", "hurdle")
    first = tmp_path / "a" / "first.json"
    assert run(*args, "--json", str(first))[0] == 0
    data = json.loads(first.read_text())
    assert data["by_terrain"]["hurdle"]["metrics"]["length"]["mean"] == pytest.approx(0.1)
    data["overall"]["metrics"]["way_points"]["mean"] = 0.25
    first.write_text(json.dumps(data))
    code, out, _ = run(*args, "--compare", str(first), "--json", "-")
    assert code == 0
    entry = json.loads(out)["comparison"]["overall"]["way_points"]
    assert entry == {"here": 0.0, "there": 0.25, "difference": -0.25}
    code, out, _ = run(*args, "--compare", str(first))
    assert code == 0
    assert "-0.25 (0.25)" in out


@pytest.mark.parametrize(("steps", "episodes"), [("1", 1), ("5", 1), ("6", 2), ("15", 3)])
def test_control_steps_in_whole_episodes(run: Run, exports: dict[str, ExportResult], steps: str, episodes: int) -> None:
    """Five control steps an episode."""
    code, out, _ = run(
        str(exports["teacher"].folder), "--steps", steps, "--seconds", "0.1", "--terrain", "flat", "--json", "-"
    )
    assert code == 0
    data = json.loads(out)
    assert data["protocol"]["episodes_per_terrain"] == len(data["episodes"]) == episodes


@pytest.mark.slow
def test_comparison_with_the_batched_engine(exports: dict[str, ExportResult]) -> None:
    from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export

    options = Sim2SimOptions(terrains=("gap", "flat"), episodes=1, seconds=0.3, compare="engine")
    result = run_export(exports["teacher"].folder, options)
    found = result["comparison"]["overall"]
    assert found["length"]["here"] == pytest.approx(found["length"]["there"])
    assert found["power"]["difference"] == pytest.approx(0.0, abs=0.02 * found["power"]["there"])


def test_video(run: Run, exports: dict[str, ExportResult], tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    args = (str(exports["teacher"].folder), "--episodes", "1", "--seconds", "0.3", "--terrain", "gap")
    code, _, err = run(*args, "--video", str(tmp_path / "film.mp4"))
    if code:
        assert "nothing can be rendered here" in err
    else:
        assert (tmp_path / "film.mp4").stat().st_size > 2000


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{none}"], "is no folder, expected an export"),
        (["{empty}"], "holds no deploy.toml, expected an export"),
        (["{teacher}", "--terrain", "hurdel"], "unknown terrain 'hurdel'; did you mean 'hurdle'"),
        (["{teacher}", "--difficulty", "1:0"], "--difficulty: got '1:0'"),
        (["{teacher}", "--episodes", "0"], "--episodes: got 0, expected 1 to 1000"),
        (["{teacher}", "--episodes", "1001"], "--episodes: got 1001, expected 1 to 1000"),
        (["{teacher}", "--steps", "0"], "--steps: got 0, expected 1 to 1500000"),
        (["{teacher}", "--steps", "20", "--episodes", "2"], "got --episodes and --steps, expected one of them"),
        (["{teacher}", "--seed", "4294967296"], "--seed: got 4294967296, expected 0 to 4294967295"),
        (["{teacher}", "--speed", "nan"], "--speed: got nan"),
        (["{teacher}", "--friction", "0"], "--friction: got 0"),
        (["{teacher}", "--compare", "no.json"], "--compare no.json: No such file"),
        (["{teacher}", "--compare", "{text}"], "not a file of parkour eval or sim2sim"),
        (["{teacher}", "--video", "film.gif"], "--video: got 'film.gif', expected an .mp4 file"),
        (["{teacher}", "--json", "{text}/x.json"], "cannot write"),
    ],
)
def test_bad_input_is_one_line(
    run: Run, exports: dict[str, ExportResult], tmp_path: Path, args: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text("[]")
    names = {
        "none": tmp_path / "none", "empty": tmp_path / "empty", "teacher": exports["teacher"].folder,
        "text": tmp_path / "text.json",
    }  # fmt: skip
    check_error(run(*(arg.format(**names) for arg in args)), message)


def check_error(result: tuple[int, str, str], message: str) -> None:
    code, out, err = result
    lines = err.splitlines()
    assert (code, out) == (1, "")
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert len(lines) <= 2


def test_an_edited_graph(run: Run, copy: Path) -> None:
    data = bytearray((copy / "policy.onnx").read_bytes())
    data[-5] ^= 1
    (copy / "policy.onnx").write_bytes(data)
    check_error(run(str(copy)), "policy.onnx was edited or replaced")


def test_a_missing_graph(run: Run, copy: Path) -> None:
    (copy / "policy.onnx").unlink()
    check_error(run(str(copy)), "policy.onnx is missing, but deploy.toml names it")


def test_an_edited_manifest(run: Run, copy: Path) -> None:
    text = (copy / MANIFEST).read_text()
    (copy / MANIFEST).write_text(text.replace("action_scale = 0.25", "action_scale = 0.5"))
    check_error(run(str(copy)), "deploy.toml was edited")


def test_comments_are_no_edit(copy: Path, exports: dict[str, ExportResult]) -> None:
    text = (copy / MANIFEST).read_text()
    (copy / MANIFEST).write_text(f"# for the robot in the lab\n\n{text}")
    assert read_manifest(copy) == exports["teacher"].manifest


@pytest.mark.parametrize(
    ("text", "message"),
    [("[", "cannot read"), ('format = "x"', "is of format 'x'"),
     ('format = "parkour-deploy"\nformat_version = 9', "has format version 9, expected 2")],
)  # fmt: skip
def test_a_malformed_manifest(run: Run, copy: Path, text: str, message: str) -> None:
    (copy / MANIFEST).write_text(text)
    check_error(run(str(copy)), message)


def rewrite(folder: Path, change: Callable[[dict], None]) -> None:
    """Change deploy.toml and make its hash fit again: an export of somebody else."""
    import tomli_w

    tables = tomllib.loads((folder / MANIFEST).read_text())
    tables.pop("integrity")
    change(tables)
    (folder / MANIFEST).write_text(tomli_w.dumps({"integrity": {"sha256": _digest(tables)}, **tables}))


def test_a_terrain_whose_plugin_is_gone(run: Run, copy: Path) -> None:
    rewrite(copy, lambda tables: tables["terrains"]["gap"].update(use="parkour-beams:beam"))
    check_error(run(str(copy)), "terrain 'gap' of the export is 'parkour-beams:beam', and no plugin that is installed")


def test_a_group_whose_plugin_is_gone(run: Run, copy: Path) -> None:
    def change(tables: dict) -> None:
        tables["observation"]["groups"][1].update(use="parkour-lidar:scan")
        tables["task"]["components"]["observation.height_scan"] = "parkour-lidar:scan 1.5"

    rewrite(copy, change)
    message = "observation 'scan' comes from the plugin parkour-lidar 1.5, which is not installed"
    check_error(run(str(copy)), message)


def test_a_manifest_that_lacks_a_number(run: Run, copy: Path) -> None:
    rewrite(copy, lambda tables: tables["observation"].pop("size"))
    check_error(run(str(copy)), "observation.size: missing")


def test_an_edited_task_file(run: Run, copy: Path) -> None:
    with (copy / "task.toml").open("a") as file:
        file.write("\n# changed\n")
    check_error(run(str(copy), "--compare", "engine"), "task.toml was edited or replaced")


def test_torchscript_is_not_for_sim2sim(run: Run, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    export_policy(weights_at(checkpoints["teacher"]), tmp_path, ExportOptions(format="jit", rollout=False))
    check_error(run(str(tmp_path)), "holds a TorchScript export, expected an ONNX one")


def test_without_mujoco(run: Run, exports: dict[str, ExportResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parkour_mujoco.commands.find_spec", lambda name: None)
    check_error(run(str(exports["teacher"].folder)), "sim2sim needs mujoco, which is not installed")


def test_manifest_errors_are_parkour_errors(tmp_path: Path) -> None:
    with pytest.raises(ParkourError):
        read_manifest(tmp_path)
