"""``parkour-deploy``, and behind ``parkour deploy``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Mapping, Sequence

from parkour_deploy.errors import DeployError
from parkour_deploy.options import make_parser
from parkour_deploy.text import counted, one_line

NOTHING: Mapping[str, str] = {}


def main(
    arguments: Sequence[str] | None = None,
    *,
    program: str = "parkour-deploy",
    links: Mapping[str, str] = NOTHING,
    sources: Mapping[str, str] = NOTHING,
) -> int:
    """Run a command; returns the exit status.

    Args:
        arguments: of the command line; this process's when None.
        program: name that the help shows.
        links: further links, ``module:attribute`` by name.
        sources: further depth sources.
    """
    options = make_parser(program).parse_args(arguments)
    try:
        return _COMMANDS[options.command](options, links, sources)
    except DeployError as error:
        print(f"error: {one_line(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"hint: {one_line(error.hint)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # Of commands that stop at no better moment.
        return 130


def _run(options: argparse.Namespace, links: Mapping[str, str], sources: Mapping[str, str]) -> int:
    from parkour_deploy.session import run

    summary = run(options, links, sources).summary()
    if options.json:
        print(json.dumps(summary))
    else:
        for name in ("period_ms", "latency_ms", "policy_ms"):
            numbers = ", ".join(f"{key} {value:g}" for key, value in summary[name].items())
            print(f"{name.replace('_', ' ')}: {numbers}")
    return 0


def _check(options: argparse.Namespace, links: Mapping[str, str], sources: Mapping[str, str]) -> int:
    from parkour_deploy.check.run import check

    return check(options, links, sources)


def _replay(options: argparse.Namespace, links: Mapping[str, str], sources: Mapping[str, str]) -> int:
    from parkour_deploy.contract import read_contract
    from parkour_deploy.log import read_log
    from parkour_deploy.replay import plot, replay

    log = read_log(options.log)
    result = replay(read_contract(options.export), log)
    if options.json:
        print(json.dumps(vars(result)))
    else:
        steps, episodes = counted(result.steps, "step"), counted(result.episodes, "episode")
        print(f"{steps}, {episodes}, greatest difference of an action {result.worst:.2g}")
    if options.plots is not None:
        for path in plot(log, options.plots):
            print(path)
    return 0 if result.equal else 1


def _list(options: argparse.Namespace, links: Mapping[str, str], sources: Mapping[str, str]) -> int:
    from parkour_deploy.plugins import LINKS, SOURCES, targets

    for title, group, more in (("robot links", LINKS, links), ("depth sources", SOURCES, sources)):
        print(f"{title}:")
        for name, target in targets(group, more).items():
            print(f"  {one_line(name):12s} {one_line(target)}")
    return 0


_COMMANDS = {"run": _run, "check": _check, "replay": _replay, "list": _list}

if __name__ == "__main__":
    sys.exit(main())
