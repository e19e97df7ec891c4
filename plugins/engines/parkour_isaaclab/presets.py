"""Configurations of a task for Isaac Lab's own commands: all backends to choose from, and a PPO of theirs."""

# Isaac Lab is there only where this engine runs; its configuration classes are made by a decorator.
# pyright: reportMissingImports=false, reportCallIssue=false

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlMLPModelCfg, RslRlOnPolicyRunnerCfg, RslRlPpoAlgorithmCfg
from isaaclab_tasks.utils import PresetCfg

from parkour.engines.choice import choose_num_envs
from parkour.engines.device import choose_device
from parkour.errors import TaskError
from parkour.tasks import load_task
from parkour_isaaclab.backends.backend import DEFAULT, find_backend
from parkour_isaaclab.cfg import ParkourEnvCfg, environment_cfg

PRESETS = {"ovphysx": "ovphysx", "newton_mjwarp": "newton", "isaacsim_physx": "kit"}
"""What Isaac Lab's commands take after ``physics=``, and which of our backends that is."""
HIDDEN = [512, 256, 128]
"""Widths of the hidden layers."""


@configclass
class PhysicsPresetsCfg(PresetCfg):
    """The backends; ``default`` where a command names none."""

    default: Any = None
    ovphysx: Any = None
    newton_mjwarp: Any = None
    isaacsim_physx: Any = None


def preset_cfg(identity: str) -> ParkourEnvCfg:
    """The environment of a task, by its id, on whichever backend is chosen."""
    task, device = load_task(identity), choose_device(None)
    num_envs, backend = choose_num_envs(None, task, device), find_backend(DEFAULT)
    backend.start(device=device, window=False, cameras=False)
    cfg = environment_cfg(task, backend, num_envs=num_envs, device=device, seed=0)
    offered = {preset: find_backend(name).physics_cfg(num_envs) for preset, name in PRESETS.items()}
    cfg.sim.physics = PhysicsPresetsCfg(default=offered[DEFAULT], **offered)
    return cfg


def runner_cfg(identity: str) -> RslRlOnPolicyRunnerCfg:
    """Plain PPO on all observations of a teacher's task. RMA and students are trained by ``parkour train``.

    Raises:
        TaskError: it is a student's, whose images no perceptron reads.
    """
    task = load_task(identity)
    if task.model.stage != "teacher":
        raise TaskError(
            f"{identity}: a student is not trained by Isaac Lab's runner", hint=f"parkour train {task.name}"
        )
    groups, numbers = list(task.observations), task.model.algorithm
    return RslRlOnPolicyRunnerCfg(
        device=choose_device(None),
        num_steps_per_env=numbers.steps_per_env,
        max_iterations=numbers.iterations,
        save_interval=numbers.save_interval,
        experiment_name=f"{task.name}-isaaclab",
        obs_groups={"actor": groups, "critic": groups},
        actor=RslRlMLPModelCfg(
            hidden_dims=HIDDEN,
            activation="elu",
            obs_normalization=True,
            distribution_cfg=RslRlMLPModelCfg.GaussianDistributionCfg(init_std=1.0),
        ),
        critic=RslRlMLPModelCfg(hidden_dims=HIDDEN, activation="elu", obs_normalization=True),
        algorithm=RslRlPpoAlgorithmCfg(
            num_learning_epochs=5,
            num_mini_batches=4,
            learning_rate=1e-3,
            schedule="adaptive",
            desired_kl=0.01,
            gamma=0.99,
            lam=0.95,
            entropy_coef=0.01,
            value_loss_coef=1.0,
            use_clipped_value_loss=True,
            clip_param=0.2,
            max_grad_norm=1.0,
        ),
    )
