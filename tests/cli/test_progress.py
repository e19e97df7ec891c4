"""Whatever takes seconds says on a terminal what it does and how far it is; pipes and JSON get nothing of it."""

from __future__ import annotations

import io
import json
import re
import time
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from parkour.commands import notice
from parkour.commands import progress as module
from parkour.commands.progress import stage_line
from parkour.stages import stage
from parkour_cli.__main__ import main


class FakeTerminal(io.StringIO):
    """A stderr that says it is a terminal, and keeps all that was written."""

    def isatty(self) -> bool:
        return True

    def shown(self) -> list[str]:
        """The lines in the order in which they stood there, each once, without their clocks."""
        lines = [re.sub(r"^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] |, \d+ s$", "", line) for line in re.split(r"\r\x1b\[K|\n", self.getvalue())]
        return list(dict.fromkeys(line for line in lines if line))

    def wait_for(self, line: str) -> None:
        """Until it has stood there; the thread that draws may wait for a processor."""
        end = time.monotonic() + 60.0
        while line not in self.shown():
            assert time.monotonic() < end, f"{line!r} is not among {self.shown()}"
            time.sleep(0.005)

    def left(self) -> str:
        """What stands there in the end."""
        return re.sub(r"[^\n]*\r\x1b\[K", "", self.getvalue())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> FakeTerminal:
    """In place of stderr inside of ``redirect_stderr``: pytest puts its own there after fixtures."""
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "_PERIOD", 0.001)
    return FakeTerminal()


def test_a_stage_is_a_line_that_goes_away(terminal: FakeTerminal) -> None:
    with redirect_stderr(terminal), stage_line(), stage("digging", total=2) as step:
        terminal.wait_for("digging 0 of 2")
        step()
        terminal.wait_for("digging 1 of 2")
        with stage("resting\x1b[31m"):
            terminal.wait_for("resting\\x1b[31m…")
        notice("spade broke")
        time.sleep(0.1)
    assert terminal.shown() == ["digging 0 of 2", "digging 1 of 2", "resting\\x1b[31m…", "spade broke"]
    assert terminal.left() == "spade broke\n"


def test_quick_work_shows_nothing(terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    with redirect_stderr(terminal), stage_line(), stage("digging"):
        time.sleep(0.05)
    assert terminal.getvalue() == ""


def test_no_terminal_no_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    with stage_line(), stage("digging"):
        time.sleep(0.2)
    assert capsys.readouterr() == ("", "")


def run(terminal: FakeTerminal, *args: object) -> int | str | None:
    with pytest.raises(SystemExit) as ended, redirect_stderr(terminal):
        main([str(arg) for arg in args])
    return ended.value.code


def test_preview(terminal: FakeTerminal, tmp_path: Path) -> None:
    terrains = ("gap", "step", "hurdle", "tilt", "flat", "demo")
    assert not run(terminal, "terrains", "preview", *terrains, "--out", tmp_path / "a.png")
    shown = terminal.shown()
    assert "building courses 0 of 6" in shown and "drawing…" in shown
    # A course takes milliseconds, and the thread that draws may miss some of them.
    assert any(f"building courses {done} of 6" in shown for done in range(1, 6))
    assert terminal.left() == f"wrote {tmp_path / 'a.png'}\n"


@pytest.mark.mujoco
@pytest.mark.slow
def test_film_export_and_sim2sim(terminal: FakeTerminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = ["--video", tmp_path / "film.mp4", "--steps", 4, "--terrain", "flat"]
    assert not run(terminal, "play", "go2-teacher", "--pretrained", *film)
    shown = terminal.shown()
    assert "building courses for 1 robot…" in shown
    assert any(line.startswith("filming, control step") and line.endswith("of 4") for line in shown)
    assert "4 control steps" in terminal.left().splitlines()[-1] and "\x1b" not in terminal.left()

    capsys.readouterr()
    out = tmp_path / "exported"
    assert not run(terminal, "export", "onnx", "go2-teacher", "--pretrained", "--no-rollout", "--json", "--out", out)
    assert {"writing graphs…", "comparing with torch…"} <= set(terminal.shown())
    assert json.loads(capsys.readouterr().out)["folder"] == str(out)

    short = ["--terrain", "flat", "--episodes", 1, "--seconds", 0.2]
    assert not run(terminal, "sim2sim", out, *short, "--json", "-")
    assert "episode 1/1: flat 0.50 time-out" in terminal.shown()
    assert json.loads(capsys.readouterr().out)["overall"]["episodes"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "play --pretrained --engine none", "play --pretrained --steps 0", "play --pretrained --terrain no",
        "export onnx --pretrained --out x --opset 3", "export onnx --pretrained --out x --batch many",
        "eval --pretrained --protocol none", "terrains preview nothing", "train go2-teacher --engine none",
    ],
)  # fmt: skip
def test_wrong_options_are_told_before_anything_is_built(line: str, terminal: FakeTerminal) -> None:
    assert run(terminal, *line.split()) == 1
    assert [text for text in terminal.shown() if "building" in text] == []
    assert [line for line in terminal.left().splitlines() if line.startswith("error: ")]
