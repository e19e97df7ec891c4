"""A process that waits for SIGTERM, takes a moment to save, and ends: ``-m tests.learning.patient``."""

from __future__ import annotations

import os
import signal
import sys
import time


def save(*_: object) -> None:
    time.sleep(0.5)
    os.write(1, f"saved {os.environ['RANK']}\n".encode())
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, save)
    os.write(1, f"ready {os.environ['RANK']}\n".encode())
    time.sleep(120)
