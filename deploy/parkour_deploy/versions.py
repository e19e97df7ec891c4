"""Versions of what is installed."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("parkour-deploy", "parkour-lab", "numpy", "onnxruntime", "cyclonedds", "pyrealsense2", "mcap")


def version_of(package: str) -> str | None:
    """Of a distribution, or None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Of Python, the machine and everything here that is installed."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        number = version_of(package)
        if number is not None:
            found[package] = number
    return found
