"""A folder laid out as Isaac's public assets are, with our own Go2 in it."""

from __future__ import annotations

from pathlib import Path

from parkour.tasks.robot import load_robot
from parkour_isaaclab.robot import load_robot_asset
from tests.isaaclab.harness.go2_usd import write_go2_usd


def write_assets(folder: Path) -> Path:
    """Fill ``folder`` and return it."""
    layout, robot_folder = load_robot("go2")
    asset = load_robot_asset(robot_folder, layout)
    write_go2_usd(robot_folder / "go2.xml", folder / asset.usd)
    return folder
