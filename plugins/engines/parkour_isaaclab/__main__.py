"""Runs a script of Isaac Lab's with our tasks registered: ``python -m parkour_isaaclab SCRIPT [ARGUMENTS]``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Register the tasks, then run the script as if it had been started itself."""
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        got = repr(sys.argv[1]) if len(sys.argv) > 1 else "nothing"
        sys.exit(f"error: got {got}, expected the path of a script: python -m parkour_isaaclab SCRIPT [ARGUMENTS]")
    from parkour_isaaclab.install import add_sources

    add_sources()
    import parkour_isaaclab.gym_tasks  # noqa: F401 - registers the tasks

    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
