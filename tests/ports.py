"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket

PORTS = range(20_000, 32_000)
"""Below those that the system hands out to whoever connects: a free one stays free until a test's server has it."""


def own_port() -> int:
    """A port of this machine alone on which nobody listens; another one for each test, in all likelihood.

    Drawn from the system's own randomness: tests seed the others, and two processes of tests would draw the same.
    """
    draw = random.SystemRandom()
    while True:
        port = draw.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
