"""Faults of training that were found in the field, as :mod:`tests.robustness.test_faults` has the others."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.robustness.black_box import (
    COMPARES,
    ITERATIONS,
    TRAINS,
    copy_run,
    newest,
    parkour,
    plant,
    processes_of,
    rows,
    running,
    tampered,
)  # fmt: skip

pytestmark = pytest.mark.mujoco

FOREVER = ("--iterations", "1000000", "--save-interval", "1000000")
A_MOMENT = ("--time-limit", "0.05")


def checkpoints(run: Path) -> list[int]:
    """Iterations of which there is one."""
    return sorted(int(path.stem.removeprefix("model_")) for path in run.glob("model_*[0-9].pt"))


def begun(work: Path) -> Path:
    """Run folder that a command is about to make."""
    return next(work.glob("logs/rsl_rl/*/*"))


def trains(work: Path) -> bool:
    """Whether the metrics have a row."""
    return any(rows(path.parent) for path in work.glob("logs/rsl_rl/*/*/metrics.jsonl"))


def lives(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_9_a_run_folder_belongs_to_one_process(made_run: Path, work: Path) -> None:
    run = copy_run(made_run, work)
    resume = ("train", "--resume", "--run", str(run), "--device", "cpu", "--logger", "none")
    with running(*resume, *FOREVER, folder=work) as first:
        first.wait_for(lambda: rows(run)[-1] > ITERATIONS)
        second = parkour(*resume, *FOREVER, *A_MOMENT, folder=work)
        second.refused(str(first.process.pid))
    first.kill()
    found = rows(run)
    assert found == list(range(1, found[-1] + 1))
    if COMPARES:  # The lock of a process that is dead.
        assert parkour(*resume, *FOREVER, *A_MOMENT, folder=work).status == 0


def test_10_a_bad_byte_in_the_metrics_is_dropped_and_said(made_run: Path, work: Path) -> None:
    run = copy_run(made_run, work)
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = lines[1][:20] + b"\xff" + lines[1][21:]
    (run / "metrics.jsonl").write_bytes(b"".join(lines))
    resume = ("train", "--resume", "--run", str(run), "--device", "cpu", "--logger", "none")
    done = parkour(*resume, "--iterations", str(ITERATIONS + 1), folder=work)
    assert done.status == 0 and "metrics.jsonl" in done.text, done.text
    assert rows(run) == [1, *range(3, ITERATIONS + 2)]


def test_11_a_dropped_terminal_saves_a_checkpoint(work: Path) -> None:
    with running("train", "go2-teacher", *TRAINS, *FOREVER, folder=work) as command:
        command.wait_for(lambda: trains(work))
        os.kill(command.process.pid, signal.SIGHUP)
        done = command.wait()
    assert checkpoints(begun(work)) == [rows(begun(work))[-1]], done.text
    assert done.status in (-signal.SIGHUP, 128 + signal.SIGHUP)


def test_12_a_killed_rank_is_named_and_another_saves(work: Path) -> None:
    with running("train", "go2-teacher", *TRAINS, *FOREVER, "--gpus", "2", folder=work) as command:
        command.wait_for(lambda: trains(work))
        ranks = processes_of(command.process.pid)
        os.kill(ranks[1], signal.SIGKILL)
        done = command.wait()
        assert not [rank for rank, pid in ranks.items() if lives(pid)]
    assert "Traceback" not in done.text and done.status not in (0, -signal.SIGKILL), done.text
    assert "1" in next(line for line in done.err.splitlines() if line.startswith("error: "))
    assert checkpoints(begun(work)), done.text


@pytest.mark.skipif(not COMPARES, reason="takes half a minute; tests/learning/test_processes.py has it without")
def test_12_the_second_ctrl_c_ends_everything(work: Path) -> None:
    with running("train", "go2-teacher", *TRAINS, *FOREVER, "--gpus", "2", folder=work) as command:
        command.wait_for(lambda: trains(work))
        ranks = processes_of(command.process.pid)
        os.kill(ranks[1], signal.SIGSTOP)
        try:
            for _ in range(2):
                os.kill(command.process.pid, signal.SIGINT)
                time.sleep(3.0)
            begin = time.monotonic()
            done = command.wait(60.0)
            assert time.monotonic() - begin < 15.0 and done.status != -signal.SIGKILL, done.text
        finally:
            for pid in ranks.values():
                if Path(f"/proc/{pid}").exists():
                    os.kill(pid, signal.SIGKILL)


def test_14_a_resumed_run_keeps_its_total(made_run: Path, work: Path) -> None:
    run = copy_run(made_run, work)
    resume = ("train", "--resume", "--run", str(run), "--device", "cpu", "--logger", "none")
    done = parkour(*resume, *A_MOMENT, folder=work)
    assert rows(run) == list(range(1, ITERATIONS + 1))
    assert done.status == 0 and "complete" in done.text, done.text


def test_15_no_start_demotes_robots(work: Path) -> None:
    """In the first tenth of a second nobody has failed yet; who began old must not lose a level for it."""
    command = ("train", "go2-teacher", *TRAINS, "--num-envs", "64", "--iterations", "1", "--set", "course.levels=5",
               "--set", "course.start_levels=[3,3]", "--set", "timing.episode_length=1.0")  # fmt: skip
    done = parkour(*command, folder=work)
    assert done.status == 0, done.text
    row = json.loads((begun(work) / "metrics.jsonl").read_text().splitlines()[0])
    levels = {name: level for name, level in row.items() if name.startswith("Terrain_Level/")}
    assert levels and set(levels.values()) == {3.0}, levels


WANDB = """
import json, os
class Error(Exception): pass
class Run:
    def __getattr__(self, name): return lambda *values, **more: None
def init(**options):
    with open(os.environ["WANDB_SAID"], "a") as file:
        file.write(json.dumps([options.get("id"), options.get("resume")]) + "\\n")
    return Run()
"""


def test_16_a_resumed_run_is_one_run_at_wandb(made_run: Path, work: Path) -> None:
    run = copy_run(made_run, work)
    said = work.parent / "said.jsonl"
    variables = {"PYTHONPATH": plant(work.parent / "site", {"wandb": WANDB}), "WANDB_SAID": str(said)}
    for more in (1, 2):
        command = ("train", "--resume", "--run", str(run), "--device", "cpu", "--logger", "wandb",
                   "--iterations", str(ITERATIONS + more))  # fmt: skip
        assert (done := parkour(*command, folder=work, variables=variables)).status == 0, done.text
    first, second = map(json.loads, said.read_text().splitlines())
    assert first == second and first[0] and first[1] == "allow"


def test_17_checkpoints_do_not_fill_the_disk(made_run: Path, work: Path) -> None:
    whole = [
        path for path in made_run.glob("model_*.pt") if path.stat().st_size > 0.8 * newest(made_run).stat().st_size
    ]
    assert newest(made_run) in whole and len(whole) <= 6
    listed = parkour("runs", "list", "--log-root", str(made_run.parents[2]), "--json", folder=work)
    assert listed.status == 0 and json.loads(listed.out), listed.text


# -- what is not a number --------------------------------------------------------------------------------------------


def test_18_a_policy_gone_wrong_has_no_score(made_run: Path, work: Path) -> None:
    def spoil(data: dict[str, Any]) -> None:
        for value in data["model"]["actor_state_dict"].values():
            if value.is_floating_point():
                value.fill_(torch.nan)

    spoilt = tampered(newest(made_run), work / "model_9.pt", spoil)
    command = ("eval", "--checkpoint", str(spoilt), "--num-envs", "1", "--terrain", "flat", "--steps", "10",
               "--device", "cpu")  # fmt: skip
    parkour(*command, folder=work).refused()


STRANGER = """
import torch
from parkour import ModifierSpec, RewardSpec, hookimpl
@hookimpl
def register_rewards():
    return [RewardSpec(name="strange", summary="none", target="stranger:reward")]
@hookimpl
def register_modifiers():
    return [ModifierSpec(name="strange", summary="none", target="stranger:Modifier")]
def reward(ctx):
    return torch.full((ctx.num_envs,), float("nan"))
class Modifier:
    def __init__(self, num_envs, device, fields): pass
    def __call__(self, values, ctx, env_ids):
        return torch.where(torch.arange(values.shape[1]) == 7, float("nan"), values)
    def reset(self, env_ids): pass
"""


def test_18_a_reward_that_is_none_is_counted(work: Path) -> None:
    path = plant(work.parent / "site", {"stranger": STRANGER}, entry_points=("stranger",))
    command = ("train", "go2-teacher", *TRAINS, "--iterations", "1", "--with", "reward:strange=1")
    assert (done := parkour(*command, folder=work, variables={"PYTHONPATH": path})).status == 0, done.text
    row = json.loads((begun(work) / "metrics.jsonl").read_text().splitlines()[0])
    assert [value for name, value in row.items() if name.startswith("Physics/nan_reward") and "strange" in name] == [
        8.0
    ], row


def test_18_an_observation_that_is_none_is_named(made_run: Path, work: Path) -> None:
    path = plant(work.parent / "site", {"stranger": STRANGER}, entry_points=("stranger",))
    text = (made_run / "task.toml").read_text()
    group = "[observations.proprioception.modifiers"
    (work / "task.toml").write_text(text.replace(f"{group}]", f'{group}.strange]\nuse = "strange"'))
    command = ("train", "task.toml", *TRAINS, "--iterations", "3")
    parkour(*command, folder=work, variables={"PYTHONPATH": path}).refused(
        "proprioception", "next_goal_yaw", "2 robots"
    )
