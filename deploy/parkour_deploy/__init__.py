"""The robot's side of an exported policy: from its sensors to its motors.

Python 3.8 or later with numpy and onnxruntime, nothing else: it must install on the computer that the robot carries.
``parkour sim2sim`` runs its policies through the same observer, joint order and graphs.

Tried against the robot's protocol and a simulated robot, never on a real one.
"""

from __future__ import annotations

__version__ = "0.1.0"
