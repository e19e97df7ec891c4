"""The command line in the harness: ``python -m tests.isaaclab.harness eval --engine isaaclab …``.

For measuring how a policy fares on PhysX where there is no Isaac Sim: the robot is ours, the physics and Isaac Lab are
real, and only the CPU computes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.isaaclab.harness import install

install()


def main() -> None:
    """Run ``parkour`` with the arguments given."""
    from parkour_cli.__main__ import main as parkour
    from tests.isaaclab.harness.assets import write_assets

    with tempfile.TemporaryDirectory(prefix="parkour_assets_") as folder:
        os.environ["PARKOUR_ISAAC_ASSETS"] = str(write_assets(Path(folder)))
        parkour()


if __name__ == "__main__":
    main()
