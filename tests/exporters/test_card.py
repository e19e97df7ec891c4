"""Model cards: the folder is whole, says what was measured, and is taken as a checkpoint."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.policies.source import PolicySource, load_weights
from parkour_cli.__main__ import main

yaml = pytest.importorskip("yaml")


def run(*args: object) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "card", *map(str, args)])
    return ended.value.code


def scores(path: Path, digest: str, **changes: Any) -> Path:
    """As ``parkour eval --json`` writes them, as far as they are read."""
    part = {"episodes": 40, "metrics": {"success": {"mean": 0.875}, "power": {"mean": None}}}
    data = {
        "format": "parkour-evaluation", "checkpoint": {"sha256": digest}, "engine": "parkour-lab:mujoco",
        "protocol": {"name": "course", "noise": "noisy"}, "overall": part, "by_terrain": {"gap|<b>": part},
    } | changes  # fmt: skip
    path.write_text(json.dumps(data))
    return path


def test_the_folder_is_whole_and_taken_as_a_checkpoint(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = checkpoints["teacher"], tmp_path / "card"
    weights = load_weights(PolicySource(checkpoint=source))
    given = scores(tmp_path / "scores.json", weights.digest)
    assert not run(
        "--checkpoint", source, "--no-rollout", "--out", out, "--scores", given, "--license", "MIT", "--half"
    )
    capsys.readouterr()
    text = (out / "README.md").read_text(encoding="utf-8")

    head = yaml.safe_load(text.split("---\n")[1])
    assert head["license"] == "mit" and head["library_name"] == "parkour-lab" and "teacher" in head["tags"]
    (result,) = head["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "success-rate", "value": 0.875}]
    assert "| course under noisy on mujoco | gap/‹b> | all |" in text and "| success | 0.875 | 0.875 |" in text
    assert "| power [W] | – | – |" in text and weights.digest in text and "friction" in text

    listed = dict(re.findall(r"^\| (\S+) \| \d+ \| ([0-9a-f]{64}) \|$", text, re.MULTILINE))
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}
    assert listed == {name: digest for name, digest in there.items() if name != "README.md"}
    assert {"policy.onnx", "deploy.toml", "task.toml"} < set(listed)

    taken = load_weights(PolicySource(checkpoint=out))
    assert taken.checkpoint.iteration == weights.checkpoint.iteration and taken.checkpoint.slim
    # Again, with what was scored as it lies there.
    again = scores(tmp_path / "again.json", taken.digest)
    assert not run("--checkpoint", source, "--no-rollout", "--out", out, "--scores", again)
    assert "Not stated" in (out / "README.md").read_text(encoding="utf-8")


def test_every_option_arrives(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which weights, and how graphs are written, as of ``export onnx``."""
    seen: dict[str, Any] = {}
    weights = load_weights(PolicySource(checkpoint=checkpoints["teacher"]))

    def load(source: PolicySource, notify: Any) -> Any:
        seen["source"] = source
        return weights

    def export(found: Any, out: Path, options: Any, notify: Any) -> Any:
        seen["options"] = options
        raise ParkourError("enough")

    monkeypatch.setattr("parkour.policies.source.load_weights", load)
    monkeypatch.setattr("parkour.exporters.exporter.export_policy", export)
    choices = ["--run", "r", "--pretrained", "--log-root", "l", "--experiment", "e"]
    graph = ["--dtype", "float16", "--batch", 3, "--recording", "r.npz", "--rollout", "--json"]
    engine = ["--engine", "mujoco", "--cpu-sim", "warp", "--physics", "newton"]
    assert run("go2-teacher", *choices, *graph, *engine, "--out", tmp_path / "x") == 1
    assert "error: enough" in capsys.readouterr().err
    assert seen["source"] == PolicySource("go2-teacher", None, Path("r"), True, Path("l"), "e")
    options = seen["options"]
    assert (options.format, options.dtype, options.batch, options.rollout) == ("onnx", "float16", 3, True)
    assert (options.recording, options.engine) == (Path("r.npz"), "mujoco")
    assert options.engine_options == {"cpu_sim": "warp", "physics": "newton"}


def test_bad_input_is_a_line(checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = checkpoints["teacher"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("# mine\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model_99.pt").touch()
    wrong, other = tmp_path / "wrong.json", scores(tmp_path / "other.json", "0" * 64)
    wrong.write_text("[]")
    for args, said in (
        (("--out", tmp_path / "mine"), "was written by somebody else"),
        (("--out", tmp_path / "run"), "is a run folder, or another card's"),
        (("--out", tmp_path / "x", "--scores", tmp_path / "none.json"), "none.json"),
        (("--out", tmp_path / "x", "--scores", wrong), "no file of parkour eval or sim2sim"),
        (("--out", tmp_path / "x", "--scores", other), "is of the checkpoint with SHA-256 000000000000…"),
        (("--out", tmp_path / "x", "--batch", "many"), "--batch: got 'many'"),
    ):
        assert run("--checkpoint", source, "--no-rollout", *args) == 1
        err = capsys.readouterr().err
        assert said in err and "Traceback" not in err
    assert not (tmp_path / "x").exists()


def test_a_folder_without_weights_is_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--checkpoint", tmp_path, "--out", tmp_path / "x") == 1
    assert "holds no checkpoint" in capsys.readouterr().err
