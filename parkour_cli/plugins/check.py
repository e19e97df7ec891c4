"""``parkour plugins check``: does a plugin keep its contracts?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from parkour.commands import JsonOption, console, notice, print_json

_SIGNS = {"passed": ("✓", "green"), "failed": ("✗", "bold red"), "not checked": ("–", "yellow")}


def check(
    plugins: Annotated[
        list[str], typer.Argument(metavar="PLUGIN", help="Installed distribution, or folder of one that need not be.")
    ],
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the hardest and the failing draws of terrains there.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of a terrain at each of 11 difficulties.")] = 20,
    compile: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile rewards and observations, seconds for each.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Check every component of plugins against its contract. Exits with 1 if one fails.

    Plugins run in a process of their own. A folder is not installed: its pyproject.toml is read, and its modules are
    put in sight of that process.
    """
    from parkour.storage import check_writable
    from parkour.testing.separate_process import check_separately

    if pictures is not None:
        check_writable(pictures, "--pictures", folder=True)
    reports = check_separately(plugins, pictures=pictures, compile=compile, seeds=seeds)
    ok = all(report["ok"] for report in reports)
    if as_json:
        print_json({"ok": ok, "plugins": reports})
    else:
        for report in reports:
            _print_report(report)
        _print_count(reports)
    if not ok:
        raise typer.Exit(1)


def _print_report(report: dict[str, Any]) -> None:
    from rich.text import Text

    out = console()
    source = f" from {report['source']}" if report["source"] else ""
    out.print(Text(f"{report['distribution']} {report['version']}{source}, plugin API {report['api']}", style="bold"))
    _print_checks(report["checks"])
    for part in report["components"]:
        out.print()
        out.print(Text(f"{part['kind']} {part['id']}", style="bold"), Text(part["summary"], style="dim"))
        _print_checks(part["checks"])
        for line in part["worst"]:
            out.print(Text(f"      {line}", style="dim"))
        if part["picture"]:
            out.print(Text(f"      pictures in {part['picture']}", style="dim"))
    out.print()


def _print_count(reports: list[dict[str, Any]]) -> None:
    parts = [part for report in reports for part in (report, *report["components"])]
    checks = [check for part in parts for check in part["checks"]]
    count = {status: sum(check["status"] == status for check in checks) for status in _SIGNS}
    notice(f"{count['passed']} checks passed, {count['failed']} failed, {count['not checked']} not made")


def _print_checks(checks: list[dict[str, Any]]) -> None:
    """A line for each check that concerns the component; what is wrong on the next one, said once."""
    from rich.text import Text

    out, said = console(), set[str]()
    for check in checks:
        if check["status"] not in _SIGNS:
            continue
        sign, style = _SIGNS[check["status"]]
        line = Text.assemble("  ", (sign, style), f" {check['title']}")
        if check["status"] == "passed":
            line.append(f"  {check['detail']}", style="dim")
        elif check["status"] == "not checked":
            line.append(f"  not checked: {check['detail']}", style="yellow")
        elif check["detail"] in said:
            line.append("  as above", style="red")
        out.print(line)
        if check["status"] == "failed" and check["detail"] not in said:
            said.add(check["detail"])
            out.print(Text(f"      {check['detail']}", style="red"))
