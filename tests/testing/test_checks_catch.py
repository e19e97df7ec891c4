"""Every check finds what it is there for: one broken component for each."""

from __future__ import annotations

import pytest

from parkour.registry import RegisteredSpec, Registry
from parkour.specs import SPEC_TYPES, Kind
from parkour.testing.catalogue import all_checks
from parkour.testing.plugin import ComponentReport, check_component
from parkour.testing.subject import CheckOptions

EXTRAS: dict[Kind, dict[str, object]] = {
    "event": {"mode": "interval"},
    "encoder": {"encodes": "scan"},
    "policy": {"stage": "teacher"},
}
FAULTS: list[tuple[Kind, str, str, str]] = [
    ("terrain", "nan_terrain", "valid_everywhere", "a box has a NaN or infinite number"),
    ("terrain", "raising_terrain", "valid_everywhere", "its generator raised RuntimeError: no ground today"),
    ("terrain", "crowded_terrain", "valid_everywhere", "got 41 boxes, expected 1 to 40"),
    ("terrain", "terrain_wrong_at_a_bound", "valid_at_bounds", "with length = 0 at difficulty 0.00, seed 0"),
    ("terrain", "moody_terrain", "repeatable", "draw from the generator that is given"),
    ("terrain", "terrain_with_a_step_at_the_start", "starts_level", "0.1 m off height 0"),
    ("terrain", "terrain_too_short", "reaches_past_the_border", "must reach 1 m past"),
    ("terrain", "terrain_with_a_way_point_in_the_pit", "way_points_on_ground", "way point 1 at (6.00, 0.00)"),
    ("terrain", "terrain_with_a_bar_too_low", "room_below", "0.10 m between ground and ceiling at (4.00, 0.00)"),
    ("terrain", "nothing", "callable_as_agreed", "expected to be called with (difficulty, rng, params)"),
    ("reward", "column", "one_number_each", "returned shape (12, 1), expected (12,)"),
    ("reward", "text", "one_number_each", "returned a str, expected a tensor"),
    ("reward", "whole_numbers", "one_number_each", "returned torch.int64, expected torch.float32"),
    ("reward", "division_by_zero", "finite", "240 of 240 numbers are NaN or infinite"),
    ("reward", "noisy", "deterministic", "two runs over the same recorded states differ"),
    ("reward", "in_place", "leaves_the_state", "it changed ctx.command in place"),
    ("reward", "reads_back", "waits_for_nothing", "meta"),
    ("reward", "mixes_devices", "waits_for_nothing", "device"),
    ("reward", "reads_back", "one_graph", "torch.compile(fullgraph=True) fails"),
    ("reward", "Remembers", "forgets", "environments that were reset remember"),
    ("reward", "ForgetsAll", "forgets", "environments that were not reset have forgotten"),
    ("reward", "nothing", "callable_as_agreed", "expected to be called with (ctx)"),
    ("reward", "Indexed", "forgets", "a reset by mask does something else"),
    ("termination", "column", "one_number_each", "expected (12,)"),
    ("termination", "noisy", "one_number_each", "returned torch.float32, expected torch.bool"),
    ("termination", "low", "agrees_with_its_twin", "its twin differs by 1 on recorded states"),
    ("termination", "also_low", "agrees_with_its_twin", "tests.testing.broken, which holds its twin, imports torch"),
    ("observation", "WrongSize", "as_laid_out", "expected rows of the layout's 2 numbers"),
    ("observation", "TwiceTheSameField", "as_laid_out", "two fields of its layout have one name"),
    ("observation", "InfiniteGroup", "finite", "NaN or infinite"),
    ("observation", "NoisyGroup", "deterministic", "noise belongs into a modifier"),
    ("observation", "SharedBuffer", "keeps_what_it_returned", "changed in place"),
    ("observation", "KeepsNan", "forgets", "NaN from before the reset"),
    ("observation", "IndexedGroup", "forgets", "a reset by mask does something else"),
    ("observation", "LopsidedGroup", "as_its_mirror_says", "of its numbers are not what its mirror says"),
    ("observation", "HostGroup", "waits_for_nothing", "meta"),
    ("observation", "HostGroup", "one_graph", "fails"),
    ("observation", "column", "callable_as_agreed", "expected to be called with"),
    ("modifier", "InPlaceModifier", "keeps_shape_and_input", "changed its input in place"),
    ("modifier", "FlatteningModifier", "keeps_shape_and_input", "became"),
    ("modifier", "IndexedModifier", "forgets", "a reset by mask does something else"),
    ("modifier", "NumpyModifier", "draws_from_torch", "draw with torch alone"),
    ("event", "everyone", "sets_only_what_it_is_given", "of environments that it was not given"),
    ("event", "everyone", "bears_nobody", "though it was given none"),
    ("event", "wrong_shape", "sets_only_what_it_is_given", "values of shape (3, 2), expected (3, 3)"),
    ("event", "late_mass", "fits_its_mode", "possible at startup only"),
    ("encoder", "recurrent_scan", "has_a_place", "it encodes scan and is recurrent"),
    ("encoder", "too_wide", "gives_its_latent", "expected (1, 5)"),
    ("encoder", "batch_norm", "rows_are_separate", "no batch norm"),
    ("encoder", "detached", "gradient_reaches_everything", "no gradient reaches first.weight"),
    ("encoder", "hidden_state", "copies", "other latents"),
    ("encoder", "branching", "exports", "cannot be written as ONNX"),
    ("policy", "define_nothing", "defines_itself", "dict"),
    ("task", "MISSPELT_TASK", "resolves", "unknown terrain 'gapp'; did you mean 'gap'"),
    ("engine", "SlowEngine", "says_whether_it_can_run", "expected less than 1"),
    ("engine", "SilentEngine", "says_whether_it_can_run", "gives no reason"),
    ("engine", "nothing", "says_whether_it_can_run", "availability"),
    ("robot", "bot", "has_its_files", "no robot.toml in 'tests.testing.broken:bot'"),
    ("robot", "bot", "is_laid_out", "no robot.toml in 'tests.testing.broken:bot'"),
    ("command", "nothing", "is_an_application", "is a function, expected a typer.Typer"),
    ("command", "EMPTY_COMMAND", "is_an_application", "EMPTY_COMMAND: "),
    ("command", "SILENT_COMMAND", "explains_itself", "nothing is said of number"),
    ("command", "LENIENT_COMMAND", "refuses_what_it_does_not_know", "ends with exit code 0, expected 2"),
    ("command", "SILENT_COMMAND", "imports_little", "importing tests.testing.broken imports torch"),
    ("degradation", "column", "says_what_it_changes", "is a function, expected a mapping of paths"),
    ("degradation", "EMPTY_DEGRADATION", "says_what_it_changes", "is an empty one, expected a mapping"),
    ("degradation", "CROOKED_DEGRADATION", "says_what_it_changes", "got the path 'control..action_delay'"),
    ("degradation", "IDLE_DEGRADATION", "changes_a_task", "it changes nothing of go2-teacher"),
    ("robot_link", "nothing", "callable_as_agreed", "expected to be called with (context)"),
    ("robot_link", "EagerLink", "is_quiet_until_it_is_opened", "no wire"),
    ("robot_link", "LoquaciousLink", "refuses_what_is_not_there", "expected one line"),
    ("depth_source", "SmallCamera", "gives_the_policys_pixels", "shape (4, 4), expected the policy's (60, 106)"),
    ("depth_source", "BackwardCamera", "gives_the_policys_pixels", "the least distance is -1 m"),
    ("depth_source", "CarelessCamera", "closes_unopened", "close() before open() raised AttributeError"),
    ("export_target", "ForgetfulTarget", "writes_a_file_for_each_graph", "it wrote no acting.bin"),
    ("export_target", "RoundingTarget", "acts_as_torch", "its files differ from torch by 0.0"),
    ("metric", "text", "becomes_a_number", "returned a str, expected a tensor"),
    ("protocol", "doors:BACKWARD", "says_how_to_try", "got (0.8, 0.2), expected a range within 0 to 1"),
    ("protocol", "doors:MOVING", "fits_a_task", "the curriculum moves robots between levels"),
    ("logger", "doors:FiniteLogger", "writes_a_run_down", "not a number"),
    ("logger", "doors:ImpatientLogger", "goes_on", "the run has begun without me"),
    ("logger", "doors:FreshLogger", "leaves_the_run_alone", "it changed or removed"),
    ("callback", "doors:ClumsyCallback", "lives_through_a_training", "dropped it"),
    ("curriculum", "doors:steeper", "one_level_each", "levels 1 to 10, expected 0 to 9"),
    ("curriculum", "doors:Absent", "remembers", "one that was loaded goes on otherwise"),
    ("command_term", "doors:HeldCommand", "replaces_its_value", "value is changed in place"),
    ("command_term", "doors:WideCommand", "one_number_each", "value is torch.float32 (64, 2), expected"),
    ("callback", "doors:LateCallback", "lives_through_an_end", "no attribute 'losses'"),
]
WITH_PARAMS = {"terrain_wrong_at_a_bound"}
TWINS = {"low": "high_twin", "also_low": "low_twin"}
"""Twins of terms that have one."""
_REPORTS: dict[tuple[Kind, str], ComponentReport] = {}


def _address(target: str) -> str:
    """Of a component in ``broken.py``, or in ``broken_doors.py``."""
    module, _, name = target.rpartition(":")
    return f"tests.testing.broken{f'_{module}' if module else ''}:{name}"


def _report(kind: Kind, target: str, builtin: Registry) -> ComponentReport:
    """All checks of a broken component, made once."""
    if (kind, target) not in _REPORTS:
        extras = {"params": "tests.testing.broken:WidthParams"} if target in WITH_PARAMS else EXTRAS.get(kind, {})
        extras = {**extras, "recurrent": True} if target == "recurrent_scan" else extras
        twin = {"twin": f"tests.testing.broken:{TWINS[target]}"} if target in TWINS else {}
        spec = SPEC_TYPES[kind](name="faulty", summary="breaks a rule", target=_address(target), **extras, **twin)
        item = RegisteredSpec(spec, "parkour-faulty", "0.1", "faulty")
        registry = Registry([*(item for kind in SPEC_TYPES for item in builtin.specs(kind)), item])
        options = CheckOptions(difficulties=3, seeds=2)
        _REPORTS[kind, target] = check_component(item, registry=registry, options=options)
    return _REPORTS[kind, target]


@pytest.fixture(scope="module")
def builtin() -> Registry:
    return Registry.discover(only=[])


@pytest.mark.parametrize(("kind", "target", "check", "said"), FAULTS, ids=[f"{f[1]}-{f[2]}" for f in FAULTS])
def test_a_fault_is_found(kind: Kind, target: str, check: str, said: str, builtin: Registry) -> None:
    report = _report(kind, target, builtin)
    (result,) = [result for result in report.checks if result.check == check]
    assert result.status == "failed", result
    assert said in result.detail
    assert not report.ok and "\n" not in result.detail


NEVER_BROKEN_HERE = {
    ("terrain", "takes_roughness"),
    ("termination", "deterministic"),
    ("policy", "acts"),
    ("policy", "learns"),
    ("policy", "exports"),
    ("task", "reads_back"),
    ("task", "runs_on_recorded_states"),
    ("task", "has_its_policy"),
    ("task", "aliases_resolve"),
    ("engine", "steps_a_task"),
    ("encoder", "finite"),
    ("modifier", "waits_for_nothing"),
    ("modifier", "survives_inference_mode"),
    ("observation", "survives_inference_mode"),
    ("event", "draws_from_torch"),
    ("callback", "leaves_the_training"),
    ("event", "waits_for_nothing"),
    *(("robot", check.__name__) for check in all_checks()["robot"]),
}
"""Whose faults would need whole projects, or are those of a check that is the same in another kind; those of robots are
in ``test_robot_checks.py``."""


def test_no_check_is_left_out() -> None:
    """A new check needs a component here that it fails."""
    seen = {check for _, _, check, _ in FAULTS}
    for kind, checks in all_checks().items():
        for check in checks:
            name = check.__name__
            known = name in seen or (kind, name) in NEVER_BROKEN_HERE or name in ("described", "compiles")
            assert known, f"{kind}: {name} is broken by nothing"


def test_a_component_that_cannot_be_imported_is_one_failed_check(builtin: Registry) -> None:
    spec = SPEC_TYPES["reward"](name="gone", summary="is not there", target="tests.testing.broken:gone")
    report = check_component(RegisteredSpec(spec, "parkour-faulty", "0.1", "faulty"), registry=builtin)
    (result,) = report.checks
    assert result.status == "failed" and "has no attribute 'gone'" in result.detail


def test_a_spec_without_a_summary_is_found(builtin: Registry) -> None:
    spec = SPEC_TYPES["reward"](name="mute", summary=" ", target="tests.testing.broken:noisy")
    report = check_component(RegisteredSpec(spec, "parkour-faulty", "0.1", "faulty"), registry=builtin)
    assert report.checks[0].check == "described" and report.checks[0].status == "failed"
