"""Tables, help and errors at 80 columns: nothing is clipped, and no word that somebody may type is split."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from parkour.commands import notice, print_error, print_figures, print_table
from parkour.errors import ParkourError
from parkour.learning.iteration import Iteration
from parkour.learning.progress import LiveProgress, PlainProgress, Remaining
from parkour.registry import default_registry
from parkour.specs import KINDS
from parkour.terminal import Terminal
from parkour_cli.__main__ import main
from parkour_cli.plugin import COMMANDS

NARROW, WIDE = 80, 400
COMPONENTS = [(kind, item.id) for kind in KINDS for item in default_registry().specs(kind) if item.builtin]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command prints at a width."""

    def show(width: int, *args: str) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        with pytest.raises(SystemExit):
            main(list(args))
        return capsys.readouterr().out

    return show


def words(text: str) -> set[str]:
    return {word for word in text.split() if set(word) != {"─"}}


def check(narrow: str, wide: str, width: int = NARROW) -> None:
    too_long = [line for line in narrow.splitlines() if len(line) > width and len(line.split()) > 1]
    # What to do about an engine is a command to copy, which stays in one piece.
    assert [line for line in too_long if not re.match(r"engine \w+: ", line)] == [] and "…" not in narrow
    # A list leaves the heading of an empty column out.
    assert words(wide) - words(narrow) <= {"unit", "bounds"}


@pytest.mark.parametrize(
    "line",
    [
        "plugins list", "plugins list --timing", "tasks list", "tasks show go2-teacher", "tasks show go2-student",
        "tasks show go2-student-rl", "doctor",
    ],
)  # fmt: skip
@pytest.mark.parametrize("width", [NARROW, 120])
def test_tables_fit_and_no_word_is_split(line: str, width: int, shown: Callable[..., str]) -> None:
    narrow = re.sub(r"\S+ ms", "0 ms", shown(width, *line.split()))
    check(narrow, re.sub(r"\S+ ms", "0 ms", shown(WIDE, *line.split())), width)


def test_every_component_fits(shown: Callable[..., str]) -> None:
    for kind, name in COMPONENTS:
        args = ("plugins", "show", name, "--kind", kind)
        check(shown(NARROW, *args), shown(WIDE, *args))


def test_any_table_fits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Side by side, with the last column below, and as lists; figures in as many tables as it takes."""
    prose = "a sentence of many words that has no room beside the other columns, long as they are"
    tables: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = [
        (("name", "meaning"), [("short", prose)]),
        (("name", "kind", "meaning"), [("n" * 40, "k" * 20, prose)]),
        (("name", "kind", "meaning"), [("n" * 50, "k" * 40, prose), ("m", "", prose)]),
        (("file", "size"), [("/a/" + "long/" * 30, "3 MB")]),
    ]
    for columns, rows in tables:
        found: dict[int, str] = {}
        for width in (NARROW, WIDE):
            monkeypatch.setenv("COLUMNS", str(width))
            print_table("", columns, rows)
            found[width] = capsys.readouterr().out
        assert all(word in found[NARROW].split() for row in rows for cell in row for word in cell.split())
        assert all(len(line) <= NARROW or len(line.split()) == 1 for line in found[NARROW].splitlines())
    monkeypatch.setenv("COLUMNS", str(NARROW))
    print_figures("Figures", ("", *"abcdefgh"), [("success", *["0.512 ± 0.125"] * 8)])
    out = capsys.readouterr().out
    assert out.count("0.512 ± 0.125") == 8 and out.count("success") > 1
    assert max(map(len, out.splitlines())) <= NARROW


def test_piped_output_is_wide_where_nobody_says_how_wide(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table("", ("name", "meaning"), [("short", "word " * 30)])
    assert any(line.split() == ["short", *["word"] * 30] for line in capsys.readouterr().out.splitlines())


def _iteration() -> Iteration:
    terrains = ("gap", "hurdle", "step", "tilt", "flat")
    names = ("value", "surrogate", "entropy", "estimator", "latent_regularisation", "kl", "history_latent")
    scalars = {f"{kind}/{name}": 0.5 for kind in ("Terrain_Level", "Way_Points", "Success") for name in terrains}
    scalars |= {f"Loss/{name}": 0.123456 for name in (*names, "learning_rate")}
    scalars |= {"Perf/steps_per_second": 123456.0, "Policy/mean_std": 0.5}
    scalars |= {"Train/mean_reward": 12.5, "Train/mean_episode_length": 812.0}
    return Iteration(
        index=9999, total=50000, scalars=scalars, total_steps=10**9, total_seconds=36000.0, seconds=1.0, steps=24
    )


@pytest.mark.parametrize("width", [NARROW, 120])
def test_progress_of_a_training_fits(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = ""
    for kind in ("live", "plain"):
        screen = Console(width=width, force_terminal=kind == "live", color_system=None)
        shown: Any = LiveProgress(screen, Remaining()) if kind == "live" else PlainProgress(screen, 0.0, Remaining())
        shown.on_iteration(_iteration())
        shown.close()
        out = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "\n", capsys.readouterr().out)
        text += out
        assert [line for line in out.splitlines() if len(line) > width] == []
    for whole in ("iteration 9999/50000", "learning rate 1.2e-01", "latent_regularisation 0.123", "123,456 steps/s"):
        assert whole in text, whole
    assert "…" not in text


def test_a_command_to_copy_is_not_broken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed while a live display has the terminal, to stderr too, goes through Rich, which breaks lines."""
    monkeypatch.setenv("COLUMNS", str(NARROW))
    changes = " ".join(f"--set events.push.params.speed={k}" for k in range(5))
    command = f"parkour train go2-student --pretrained {changes}"
    live = LiveProgress(Terminal(force_terminal=True, color_system=None), Remaining())
    live.on_iteration(_iteration())
    notice(f"try it: {command}")
    print_error(ParkourError("nothing came of it", hint=command))
    live.close()
    out = capsys.readouterr().out
    assert [line for line in re.split(r"\r|\n|\x1b\[[0-9;?]*[a-zA-Z]", out) if "parkour train" in line] == [
        f"try it: {command}", f"hint: {command}",
    ]  # fmt: skip


@pytest.mark.parametrize("command", [*COMMANDS, "sim2sim", "fake-go2", "assets", "export onnx", "plugins new"])
def test_help_has_one_style(command: str, shown: Callable[..., str]) -> None:
    text = shown(NARROW, *command.split(), "--help")
    assert text.startswith(f"Usage: parkour {command}") and "Options:" in text and "Show this message and exit." in text
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.|\w\.\.\.\]?( \.\.\.)?$|COMMAND \.\.\.", "", text, flags=re.MULTILINE)
    assert re.search(r"<(int|float|str|path|list)", text) is None
    assert re.search(r"[^\s(] \[default", text) is None
    assert max(map(len, text.splitlines())) <= NARROW


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("export go2-teacher", "no sub-command 'go2-teacher', expected onnx, jit"),
        ("export go2-teacher onnx", "parkour export onnx go2-teacher"),
        ("plugins chek parkour-lab", "has no sub-command 'chek'; did you mean 'check'?"),
        ("plugins slalom", "expected list, show, check or new"),
        ("export onnx", "Missing option '--out'"),
        ("train --no-such", "No such option: --no-such"),
        ("train --gpus", "error: Option '--gpus' requires an argument."),
        ("eval --compare one", "error: Option '--compare' requires 2 arguments."),
        ("trian", "no command 'trian'; did you mean 'train'?"),
        ("deploy run", "the following arguments are required: EXPORT"),
        ("fake-go2 nowhere --difficulty 0:1", "got '0:1', expected one number"),
        ("terrains preview --difficulty 2", "--difficulty: got '2', expected A:B"),
        ("sim2sim nowhere --difficulty 1:0", "--difficulty: got '1:0', expected A:B"),
        ("play --pretrained --difficulty x", "--difficulty: got 'x', expected A:B"),
    ],
)
def test_errors_have_one_style(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    out, err = capsys.readouterr()
    first, *rest = err.splitlines()
    assert ended.value.code in (1, 2) and out == ""
    assert first.startswith("error: ") and said in first
    assert len(rest) <= 1 and all(hint.startswith("hint: ") for hint in rest)
