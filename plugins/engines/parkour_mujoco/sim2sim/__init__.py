"""Exported policies in plain C MuJoCo: onnxruntime, numpy and ``deploy.toml``; no torch in the process.

Observations and graphs are those of ``parkour_deploy``, which runs on the robot. They, motors, way points and ends are
a second implementation, on purpose: written anew in numpy, so that an error of the training's own would show as a
difference. Only :mod:`.batched` runs the training's engine, in a process of its own.
"""

from __future__ import annotations

from parkour_mujoco.launch import choose_renderer

# MuJoCo settles on a renderer when it is imported, which the modules here do.
choose_renderer()
