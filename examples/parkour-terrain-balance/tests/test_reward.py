"""What is particular to the reward."""

import torch
from parkour.testing import random_context

from parkour_terrain_balance.rewards import feet_near_drop

NUMBERS = {"radius": 0.1, "depth": 0.15, "force": 2.0}


class Beam:
    """Ground at height 0 within 0.15 m of the middle line, a pit beside it. See parkour.mdp.context.Course."""

    def __init__(self, num_envs: int) -> None:
        self.level = torch.zeros(num_envs, dtype=torch.int64)
        self.difficulty = torch.zeros(num_envs)
        self.terrain = torch.zeros(num_envs, dtype=torch.int64)
        self.flat = torch.zeros(num_envs, dtype=torch.bool)

    def height(self, xy: torch.Tensor) -> torch.Tensor:
        return torch.where(xy[..., 1].abs() < 0.15, 0.0, -0.5)

    def ceiling(self, xy: torch.Tensor) -> torch.Tensor:
        return xy.new_full(xy.shape[:-1], 10.0)

    def edge(self, xy: torch.Tensor) -> torch.Tensor:
        return torch.zeros(xy.shape[:-1], dtype=torch.bool)


def test_it_counts_loaded_feet_at_the_edge() -> None:
    ctx = random_context(3, seed=0, course=Beam(3))
    ctx.robot.feet_pos = torch.zeros(3, 4, 3)
    ctx.robot.feet_pos[0, :, 1] = torch.tensor([0.0, 0.04, 0.1, -0.14])  # Two of them within 0.1 m of the edge.
    ctx.robot.feet_pos[1, :, 1] = 0.12
    ctx.robot.feet_pos[2, :, 1] = -2.0  # All feet in the pit: there is nowhere to fall.
    load = torch.zeros(3, 4, 3)
    load[..., 2] = 40.0
    load[1, :2] = 0.0  # Two feet of the second robot are in the air.
    ctx.contacts.foot_force, ctx.contacts.previous_foot_force = load, load
    assert feet_near_drop(ctx, **NUMBERS).tolist() == [2.0, 2.0, 0.0]
