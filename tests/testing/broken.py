"""Components that each break one rule, in one line or so."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
import typer
from torch import Tensor, nn

from parkour import Box, Mirror, ObservationField, Params, Sides, SubTerrain, param
from parkour.engines.protocol import Availability
from parkour_deploy.depth.source import Picture
from parkour_deploy.errors import DeployError

GROUND = Box.slab((-1, 17), (-3, 3), 0.0)
GOALS = np.array([(2.5, 0.0), (6.0, 0.0)])
SHARED = np.random.default_rng(0)


# -- terrains --------------------------------------------------------------------------------------------------------


def nan_terrain(difficulty, rng, params):
    return SubTerrain([GROUND, Box.slab((3, 4), (-1, 1), float("nan") if difficulty > 0.4 else 0.1)], GOALS)


def raising_terrain(difficulty, rng, params):
    raise RuntimeError("no ground today")


def crowded_terrain(difficulty, rng, params):
    return SubTerrain([GROUND] * 41, GOALS)


class WidthParams(Params):
    length: float = param(2.0, unit="m", ge=0.0, le=20.0)
    """Of the box; 0 is no box."""


def terrain_wrong_at_a_bound(difficulty, rng, params):
    half = params.length / 2
    return SubTerrain([GROUND, Box((8.0, 0.0, 0.0), (half, 1.0, 0.2))], GOALS)


def moody_terrain(difficulty, rng, params):
    return SubTerrain([GROUND, Box.slab((3, 4), (-1, 1), float(SHARED.random()))], GOALS)


def terrain_with_a_step_at_the_start(difficulty, rng, params):
    return SubTerrain([GROUND, Box.slab((1.6, 1.9), (-1, 1), 0.1)], GOALS)


def terrain_too_short(difficulty, rng, params):
    return SubTerrain([Box.slab((-1, 14), (-3, 3), 0.0)], GOALS)


def terrain_with_a_way_point_in_the_pit(difficulty, rng, params):
    pit = Box.slab((-1, 17), (-3, 3), -0.8, walkable=False)
    return SubTerrain([pit, Box.slab((-1, 2.7), (-3, 3), 0.0)], GOALS)


def terrain_with_a_bar_too_low(difficulty, rng, params):
    return SubTerrain([GROUND, Box.slab((4, 5), (-3, 3), 0.6, 0.5, overhead=True)], GOALS)


# -- rewards and terminations ----------------------------------------------------------------------------------------


def column(ctx):
    return ctx.command[:, None]


def text(ctx):
    return "much"


def whole_numbers(ctx):
    return ctx.episode_step


def division_by_zero(ctx):
    return 1.0 / (ctx.command - ctx.command)


def noisy(ctx):
    return torch.rand_like(ctx.command)


def in_place(ctx):
    return ctx.command.mul_(0.5)


def reads_back(ctx):
    return ctx.command * (2.0 if ctx.command.max().item() > 0 else 1.0)


def mixes_devices(ctx):
    return ctx.command * torch.ones(1)


class Remembers:
    """Sums up speeds, and never forgets."""

    def __init__(self, num_envs: int, device: str, layout: object) -> None:
        self.sum = torch.zeros(num_envs, device=device)

    def __call__(self, ctx: Any) -> Tensor:
        self.sum = self.sum + ctx.command
        return self.sum

    def reset(self, env_ids: Tensor) -> None:
        pass


class ForgetsAll(Remembers):
    def reset(self, env_ids: Tensor) -> None:
        self.sum = torch.zeros_like(self.sum)


class Indexed(Remembers):
    """Takes for indices what is a mask."""

    def reset(self, env_ids: Tensor) -> None:
        self.sum[env_ids.long()] = 0.0


def low(ctx):
    return ctx.robot.base_pos[:, 2] < 0.3


def also_low(ctx):
    return low(ctx)


def low_twin(ctx):
    return ctx.robot.base_pos[2] < 0.3


def high_twin(ctx):
    return ctx.robot.base_pos[2] > 0.3


# -- observations ----------------------------------------------------------------------------------------------------


class Group:
    """A group that is in order."""

    def __init__(self, num_envs: int, device: str, layout: object) -> None:
        self.held = torch.zeros(num_envs, 1, device=device)

    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="speed", size=1)]

    def __call__(self, ctx: Any) -> Tensor:
        return ctx.command[:, None].clone()

    def reset(self, env_ids: Tensor) -> None:
        pass


class WrongSize(Group):
    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="speed", size=2)]


class TwiceTheSameField(Group):
    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="speed", size=1), ObservationField(name="speed", size=0)]


class InfiniteGroup(Group):
    def __call__(self, ctx: Any) -> Tensor:
        return 1.0 / (ctx.command[:, None] - ctx.command[:, None])


class NoisyGroup(Group):
    def __call__(self, ctx: Any) -> Tensor:
        return torch.rand_like(ctx.command[:, None])


class SharedBuffer(Group):
    def __call__(self, ctx: Any) -> Tensor:
        self.held[:] = ctx.command[:, None]
        return self.held


class IndexedGroup(Group):
    """Takes for indices what is a mask."""

    def __call__(self, ctx: Any) -> Tensor:
        self.held = self.held + 1.0
        return self.held

    def reset(self, env_ids: Tensor) -> None:
        self.held[env_ids.long()] = 0.0


class KeepsNan(Group):
    def __call__(self, ctx: Any) -> Tensor:
        self.held = self.held + ctx.robot.joint_pos[:, :1]
        return self.held


class LopsidedGroup(Group):
    """Says that a lateral speed looks the same from both sides."""

    def __call__(self, ctx: Any) -> Tensor:
        return ctx.robot.base_lin_vel_b[:, 1:2].clone()

    def mirror(self, sides: Sides) -> Mirror:
        return Mirror(order=(0,), signs=(1.0,))


class HostGroup(Group):
    def __call__(self, ctx: Any) -> Tensor:
        return torch.tensor([[value] for value in ctx.command.tolist()])


# -- modifiers -------------------------------------------------------------------------------------------------------


class Modifier:
    def __init__(self, num_envs: int, device: str, fields: object) -> None:
        pass

    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        return values.clone()

    def reset(self, env_ids: Tensor) -> None:
        pass


class InPlaceModifier(Modifier):
    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        return values.mul_(0.5)


class FlatteningModifier(Modifier):
    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        return values.flatten()


class IndexedModifier(Modifier):
    """Takes for indices what is a mask."""

    def __init__(self, num_envs: int, device: str, fields: object) -> None:
        self.resets = torch.zeros(num_envs, device=device)

    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        return values + self.resets[env_ids].view(-1, *[1] * (values.dim() - 1))

    def reset(self, env_ids: Tensor) -> None:
        self.resets[env_ids.long()] += 1.0


class NumpyModifier(Modifier):
    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        return values + torch.from_numpy(SHARED.random(values.shape)).to(values)


# -- events ----------------------------------------------------------------------------------------------------------


def everyone(sim, env_ids):
    sim.set_friction(torch.arange(sim.num_envs), torch.ones(sim.num_envs))


def wrong_shape(sim, env_ids):
    sim.set_com_offset(env_ids, torch.zeros(len(env_ids), 2))


def late_mass(sim, env_ids):
    sim.set_added_mass(env_ids, torch.ones(env_ids.shape, device=sim.device))


# -- encoders --------------------------------------------------------------------------------------------------------


class RecurrentScan(nn.Module):
    """As it should be, but of something that no policy keeps a state for."""

    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(inputs, latent)

    def initial_state(self, count: int) -> Tensor:
        return torch.zeros(count, self.cell.hidden_size)

    def forward(self, scan: Tensor, proprioception: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        after = self.cell(scan, state)
        return after, after


def recurrent_scan(input_shape, latent_dim):
    return RecurrentScan(input_shape[0], latent_dim)


def too_wide(input_shape, latent_dim):
    return nn.Linear(input_shape[0], latent_dim + 1)


def batch_norm(input_shape, latent_dim):
    return nn.Sequential(nn.Linear(input_shape[0], latent_dim), nn.BatchNorm1d(latent_dim))


class _Detached(nn.Module):
    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, 8), nn.Linear(8, latent)

    def forward(self, scan: Tensor) -> Tensor:
        return self.second(self.first(scan).detach())


def detached(input_shape, latent_dim):
    return _Detached(input_shape[0], latent_dim)


class _Hidden(nn.Module):
    """Keeps a number that is neither parameter nor buffer."""

    count = 0

    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, latent)
        _Hidden.count += 1
        self.bias = float(_Hidden.count)

    def forward(self, scan: Tensor) -> Tensor:
        return self.linear(scan) + self.bias


def hidden_state(input_shape, latent_dim):
    return _Hidden(input_shape[0], latent_dim)


class _Branching(nn.Module):
    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, latent)

    def forward(self, scan: Tensor) -> Tensor:
        rows = [self.linear(row) if row.sum().item() > 0 else -self.linear(row) for row in scan]
        return torch.stack(rows)


def branching(input_shape, latent_dim):
    return _Branching(input_shape[0], latent_dim)


# -- policies, tasks and engines -------------------------------------------------------------------------------------


def define_nothing(task):
    return {}


MISSPELT_TASK = {"extends": "go2-teacher", "terrains": {"gapp": {"share": 0.2}}}


class SlowEngine:
    def availability(self) -> Availability:
        time.sleep(1.1)
        return Availability(True)

    def make_env(self, task: object, **options: object) -> None:
        raise RuntimeError("no wheels")


class SilentEngine(SlowEngine):
    def availability(self) -> Availability:
        return Availability(False)


# -- commands --------------------------------------------------------------------------------------------------------

EMPTY_COMMAND = typer.Typer()
SILENT_COMMAND = typer.Typer()
LENIENT_COMMAND = typer.Typer()


@SILENT_COMMAND.command()
def count(number: int) -> None:
    """Counts, up to what is not said."""


@LENIENT_COMMAND.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def anything() -> None:
    """Takes everything."""


# -- robots and cameras ----------------------------------------------------------------------------------------------


class LoquaciousLink:
    def __init__(self, context: object) -> None:
        self.context = context

    def open(self, *, move: bool) -> None:
        raise DeployError("no robot\nanywhere")

    def open_limp(self) -> None:
        raise DeployError("no robot")

    def receive(self, timeout: float) -> None:
        return None

    def send(self, command: object) -> None:
        raise DeployError("no robot")

    def disturbed(self) -> None:
        return None

    def close(self) -> None: ...


class EagerLink(LoquaciousLink):
    def __init__(self, context: object) -> None:
        raise RuntimeError("no wire")


class ForgetfulTarget:
    suffix = ".bin"

    def write(self, job) -> None:
        pass


class RoundingTarget:
    suffix = ".bin"
    jobs: Any = {}  # noqa: RUF012

    def write(self, job) -> None:
        job.path.write_bytes(b"x")
        self.jobs[job.path] = job.module

    def load(self, path):
        def run(values):
            found = self.jobs[path](*[torch.from_numpy(value) for value in values])
            return [each.detach().numpy().round(1) for each in (found if isinstance(found, tuple) else (found,))]

        return run


class SmallCamera:
    shown = np.ones((4, 4))

    def __init__(self, context: object) -> None:
        self.context = context

    def open(self) -> None: ...

    def newest(self) -> Picture:
        return Picture(1, self.shown)

    def close(self) -> None: ...


class BackwardCamera(SmallCamera):
    shown = np.full((60, 106), -1.0)


class CarelessCamera(SmallCamera):
    def open(self) -> None:
        self.device = object()

    def close(self) -> None:
        del self.device


def nothing() -> None:
    """Takes no arguments at all."""


# -- degradations ----------------------------------------------------------------------------------------------------

EMPTY_DEGRADATION: dict[str, object] = {}
CROOKED_DEGRADATION = {"control..action_delay": 2}
IDLE_DEGRADATION = {"timing.decimation": 4}
