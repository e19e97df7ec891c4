"""Checkpoints: whole or not there, and clear about what is wrong with a file."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from parkour.errors import CheckpointError, ParkourError, StorageError
from parkour.learning.rng import rng_state, set_rng_state
from parkour.policies import checkpoint_file as module
from parkour.policies import checkpoint_folder
from parkour.policies.checkpoint import Checkpoint, TaskStamp, slim
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.checkpoint_folder import (
    checkpoints_of,
    experiment_folders,
    find_run,
    newest_checkpoint,
    newest_runs,
)
from parkour.policies.fit import check_stamp, check_weights
from parkour.policies.source import PolicySource, find_checkpoint, load_weights

STAMP = TaskStamp("go2-teacher", "teacher", {"a": (3,), "b": (2,)}, {"a": (("x", 1), ("y", 2))}, 12)


def make_checkpoint(iteration: int = 7) -> Checkpoint:
    return Checkpoint(
        iteration=iteration,
        stamp=STAMP,
        task={"name": "go2-teacher", "course": {"levels": 3, "difficulty_range": [0.0, 1.0]}},
        model={"actor_state_dict": {"w": torch.arange(6.0).view(2, 3)}},
        optimizers={"ppo": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": torch.tensor(2e-4)}]}},
        learning_rate=2e-4,
        rng=rng_state("cpu"),
        env={"course": {"level": torch.tensor([1, 2])}},
        num_envs=2,
        total_steps=10**10,
        seconds=1.5,
        seed=3,
        versions={"torch": "x"},
    )


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


def test_round_trip(tmp_path: Path) -> None:
    path, saved = tmp_path / "model_7.pt", make_checkpoint()
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    assert loaded.stamp == saved.stamp
    for name in Checkpoint.__dataclass_fields__:
        assert same(getattr(loaded, name), getattr(saved, name)), name
    assert [p.name for p in tmp_path.iterdir()] == ["model_7.pt"]


def test_slim_copy_keeps_the_networks_alone(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "slim.pt", slim(make_checkpoint()))
    loaded = load_checkpoint(tmp_path / "slim.pt")
    assert loaded.slim and loaded.optimizers is None and loaded.rng is None
    assert same(loaded.model, make_checkpoint().model)


def test_random_streams_go_on(tmp_path: Path) -> None:
    def draw() -> list[float]:
        return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(1).item()]

    draw()
    np.random.randn()  # leaves half a pair of Gaussians cached
    save_checkpoint(tmp_path / "model_1.pt", make_checkpoint())
    first = draw()
    rng = load_checkpoint(tmp_path / "model_1.pt").rng
    assert rng is not None
    set_rng_state(rng, "cpu")
    assert draw() == first


def write_nothing(path: Path) -> None:
    pass


def write_truncated(path: Path) -> None:
    save_checkpoint(path, make_checkpoint())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_garbage(path: Path) -> None:
    path.write_bytes(b"not a checkpoint at all")


def write_empty(path: Path) -> None:
    path.touch()


def write_foreign(path: Path) -> None:
    torch.save({"model_state_dict": {"w": torch.zeros(2)}}, path)


def write_code(path: Path) -> None:
    torch.save({"format": module.FORMAT, "hook": os.system}, path)


def write_newer(path: Path) -> None:
    torch.save({"format": module.FORMAT, "format_version": 99}, path)


def write_incomplete(path: Path) -> None:
    torch.save({"format": module.FORMAT, "format_version": module.VERSION, "iteration": 1}, path)


def write_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_nothing, "does not exist"),
        (write_folder, "is a folder"),
        (write_truncated, "is damaged or not a checkpoint"),
        (write_garbage, "is damaged or not a checkpoint"),
        (write_empty, "is damaged or not a checkpoint"),
        (write_code, "is damaged or not a checkpoint"),
        (write_foreign, "is not a parkour checkpoint"),
        (write_newer, "has format version 99, expected at most 2"),
        (write_incomplete, "is incomplete: it lacks env"),
    ],
)
def test_unusable_files_are_told_in_one_line(tmp_path: Path, write: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "model_3.pt"
    write(path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path)
    assert str(path) in caught.value.message and "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(STAMP, name="other"), "is of task 'go2-teacher', expected 'other'"),
        (replace(STAMP, stage="student"), "is a teacher, expected a student"),
        (replace(STAMP, observations={"a": (4,), "b": (2,)}), "group 'a' has shape 3, the task has 4"),
        (replace(STAMP, observations={"a": (3,)}), "group 'b' has shape 2, the task has none"),
        (replace(STAMP, layout={"a": (("y", 2), ("x", 1))}), r"group 'a' holds \('x', 1\)"),
        (replace(STAMP, actions=8), "has 12 actions, the task has 8"),
    ],
)
def test_checkpoint_of_something_else(other: TaskStamp, message: str) -> None:
    check_stamp(Path("m.pt"), STAMP, STAMP)
    with pytest.raises(CheckpointError, match=message):
        check_stamp(Path("m.pt"), STAMP, other)


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ({}, "lacks the weights actor.w"),
        ({"w": torch.zeros(3)}, "actor.w has shape 3, expected 2"),
        ({"w": torch.zeros(2), "v": torch.zeros(1)}, "has weights actor.v"),
    ],
)
def test_weights_that_do_not_fit(got: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        check_weights(Path("m.pt"), "actor", got, {"w": torch.zeros(2)})


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_disk_full_keeps_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    path = tmp_path / "model_7.pt"
    save_checkpoint(path, make_checkpoint(1))

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if fails == "write":
        monkeypatch.setattr(module.torch, "save", lambda payload, file: full())
    elif fails == "fsync":
        monkeypatch.setattr("parkour.storage.os.fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        save_checkpoint(path, make_checkpoint(2))
    assert "\n" not in caught.value.message
    monkeypatch.undo()
    assert load_checkpoint(path).iteration == 1
    assert [p.name for p in tmp_path.iterdir()] == ["model_7.pt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_full_in_the_middle_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's own ENOSPC, as torch's writer meets it."""
    path = tmp_path / "model_7.pt"
    save_checkpoint(path, make_checkpoint(1))
    before = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode="r", **k: before(Path("/dev/full") if ".part" in self.suffixes else self, mode, **k),
    )
    big = replace(make_checkpoint(2), model={"w": torch.zeros(10**6)})
    with pytest.raises(StorageError, match="No space left on device"):
        save_checkpoint(path, big)
    monkeypatch.undo()
    assert load_checkpoint(path).iteration == 1


def test_flipped_bits_never_load_as_other_weights(tmp_path: Path) -> None:
    """One bit anywhere in the file: refused in a line, or of no consequence (padding, times)."""
    path = tmp_path / "model_7.pt"
    whole = replace(make_checkpoint(), model={"actor_state_dict": {"w": torch.randn(64, 16)}}, rng=None)
    save_checkpoint(path, whole)
    data = path.read_bytes()
    dice, refused = random.Random(5), 0
    for _ in range(150):
        place = dice.randrange(len(data))
        flipped = bytearray(data)
        flipped[place] ^= 1 << dice.randrange(8)
        path.write_bytes(flipped)
        try:
            loaded = load_checkpoint(path)
        except CheckpointError as error:
            assert "\n" not in error.message
            refused += 1
        else:
            assert same(loaded.model, whole.model) and same(loaded.optimizers, whole.optimizers), place
    assert refused > 75  # Most of the file is weights.
    path.write_bytes(data)
    assert load_checkpoint(path).model.keys() == whole.model.keys()


def test_a_checkpoint_without_a_checksum_still_loads(tmp_path: Path) -> None:
    path = tmp_path / "model_7.pt"
    save_checkpoint(path, make_checkpoint())
    data = torch.load(path, weights_only=True)
    assert len(data.pop(module.CHECKSUM)) == 64
    torch.save(data, path)
    assert load_checkpoint(path).iteration == 7
    torch.save({**data, module.CHECKSUM: "0" * 64}, path)
    with pytest.raises(CheckpointError, match="its contents are not what its checksum says"):
        load_checkpoint(path)


def test_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot save checkpoint"):
        save_checkpoint(tmp_path / "gone" / "model_1.pt", make_checkpoint())


def test_newest_checkpoint_counts_iterations_not_letters(tmp_path: Path) -> None:
    for name in ("model_900.pt", "model_1000.pt", "model_x.pt", ".model_2000.pt.1.tmp"):
        (tmp_path / name).touch()
    assert newest_checkpoint(tmp_path).name == "model_1000.pt"
    assert [p.name for p in checkpoints_of(tmp_path)] == ["model_900.pt", "model_1000.pt"]


def _run(folder: Path, *names: str, task: str = "go2-teacher") -> Path:
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text(f'name = "{task}"\n')
    for name in names:
        (folder / name).touch()
    return folder


def test_newest_run_is_the_last_with_a_checkpoint(tmp_path: Path) -> None:
    root = tmp_path / "rsl_rl" / "mine"
    _run(root / "2024-01-01", "model_5.pt")
    newest = _run(root / "2024-01-02_b", "model_1.pt")
    _run(root / "2024-01-03")
    assert find_run(experiment_folders(tmp_path)) == newest
    assert find_run([tmp_path / "experiment"]) is None


def test_a_run_that_has_saved_nothing_yet_is_told_of(tmp_path: Path) -> None:
    root = tmp_path / "rsl_rl" / "mine"
    _run(root / "2024-01-02", "model_1.pt")
    folders = experiment_folders(tmp_path)
    assert newest_runs(folders).unsaved is None
    (root / "2024-01-04_notes").mkdir()
    later = _run(root / "2024-01-03")
    assert newest_runs(folders).unsaved == newest_runs(folders, "go2-teacher").unsaved == later
    assert newest_runs(folders, "go2-student").unsaved is None
    (later / "model_1.pt").touch()
    assert newest_runs(folders).unsaved is None


def test_teacher_and_student_in_one_experiment_are_found_apart(tmp_path: Path) -> None:
    root = tmp_path / "rsl_rl" / "unitree_go2_parkour"
    teacher = _run(root / "2025-08-16_12-43-38", "model_100.pt")
    student = _run(root / "2025-08-20_18-55-01", "model_9.pt", task="go2-student")
    folders = experiment_folders(tmp_path, "unitree_go2_parkour")
    assert find_run(folders) == student
    assert (find_run(folders, "go2-teacher"), find_run(folders, "go2-student")) == (teacher, student)
    assert find_run(folders, "other") is None


def test_log_root_may_be_any_folder_above_the_runs(tmp_path: Path) -> None:
    run = _run(tmp_path / "logs" / "rsl_rl" / "mine" / "2025-01-01_00-00-00", "model_3.pt")
    _run(tmp_path / "logs" / "rsl_rl" / "yours" / "2024-01-01_00-00-00", "model_3.pt")
    for log_root in (tmp_path / "logs", tmp_path / "logs" / "rsl_rl", tmp_path / "logs" / "rsl_rl" / "mine"):
        assert find_run(experiment_folders(log_root)) == run
        assert find_run(experiment_folders(log_root, "mine")) == run
    assert experiment_folders(tmp_path / "nowhere") == []


@pytest.mark.parametrize(("name", "found"), [("model_20.pt", 20), ("20", 20), ("-1", 300)])
def test_checkpoint_of_a_run_by_its_name(tmp_path: Path, name: str, found: int) -> None:
    run = _run(tmp_path / "rsl_rl" / "mine" / "2025-01-01", "model_20.pt", "model_300.pt")
    for source in (
        PolicySource(checkpoint=Path(name), run=run),
        PolicySource(checkpoint=Path(name), run=Path("2025-01-01"), log_root=tmp_path),
        PolicySource(checkpoint=Path(name), log_root=tmp_path),
        PolicySource(checkpoint=Path(name), log_root=tmp_path, experiment="mine"),
    ):
        assert find_checkpoint(source) == run / f"model_{found}.pt"


def test_checkpoint_that_a_run_has_not(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", "model_20.pt", "model_300.pt")
    with pytest.raises(CheckpointError, match=r"holds no model_7.pt; it holds model_20.pt to model_300.pt"):
        find_checkpoint(PolicySource(checkpoint=Path("7"), run=run))
    (run / "model_20.pt").unlink()
    with pytest.raises(CheckpointError, match=r"holds no model_7.pt; it holds model_300.pt$"):
        find_checkpoint(PolicySource(checkpoint=Path("7"), run=run))
    with pytest.raises(ParkourError, match="got --checkpoint and --run"):
        find_checkpoint(PolicySource(checkpoint=Path("elsewhere/model_7.pt"), run=run))
    with pytest.raises(CheckpointError, match="run folder 2025 does not exist, neither here nor in") as caught:
        find_checkpoint(PolicySource(run=Path("2025"), log_root=tmp_path))
    assert caught.value.hint == "--run DIR; parkour runs list shows them"


def test_a_part_of_a_runs_name_is_answered_with_the_name(tmp_path: Path) -> None:
    run = _run(tmp_path / "rsl_rl" / "mine" / "2025-01-01_wide", "model_20.pt")
    with pytest.raises(CheckpointError, match="run folder wid does not exist") as caught:
        find_checkpoint(PolicySource(run=Path("wid"), log_root=tmp_path))
    assert caught.value.hint == f"--run {run.name}"


def test_a_run_is_found_by_the_name_that_was_given_to_it(tmp_path: Path) -> None:
    mine, yours = tmp_path / "rsl_rl" / "mine", tmp_path / "rsl_rl" / "yours"
    _run(mine / "2025-01-01_00-00-00_wide", "model_20.pt")
    newest = _run(yours / "2025-01-02_00-00-00_wide", "model_30.pt")
    _run(mine / "2025-01-03_00-00-00_very_wide", "model_40.pt")
    _run(mine / "2025-01-04_00-00-00", "model_50.pt")
    assert find_checkpoint(PolicySource(run=Path("wide"), log_root=tmp_path)) == newest / "model_30.pt"
    in_one = PolicySource(run=Path("wide"), checkpoint=Path("20"), log_root=tmp_path, experiment="mine")
    assert find_checkpoint(in_one) == mine / "2025-01-01_00-00-00_wide" / "model_20.pt"
    # A folder of just this name comes first.
    exact = _run(mine / "wide", "model_60.pt")
    assert find_checkpoint(PolicySource(run=Path("wide"), log_root=tmp_path)) == exact / "model_60.pt"


def test_a_folder_here_that_is_no_run_hides_none_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = _run(tmp_path / "logs" / "rsl_rl" / "mine" / "2025-01-01_00-00-00_wide", "model_20.pt")
    source = PolicySource(run=Path("wide"), log_root=tmp_path / "logs")
    export = tmp_path / "wide"
    export.mkdir()
    (export / "task.toml").touch()
    assert find_checkpoint(source) == named / "model_20.pt"
    with pytest.raises(CheckpointError, match="run folder wide holds no checkpoint"):
        find_checkpoint(PolicySource(run=Path("wide"), log_root=tmp_path / "none"))
    # A run here does, even before its first checkpoint: nobody means another one then.
    (export / "metrics.jsonl").touch()
    with pytest.raises(CheckpointError, match="run folder wide holds no checkpoint"):
        find_checkpoint(source)
    (export / "model_30.pt").touch()
    assert find_checkpoint(source) == Path("wide") / "model_30.pt"


def test_file_here_comes_before_one_of_that_name_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_20.pt").touch()
    assert find_checkpoint(PolicySource(checkpoint=Path("model_20.pt"))) == Path("model_20.pt")


def test_runs_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        newest_checkpoint(tmp_path / "run")
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        newest_checkpoint(tmp_path)


def test_who_names_nothing_and_has_no_run_gets_the_pretrained_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    for task, stage in ((None, "teacher"), ("go2-teacher", "teacher"), ("go2-student", "student")):
        assert load_weights(PolicySource(task), said.append).path.parent.name == f"pretrained_{stage}"
        assert said.pop() == f"no run of {task or 'any task'} under logs: the pretrained weights are used"
    # Not for who resumes a run, or says where to look, or means a task that none are of.
    with pytest.raises(CheckpointError, match="no checkpoint found"):
        find_checkpoint(PolicySource())
    for source in (PolicySource(log_root=Path("mine")), PolicySource(experiment="x"), PolicySource("go2-student-rl")):
        with pytest.raises(CheckpointError, match="no checkpoint found"):
            load_weights(source, said.append)
    assert not said
    begun = _run(tmp_path / "logs" / "rsl_rl" / "go2-teacher" / "2025-01-01").relative_to(tmp_path)
    load_weights(PolicySource(), said.append)
    assert said == [f"run {begun} has no checkpoint yet: the pretrained weights are used"]


@pytest.mark.parametrize("saved", [False, True])
def test_run_folders_are_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool) -> None:
    monkeypatch.chdir(tmp_path)
    run = _run(tmp_path / "logs" / "rsl_rl" / "go2-teacher" / "2025-01-01")
    if saved:
        save_checkpoint(run / "model_1.pt", make_checkpoint())
    searches: list[int] = []
    counted = checkpoint_folder.runs_of
    monkeypatch.setattr(checkpoint_folder, "runs_of", lambda folders: searches.append(1) or counted(folders))
    load_weights(PolicySource("go2-teacher"))
    assert len(searches) == 1


def test_a_run_that_has_completed_no_course_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = _run(tmp_path / "logs" / "rsl_rl" / "go2-teacher" / "2025-01-01")
    path = run / "model_1.pt"
    save_checkpoint(path, replace(make_checkpoint(), iteration=1))
    said: list[str] = []
    assert load_weights(PolicySource(), said.append).path.name == path.name and not said
    metrics = run / "metrics.jsonl"
    metrics.write_text('{"iteration": 1, "Episode/success": 0.0}\n{"iteration": 2}\n{"iterat')
    load_weights(PolicySource(), said.append)
    assert "no course completed by iteration 1; --pretrained takes weights" in said.pop()
    other = replace(make_checkpoint(), iteration=1, task={**make_checkpoint().task, "robot": "parkour-robot-dog:dog"})
    save_checkpoint(path, other)
    load_weights(PolicySource(), said.append)
    assert said.pop().endswith("no course completed by iteration 1")
    metrics.write_text('{"iteration": 1, "Episode/success": 0.1}\n{"iteration": 2}\n')
    load_weights(PolicySource(), said.append)
    assert not said
    later = _run(tmp_path / "logs" / "rsl_rl" / "go2-teacher" / "2025-01-02")
    load_weights(PolicySource(), said.append)
    assert said == [
        f"run {later.relative_to(tmp_path)} has no checkpoint yet: this is {run.relative_to(tmp_path)}, begun before it"
    ]
    load_weights(PolicySource(run=run), said.append)
    assert len(said) == 1, "who names a run is not told of others"
