"""``parkour fake-go2``: a Go2 to talk to where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from parkour.arguments import number_within
from parkour.commands import JsonOption, make_app, notice, parse_range, print_json
from parkour.errors import EngineError, ParkourError
from parkour.stages import stage
from parkour_mujoco.fake_go2.faults import parse_fault
from parkour_mujoco.fake_go2.operator import Script
from parkour_mujoco.fake_go2.options import FakeOptions

app = make_app("Simulate a Go2 that speaks Unitree's low-level protocol over DDS.")
PACES = (0.01, 100.0)
"""Of the robot's clock against the wall's, least and greatest."""


@app.command()
def fake_go2(
    folder: Annotated[Path, typer.Argument(metavar="EXPORT", help="Whose task gives robot, terrains and camera.")],
    terrain: Annotated[str, typer.Option(metavar="NAME", help="Of the course.")] = "flat",
    difficulty: Annotated[str, typer.Option(metavar="A", help="Of the course, within 0:1.")] = "0.5",
    seed: Annotated[int, typer.Option(help="Of the course.")] = 1,
    friction: Annotated[float, typer.Option(help="Sliding friction of the robot against the course.")] = 1.0,
    seconds: Annotated[float, typer.Option(help="How long, on the robot's clock.")] = 60.0,
    policy_at: Annotated[float, typer.Option(help="When L1 and start are pressed [s].")] = 4.0,
    sit_at: Annotated[float | None, typer.Option(help="When L2+X is pressed [s].")] = None,
    turn: Annotated[float, typer.Option(help="Of the right stick, -1 to 1.")] = 0.0,
    fault: Annotated[str | None, typer.Option(metavar="KIND@SECONDS", help="What goes wrong, as in tilt@6.")] = None,
    hang: Annotated[bool, typer.Option("--hang", help="It hangs in the air.")] = False,
    sport_mode: Annotated[bool, typer.Option("--sport-mode", help="Its own controller runs at first.")] = False,
    interface: Annotated[str, typer.Option(help="Network interface; lo is this machine alone.")] = "lo",
    domain: Annotated[int, typer.Option(help="Of DDS.")] = 0,
    lockstep: Annotated[bool, typer.Option("--lockstep", help="Wait for every answer: the same at any load.")] = False,
    pace: Annotated[float, typer.Option(help="Of its clock against the wall's.")] = 1.0,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve a page to watch it on.")] = False,
    port: Annotated[int | None, typer.Option(help="Of the page.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a Go2 that speaks Unitree's low-level protocol over DDS, for parkour deploy and others to drive."""
    options = FakeOptions(
        terrain=terrain, difficulty=_one_difficulty(difficulty), seed=seed, friction=friction, seconds=seconds,
        hang=hang, script=Script(policy=policy_at, sit=sit_at, turn=turn), fault=parse_fault(fault) if fault else None,
        sport_mode=sport_mode,
    )  # fmt: skip
    options.check()
    number_within("--pace", pace, *PACES)
    _check_installed()
    from parkour_mujoco.fake_go2.robot import FakeGo2
    from parkour_mujoco.fake_go2.server import Server, ServerOptions

    with stage("building the course"):
        robot = FakeGo2(folder, options)
    shown = _open_page(robot, port) if page else None
    server = Server(robot, ServerOptions(interface, domain, lockstep, pace), shown or (lambda robot: None))
    notice(f"a Go2 on {interface}, domain {domain}: {terrain} {options.difficulty:g}")
    try:
        result = server.run()
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        if shown is not None:
            shown.close()
    _report(result, as_json)


def _one_difficulty(text: str) -> float:
    """Of the only course."""
    low, high = parse_range("--difficulty", text)
    if low != high:
        raise ParkourError(f"--difficulty: got {text!r}, expected one number, since there is one course")
    return low


def _check_installed() -> None:
    from importlib.util import find_spec

    for package, hint in (("mujoco", "pip install 'parkour-lab[mujoco]'"), ("cyclonedds", "pip install cyclonedds")):
        if find_spec(package) is None:
            raise EngineError(f"fake-go2 needs {package}, which is not installed", hint=hint)


def _open_page(robot: Any, port: int | None) -> Any:
    from parkour.viewing.web import viser_for

    with viser_for("--page"):
        from parkour_mujoco.fake_go2.page import Page
    page = Page(robot, port)
    notice(f"page: {page.address}")
    return page


def _report(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    fell = "" if result["fell"] is None else f", fell at {result['fell']:.2f} s"
    print(f"way points {result['way_points']} of {result['way_points_of']} in {result['seconds']:.1f} s{fell}")
    latency = ", ".join(f"{key} {value:g}" for key, value in result["state_to_command_ms"].items())
    print(f"state to command [ms]: {latency}")
    if result["fault"] is not None:
        print(f"fault {result['fault']}: damped after {result['fault_to_damping_ms']} ms")
