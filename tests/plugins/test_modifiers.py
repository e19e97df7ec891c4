"""Noise and faults: their statistics, what they leave alone, and that nothing uses them unasked."""

from __future__ import annotations

import copy
import math
import tomllib
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.cuda_graphs.tensor_state import TensorState
from parkour.errors import PluginError, TaskError
from parkour.mdp.modifiers import ModifierChain, takes_padding
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.specs import ObservationField
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from parkour_modifiers.pixels import EdgeDropout
from parkour_modifiers.plugin import register_modifiers
from tests.components import load, parameters
from tests.contexts import random_context

SPECS = {spec.name: spec for spec in register_modifiers()}
PIXELS = (ObservationField(name="distance", size=20 * 30, unit="m", limit=2.0),)


def make(name: str, num_envs: int = 4, *, fields: Any = PIXELS, device: str = "cpu", **changes: Any) -> Any:
    return load(SPECS[name].target)(num_envs, device, fields, **parameters(SPECS[name], **changes))


def laid_on(modifier: Any, values: Tensor, ids: list[int] | None = None) -> Tensor:
    env_ids = torch.arange(len(values)) if ids is None else torch.tensor(ids, dtype=torch.int64)
    return modifier(values, random_context(4, seed=0), env_ids.to(values.device))


def flat(distance: float, count: int = 4) -> Tensor:
    return torch.full((count, 20, 30), distance)


def scene() -> Tensor:
    """A box 0.8 m away before a wall at 1.6 m, sky above: ``[4, 20, 30]``."""
    values = flat(1.6)
    values[:, 8:14, 10:18] = 0.8
    values[:, :4] = 2.0
    return values


# -- all of them -------------------------------------------------------------------------------------------------


def memory_of(modifier: Any, robot: int) -> dict[Any, Tensor]:
    """What a modifier of four robots remembers of one."""
    held = TensorState(modifier).leaves()
    return {
        path: values.reshape(4, -1)[robot].clone()
        for path, values in held.items()
        if isinstance(values, Tensor) and values.ndim and len(values) % 4 == 0
    }


@pytest.mark.parametrize("name", sorted(SPECS))
def test_padding_is_not_remembered(name: str) -> None:
    """Robots 0 and 3 fill up the batch of robot 2, on which the modifier acts as it does alone."""
    changes = {"occlusion": {"hold": 2.0, "patches": 3}, "dropped_frames": {"probability": 0.5}}.get(name, {})
    changes |= {"latency_jitter": {"frames": 2}}.get(name, {})
    torch.manual_seed(0)
    modifier = make(name, **changes)
    assert takes_padding(modifier)
    laid_on(modifier, scene())
    ctx = random_context(4, seed=0)
    ctx.padded, ctx.perception = True, torch.tensor([False, False, True, False])
    ids = torch.tensor([2, 0, 3])
    for step in range(4):
        modifier.reset(torch.tensor([2]))
        alone = copy.deepcopy(modifier)
        before = [memory_of(modifier, robot) for robot in range(4)]
        torch.manual_seed(step)
        got = modifier(scene()[ids] - 0.01 * step, ctx, ids)
        torch.manual_seed(step)
        alone(scene()[ids] - 0.01 * step, random_context(4, seed=0), ids)
        assert got.shape == (3, 20, 30) and got.isfinite().all()
        for robot in (0, 1, 3):
            torch.testing.assert_close(memory_of(modifier, robot), before[robot], rtol=0, atol=0)
        torch.testing.assert_close(memory_of(modifier, 2), memory_of(alone, 2), rtol=0, atol=0)


def test_who_does_not_say_so_is_given_no_padding() -> None:
    class Unaware:
        def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
            return values

        def reset(self, env_ids: Tensor) -> None: ...

    aware, unaware = make("blind_zone"), Unaware()
    for modifiers, expected in (({"a": aware}, True), ({"a": aware, "b": unaware}, False)):
        group = ClippedGroup(Plain(), None, ModifierChain("a", modifiers), sees=True)
        assert not ObservationSet({"a": group}).takes_padding, "the group does not say so"
        assert ModifierChain("a", modifiers).takes_padding is expected
        assert ObservationSet({"a": replace(group, sees=False)}).takes_padding


def test_all_are_in_the_student_and_off() -> None:
    task = tomllib.loads((files("parkour_tasks") / "go2_student.toml").read_text())
    groups = {key: group["modifiers"] for key, group in task["observations"].items() if "modifiers" in group}
    assert {use.get("use", key) for uses in groups.values() for key, use in uses.items()} == set(SPECS)
    assert all(use["enabled"] is False for uses in groups.values() for use in uses.values())
    for overlay in (None, "train", "eval", "play"):
        assert not load_task("go2-student", overlay=overlay).modifiers
    noisy = load_task("go2-student", overlay="train+noisy").modifiers
    assert len(noisy["depth"]) == 6 and list(noisy) == ["depth"]
    robust = load_task("go2-student", overlay="train+robust").modifiers
    assert {key: list(parts) for key, parts in robust.items()} == {key: list(uses) for key, uses in groups.items()}
    assert not load_task("go2-teacher", overlay="train").modifiers


# -- noise -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", [0.3, 1.0, 1.5])
def test_gaussian_range_noise(distance: float) -> None:
    torch.manual_seed(0)
    errors = laid_on(make("gaussian_range_noise", sigma=0.004, growth=0.01), flat(distance)) - distance
    expected = 0.004 + 0.01 * distance**2
    assert errors.std().item() == pytest.approx(expected, rel=0.06)
    assert abs(errors.mean().item()) < 4 * expected / errors.numel() ** 0.5


@pytest.mark.parametrize("distance", [0.3, 0.9, 1.6])
def test_stereo_noise_grows_with_the_square_of_the_distance(distance: float) -> None:
    torch.manual_seed(0)
    got = laid_on(make("stereo_range_noise", subpixel=0.08), flat(distance))
    # σ = subpixel / (baseline · focal length) · distance²
    assert (got - distance).std().item() == pytest.approx(0.08 / (0.05 * 447) * distance**2, rel=0.06)
    disparity = 0.05 * 447 / got
    assert disparity.std().item() == pytest.approx(0.08, rel=0.06)


def test_stereo_steps_are_whole_quanta() -> None:
    torch.manual_seed(0)
    got = laid_on(make("stereo_range_noise", subpixel=0.1, quantum=0.25), flat(1.2))
    quanta = 0.05 * 447 / got / 0.25
    torch.testing.assert_close(quanta, quanta.round(), rtol=0, atol=1e-3)
    assert 2 <= got.unique().numel() <= 12


@pytest.mark.parametrize("name", ["gaussian_range_noise", "stereo_range_noise", "gaussian_noise"])
def test_what_meets_nothing_stays_at_the_limit(name: str) -> None:
    torch.manual_seed(0)
    got = laid_on(make(name), scene())
    assert (got[:, :4] == 2.0).all()
    assert (got[:, 4:] != scene()[:, 4:]).float().mean() > 0.99
    near = laid_on(make(name), flat(1.999))
    if name != "gaussian_noise":  # which knows nothing of ranges; the group itself clamps
        assert near.max() <= 2.0 and near.min() < 1.999


def test_gaussian_noise_is_in_the_fields_own_units() -> None:
    torch.manual_seed(0)
    fields = [ObservationField(name="rate", size=2, scale=0.25, unit="rad/s"), ObservationField(name="flag", size=1)]
    values = torch.zeros(4000, 3)
    both = make("gaussian_noise", 4000, fields=fields, sigma=0.2)(values, None, torch.arange(4000))
    assert both.std(dim=0).tolist() == pytest.approx([0.05, 0.05, 0.2], rel=0.06)
    one = make("gaussian_noise", 4000, fields=fields, sigma=0.2, only=("rate",))(values, None, torch.arange(4000))
    assert one.std(dim=0).tolist() == pytest.approx([0.05, 0.05, 0.0], rel=0.06)
    with pytest.raises(TaskError, match="unknown field 'rates'; the group has rate, flag"):
        make("gaussian_noise", fields=fields, only=("rates",))


# -- missing pixels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 3])
def test_edges_are_where_the_distance_jumps(width: int) -> None:
    found = EdgeDropout(1, "cpu", PIXELS, jump=0.1, width=width, probability=1.0, reads=0.0).edges(scene()[:1])[0]
    values = scene()[0]
    for row in range(20):
        for column in range(30):
            near = False
            for r in range(max(row - width + 1, 0), min(row + width, 20)):
                for c in range(max(column - width + 1, 0), min(column + width, 30)):
                    around = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
                    near |= any(
                        0 <= y < 20 and 0 <= x < 30 and abs(values[y, x] - values[r, c]) > 0.1 for y, x in around
                    )
            assert bool(found[row, column]) is near, (row, column)


def test_edge_pixels_are_missing_with_their_probability() -> None:
    torch.manual_seed(0)
    modifier = make("edge_dropout", 400, probability=0.3, reads=0.0)
    values = scene()[:1].repeat(400, 1, 1)
    missing = modifier(values, None, torch.arange(400)) == 0.0
    edges = modifier.edges(values)
    assert missing[edges].float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert not missing[~edges].any()


def test_blind_zone() -> None:
    values = torch.linspace(0.0, 2.0, 600).view(1, 20, 30)
    got = laid_on(make("blind_zone", distance=0.35, reads=0.0), values)
    assert (got[values < 0.35] == 0.0).all() and torch.equal(got[values >= 0.35], values[values >= 0.35])
    assert (laid_on(make("blind_zone", distance=0.35, reads=2.0), values)[values < 0.35] == 2.0).all()


@pytest.mark.parametrize("name", ["gaussian_range_noise", "stereo_range_noise", "edge_dropout", "blind_zone"])
def test_range_modifiers_refuse_what_is_no_range(name: str) -> None:
    with pytest.raises(TaskError, match=f"modifier '{name}' was applied to roll, expected a range sensor in metres"):
        make(name, fields=[ObservationField(name="roll", size=1, unit="rad")])


def test_edge_dropout_refuses_what_is_no_picture() -> None:
    with pytest.raises(TaskError, match="got measurements of shape 600, expected a picture's rows x columns"):
        laid_on(make("edge_dropout"), torch.zeros(4, 600))


# -- timing ------------------------------------------------------------------------------------------------------


MOMENT = random_context(4, seed=0)
"""Whose measurements are whose is all that matters here."""


def frames_of(modifier: Any, count: int, num_envs: int = 50) -> Tensor:
    """``[count, num_envs]`` which frame was seen; frame k reads k."""
    seen = [
        modifier(torch.full((num_envs, 2, 2), float(k)), MOMENT, torch.arange(num_envs))[:, 0, 0] for k in range(count)
    ]
    return torch.stack(seen)


def test_dropped_frames_repeat_the_last_one() -> None:
    torch.manual_seed(0)
    seen = frames_of(make("dropped_frames", 50, probability=0.2), 200)
    assert (seen[0] == 0).all()
    late = torch.arange(200)[:, None] - seen
    assert (late[1:] > 0).float().mean().item() == pytest.approx(0.2, abs=0.02)
    # Lost one after the other, frames grow older by one each.
    assert ((late[1:] == 0) | (late[1:] == late[:-1] + 1)).all()


def test_dropped_frames_never_cross_a_reset() -> None:
    torch.manual_seed(0)
    modifier = make("dropped_frames", 3, probability=1.0)
    everyone = torch.arange(3)
    modifier(flat(0.5, 3), None, everyone)
    modifier.reset(torch.tensor([1]))
    assert modifier(flat(1.5, 3), None, everyone)[:, 0, 0].tolist() == [0.5, 1.5, 0.5]


def test_latency_jitter_never_goes_back_in_time() -> None:
    torch.manual_seed(0)
    seen = frames_of(make("latency_jitter", 50, frames=2), 300)
    late = torch.arange(300)[:, None] - seen
    assert (seen.diff(dim=0) >= 0).all()
    assert late.min() == 0 and late.max() == 2
    # Of three ages drawn alike; one frame after a fresh one, at most one frame is missed.
    shares = [(late[50:] == age).float().mean().item() for age in range(3)]
    assert shares == pytest.approx([1 / 3, 4 / 9, 2 / 9], abs=0.02)


def test_latency_jitter_never_crosses_a_reset() -> None:
    torch.manual_seed(0)
    modifier = make("latency_jitter", 200, frames=3)
    frames_of(modifier, 5, num_envs=200)
    modifier.reset(torch.arange(100))
    ids = torch.arange(200)
    for k in (10.0, 11.0, 12.0):
        seen = modifier(torch.full((200, 2, 2), k), MOMENT, ids)[:, 0, 0]
        assert (seen[:100] >= 10).all()
    assert (seen[100:] < 10).any()


def test_timing_works_on_plain_groups_and_on_some_environments() -> None:
    modifier = make("latency_jitter", 3, frames=1)
    modifier(torch.tensor([[1.0], [2.0], [3.0]]), MOMENT, torch.arange(3))
    modifier.reset(torch.tensor([2]))
    assert modifier(torch.tensor([[9.0]]), MOMENT, torch.tensor([2])).tolist() == [[9.0]]


# -- in an observation set ---------------------------------------------------------------------------------------


class Plain:
    """A group of two numbers without a hook of its own."""

    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="number", size=2)]

    def __call__(self, ctx: Any) -> Tensor:
        return torch.ones(ctx.num_envs, 2)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing to forget."""


class Doubling:
    def __init__(self) -> None:
        self.begun: list[int] = []

    def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
        assert env_ids.tolist() == list(range(len(values)))
        return values * 2

    def reset(self, env_ids: Tensor) -> None:
        self.begun += env_ids.tolist()


def test_modifiers_of_plain_groups_act_on_what_they_return_before_the_clip() -> None:
    modifier = Doubling()
    chain = ModifierChain("a", {"first": modifier, "second": modifier})
    groups = ObservationSet({"a": ClippedGroup(Plain(), 3.0, chain), "b": ClippedGroup(Plain(), None)})
    got = groups.compute(random_context(5, seed=0))
    assert got["a"].tolist() == [[3.0, 3.0]] * 5 and got["b"].tolist() == [[1.0, 1.0]] * 5
    groups.reset(torch.tensor([4, 1]))
    assert modifier.begun == [4, 1, 4, 1]


def test_a_modifier_that_changes_the_shape_is_named() -> None:
    class Cropping(Doubling):
        def __call__(self, values: Tensor, ctx: Any, env_ids: Tensor) -> Tensor:
            return values[:, :1]

    groups = ObservationSet({"a": ClippedGroup(Plain(), None, ModifierChain("a", {"crop": Cropping()}))})
    with pytest.raises(PluginError, match=r"modifier 'crop' of observation group 'a' returned shape \(5, 1\)"):
        groups.compute(random_context(5, seed=0))


# -- magnitudes of each episode ------------------------------------------------------------------------------------

EVERYONE = torch.arange(4000)


def many(name: str, values: Tensor, **changes: Any) -> tuple[Any, Tensor]:
    """A modifier of 4,000 environments, and what it makes of ``values`` in the first measurement."""
    torch.manual_seed(0)
    modifier = make(name, 4000, **changes)
    return modifier, modifier(values, None, EVERYONE)


def small(distance: float) -> Tensor:
    return torch.full((4000, 6, 8), distance)


def test_each_robot_has_noise_of_its_own() -> None:
    modifier, got = many("gaussian_range_noise", small(1.0), sigma=(0.0, 0.1))
    deviations = (got - 1.0).flatten(1).std(dim=1)
    assert deviations.mean().item() == pytest.approx(0.05, rel=0.05)
    assert deviations.min() < 0.005 and deviations.max() > 0.09
    again = (modifier(small(1.0), None, EVERYONE) - 1.0).flatten(1).std(dim=1)
    assert torch.corrcoef(torch.stack((deviations, again)))[0, 1] > 0.9
    modifier.reset(torch.ones(4000, dtype=torch.bool))
    other = (modifier(small(1.0), None, EVERYONE) - 1.0).flatten(1).std(dim=1)
    assert abs(torch.corrcoef(torch.stack((deviations, other)))[0, 1]) < 0.1


def test_each_robot_has_a_blind_zone_and_a_reading_of_its_own() -> None:
    _, got = many("blind_zone", small(0.5), distance=(0.0, 1.0), reads=(0.0, 2.0))
    assert all(len(picture.unique()) == 1 for picture in got[:50])
    shares = [(got[:, 0, 0] == reading).float().mean().item() for reading in (0.5, 0.0, 2.0)]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.03)


def test_each_robot_loses_frames_at_a_rate_of_its_own() -> None:
    torch.manual_seed(0)
    seen = frames_of(make("dropped_frames", 400, probability=(0.0, 0.6)), 200, num_envs=400)
    lost = (seen.diff(dim=0) == 0).float().mean(dim=0)
    assert lost.mean().item() == pytest.approx(0.3, abs=0.03) and lost.min() < 0.05 and lost.max() > 0.5


def test_range_error() -> None:
    _, got = many("range_error", small(1.0), scale=(0.9, 1.1), bias=(-0.05, 0.05))
    wrong = got[:, 0, 0]
    assert wrong.std().item() == pytest.approx(((0.2**2 + 0.1**2) / 12) ** 0.5, rel=0.05)
    assert (many("range_error", small(2.0), scale=0.9)[1] == 2.0).all()


def test_speckle() -> None:
    _, got = many("speckle", small(1.0), share=0.1)
    shares = [(got == reading).float().mean().item() for reading in (0.0, 2.0)]
    assert shares == pytest.approx([0.05, 0.05], abs=0.003)


def test_patches_cover_their_share_of_the_picture_and_stay() -> None:
    values = torch.full((4000, 20, 30), 1.0)
    modifier, got = many("occlusion", values, patches=1, size=0.5, reads=(0.0, 2.0))
    covered = got != 1.0
    assert covered.float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert [(got == reading).float().mean().item() for reading in (0.0, 2.0)] == pytest.approx([0.125] * 2, abs=0.01)
    assert torch.equal(modifier(values, None, EVERYONE), got)
    modifier.reset(EVERYONE[:2000])
    again = modifier(values, None, EVERYONE)
    assert (
        torch.equal(again[2000:], got[2000:])
        and (again[:2000] != got[:2000]).flatten(1).any(dim=1).float().mean() > 0.9
    )


def test_patches_move_after_some_frames() -> None:
    values = torch.full((4000, 20, 30), 1.0)
    modifier, last = many("occlusion", values, patches=2, size=0.3, reads=0.0, hold=4.0)
    moved = (modifier(values, None, EVERYONE) != last).flatten(1).any(dim=1)
    assert moved.float().mean().item() == pytest.approx(1 - 0.75**2, abs=0.04)
    _, none = many("occlusion", values, patches=(0, 1), size=0.3, reads=0.0)
    assert (none == 1.0).flatten(1).all(dim=1).float().mean().item() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("lower", [True, False])
def test_zoom_is_the_picture_of_a_narrower_lens(lower: bool) -> None:
    """Against a camera that truly has that lens, on courses of the student's."""
    wide, narrow, high = math.radians(87.0), math.radians(70.0), math.radians(58.0)
    factor = math.tan(wide / 2) / math.tan(narrow / 2)
    low = 2 * math.atan(math.tan(high / 2) / factor) if lower else high
    taken, wanted = course_pictures(wide, high), course_pictures(narrow, low)
    got = make("zoom", 4, factor=factor, aspect=1.0 if lower else 0.7)(taken, None, torch.arange(4))
    before, after = ((picture - wanted).abs() for picture in (taken, got))
    # What is left is at edges, half a pixel off.
    assert after.median() < 0.01 and (after < 0.05).float().mean() > 0.93
    assert after.mean() < before.mean() / 3
    assert torch.equal(make("zoom", 4, factor=1.0)(taken, None, torch.arange(4)), taken)


def course_pictures(across: float, down: float) -> Tensor:
    """``[4, 60, 106]`` from the starts of four courses, with a lens of ``across`` by ``down`` [rad]."""
    from parkour.tasks.build import build_camera, build_terrain
    from parkour.terrain.library import CourseLibrary, CourseState

    lens = {"camera.horizontal_fov": across, "camera.vertical_fov": down}
    task = load_task("go2-student", overlay="eval", changes=lens)
    camera = build_camera(task, 4, "cpu")
    assert camera is not None
    course = CourseState(CourseLibrary(build_terrain(task, 3), "cpu"), 4, (0, 4), torch.Generator().manual_seed(3))
    upright = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(4, 1)
    return camera.view(course.spawn + torch.tensor([1.0, 0.0, 0.3]), upright, course.boxes())


FEET = (
    ObservationField(name="joint_vel", size=2, scale=0.05, unit="rad/s"),
    ObservationField(name="foot_contact", size=4),
)


def test_dead_contacts_stay_dead() -> None:
    touching = torch.full((4000, 6), 0.5)
    modifier, got = many("contact_faults", touching, fields=FEET, only=("foot_contact",), dead=0.25)
    assert (got[:, :2] == 0.5).all()
    assert (got[:, 2:] == -0.5).float().mean(dim=0).tolist() == pytest.approx([0.25] * 4, abs=0.03)
    assert torch.equal(modifier(touching, None, EVERYONE), got)
    modifier.reset(EVERYONE < 10)
    assert torch.equal(modifier(touching, None, EVERYONE)[10:], got[10:])
    assert (many("contact_faults", touching, fields=FEET, only=("foot_contact",), dead=1.0)[1][:, 2:] == -0.5).all()


def test_flickering_contacts_come_back() -> None:
    touching = torch.full((4000, 6), 0.5)
    modifier, got = many("contact_faults", touching, fields=FEET, only=("foot_contact",), dead=0.0, flicker=0.2)
    again = modifier(touching, None, EVERYONE)
    for seen in (got, again):
        assert (seen[:, 2:] == -0.5).float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert not torch.equal(got, again)


def test_constant_errors_are_in_the_fields_own_units_and_stay() -> None:
    values = torch.zeros(4000, 6)
    modifier, got = many("constant_error", values, fields=FEET, spread=0.4, only=("joint_vel",))
    assert got.abs().max(dim=0).values.tolist() == pytest.approx([0.02, 0.02, 0, 0, 0, 0], rel=0.02)
    assert torch.equal(modifier(values, None, EVERYONE), got)
    modifier.reset(EVERYONE[:5])
    again = modifier(values, None, EVERYONE)
    assert torch.equal(again[5:], got[5:]) and (again[:5, :2] != got[:5, :2]).all()


@pytest.mark.parametrize("change", [{"sigma": (0.2, 0.1)}, {"sigma": -1.0}, {"sigma": (0.0, 99.0)}])
def test_magnitudes_out_of_bounds_are_one_clear_line(change: dict[str, Any]) -> None:
    name = "observations.depth.modifiers.gaussian_range_noise"
    value = list(change["sigma"]) if isinstance(change["sigma"], tuple) else change["sigma"]
    with pytest.raises(TaskError, match=r"sigma: got .*, expected (at least 0|at most 10|the lower end first)"):
        load_task("go2-student", changes=read_changes([f"{name}.enabled=true", f"{name}.params.sigma={value}"]))
