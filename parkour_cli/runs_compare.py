"""``parkour runs compare``: training curves side by side."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import JsonOption, notice, print_json, print_table
from parkour.commands.progress import loading
from parkour.errors import ParkourError
from parkour.stages import stage

if TYPE_CHECKING:
    from parkour.learning.curves import Curve


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="PNG file to write.")] = Path("curves.png"),
    over: Annotated[
        str, typer.Option(metavar="AXIS", help="What curves are drawn over: minutes, steps or iterations.")
    ] = "minutes",
    as_json: JsonOption = False,
) -> None:
    """Draw the training curves of several runs into one picture, and say where each is.

    Scores in training have exploration noise and the levels of the curriculum; parkour eval --compare scores policies.
    """
    from parkour.storage import check_writable, write_bytes

    if out.suffix.lower() != ".png":
        raise ParkourError(f"--out: got {out.name!r}, expected a .png file", hint=f"--out {out.with_suffix('.png')}")
    check_writable(out, "--out")
    with loading():
        from parkour.learning.curves import AXES, curves_png, read_curves
    if over not in AXES:
        raise ParkourError(f"--over: got {over!r}, expected {', '.join(AXES)}")
    curves = read_curves(runs)
    with stage("drawing"):
        write_bytes(out, curves_png(curves, over), "--out")
    rows = [_row(curve) for curve in curves]
    if as_json:
        print_json({"picture": str(out), "runs": rows})
        return
    print_table("", tuple(rows[0]), [tuple(map(_text, row.values())) for row in rows])
    notice("success, way points and reward: means of the last 20 iterations, in training")
    notice(f"wrote {out}")


def _row(curve: Curve) -> dict[str, Any]:
    last = curve.rows[-1]
    return {
        "run": curve.label,
        "iteration": int(last.get("iteration", 0)),
        "minutes": _rounded(last.get("Perf/total_minutes", math.nan), 1),
        "success": _rounded(curve.last("Episode/success"), 3),
        "way points": _rounded(curve.last("Episode/way_points"), 3),
        "reward": _rounded(curve.last("Train/mean_reward"), 2),
    }


def _rounded(value: float, digits: int) -> float | None:
    """None for what there is not."""
    return None if math.isnan(value) else round(value, digits)


def _text(value: Any) -> str:
    return "–" if value is None else str(value)
