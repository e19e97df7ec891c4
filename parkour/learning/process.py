"""One of several processes: ``python -m parkour.learning.process MODULE ARGUMENT...`` runs ``python -m MODULE``.

It is started with the signals that end it blocked, and takes them from here on as the system does: a Ctrl-C while it
still imports ends it at once and without a word, where Python would show a traceback, or lose it.
"""

from __future__ import annotations

import runpy
import signal
import sys

ENDS = (signal.SIGINT, signal.SIGTERM, *([] if sys.platform == "win32" else [signal.SIGHUP]))
"""Signals that end a run."""


def main(module: str, arguments: list[str]) -> None:
    """Run a module as a program."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
