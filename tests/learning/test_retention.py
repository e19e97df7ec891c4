"""Which checkpoints stay, which one is the best, and what `parkour runs` says and removes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from parkour.engines.task_env import TaskEnv
from parkour.learning.retention import BEST_FILE, RECORD_FILE, read_record
from parkour.learning.run_lock import RunLock
from parkour.learning.train import train
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.checkpoint_folder import checkpoints_of, iteration_of
from parkour.policies.source import PolicySource, find_checkpoint
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.__main__ import main
from tests.learning.fakes import FakeEnv, fake_task, make_env
from tests.learning.runs import options, run


def kept(folder: Path) -> dict[int, bool]:
    """Iterations of the checkpoints, and whether each is whole."""
    return {iteration_of(path): not load_checkpoint(path).slim for path in checkpoints_of(folder)}


def test_the_last_stay_whole_and_every_tenth_slim(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=23, save_interval=1, keep=3)
    assert kept(first.run) == {10: False, 20: False, 21: True, 22: True, 23: True}
    # As it was begun, where nobody says otherwise.
    train(fake_task(), options(tmp_path, resume=True, iterations=25, save_interval=1), make_env=make_env)
    assert kept(first.run) == {10: False, 20: False, 23: True, 24: True, 25: True}


def test_all_stay_where_that_is_asked_for_and_in_runs_of_before(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=8, save_interval=1, keep=0)
    assert list(kept(first.run).values()) == [True] * 8
    (first.run / "options.toml").unlink()
    train(fake_task(), options(tmp_path, resume=True, iterations=9, save_interval=1), make_env=make_env)
    assert list(kept(first.run).values()) == [True] * 9
    second = run(tmp_path, iterations=8, save_interval=1, run_name="default")
    assert list(kept(second.run)) == [4, 5, 6, 7, 8]


class Rated(FakeEnv):
    """Succeeds on the hardest levels as often as it is told to, iteration by iteration."""

    rates = (0.1, 0.6, 0.3, 0.7)
    counts = (60.0,) * 4
    """Episodes there, of 100 on each rollout."""

    def _advance(self, actions: torch.Tensor):
        result = super()._advance(actions)
        now = min((self.steps - 1) // 4, len(self.rates) - 1)
        self.mdp.log |= {
            "Episode/count": torch.tensor(100.0),
            "Episode/hardest_count": torch.tensor(self.counts[now]),
            "Episode/hardest_success": torch.tensor(self.rates[now]),
        }
        return result


class Lucky(Rated):
    """A few robots are ahead of the others, and succeed where the others, once there, do not as often."""

    rates = (0.95, 0.6, 0.7, 0.65)
    counts = (55.0, 90.0, 90.0, 90.0)


def rated(task: ResolvedTask, num_envs: int, device: str, seed: int) -> TaskEnv:
    return Rated(num_envs, seed)


def test_the_best_is_that_of_the_hardest_levels(tmp_path: Path) -> None:
    first = train(fake_task(), options(tmp_path, iterations=3, save_interval=1), make_env=rated)
    best = load_checkpoint(first.run / BEST_FILE)
    record = read_record(first.run)
    assert record is not None and (record.iteration, round(record.success, 6), record.episodes) == (2, 0.6, 60)
    assert best.iteration == 2 and best.slim
    source = PolicySource(checkpoint=Path("best"), run=first.run)
    assert find_checkpoint(source) == first.run / BEST_FILE
    # A resumed run knows what it had; the fake one begins with 0.1 again.
    train(fake_task(), options(tmp_path, iterations=4, save_interval=1, resume=True), make_env=rated)
    assert load_checkpoint(first.run / BEST_FILE).iteration == 2


def test_the_first_few_on_the_hardest_levels_make_no_best(tmp_path: Path) -> None:
    def lucky(task: ResolvedTask, num_envs: int, device: str, seed: int) -> TaskEnv:
        return Lucky(num_envs, seed)

    first = train(fake_task(), options(tmp_path, iterations=4, save_interval=1), make_env=lucky)
    record = read_record(first.run)
    assert record is not None and (record.iteration, round(record.share, 6)) == (3, 0.63)
    # A record of before shares were kept gives way to any.
    old = {"iteration": 1, "success": 0.95, "episodes": 55}
    (first.run / RECORD_FILE).write_text(json.dumps(old))
    train(fake_task(), options(tmp_path, iterations=5, save_interval=1, resume=True), make_env=lucky)
    record = read_record(first.run)
    assert record is not None and (record.iteration, record.episodes, round(record.share, 4)) == (5, 55, 0.5225)


def test_without_episodes_on_hard_levels_there_is_no_best(tmp_path: Path) -> None:
    assert not (run(tmp_path).run / BEST_FILE).exists()


def command(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["runs", *map(str, arguments)])
    assert not stop.value.code
    output = capsys.readouterr()
    return output.out, output.err


def test_runs_are_listed_with_what_they_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = train(fake_task(), options(tmp_path, iterations=3, save_interval=1), make_env=rated)
    second = run(tmp_path, iterations=2, time_limit=1e-9, run_name="stopped")
    out, _ = command(capsys, "list", "--log-root", tmp_path, "--json")
    runs = json.loads(out)["runs"]
    assert [row["path"] for row in runs] == [str(first.run), str(second.run)]
    assert runs[0]["task"] == "go2-teacher" and runs[0]["iteration"] == runs[0]["iterations"] == 3
    assert runs[0]["best"] == {"iteration": 2, "success": pytest.approx(0.6)} and not runs[0]["training"]
    assert runs[0]["size"] == sum(path.stat().st_size for path in first.run.iterdir()) and runs[0]["began"]
    assert runs[1]["iteration"] == 0 and runs[1]["best"] is None
    out, _ = command(capsys, "list", "--log-root", tmp_path)
    assert "0.60 at 2" in out and "3 of 3" in out


def test_no_run_is_said_and_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out, err = command(capsys, "list", "--json")
    assert json.loads(out) == {"runs": []} and not err
    assert command(capsys, "list")[1] == "no run in logs: parkour train go2-teacher makes one\n"
    assert command(capsys, "prune")[1] == "there is nothing to remove\n"


@pytest.mark.parametrize("what", ["list", "prune"])
def test_a_place_that_was_named_and_is_not_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    (tmp_path / "rsl_rl" / "go2-teacher").mkdir(parents=True)
    for more, said in (
        (["--log-root", str(tmp_path / "nothing")], f"--log-root: {tmp_path / 'nothing'} is no folder"),
        (["--log-root", str(tmp_path), "--experiment", "other"], "--experiment: got 'other', expected go2-teacher"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["runs", what, *more])
        assert stop.value.code == 1 and f"error: {said}\n" in capsys.readouterr().err


def test_prune_shows_before_it_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(tmp_path, iterations=12, save_interval=1, keep=0)
    busy = run(tmp_path, iterations=3, save_interval=1, keep=0, run_name="busy")
    before = kept(first.run)
    with RunLock(busy.run):
        out, err = command(capsys, "prune", "--log-root", tmp_path, "--keep", "1", "--json")
        assert json.loads(out)["runs"][0] | {"size": 0} == {
            "run": str(first.run), "removed": 10, "slim": 1, "size": 0, "freed": 0
        }  # fmt: skip
        assert f"{busy.run}: a process trains in it" in err and kept(first.run) == before
        _, err = command(capsys, "prune", "--log-root", tmp_path, "--keep", "1")
        assert "nothing is done yet" in err
        command(capsys, "prune", "--log-root", tmp_path, "--keep", "1", "--yes")
    assert kept(first.run) == {10: False, 12: True} and len(kept(busy.run)) == 3
    out, _ = command(capsys, "prune", "--log-root", tmp_path, "--keep", "3", "--json")
    assert json.loads(out)["runs"] == []
