"""Checks of observation groups, on recorded states and on random ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.mdp.context import StepContext
from parkour.mdp.mirror import MirroredTerm, Sides
from parkour.mdp.robot import RobotLayout
from parkour.specs import ObservationSpec
from parkour.testing.compiling import check_compiles, check_one_graph
from parkour.testing.mirrored_states import mirrored_context, share_of_unlike
from parkour.testing.recorded import Moment, recorded_moments
from parkour.testing.states import GO2, random_context
from parkour.testing.subject import CheckFailed, DoesNotApply, NotChecked, Subject, expect
from parkour.testing.twins import check_twin

RANDOM_ENVS = 5
UNLIKE = 0.002
"""Share of a group's numbers that may be wrong in a mirror: points on an edge are on either side of it."""


def make_group(subject: Subject, num_envs: int, layout: RobotLayout = GO2, device: str = "cpu") -> Any:
    """The group, with the sensors that its spec needs."""
    assert isinstance(subject.spec, ObservationSpec)
    sensors = {"depth_camera": lambda: DepthCamera(num_envs, device, CameraGeometry())}
    needs = {need: sensors[need]() for need in subject.spec.needs}
    return subject.target(num_envs, device, layout, **needs, **subject.kwargs)


def _moments(subject: Subject) -> list[Moment]:
    """The recording; with depth pictures, if the group needs them."""
    moments = recorded_moments()
    assert isinstance(subject.spec, ObservationSpec)
    if "depth_camera" not in subject.spec.needs:
        return moments
    if "pictures" not in subject.cache:
        camera = DepthCamera(moments[0].observed.num_envs, "cpu", CameraGeometry())
        subject.cache["pictures"] = [_picture(camera, moment.observed) for moment in moments]
    pictures: list[tuple[Tensor, Tensor]] = subject.cache["pictures"]
    return [
        dataclasses.replace(moment, observed=dataclasses.replace(moment.observed, depth=depth.clone(), depth_ids=new))
        for moment, (depth, new) in zip(moments, pictures, strict=True)
    ]


def _picture(camera: DepthCamera, ctx: StepContext) -> tuple[Tensor, Tensor]:
    course: Any = ctx.course
    new = camera.update(ctx.robot, course, ctx.perception.nonzero().squeeze(-1))
    return camera.depth.clone(), new


def run_group(subject: Subject, seed: int = 0) -> list[Tensor]:
    """What the group returns over the recording, resets included: one value per control step."""
    torch.manual_seed(seed)
    values = []
    with torch.inference_mode():
        moments = _moments(subject)
        group = make_group(subject, moments[0].observed.num_envs, moments[0].observed.layout)
        for moment in moments:
            if len(moment.ended):
                group.reset(moment.ended)
            values.append(group(moment.observed))
    return values


def as_laid_out(subject: Subject) -> str:
    """Its numbers are those of its layout."""
    fields = list(make_group(subject, 1).layout())
    names = [field.name for field in fields]
    expect(names, "its layout has no field")
    expect(len(set(names)) == len(names), "two fields of its layout have one name")
    size = sum(field.size for field in fields)
    for value in [*run_group(subject), make_group(subject, RANDOM_ENVS)(random_context(RANDOM_ENVS, seed=1))]:
        if not isinstance(value, Tensor):
            raise CheckFailed(f"returned a {type(value).__name__}, expected a tensor")
        right = value.dim() >= 2 and value[0].numel() == size
        expect(right, f"returned shape {tuple(value.shape)}, expected rows of the layout's {size} numbers")
        expect(value.dtype == torch.float32, f"returned {value.dtype}, expected torch.float32")
    return f"{size} numbers in {len(fields)} field{'s' if len(fields) > 1 else ''}"


def finite(subject: Subject) -> str:
    """It is finite on every state."""
    values = torch.stack(run_group(subject))
    bad = int((~torch.isfinite(values)).sum())
    expect(bad == 0, f"{bad} of {values.numel()} numbers are NaN or infinite on recorded states")
    for seed in range(3):
        value = make_group(subject, RANDOM_ENVS)(random_context(RANDOM_ENVS, seed))
        expect(torch.isfinite(value).all(), "NaN or infinity on random states")
    return f"{values.min():.3g} to {values.max():.3g} on recorded states"


def deterministic(subject: Subject) -> str:
    """The same states give the same numbers; noise is a modifier's part."""
    same = all(torch.equal(a, b) for a, b in zip(run_group(subject, 1), run_group(subject, 2), strict=True))
    expect(same, "two runs over the recorded states differ: noise belongs into a modifier")
    return "two runs over recorded states"


def keeps_what_it_returned(subject: Subject) -> str:
    """What it has returned stays as it was."""
    group = make_group(subject, 4)
    first = group(random_context(4, seed=0))
    kept = first.clone()
    for seed in range(1, 4):
        group.reset(torch.tensor([seed]))
        group(random_context(4, seed=seed))
    expect(torch.equal(first, kept), "a later call changed in place what an earlier one had returned")
    return "over three further steps"


def forgets(subject: Subject) -> str:
    """After a reset nothing of a broken state is left."""
    group = make_group(subject, 2)
    ctx = random_context(2, seed=0)
    ctx.robot.joint_pos[0] = ctx.robot.base_pos[0] = torch.nan
    ctx.perception[:] = True
    group(ctx)
    group.reset(torch.tensor([0]))
    after = random_context(2, seed=1)
    after.perception[:] = True
    after.depth_ids = torch.arange(2)
    expect(torch.isfinite(group(after)).all(), "NaN from before the reset is still there after it")
    by_index, by_mask = make_group(subject, 4), make_group(subject, 4)
    for seed in range(4):
        ctx = random_context(4, seed=seed)
        same = torch.equal(by_index(ctx), by_mask(ctx))
        expect(same, "a reset by mask does something else than one by index")
        by_index.reset(torch.tensor([1, 2]))
        by_mask.reset(torch.tensor([False, True, True, False]))
    return "a state with NaN; by index and by mask"


def waits_for_nothing(subject: Subject) -> str:
    """It reads no value back from the device and mixes no devices."""
    group = make_group(subject, RANDOM_ENVS, device="meta")
    for seed in range(2):
        value = group(random_context(RANDOM_ENVS, seed=seed, device="meta"))
        expect(value.device.type == "meta", f"its result is on {value.device}, expected the device of the state")
        group.reset(torch.tensor([1, 3], device="meta"))
    return "on tensors without values"


def survives_inference_mode(subject: Subject) -> str:
    """It works when rollouts in inference mode come before other steps."""
    group = make_group(subject, 2)
    with torch.inference_mode():
        group(random_context(2, seed=0))
        group.reset(torch.tensor([0]))
    group(random_context(2, seed=1))
    group.reset(torch.tensor([1]))
    return "one after the other"


def agrees_with_its_twin(subject: Subject) -> str:
    """Its numpy twin says the same, and imports no torch."""
    moments = _moments(subject)
    # Twins hear of an end before the next state, groups before the one that they are shown.
    ends = [moment.ended for moment in moments[1:]]
    return check_twin(subject, [moment.observed for moment in moments], run_group(subject), [*ends, ends[-1]])


def as_its_mirror_says(subject: Subject) -> str:
    """In the mirrored state it says what its method ``mirror`` promises."""
    if not isinstance(make_group(subject, 1), MirroredTerm):
        raise DoesNotApply("no method mirror(sides): no policy can read it in mirrored episodes")
    drawn = [random_context(RANDOM_ENVS, seed) for seed in range(3)]
    recorded = [(moment.observed, moment.ended) for moment in _moments(subject)]
    off = max(_off_its_mirror(subject, steps) for steps in (recorded, [(ctx, torch.arange(0)) for ctx in drawn]))
    expect(off < UNLIKE, f"in mirrored states {off:.1%} of its numbers are not what its mirror says")
    return f"on {len(recorded)} recorded states and {len(drawn)} random ones"


def _off_its_mirror(subject: Subject, steps: list[tuple[StepContext, Tensor]]) -> float:
    """Share of the numbers that are wrong in the mirror, where states follow one another and some episodes end."""
    first = steps[0][0]
    here, there = (make_group(subject, first.num_envs, first.layout) for _ in range(2))
    mirror = here.mirror(Sides.of(first.layout))
    unlike = []
    for ctx, ended in steps:
        for group in (here, there):
            if len(ended):
                group.reset(ended)
        value, other = here(ctx).flatten(1), there(mirrored_context(ctx)).flatten(1)
        expect(
            len(mirror.order) == value.shape[1],
            f"its mirror is of {len(mirror.order)} numbers, and it has {value.shape[1]}",
        )
        unlike.append(share_of_unlike(mirror.on("cpu")(value), other))
    return max(unlike)


def one_graph(subject: Subject) -> str:
    """It compiles into one graph."""
    if _has_pictures(subject):
        raise DoesNotApply("how many pictures are new changes from step to step")
    ctx = random_context(RANDOM_ENVS, seed=3)
    return check_one_graph(make_group(subject, RANDOM_ENVS), make_group(subject, RANDOM_ENVS), ctx)


def compiles(subject: Subject) -> str:
    """The compiled group gives the same numbers."""
    if _has_pictures(subject):
        raise DoesNotApply("how many pictures are new changes from step to step")
    if not subject.options.compile:
        raise NotChecked("left out; --compile, or CheckOptions(compile=True)")
    ctx = random_context(RANDOM_ENVS, seed=3)
    return check_compiles(make_group(subject, RANDOM_ENVS), make_group(subject, RANDOM_ENVS), ctx)


def _has_pictures(subject: Subject) -> bool:
    return isinstance(subject.spec, ObservationSpec) and "depth_camera" in subject.spec.needs


CHECKS = (
    as_laid_out, finite, deterministic, keeps_what_it_returned, forgets, waits_for_nothing, survives_inference_mode,
    agrees_with_its_twin, as_its_mirror_says, one_graph, compiles,
)  # fmt: skip
