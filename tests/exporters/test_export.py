"""Exports against torch: formats, precisions, batches, metadata, deploy.toml, and input that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from parkour.errors import ExportError, ParkourError
from parkour.exporters.exporter import ExportOptions, ExportResult, export_policy
from parkour.exporters.graphs import deployed_graphs
from parkour.exporters.manifest_file import file_sha256, read_manifest
from parkour.exporters.parity import Parity, check
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.definition import define_policy
from parkour.policies.deployed import build_actor
from parkour.policies.source import weights_at
from parkour.policies.task import task_of
from parkour.tasks import load_task
from parkour.tasks.table import merge
from parkour_policies.rma_actor import RmaActor
from tests.exporters.conftest import STAGES, blank_observations, write_checkpoint

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    from parkour_cli.__main__ import main

    def invoke(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main(list(args))
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return invoke


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("format", ["onnx", "jit"])
def test_equal_to_torch_over_100_steps(
    checkpoints: dict[str, Path], exports: dict[str, ExportResult], stage: str, format: str, tmp_path: Path
) -> None:
    result = (
        exports[stage]
        if format == "onnx"
        else export_policy(weights_at(checkpoints[stage]), tmp_path, ExportOptions(format="jit", rollout=False))
    )
    assert [(p.inputs, p.batch, p.steps) for p in result.parities] == [("random", 1, 100), ("random", 64, 100)]
    assert result.max_error < 1e-4
    # The actions are not small: an export that returned zeros would be noticed.
    assert min(p.scale for p in result.parities) > 1.0


def test_a_difference_is_an_error() -> None:
    check([Parity("random", 1, 100, 9e-5, 1.0)], "float32")
    for error in (1.1e-4, float("inf"), float("nan")):
        with pytest.raises(ParkourError, match="differs from torch"):
            check([Parity("random", 1, 100, error, 1.0)], "float32")


def test_a_wrong_file_is_not_kept(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parkour.exporters import targets

    original = targets.run_onnx
    monkeypatch.setattr(
        targets, "run_onnx", lambda path: lambda values: [value + 1e-3 for value in original(path)(values)]
    )
    with pytest.raises(ParkourError, match=r"differs from torch by 0\.001\d* on random inputs"):
        export_policy(weights_at(checkpoints["teacher"]), tmp_path, ExportOptions(rollout=False))
    assert list(tmp_path.iterdir()) == []


def test_the_teacher_is_one_graph(exports: dict[str, ExportResult]) -> None:
    folder = exports["teacher"].folder
    session = onnxruntime.InferenceSession(str(folder / "policy.onnx"), providers=["CPUExecutionProvider"])
    (source,), (sink,) = session.get_inputs(), session.get_outputs()
    assert (source.name, source.shape[1]) == ("obs", 753)
    assert (sink.name, sink.shape[1]) == ("actions", 12)
    assert isinstance(source.shape[0], str)
    obs = np.random.default_rng(0).standard_normal((3, 753)).astype(np.float32)
    actions = session.run(None, {"obs": obs})[0]
    # What a robot has not is not read: explicit and latent privileged blocks.
    changed = obs.copy()
    changed[:, 185:223] = 100.0
    assert np.array_equal(session.run(None, {"obs": changed})[0], actions)
    for start in (0, 53, 223):
        changed = obs.copy()
        changed[:, start] += 1.0
        assert not np.array_equal(session.run(None, {"obs": changed})[0], actions)


def test_ports_of_the_student(exports: dict[str, ExportResult]) -> None:
    encoder, actor = exports["student"].manifest.graphs
    assert (encoder.name, encoder.period, actor.name, actor.period) == ("depth_encoder", 5, "depth_actor", 1)
    assert {port.name: port.shape for port in encoder.inputs[:2]} == {"depth": (58, 87), "proprioception": (53,)}
    assert {port.name: port.shape for port in encoder.outputs[:2]} == {"scan_latent": (32,), "yaw": (2,)}
    state, after = encoder.inputs[2], encoder.outputs[2]
    assert (state.source, state.shape) == (f"state:{after.name}", after.shape)
    assert np.prod(state.shape) == 512
    sources = {port.source for port in actor.inputs}
    assert {"graph:depth_encoder.scan_latent", "graph:depth_encoder.yaw", "group:proprioception"} < sources


def test_the_students_own_yaws_are_not_read(exports: dict[str, ExportResult]) -> None:
    folder = exports["student"].folder
    rng = np.random.default_rng(1)
    for name in ("depth_encoder", "depth_actor"):
        session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        feed = {i.name: rng.standard_normal((2, *i.shape[1:])).astype(np.float32) for i in session.get_inputs()}
        before = session.run(None, feed)
        changed = feed["proprioception"].copy()
        changed[:, 6:8] += 1.0
        after = session.run(None, {**feed, "proprioception": changed})
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("opset", [14, 18])
def test_student_that_nobody_steers(tmp_path: Path, opset: int) -> None:
    """No switch to ask for: from opset 18 on ONNX takes "any of none" for true."""
    path = write_checkpoint(tmp_path / "model_7.pt", "student", sets=("policy.params.steered_fields=[]",))
    options = ExportOptions(params={"opset": opset}, rollout=False)
    result = export_policy(weights_at(path), tmp_path / "exported", options)
    assert result.max_error < 1e-4 and min(p.scale for p in result.parities) > 1.0


def test_an_export_may_take_its_heading_from_the_operator_everywhere(
    checkpoints: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    """What the task says by default is the camera's but on flat ground; the operator chooses when exporting."""
    fields = "policy.params.steered_fields=['flat','not_flat']"
    code, _, err = run(
        "export", "onnx", "--checkpoint", str(checkpoints["student"]), "--no-rollout", "--out", str(tmp_path),
        "--set", fields,
    )  # fmt: skip
    assert code == 0, err
    session = onnxruntime.InferenceSession(str(tmp_path / "depth_actor.onnx"), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    feed = {i.name: rng.standard_normal((2, *i.shape[1:])).astype(np.float32) for i in session.get_inputs()}
    # On obstacles, and on flat ground.
    feed["proprioception"][:, 11:13] = [[1.0, 0.0], [0.0, 1.0]]
    before = session.run(None, feed)[0]
    assert np.array_equal(session.run(None, {**feed, "yaw": feed["yaw"] + 1.0})[0], before)
    feed["proprioception"][:, 6:8] += 1.0
    assert (session.run(None, feed)[0] != before).any(axis=1).all()
    assert load_task(str(tmp_path / "task.toml")).policy.params.steered_fields == ("flat", "not_flat")
    code, _, err = run("export", "onnx", "--pretrained", "--out", str(tmp_path), "--set", "heading.sorce=hold")
    assert code == 1 and "unknown key 'heading.sorce'; did you mean 'source'" in err


@pytest.mark.parametrize(("format", "opset"), [("onnx", 14), ("onnx", 18), ("jit", 18)])
def test_student_with_the_small_encoder(tmp_path: Path, format: str, opset: int) -> None:
    path = write_checkpoint(tmp_path / "model_7.pt", "student", overlay="train+compact")
    params = {"opset": opset} if format == "onnx" else {}
    options = ExportOptions(format=format, params=params, rollout=False)
    result = export_policy(weights_at(path), tmp_path / "exported", options)
    assert result.max_error < 1e-4 and min(p.scale for p in result.parities) > 1.0
    assert np.prod(result.manifest.graphs[0].inputs[2].shape) == 384


@pytest.mark.parametrize("opset", [14, 17, 20])
def test_opsets(checkpoints: dict[str, Path], tmp_path: Path, opset: int) -> None:
    options = ExportOptions(params={"opset": opset}, rollout=False)
    result = export_policy(weights_at(checkpoints["teacher"]), tmp_path, options)
    model = onnx.load(str(tmp_path / "policy.onnx"))
    assert [item.version for item in model.opset_import if not item.domain] == [opset]
    assert result.manifest.opset == opset


@pytest.mark.parametrize("format", ["onnx", "jit"])
def test_half_precision(checkpoints: dict[str, Path], tmp_path: Path, format: str) -> None:
    options = ExportOptions(format=format, dtype="float16", rollout=False)  # type: ignore[arg-type]
    result = export_policy(weights_at(checkpoints["teacher"]), tmp_path, options)
    assert 1e-6 < result.max_error < 0.05 * max(p.scale for p in result.parities)
    size = next(path.stat().st_size for path in result.files if path.suffix in (".onnx", ".pt"))
    assert size < 700_000  # 1.1 MB in single precision


@pytest.mark.parametrize("format", ["onnx", "jit"])
def test_a_fixed_batch(checkpoints: dict[str, Path], tmp_path: Path, format: str) -> None:
    result = export_policy(
        weights_at(checkpoints["teacher"]), tmp_path, ExportOptions(format=format, batch=1, rollout=False)
    )  # type: ignore[arg-type]
    assert [p.batch for p in result.parities] == [1]
    if format == "onnx":
        session = onnxruntime.InferenceSession(str(tmp_path / "policy.onnx"), providers=["CPUExecutionProvider"])
        assert session.get_inputs()[0].shape == [1, 753]


def test_metadata(checkpoints: dict[str, Path], exports: dict[str, ExportResult], tmp_path: Path) -> None:
    model = onnx.load(str(exports["teacher"].folder / "policy.onnx"))
    found = {item.key: item.value for item in model.metadata_props}
    assert found["task"] == "go2-teacher"
    assert found["iteration"] == "7"
    assert found["checkpoint_sha256"] == file_sha256(checkpoints["teacher"])
    export_policy(weights_at(checkpoints["teacher"]), tmp_path, ExportOptions(format="jit", rollout=False))
    extra = {"metadata.json": ""}
    torch.jit.load(str(tmp_path / "policy.pt"), _extra_files=extra)
    assert json.loads(extra["metadata.json"])["checkpoint_sha256"] == found["checkpoint_sha256"]


@pytest.mark.parametrize("stage", STAGES)
def test_deploy_toml(checkpoints: dict[str, Path], exports: dict[str, ExportResult], stage: str) -> None:
    result = exports[stage]
    manifest = read_manifest(result.folder)
    assert manifest == result.manifest
    task = task_of(weights_at(checkpoints[stage]), "eval")
    assert manifest.robot.layout() == task.robot
    assert manifest.control == task.model.control
    assert (manifest.rates.control_hz, manifest.rates.perception_hz) == pytest.approx((50.0, 10.0))
    assert manifest.rates.action_delay == pytest.approx(0.02 if stage == "student" else 0.0)
    assert manifest.command.speed == (0.3, 0.8)
    assert manifest.checkpoint.sha256 == file_sha256(checkpoints[stage])
    for graph in manifest.graphs:
        assert graph.sha256 == file_sha256(result.folder / graph.file)
    assert (manifest.camera is not None) == (stage == "student")
    assert manifest.task.components["observation.proprioception"].startswith("parkour-lab:proprioception ")


def test_files_of_an_earlier_export_are_told_of(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """They stay, as they are somebody's; deploy.toml is of the new one alone."""
    lines: list[str] = []
    for format in ("onnx", "onnx", "jit"):
        options = ExportOptions(format=format, rollout=False)
        export_policy(weights_at(checkpoints["teacher"]), tmp_path, options, notify=lines.append)
    assert lines == [f"{tmp_path} still has policy.onnx of an earlier export, of which deploy.toml knows no more"]
    assert (tmp_path / "policy.onnx").is_file()


def test_observation_layout(exports: dict[str, ExportResult]) -> None:
    observation = exports["teacher"].manifest.observation
    assert [(g.name, g.offset, g.size, g.read) for g in observation.groups] == [
        ("proprioception", 0, 53, True),
        ("height_scan", 53, 132, True),
        ("privileged_explicit", 185, 9, False),
        ("privileged_latent", 194, 29, False),
        ("proprioception_history", 223, 530, True),
    ]
    assert observation.size == 753
    fields = {f.name: f for f in observation.groups[0].fields}
    assert (fields["joint_vel"].offset, fields["joint_vel"].size, fields["joint_vel"].scale) == (25, 12, 0.05)
    assert fields["base_ang_vel"].unit == "rad/s"
    ends = [f.offset + f.size for g in observation.groups for f in g.fields]
    starts = [f.offset for g in observation.groups for f in g.fields]
    assert [0, *ends] == [*starts, 753]


def test_recorded_inputs(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    obs = np.random.default_rng(0).uniform(-1, 1, (12, 3, 753)).astype(np.float32)
    np.savez(tmp_path / "recording.npz", obs=obs)
    result = export_policy(
        weights_at(checkpoints["teacher"]), tmp_path / "out", ExportOptions(recording=tmp_path / "recording.npz")
    )
    assert [(p.inputs, p.batch, p.steps) for p in result.parities][-1] == ("recorded", 3, 12)


@pytest.mark.mujoco
def test_a_rollout_is_recorded(checkpoints: dict[str, Path]) -> None:
    from parkour.exporters import recording
    from parkour.policies.deployed import DeployedPolicy, load_actor

    weights = weights_at(checkpoints["teacher"])
    task = task_of(weights, "eval")
    actor = load_actor(weights, task)
    assert isinstance(actor, RmaActor)
    obs = recording.record_rollout(task, DeployedPolicy(actor), engine="mujoco", notify=print, num_envs=2, steps=4)
    assert obs is not None
    assert obs.shape == (4, 2, 753)
    assert len(np.unique(obs[1:, :, 0])) == 6


@pytest.mark.parametrize("format", ["onnx", "jit"])
def test_command(run: Run, checkpoints: dict[str, Path], tmp_path: Path, format: str) -> None:
    out = tmp_path / "new" / "folder"
    code, text, err = run(
        "export", format, "--checkpoint", str(checkpoints["teacher"]), "--out", str(out), "--no-rollout", "--json"
    )
    assert code == 0
    report = json.loads(text)
    assert report["max_error"] < 1e-4
    assert {Path(path).name for path in report["files"]} == {path.name for path in out.iterdir()}
    assert f"exporting {checkpoints['teacher']}" in err


def test_command_with_a_run_folder(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write_checkpoint(folder / "model_3.pt")
    code, out, _ = run("export", "onnx", "--run", str(folder), "-o", str(tmp_path / "out"), "--no-rollout")
    assert code == 0
    assert "deploy.toml" in out
    assert "max error" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--checkpoint", "none.pt"], "none.pt does not exist"),
        (["--run", "nowhere"], "run folder nowhere does not exist"),
        (["--log-root", "nowhere"], "no checkpoint found: looked in nowhere/rsl_rl"),
        (["--run", "a", "--pretrained"], "got --run and --pretrained, expected one of them"),
        (["--checkpoint", "{teacher}", "--opset", "5"], "--opset: got 5, expected 14 to 20"),
        (["--checkpoint", "{teacher}", "--opset", "99"], "--opset: got 99, expected 14 to 20"),
        (["--checkpoint", "{teacher}", "--dtype", "int8"], "--dtype: got 'int8', expected float32 or float16"),
        (["--checkpoint", "{teacher}", "--batch", "many"], "--batch: got 'many', expected dynamic or a number"),
        (["--checkpoint", "{teacher}", "--batch", "0"], "--batch: got '0', expected dynamic or a number"),
        (["--checkpoint", "{teacher}", "--recording", "no.npz"], "--recording no.npz: cannot be read"),
        (
            ["--checkpoint", "{teacher}", "--recording", "{wrong}"],
            "got an array of shape (2, 1, 5), expected (steps, rob",
        ),
        (["--checkpoint", "{teacher}", "--engine", "gazeboo"], "unknown engine 'gazeboo'"),
        (["--checkpoint", "{damaged}"], "is damaged or not a checkpoint"),
        (["go2-student", "--checkpoint", "{teacher}"], "is a teacher (go2-teacher), expected a student"),
    ],
)
def test_bad_input_is_one_line(
    run: Run, checkpoints: dict[str, Path], tmp_path: Path, args: list[str], message: str
) -> None:
    np.save(tmp_path / "wrong.npy", np.zeros((2, 5)))
    (tmp_path / "damaged.pt").write_bytes(b"damaged")
    names = {"teacher": checkpoints["teacher"], "wrong": tmp_path / "wrong.npy", "damaged": tmp_path / "damaged.pt"}
    code, out, err = run("export", "onnx", *(arg.format(**names) for arg in args), "--out", str(tmp_path / "out"))
    lines = [line for line in err.splitlines() if not line.startswith("exporting")]
    assert (code, out) == (1, "")
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert len(lines) <= 2


def test_an_unwritable_folder(run: Run, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run(
        "export", "onnx", "--checkpoint", str(checkpoints["teacher"]), "-o", str(tmp_path / "file" / "x")
    )
    assert code == 1
    assert f"--out: cannot write {tmp_path / 'file' / 'x'}" in err


def test_a_task_whose_plugin_is_gone(run: Run, tmp_path: Path) -> None:
    import dataclasses

    from parkour.policies.checkpoint_file import save_checkpoint

    path = write_checkpoint(tmp_path / "model_1.pt")
    checkpoint = load_checkpoint(path)
    use = lambda name, **more: {"use": f"parkour-beams:{name}", "version": "0.4", **more}  # noqa: E731
    training = {
        "terrains": {"gap": use("beam")},
        "rewards": {"calm": use("calm", weight=-1.0)},
        "events": {"kick": use("kick", interval=2.0)},
        "observations": {"proprioception": {"modifiers": {"hum": use("hum")}}},
    }
    save_checkpoint(path, dataclasses.replace(checkpoint, task=merge(checkpoint.task, training)))
    args = ("export", "onnx", "--checkpoint", str(path), "-o", str(tmp_path / "out"), "--no-rollout")
    code, _, err = run(*args)
    assert code == 0, err
    for kind, name in (("terrain", "beam"), ("reward", "calm"), ("event", "kick"), ("modifier", "hum")):
        gone = f"{kind} '{name}' comes from the plugin parkour-beams 0.4, which is not installed"
        assert f"left out: {gone}" in err
    assert "gap" not in read_manifest(tmp_path / "out").terrains
    # What the policy itself is made of is needed: one line names all that is not here.
    needed = {"terminations": {"fallen": use("fallen")}, "policy": {"params": {"scan_encoder": "parkour-beams:scan"}}}
    save_checkpoint(path, dataclasses.replace(checkpoint, task=merge(checkpoint.task, training | needed)))
    code, _, err = run(*args)
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert code == 1
    assert "termination 'fallen' comes from the plugin parkour-beams 0.4, which is not installed; besides, " in line
    assert "encoder 'scan' comes from the plugin parkour-beams" in line and "reward 'calm' comes from" in line


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("half", [False, True])
def test_weights_alone_are_the_policy(
    run: Run, checkpoints: dict[str, Path], tmp_path: Path, stage: str, half: bool
) -> None:
    full, out = tmp_path / "full.pt", tmp_path / "weights.pt"
    before = load_checkpoint(checkpoints[stage])
    extra = {"teacher_state_dict": {"x": torch.zeros(100_000)}} if stage == "student" else {}
    more = {"optimizers": {"ppo": {"x": torch.zeros(1_000_000)}}, "rng": {}, "model": before.model | extra}
    save_checkpoint(full, replace(before, **more))
    code, printed, err = run("export", "weights", "--checkpoint", str(full), "-o", str(out), *["--half"] * half)
    assert code == 0 and printed.strip() == str(out), err
    after = load_checkpoint(out)
    assert after.slim and after.stamp == before.stamp and after.model.keys() == before.model.keys()
    assert out.stat().st_size < checkpoints[stage].stat().st_size * (0.6 if half else 1.01)
    task = task_of(weights_at(full))
    definition = define_policy(task)
    obs = blank_observations(task)
    for name, weights in before.model.items():
        actor = build_actor(definition, obs, task.robot.num_joints, "cpu")
        actor.load_state_dict(after.model[name])
        for key, value in actor.state_dict().items():
            torch.testing.assert_close(value, weights[key], rtol=1e-3 if half else 0.0, atol=1e-6 if half else 0.0)


def test_weights_are_not_written_over_their_checkpoint(run: Run, checkpoints: dict[str, Path]) -> None:
    path = checkpoints["teacher"]
    before = path.read_bytes()
    code, _, err = run("export", "weights", "--checkpoint", str(path), "-o", str(path))
    assert code == 1 and "is the checkpoint itself" in err and path.read_bytes() == before


def test_a_network_that_says_nothing_of_its_deployment_is_told_what_it_lacks() -> None:
    with pytest.raises(ExportError, match=r"Linear has neither deployed_graphs\(\) nor as_onnx\(\)") as caught:
        deployed_graphs(torch.nn.Linear(2, 2), {"proprioception": 2}, 2)
    assert "deployed_graphs()" in (caught.value.hint or "")
