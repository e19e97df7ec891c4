"""What depth cameras show: the images that a policy is given, or what a camera would show a policy without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.mdp.task_mdp import TaskMdp
from parkour.tasks.sections import Camera


class DepthFeed:
    """Depth images of some robots, in [0, 1] from the lens to the camera's range.

    A policy with a camera is shown its observation: each group of the task that is an image. For one without, the
    task's camera is put on the robots here; the policy does not see it.

    Args:
        mdp: of the environment.
        camera: of the task.
        obs: observation groups, to find the images.
    """

    def __init__(self, mdp: TaskMdp, camera: Camera, obs: Mapping[str, Tensor]) -> None:
        self._mdp = mdp
        self.groups = tuple(str(name) for name in obs.keys() if obs[name].ndim == 3)  # noqa: SIM118 - TensorDict
        """Observation groups that are images; empty for a policy without a camera."""
        self._range = camera.range
        geometry = CameraGeometry(**{name: getattr(camera, name) for name in type(camera).model_fields})
        self._extra = None if self.groups else DepthCamera(1, mdp.device, geometry)
        self._kept: dict[int, _Picture] = {}

    @property
    def seen_by_policy(self) -> bool:
        """Whether the policy acts on what is shown."""
        return self._extra is None

    @torch.inference_mode()
    def images(self, obs: Mapping[str, Tensor], env_ids: Sequence[int]) -> np.ndarray:
        """``[M, H, W]`` of the robots ``env_ids``, those of all groups one after another."""
        if self._extra is not None:
            return np.stack([self._capture(env_id) for env_id in env_ids])
        return np.concatenate([self._observed(name, obs[name][list(env_ids)]) for name in self._same_size(obs)])

    def _same_size(self, obs: Mapping[str, Tensor]) -> list[str]:
        """Groups whose images are as large as the first one's."""
        return [name for name in self.groups if obs[name].shape[1:] == obs[self.groups[0]].shape[1:]]

    def _observed(self, name: str, images: Tensor) -> np.ndarray:
        fields = self._mdp.observations.layout[name]
        metres = (images - fields[0].shift) / fields[0].scale if len(fields) == 1 else images
        return (metres / self._range).clamp(0.0, 1.0).cpu().numpy()

    def _capture(self, env_id: int) -> np.ndarray:
        """A picture as old as the policy's perception is."""
        mdp = self._mdp
        assert self._extra is not None and mdp.context is not None
        step, patch = int(mdp.context.episode_step[env_id]), int(mdp.course.patch[env_id])
        known = self._kept.get(env_id)
        if (
            known is not None
            and known.patch == patch
            and known.asked <= step < known.taken + mdp.clock.perception_period
        ):
            self._kept[env_id] = replace(known, asked=step)
            return known.image
        robot, ids = mdp.context.robot, torch.tensor([env_id], device=mdp.device)
        image = self._extra.view(robot.base_pos[ids], robot.base_quat[ids], mdp.course.boxes(ids))[0]
        self._kept[env_id] = _Picture(patch, step, step, (image / self._range).cpu().numpy())
        return self._kept[env_id].image


@dataclass(frozen=True)
class _Picture:
    """What was captured last of a robot."""

    patch: int
    taken: int
    """Step of the episode."""
    asked: int
    """Step of the episode at which it was shown last."""
    image: np.ndarray
