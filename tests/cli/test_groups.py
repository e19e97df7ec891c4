"""Groups of options: dataclasses as a command's parameters."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from parkour.commands import OptionsOf, grouped, make_app, parse_range
from parkour.errors import ParkourError


@dataclass(frozen=True)
class Camera:
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")]
    width: Annotated[int, typer.Option(help="Columns.")] = 87
    names: Annotated[list[str], typer.Option("--name", help="Repeatable.")] = field(default_factory=lambda: ["a"])


@dataclass(frozen=True)
class Narrow(Camera):
    width: Annotated[int, typer.Option(help="Few columns.")] = 7


@dataclass(frozen=True)
class Settings:
    seed: int | None = None
    kind: Literal["one", "two"] = "one"
    hidden: bool = True


SETTINGS = OptionsOf({"kind": typer.Option(help="One or two."), "seed": typer.Option(help="Of it. [default: 1]")})


def _run(command: Any, *args: str) -> tuple[Any, list[Any]]:
    """The result, and what the command was called with."""
    app, called = make_app("Tries."), []

    def tries(camera: Any, settings: Annotated[Settings, SETTINGS], loud: bool = False) -> None:
        """Tries."""
        called.append((camera, settings, loud))

    tries.__annotations__["camera"] = command
    app.command()(grouped(tries))
    return CliRunner().invoke(app, list(args)), called


def test_a_group_is_its_options_and_the_command_gets_the_dataclass() -> None:
    done, called = _run(Camera, "-o", "x", "--name", "b", "--name", "c", "--seed", "3", "--kind", "two", "--loud")
    assert done.exit_code == 0, done.output
    assert called == [(Camera(Path("x"), 87, ["b", "c"]), Settings(3, "two"), True)]
    assert _run(Camera, "--out", "x")[1] == [(Camera(Path("x"), 87, ["a"]), Settings(), False)]


def test_help_shows_defaults_and_leaves_out_what_is_not_listed() -> None:
    text = " ".join(_run(Camera, "--help")[0].output.split())
    for said in ("Columns. [default: 87]", "Folder. [required]", "[default: 1]", "One or two. [default: one]"):
        assert said in text, said
    assert "--hidden" not in text
    assert text.index("--kind") < text.index("--seed"), "in the order in which they are listed"


def test_a_derived_group_changes_a_default() -> None:
    assert _run(Narrow, "-o", "x")[1][0][0].width == 7
    assert "Few columns." in _run(Narrow, "--help")[0].output


def test_wrong_groups_are_told_when_the_command_is_made() -> None:
    @dataclass(frozen=True)
    class Bare:
        number: int = 1

    with pytest.raises(ValueError, match="number is no option"):
        grouped(_taking(a=Bare))
    with pytest.raises(ValueError, match="duplicate parameter name"):
        grouped(_taking(a=Camera, b=Narrow))


def _taking(**annotations: type) -> Any:
    """A function with these parameters."""

    def function(**values: Any) -> None:
        """Takes them."""

    parameters = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=a) for n, a in annotations.items()]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


@pytest.mark.parametrize(("text", "bounds"), [("0.2:0.8", (0.2, 0.8)), ("0.5", (0.5, 0.5)), ("0:1", (0.0, 1.0))])
def test_ranges(text: str, bounds: tuple[float, float]) -> None:
    assert parse_range("--difficulty", text) == bounds


@pytest.mark.parametrize("text", ["", "a", "0.8:0.2", "-0.1:1", "0:1.1", "nan", "0:nan", "inf", "0:1:2"])
def test_what_is_no_range_is_one_line(text: str) -> None:
    with pytest.raises(ParkourError) as caught:
        parse_range("--difficulty", text)
    assert caught.value.message == f"--difficulty: got {text!r}, expected A:B with 0 <= A <= B <= 1"
    assert caught.value.hint == "--difficulty 0.5:1"
