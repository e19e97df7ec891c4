"""``python -m parkour.testing --report FILE NAME=FOLDER …``: the process that ``parkour plugins check`` starts."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from parkour.errors import ParkourError
from parkour.quick_imports import uncollected

with uncollected():
    from parkour.testing.plugin import check_plugin
    from parkour.testing.subject import CheckOptions


def main() -> None:
    """Make the checks and write the report; exit code 0 once it is written."""
    parser = argparse.ArgumentParser(prog="python -m parkour.testing")
    parser.add_argument("plugins", nargs="+", metavar="NAME=FOLDER", help="the folder is empty for an installed one")
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    # On a terminal the process that waits for this one draws a line, which begins again after each of these.
    erase = "\r\x1b[K" if sys.stderr.isatty() else ""
    at: Path = args.report.with_suffix(".at")

    def progress(what: str) -> None:
        at.write_text(what, encoding="utf-8")
        print(f"{erase}checking {what}", file=sys.stderr, flush=True)

    options = CheckOptions(seeds=args.seeds, pictures=args.pictures, compile=not args.no_compile)
    try:
        reports = []
        for plugin in args.plugins:
            name, _, source = plugin.partition("=")
            reports.append(check_plugin(name, options=options, on_progress=progress, source=source).as_dict())
        found = {"plugins": reports}
    except ParkourError as error:
        found = {"error": error.message, "hint": error.hint}
    temporary = args.report.with_suffix(".tmp")
    temporary.write_text(json.dumps(found), encoding="utf-8")
    temporary.replace(args.report)
    sys.stdout.flush()
    os._exit(0)  # Whatever threads or exit handlers a plugin may have started.


if __name__ == "__main__":
    main()
