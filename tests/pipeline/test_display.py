"""What a person sees of a pipeline."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from parkour.pipeline.display import ConsoleDisplay
from parkour.pipeline.plan import make_stages
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Place
from parkour.pipeline.training import Training, last_metrics


def test_time_that_is_left_is_said_now_and_then(tmp_path: Path) -> None:
    settings = PipelineSettings("go2", tmp_path, minutes=10.0, teacher_share=0.4)
    stages = make_stages(settings)
    teacher, place, now = stages[0], Place(tmp_path / "1_teacher", {}), [0.0]
    assert isinstance(teacher, Training)
    text = io.StringIO()
    display = ConsoleDisplay(Console(file=text, width=40), tmp_path, clock=lambda: now[0])
    display.start(stages)
    display.begin(1, teacher, place)
    now[0] = 59.0
    display.tick(teacher, place)
    now[0] = 61.0
    display.tick(teacher, place)
    run = teacher._runs(place) / "rsl_rl" / "go2-teacher" / "2026-01-31_12-00-00"
    run.mkdir(parents=True)
    line = {"iteration": 40, "Perf/total_minutes": 1.5, "Episode/success": 0.25, "total_steps": 2_000_000}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    now[0] = 150.0
    display.tick(teacher, place)
    (run / "model_40.pt").touch()
    now[0] = 300.0
    display.end(1, teacher, teacher.read(place), False)
    display.end(2, stages[1], {"success": 0.9, "episodes": 24, "by_terrain": {}}, True)
    assert text.getvalue().splitlines() == [
        "[1/8] teacher: begins",
        "[1/8] teacher: 0:01:01, preparing, 0:04:00 left, then 0:06:00 of training",
        "[1/8] teacher: 0:02:30, iteration 40, success 0.25 in training, 0:02:30 left, then 0:06:00 of training",
        f"[1/8] teacher: 40 iterations, 2 M control steps: {(run / 'model_40.pt').relative_to(tmp_path)}, "
        "after 0:05:00",
        "[2/8] teacher-score: success 0.90 of 24 episodes, as it was",
    ]


def test_last_metrics_are_those_of_the_last_whole_line(tmp_path: Path) -> None:
    assert last_metrics(tmp_path) == {}
    (tmp_path / "metrics.jsonl").write_text('{"iteration": 1}\n{"iteration": 2}\n{"iter', encoding="utf-8")
    assert last_metrics(tmp_path) == {"iteration": 2}
