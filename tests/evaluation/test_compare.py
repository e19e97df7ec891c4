"""Comparing policies: intervals that cover, pairs that are pairs, and figures that hide nothing."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from parkour.errors import ParkourError, UnknownNameError
from parkour.evaluation.compare import bootstrap, compare
from parkour.evaluation.evaluate import Evaluation, EvaluationOptions, check_options, evaluate
from parkour.evaluation.html import comparison_page, evaluation_page
from parkour.evaluation.plots import comparison_figures, evaluation_figures
from parkour.evaluation.protocol import TaskChanges, find_protocol, same_courses, unlike_conditions
from parkour.evaluation.report import as_json
from parkour.evaluation.tables import evaluation_tables
from parkour.mdp.task_mdp import TaskMdp
from parkour.policies.source import Weights
from parkour.tasks import load_task
from parkour.tasks.resolved import ResolvedTask
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import QUICK, GlidingEnv, gliding_env, write_weights

CHANGES = TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=3.0")))
OPTIONS = EvaluationOptions(num_envs=20, steps=150, device="cpu", changes=CHANGES)


def slower(task: ResolvedTask, num_envs: int, device: str, seed: int) -> GlidingEnv:
    return GlidingEnv(task, num_envs, device, seed, pace=1.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_weights(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def fast(weights: Weights) -> Evaluation:
    return evaluate(weights, OPTIONS, make_env=gliding_env)


@pytest.fixture(scope="module")
def slow(weights: Weights) -> Evaluation:
    return evaluate(weights, OPTIONS, make_env=slower)


@pytest.mark.parametrize("paired", [True, False])
def test_intervals_cover(paired: bool) -> None:
    """Of 200 experiments, about 95 % of the intervals hold the true difference."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        course = rng.normal(size=40)
        a = course + rng.normal(0.0, 0.5, 40)
        b = (course if paired else rng.normal(size=40)) + 0.3 + rng.normal(0.0, 0.5, 40)
        low, high = bootstrap((a, np.ones(40)), (b, np.ones(40)), paired=paired, resamples=400, rng=rng)
        inside += low <= 0.3 <= high
    assert 0.88 <= inside / 200 <= 0.99


def test_pairs_are_sharper() -> None:
    rng = np.random.default_rng(1)
    course = rng.normal(size=60)
    sums = [(course + rng.normal(0.0, 0.1, 60), np.ones(60)) for _ in range(2)]
    widths = []
    for paired in (True, False):
        low, high = bootstrap(sums[0], sums[1], paired=paired, resamples=500, rng=np.random.default_rng(2))
        widths.append(high - low)
    assert widths[0] < 0.3 * widths[1]


def test_one_environment_gives_no_interval() -> None:
    one, many = (np.ones(1), np.ones(1)), (np.ones(5), np.ones(5))
    for a, b in ((one, many), (many, one), (one, one)):
        bounds = bootstrap(a, b, paired=False, resamples=50, rng=np.random.default_rng(0))
        assert np.isnan(bounds).all()


def test_differences(fast: Evaluation, slow: Evaluation) -> None:
    result = compare(fast, slow)
    assert result.paired
    for name, row in {**result.by_terrain, "overall": result.overall}.items():
        group = lambda e, name=name: e.breakdown.overall if name == "overall" else e.breakdown.by_terrain[name]  # noqa: E731
        for key, d in row.items():
            assert d.a == pytest.approx(group(fast).metrics[key].mean), (name, key)
            assert d.b == pytest.approx(group(slow).metrics[key].mean), (name, key)
            assert d.low - 1e-9 <= d.difference <= d.high + 1e-9
    # Half as fast, so in 3 s it gets less far.
    assert result.overall["displacement"].certain and result.overall["displacement"].difference < 0.0


def test_other_courses_are_no_pairs(weights: Weights, fast: Evaluation) -> None:
    changes = replace(CHANGES, changes={**CHANGES.changes, "course.roughness": [0.0, 0.0]})
    other = evaluate(weights, replace(OPTIONS, changes=changes), make_env=gliding_env)
    assert not compare(fast, other, resamples=50).paired


def test_unlike_trials_are_refused(weights: Weights, fast: Evaluation) -> None:
    other = evaluate(weights, replace(OPTIONS, seed=4), make_env=gliding_env)
    with pytest.raises(ParkourError, match="expected the same"):
        compare(fast, other)


def test_teacher_and_student_meet_the_same_courses(weights: Weights, tmp_path: Path) -> None:
    """Their tasks have other terrains, and other numbers for them."""
    student = write_weights(tmp_path, task="go2-student")
    short = replace(CHANGES, changes=read_changes((*QUICK, "timing.episode_length=0.3")))
    ours, theirs = same_courses(weights, student, find_protocol("course"), short)
    envs: list[TaskMdp] = []

    def make(task: ResolvedTask, num_envs: int, device: str, seed: int) -> GlidingEnv:
        env = GlidingEnv(task, num_envs, device, seed)
        envs.append(env.mdp)
        return env

    options = replace(OPTIONS, num_envs=5, steps=10)
    a = evaluate(weights, options, task=ours, make_env=make)
    b = evaluate(student, options, task=theirs, make_env=make)
    result = compare(a, b, resamples=50)
    assert result.paired and not any(d.certain for row in result.by_terrain.values() for d in row.values())
    assert "data:image/png" in comparison_page(result, comparison_figures(result))
    assert a.episodes.terrains == b.episodes.terrains == ("gap", "hurdle", "step", "tilt", "flat")
    for name in ("boxes", "goals", "edge", "difficulty"):
        assert (getattr(envs[0].course.library, name) == getattr(envs[1].course.library, name)).all(), name


def test_pages_need_nothing_and_escape(fast: Evaluation, slow: Evaluation) -> None:
    stamp = replace(fast.weights.checkpoint.stamp, name="<b>&task")
    odd = replace(fast, weights=replace(fast.weights, checkpoint=replace(fast.weights.checkpoint, stamp=stamp)))
    pages = [
        evaluation_page(odd, evaluation_figures(odd)),
        comparison_page(result := compare(odd, slow, resamples=50), comparison_figures(result)),
    ]
    for page in pages:
        assert "<b>" not in page and "&lt;b&gt;&amp;task" in page
        assert "http" not in page and "<link" not in page and "<script" not in page and "url(" not in page


def test_figures_are_the_same_bytes_again(fast: Evaluation) -> None:
    assert evaluation_figures(fast) == evaluation_figures(fast)


def test_one_difficulty_and_empty_cells_are_drawn(weights: Weights) -> None:
    changes = replace(CHANGES, difficulty=(0.5, 0.5), terrains=("gap",))
    point = evaluate(weights, replace(OPTIONS, num_envs=2, changes=changes), make_env=gliding_env)
    assert len(point.breakdown.edges) == 2 and point.breakdown.cells["gap"][0].episodes == 2
    few = evaluate(weights, replace(OPTIONS, num_envs=5, changes=CHANGES), make_env=gliding_env)
    assert any(cell.episodes == 0 for row in few.breakdown.cells.values() for cell in row)
    for evaluation in (point, few):
        figures = evaluation_figures(evaluation)
        assert all(data.startswith(b"\x89PNG") for data in figures.values())
        assert "data:image/png" in evaluation_page(evaluation, figures)


def test_difficulties_without_an_episode_have_no_row(weights: Weights) -> None:
    few = evaluate(weights, replace(OPTIONS, num_envs=5, changes=CHANGES), make_env=gliding_env)
    parts, text = few.breakdown, Console(width=200, record=True, file=io.StringIO())
    for table in evaluation_tables(few, 200):
        text.print(table)
    shown = text.export_text()
    rows = [line.split() for line in shown.partition("episodes")[2].partition("all ")[0].splitlines()]
    rows = [row for row in rows if len(row) > 3]
    held = [cell for _, cells, total in parts.groups() for cell in cells or (total,) if cell and cell.episodes]
    assert len(rows) == len(held) > 3 and not [row for row in rows if row[-3:] == ["-", "-", "-"]]
    # One row of one episode is its own total; each names its terrain.
    assert {row[0] for row in rows} >= {name for name, group in parts.by_terrain.items() if group.episodes}
    assert "left out: more robots (--num-envs)" in shown
    assert "<td>-</td><td>-</td>" not in evaluation_page(few, evaluation_figures(few)).partition("difficulty</th>")[2]


def test_terrains_that_ignore_the_difficulty_have_one_row(weights: Weights) -> None:
    changes = replace(CHANGES, terrains=("gap", "step", "flat"))
    scored = evaluate(weights, replace(OPTIONS, num_envs=9, changes=changes), make_env=gliding_env)
    parts = scored.breakdown
    groups = {name: (len(cells), total and total.episodes) for name, cells, total in parts.groups()}
    assert groups == {"gap": (5, 4), "step": (5, 4), "flat": (0, 1), "graded": (5, None), "all": (0, 9)}
    assert sum(group.episodes for group in parts.by_bin) == 8, "nothing of flat is in a bin"
    data = as_json(scored)
    assert list(data["by_terrain_and_difficulty"]) == ["gap", "step"] and data["ungraded_terrains"] == ["flat"]
    text = Console(width=200, record=True, file=io.StringIO())
    for table in evaluation_tables(scored, 200):
        text.print(table)
    rows = [line.split()[:3] for line in text.export_text().splitlines()]
    assert ["flat", "any", "1"] in rows and ["graded", "0:0.2"] in [row[:2] for row in rows]
    assert "<td>flat</td><td>any</td><td>1</td>" in evaluation_page(scored, evaluation_figures(scored))
    alone = evaluate(weights, replace(OPTIONS, num_envs=2, changes=replace(CHANGES, terrains=("flat",))),
                     make_env=gliding_env)  # fmt: skip
    assert [(name, cells) for name, cells, _ in alone.breakdown.groups()] == [("flat", ())]
    for evaluation in (scored, alone):
        assert all(data.startswith(b"\x89PNG") for data in evaluation_figures(evaluation).values())


def test_unknown_terrain_says_how_to_add_it(weights: Weights) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'gap'") as caught:
        evaluate(weights, replace(OPTIONS, changes=TaskChanges(terrains=("gab",))), make_env=gliding_env)
    assert "--with terrain:gab=1" in (caught.value.hint or "")


def test_conditions_that_differ_are_found_where_one_task_leaves_them_to_the_event() -> None:
    ours = load_task("go2-teacher", overlay="eval")
    theirs = load_task("go2-teacher", overlay="eval", changes={"events.friction.params.range": [0.3, 0.5]})
    assert unlike_conditions(ours, ours) == {}
    events = {name: use.model_copy(update={"version": "0.1.0"}) for name, use in ours.model.events.items()}
    before = replace(ours, model=ours.model.model_copy(update={"events": events}))
    assert unlike_conditions(ours, before) == {}
    assert unlike_conditions(ours, theirs) == {"events.friction.params.range": ([0.6, 2.0], [0.3, 0.5])}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EvaluationOptions(num_envs=0), "--num-envs: got 0, expected at least 1"),
        (EvaluationOptions(num_envs=10**9), "--num-envs: got 1000000000, expected at most 1,000,000"),
        (EvaluationOptions(steps=10**14), "--steps: got 100000000000000, expected at most 10,000,000"),
        (EvaluationOptions(seed=2**63), "--seed: got 9223372036854775808, expected at most"),
    ],
)
def test_numbers_out_of_bounds_are_told(options: EvaluationOptions, message: str) -> None:
    with pytest.raises(ParkourError, match=message):
        check_options(options)
