"""Nothing phones home: libraries that would are told not to before they are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_onnxruntime_collects_nothing(tmp_path: Path) -> None:
    """From 1.29 on it would write a device's number and a queue of events into the user's cache when imported."""
    hidden = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    code = "import parkour, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.strip() == "1", done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
