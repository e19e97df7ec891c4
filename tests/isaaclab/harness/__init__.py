"""Isaac Lab on PhysX without Isaac Sim: the published wheel, unchanged, between doubles of Kit and ``ovphysx``.

What is real: everything of ``isaaclab`` (scene, articulation, actuators, contact sensors, managers, environment), USD
(usd-core) and PhysX 5 on the CPU. What is a double: Kit's application, settings and timeline, Isaac Sim's simulation
context and cloner, the thin layer of tensor views, and, where the application is started with a window or cameras, its
widgets, keyboard, viewport and renderer. An attribute of Kit that no double declares is an error.
"""

from __future__ import annotations

import builtins


def install() -> None:
    """Put the doubles where Isaac Lab imports them from. Before anything of Isaac Lab is imported; once is enough."""
    import sys

    if "isaacsim" in sys.modules:
        return
    # Kit sets these in every process: whether a terminal of Kit's runs the script, and what a listener raised.
    builtins.ISAAC_LAUNCHED_FROM_TERMINAL = False
    builtins.ISAACLAB_CALLBACK_EXCEPTION = None
    from tests.isaaclab.harness import kit, schemas, simulation

    schemas.install_schemas()
    kit.declare_carb()
    kit.declare_omni()
    simulation.declare_physics()
    simulation.declare_isaacsim()
