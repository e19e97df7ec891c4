"""What an engine of a plugin is made with: names that the plugin API promises (docs/plugins.md)."""

from parkour.engines.protocol import Availability
from parkour.engines.task_env import TaskEnv, Transition
from parkour.errors import DeviceError, EngineError
from parkour.mdp.action_delay import ActionDelay
from parkour.mdp.camera import MountingPart
from parkour.mdp.context import RobotState
from parkour.mdp.measurement import Measurement
from parkour.mdp.task_mdp import TaskMdp
from parkour.tasks.build import build_mdp
from parkour.tasks.resolved import ResolvedTask
from parkour.terrain.rays import cast_rays, rotation_matrix

__all__ = [
    "ActionDelay",
    "Availability",
    "DeviceError",
    "EngineError",
    "Measurement",
    "MountingPart",
    "ResolvedTask",
    "RobotState",
    "TaskEnv",
    "TaskMdp",
    "Transition",
    "build_mdp",
    "cast_rays",
    "rotation_matrix",
]
