"""A log of the pretrained teacher on a simulated robot, and its export.

``python -m tests.deploy.make_log EXPORT LOG``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from parkour.exporters.exporter import ExportOptions, export_policy
from parkour.policies.source import PolicySource, load_weights
from parkour_mujoco.fake_go2.operator import Script
from parkour_mujoco.fake_go2.options import FakeOptions
from tests.deploy.harness import ride


def main(out: Path, log: Path) -> None:
    """Write both."""
    weights = load_weights(PolicySource(task="go2-teacher", pretrained=True))
    folder = export_policy(weights, out, ExportOptions(rollout=False)).folder
    done = ride(folder, FakeOptions("flat", 0.0, seconds=5.0, script=Script(policy=2.6)), control={"flat": True})
    done.log.write(log, done.report.summary())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
