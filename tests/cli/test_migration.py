"""What people type out of habit: the commands of the reference's notes and the flags of other kits."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.policies.source import PolicySource, find_checkpoint, pretrained_checkpoint, task_named
from parkour_cli.__main__ import main
from parkour_cli.migration import (
    BESIDE_CHECKPOINT,
    COMMANDS,
    FLAGS,
    OTHER_COMMANDS,
    Needless,
    Renamed,
    translate,
)

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
EXPERIMENT = "unitree_go2_parkour"
TEACHER_RUN, STUDENT_RUN = "2025-08-16_12-43-38", "2025-08-20_18-55-01"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A teacher's run and a later student's in one experiment folder, as the reference leaves them."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "logs" / "rsl_rl" / EXPERIMENT
    for run, task, iterations in ((TEACHER_RUN, "go2-teacher", (400, 500)), (STUDENT_RUN, "go2-student", (100,))):
        (folder / run).mkdir(parents=True)
        (folder / run / "task.toml").write_text(f'name = "{task}"\n')
        for iteration in iterations:
            (folder / run / f"model_{iteration}.pt").touch()
    return folder


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command that ran last was told, instead of running."""
    found: dict[str, Any] = {}

    def trained(task: Any, options: Any, start: Any) -> Any:
        found.update(task=task.name, options=options)
        raise SystemExit(0)

    def weights(source: PolicySource, notify: object = None) -> Any:
        found.update(task=source.task, source=source)
        raise SystemExit(0)

    monkeypatch.setattr("parkour_cli.train._train", trained)
    monkeypatch.setattr("parkour.policies.source.load_weights", weights)
    return found


def typed(line: str) -> tuple[int, list[str]]:
    """Exit code of a command line."""
    args = shlex.split(line)
    with pytest.raises(SystemExit) as caught:
        main(args)
    return int(caught.value.code or 0), args


def chosen(seen: dict[str, Any]) -> Path:
    source: PolicySource = seen["source"]
    return find_checkpoint(source, *task_named(source.task))


TASK = "Isaac-Extreme-Parkour-{stage}-Unitree-Go2{kind}-v0"
STAGES = {"Teacher": (TEACHER_RUN, 500), "Student": (STUDENT_RUN, 100)}
SCRIPTS = {"play": ("-Play", "--num_envs 16"), "eval": ("-Eval", ""), "demo": ("-Play", "")}
"""What the notes call each with."""


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("command", SCRIPTS)
@pytest.mark.parametrize(
    "weights",
    [
        "",
        "--load_run {run}",
        "--load_run {run} --checkpoint model_{iteration}.pt",
        "--checkpoint logs/rsl_rl/{experiment}/{run}/model_{iteration}.pt",
        "--checkpoint model_{iteration}.pt",
        "--experiment_name {experiment}",
        "--experiment {experiment}",
        "--log_root logs/rsl_rl/{experiment}",
        "--use_pretrained_checkpoint",
    ],
)
def test_a_policy_is_found_as_in_the_notes(
    command: str, stage: str, weights: str, runs: Path, seen: dict[str, Any]
) -> None:
    run, iteration = STAGES[stage]
    kind, more = SCRIPTS[command]
    named = weights.format(run=run, iteration=iteration, experiment=EXPERIMENT)
    viewer = "" if command == "eval" else "--viewer web"
    code, _ = typed(f"{command} --task {TASK.format(stage=stage, kind=kind)} {more} {named} {viewer}")
    assert code == 0
    pretrained = pretrained_checkpoint(stage.lower())
    expected = pretrained if "pretrained" in weights else runs / run / f"model_{iteration}.pt"
    assert chosen(seen).resolve() == expected.resolve()


def test_the_notes_train_a_teacher(seen: dict[str, Any]) -> None:
    line = "train --task Isaac-Extreme-Parkour-Teacher-Unitree-Go2-v0 --seed 1 --headless --num_envs 64"
    code, _ = typed(f"{line} --max_iterations 300 --run_name mine --experiment_name {EXPERIMENT}")
    assert code == 0 and seen["task"] == "go2-teacher"
    options = seen["options"]
    assert (options.num_envs, options.iterations, options.seed) == (64, 300, 1)
    assert (options.run_name, options.experiment) == ("mine", EXPERIMENT)


@pytest.mark.parametrize("kind", ["onnx", "jit", "weights"])
def test_exports_find_runs_alike(kind: str, runs: Path, seen: dict[str, Any]) -> None:
    code, _ = typed(f"export {kind} --task go2-teacher --experiment {EXPERIMENT} --checkpoint 400 --out there")
    assert code == 0 and chosen(seen).resolve() == (runs / TEACHER_RUN / "model_400.pt").resolve()


@pytest.mark.parametrize("weights", ["--pretrained", "--use_pretrained_checkpoint", f"--load_run {TEACHER_RUN}"])
def test_the_notes_train_a_student(weights: str, runs: Path, seen: dict[str, Any]) -> None:
    code, _ = typed(f"train --task Isaac-Extreme-Parkour-Student-Unitree-Go2-v0 --seed 1 --headless {weights}")
    assert code == 0 and seen["task"] == "go2-student"
    options = seen["options"]
    assert (options.checkpoint is not None) != (options.run is not None)


def test_a_student_without_a_teacher_is_told_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = typed("train --task Isaac-Extreme-Parkour-Student-Unitree-Go2-v0 --seed 1 --headless")
    error = capsys.readouterr().err
    assert code == 1 and "no teacher given" in error and "--pretrained (or --checkpoint FILE, or" in error


@pytest.mark.parametrize("command", ["play", "demo"])
def test_headless_play_says_what_would_be_seen(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = typed(f"{command} --task {TASK.format(stage='Teacher', kind='-Play')} --headless")
    error = capsys.readouterr().err
    assert code == 1 and "--viewer none" in error and "hint: --video out.mp4" in error


TRANSLATED = [
    ("train --task=go2-teacher --max_iterations=5", "train go2-teacher --iterations 5"),
    ("train go2-teacher --num_envs 4 --time_limit 2", "train go2-teacher --num_envs 4 --time_limit 2"),
    ("train --exptid 000-01 --rl_device cuda:1", "train --run-name 000-01 --device cuda:1"),
    ("--verbose train --headless --no_wandb", "--verbose train"),
    ("play --exptid 000-01 --web", "play --run 000-01 --viewer web"),
    ("play --video_length 200 --video out.mp4", "play --steps 200 --video out.mp4"),
    ("play --headless --video out.mp4", "play --viewer none --video out.mp4"),
    ("eval --headless --cpu --real-time --export", f"eval --device cpu --export {BESIDE_CHECKPOINT}"),
    ("train env.scene.num_envs=64 agent.max_iterations=5", "train --num-envs 64 --iterations 5"),
    ("play go2-student --exptid 000-01 --delay", "play go2-student --run 000-01"),
    ("play --export --task go2-teacher", f"play --export {BESIDE_CHECKPOINT} go2-teacher"),
    ("play --export there go2-teacher", "play --export there go2-teacher"),
    ("export onnx --task go2-student --load_run R --checkpoint 5", "export onnx go2-student --run R --checkpoint 5"),
    ("tasks show go2-teacher --task X", "tasks show go2-teacher --task X"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("theirs", "ours"), TRANSLATED)
def test_flags_become_ours(theirs: str, ours: str) -> None:
    assert translate(shlex.split(theirs)) == shlex.split(ours)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("train --task go2-teacher --distributed", "one process per GPU", "--gpus N"),
        ("train --video_length 200", "films of a training have one length", "parkour play --video FILE"),
        ("train --use_camera", "a task of its own", "--stage student"),
        ("play --exptid 000-01 --delay --use_camera", "a task of its own", "go2-student"),
        ("train --delay", "how late actions are", "--set control.action_delay=1"),
        ("train --nodelay", "how late actions are", "--set control.action_delay=0"),
        ("train go2-teacher env.decimation=2", "--set PATH=VALUE", "parkour tasks show"),
        ("train go2-teacher agent.algorithm.gamma=1", "'algorithm.gamma' is no path", "parkour tasks show"),
        ("play --video --task go2-teacher", "play needs a file", "--video out.mp4"),
        ("play --livestream 2", "a page in the browser", "--viewer web"),
        ("train --cols 10", "the task's", "--set course.columns"),
        ("train --max_iterations", "expected a value", None),
    ],
)
def test_what_has_no_counterpart_is_answered(line: str, message: str, hint: str | None) -> None:
    with pytest.raises(ParkourError, match=re.escape(message)) as caught:
        translate(shlex.split(line))
    assert "\n" not in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_replacements_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    translate(["train", "--max_iterations", "5", "--headless"])
    error = capsys.readouterr().err
    assert "--max_iterations 5 is here: --iterations 5" in error and "--headless is not needed" in error


def test_no_option_of_ours_is_taken_for_another() -> None:
    from typer.main import get_command

    from parkour_cli.app import app

    group: Any = get_command(app)
    for name in COMMANDS:
        command = group.get_command(None, name)
        for leaf in getattr(command, "commands", {"": command}).values():
            own = {spelling for option in leaf.params for spelling in getattr(option, "opts", ())}
            assert not own & set(FLAGS), name


@pytest.mark.parametrize("name", OTHER_COMMANDS)
def test_commands_under_other_names_are_suggested(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = typed(name)
    assert code == 2 and f"did you mean '{OTHER_COMMANDS[name]}'?" in capsys.readouterr().err


def test_the_page_lists_every_flag() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = {"--" + name.replace("_", "-") for name in re.findall(r"`--([\w-]+)", page)}
    assert set(FLAGS) - listed == set()


def rows_of_flags() -> dict[str, str]:
    """What the page's table says of each flag, in all of its rows."""
    table = PAGE.read_text(encoding="utf-8").partition("\n## Flags\n")[2].partition("\n## ")[0]
    told: dict[str, str] = {}
    for theirs, ours in (line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `--")):
        for name in re.findall(r"--([\w-]+)", theirs):
            flag = "--" + name.replace("_", "-")
            told[flag] = f"{told.get(flag, '')} {ours}".strip()
    return told


@pytest.mark.parametrize("flag", sorted(set(FLAGS) & set(rows_of_flags())))
def test_the_page_says_of_a_flag_what_the_command_line_does(flag: str) -> None:
    cell, found = rows_of_flags()[flag], FLAGS[flag]
    for each in found.values() if isinstance(found, dict) else (found,):
        if isinstance(each, Needless):
            assert "not needed" in cell, flag
        elif isinstance(each, Renamed):
            assert " ".join(each.ours) in cell or (not each.ours and cell == "the name alone"), flag
        else:
            named = re.findall(r"--[\w-]+|parkour \w+|go2-student|torchrun", each.hint or "")
            assert any(name in cell for name in named) or "none" in cell, (flag, cell)
