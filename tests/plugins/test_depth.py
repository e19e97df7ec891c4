"""From the camera's picture to what a policy sees: crop, resize, normalise, latency, refill at reset."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.mdp.context import StepContext
from parkour.mdp.modifiers import ModifierChain
from parkour.tasks import load_task
from parkour_observations.depth import DepthImage, YawValid
from parkour_observations.plugin import register_observations
from parkour_observations.resize import BicubicResize
from tests.components import parameters
from tests.contexts import GO2, random_context

GEOMETRY = CameraGeometry()
SPECS = {spec.name: spec for spec in register_observations()}


def make(num_envs: int, geometry: CameraGeometry = GEOMETRY, **changes: Any) -> DepthImage:
    camera = DepthCamera(num_envs, "cpu", geometry)
    return DepthImage(num_envs, "cpu", GO2, depth_camera=camera, **parameters(SPECS["depth"], **changes))


def seen(depth: Tensor, ids: list[int]) -> StepContext:
    """A state in which the environments ``ids`` have new pictures."""
    return random_context(len(depth), seed=0, depth=depth, depth_ids=torch.tensor(ids, dtype=torch.int64))


def numbered(values: list[float]) -> Tensor:
    """Pictures of one distance each [m]."""
    return torch.tensor(values)[:, None, None].repeat(1, 60, 106)


def processed(distance: float) -> float:
    return distance / 2 - 0.5


# -- one picture -------------------------------------------------------------------------------------------------


def keys(x: float) -> float:
    """Cubic convolution kernel with a = -3/4, as in its definition."""
    x, a = abs(x), -0.75
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def by_hand(raw: Tensor, row: int, column: int) -> float:
    """One number of the image, from the definition: crop, interpolate along the row, normalise."""
    cropped = raw[: 60 - 2, 4 : 106 - 4]
    position = (column + 0.5) * 98 / 87 - 0.5
    total = 0.0
    for pixel in range(math.floor(position) - 1, math.floor(position) + 3):
        total += keys(position - pixel) * cropped[row, min(max(pixel, 0), 97)].item()
    return total / 2 - 0.5


def test_processing_against_its_definition() -> None:
    raw = random_context(2, seed=3).depth
    assert raw is not None
    image = make(2).process(raw)
    assert image.shape == (2, 58, 87)
    for row, column in [(0, 0), (57, 86), (13, 40), (30, 1), (44, 85), (57, 0), (0, 86)]:
        for i in range(2):
            assert image[i, row, column].item() == pytest.approx(by_hand(raw[i], row, column), abs=1e-5)


def test_processing_keeps_up_up_and_left_left() -> None:
    raw = torch.full((1, 60, 106), 2.0)
    raw[0, :10, :20] = 1.0
    image = make(1).process(raw)[0]
    assert image[:9, :12].max() < 0.05 and image[15:].min() > 0.45 and image[:, 20:].min() > 0.45


SIZES = [((58, 98), (58, 87)), ((60, 106), (58, 87)), ((5, 7), (9, 20)), ((58, 98), (17, 40))]


@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("antialias", [False, True])
def test_resize_is_torchs_bicubic(before: tuple[int, int], after: tuple[int, int], antialias: bool) -> None:
    pictures = torch.rand(3, *before, generator=torch.Generator().manual_seed(0)) * 2
    expected = torch.nn.functional.interpolate(
        pictures[:, None], after, mode="bicubic", antialias=antialias, align_corners=False
    )
    got = BicubicResize(before, after, "cpu", antialias)(pictures)
    torch.testing.assert_close(got, expected[:, 0], rtol=1e-5, atol=1e-5)


def test_antialiasing_is_a_parameter_of_the_group() -> None:
    raw = random_context(2, seed=3).depth
    assert raw is not None
    plain, smooth = make(2).process(raw), make(2, antialias=True).process(raw)
    expected = torch.nn.functional.interpolate(raw[:, None, :-2, 4:-4], (58, 87), mode="bicubic", antialias=True)
    torch.testing.assert_close(smooth, expected[:, 0] / 2 - 0.5, rtol=1e-5, atol=1e-5)
    assert (plain - smooth).abs().max() > 0.05


def test_the_field_says_how_to_read_the_numbers() -> None:
    group = make(1)
    (field,) = group.layout()
    value = group.process(torch.full((1, 60, 106), 1.3))[0, 20, 20].item()
    assert (value - field.shift) / field.scale == pytest.approx(1.3, abs=1e-5) and field.unit == "m"
    assert field.size == 58 * 87
    (raw,) = group.raw_fields()
    assert (raw.size, raw.unit, raw.limit) == (60 * 106, "m", 2.0)


def test_another_camera_and_another_image() -> None:
    group = make(2, CameraGeometry(width=40, height=30, range=4.0), height=16, width=20, crop_bottom=0, crop_sides=0)
    assert group.process(torch.full((2, 30, 40), 4.0)).shape == (2, 16, 20)
    torch.testing.assert_close(group.process(torch.full((2, 30, 40), 4.0)), torch.full((2, 16, 20), 0.5))
    with pytest.raises(TaskError, match=r"the crop leaves 28 rows and -2 columns of the camera's 30 x 6 pixels"):
        make(1, CameraGeometry(width=6, height=30))


# -- frames ------------------------------------------------------------------------------------------------------


def test_the_policy_sees_the_frame_before_the_newest() -> None:
    group = make(2)
    everyone = [0, 1]
    frames = [[0.2, 0.4], [0.6, 0.8], [1.0, 1.2], [1.4, 1.6]]
    shown = [group(seen(numbered(frame), everyone))[:, 30, 40].tolist() for frame in frames]
    expected = [frames[0], frames[0], frames[1], frames[2]]
    assert shown == [pytest.approx([processed(d) for d in frame], abs=1e-5) for frame in expected]


@pytest.mark.parametrize("latency", [0, 1, 2])
def test_padding_shows_no_frame(latency: int) -> None:
    padded, exact = make(3, latency=latency), make(3, latency=latency)
    for step, depths in enumerate([[0.2, 0.4, 0.6], [0.8, 1.0, 1.2], [1.4, 1.6, 1.8]] * 2):
        if step % 2:
            ctx = seen(numbered(depths), [1, 0])
            ctx.padded, ctx.perception = True, torch.tensor([False, True, False])
            shown = padded(ctx), exact(seen(numbered(depths), [1]))
        else:
            shown = padded(seen(numbered(depths), [0, 1, 2])), exact(seen(numbered(depths), [0, 1, 2]))
        torch.testing.assert_close(*shown, rtol=0, atol=0)


def test_a_frame_is_held_until_the_next_one() -> None:
    group = make(1)
    group(seen(numbered([0.4]), [0]))
    for _ in range(3):
        # Between perception steps the group reads nothing, whatever is there.
        assert group(seen(numbered([1.9]), []))[0, 5, 5].item() == pytest.approx(processed(0.4), abs=1e-5)
    group(seen(numbered([0.8]), [0]))
    assert group(seen(numbered([1.2]), [0]))[0, 5, 5].item() == pytest.approx(processed(0.8), abs=1e-5)


@pytest.mark.parametrize("latency", [0, 1, 3])
def test_frames_and_resets_against_a_list(latency: int) -> None:
    num_envs = 5
    group = make(num_envs, latency=latency)
    rng = torch.Generator().manual_seed(latency)
    past: list[list[float]] = [[] for _ in range(num_envs)]
    for step in range(40):
        begun = [i for i in range(num_envs) if step == 0 or torch.rand((), generator=rng) < 0.15]
        if begun:
            group.reset(torch.tensor(begun))
        for i in begun:
            past[i] = []
        ids = list(range(num_envs)) if step % 5 == 0 else begun
        distances = (torch.rand(num_envs, generator=rng) * 2).tolist()
        for i in ids:
            past[i] = [*(past[i] or [distances[i]] * latency), distances[i]]
        got = group(seen(numbered(distances), ids))[:, 10, 10].tolist()
        assert got == pytest.approx([processed(frames[-1 - latency]) for frames in past], abs=1e-5), step


def test_each_robot_has_a_latency_of_its_own_for_an_episode() -> None:
    torch.manual_seed(0)
    group, everyone = make(300, latency=(0, 2)), list(range(300))
    show = lambda distance, ids: group(seen(numbered([distance] * 300), ids))[:, 10, 10]  # noqa: E731
    for distance in (0.2, 0.4, 0.6):
        show(distance, everyone)
    before = show(0.8, everyone)
    expected = [processed(distance) for distance in (0.4, 0.6, 0.8)]
    latency = torch.stack([(before - value).abs() for value in expected]).argmin(dim=0)
    assert [(latency == index).float().mean().item() for index in range(3)] == pytest.approx([1 / 3] * 3, abs=0.1)
    assert torch.equal(show(0.9, []), before), "held until the next frame"
    shifted = show(1.0, everyone)
    later = torch.tensor([processed(distance) for distance in (0.6, 0.8, 1.0)])[latency]
    torch.testing.assert_close(shifted, later, atol=1e-5, rtol=0)
    group.reset(torch.tensor([0]))
    assert show(1.6, [0])[0].item() == pytest.approx(processed(1.6), abs=1e-5)


def test_a_robot_is_built_for_the_middle_of_the_latencies() -> None:
    params = load_task("go2-student", overlay="robust").observations["depth"].params
    assert params.latency == (0, 2) and params.deployed().latency == 1


def test_only_the_environments_that_were_reset_are_refilled() -> None:
    group = make(3)
    for distance in (0.2, 0.4, 0.6):
        group(seen(numbered([distance] * 3), [0, 1, 2]))
    group.reset(torch.tensor([1]))
    got = group(seen(numbered([1.8] * 3), [1]))[:, 3, 3].tolist()
    assert got == pytest.approx([processed(0.4), processed(1.8), processed(0.4)], abs=1e-5)


# -- modifiers act on the raw picture -----------------------------------------------------------------------------


class Recording:
    """A modifier that sets a pixel and remembers what it was given."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.given: list[tuple[tuple[int, ...], list[int]]] = []
        self.begun: list[int] = []

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        self.given.append((tuple(values.shape), env_ids.tolist()))
        return torch.full_like(values, self.value)

    def reset(self, env_ids: Tensor) -> None:
        self.begun += env_ids.tolist()


def test_modifiers_get_new_raw_pictures_only() -> None:
    group, modifier = make(3), Recording(0.6)
    group.take_modifiers(ModifierChain("depth", {"recording": modifier}))
    depth = numbered([1.0, 1.2, 1.4])
    group(seen(depth, [0, 1, 2]))
    group(seen(depth, []))
    image = group(seen(depth, [2]))
    assert modifier.given == [((3, 60, 106), [0, 1, 2]), ((1, 60, 106), [2])]
    torch.testing.assert_close(image, torch.full((3, 58, 87), processed(0.6)))
    assert depth[2, 0, 0] == 1.4, "the camera's own picture is not touched"


@pytest.mark.parametrize(("value", "kept"), [(-3.0, 0.0), (7.0, 2.0)])
def test_what_modifiers_make_stays_in_range(value: float, kept: float) -> None:
    group = make(1)
    group.take_modifiers(ModifierChain("depth", {"far": Recording(value)}))
    torch.testing.assert_close(group(seen(numbered([1.0]), [0])), torch.full((1, 58, 87), processed(kept)))


# -- yaw_valid ---------------------------------------------------------------------------------------------------


def test_yaw_valid_takes_both_sides() -> None:
    ctx = random_context(6, seed=0)
    ctx.goals.yaw = torch.tensor([0.0, 0.59, -0.59, 0.61, -0.61, -3.0])
    group = YawValid(6, "cpu", GO2, **parameters(SPECS["yaw_valid"]))
    assert group(ctx).tolist() == [[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]]
