"""Records of stages that somebody has damaged or changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parkour.errors import StorageError
from tests.pipeline.fakes import Fake


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"format": "x", "format_version": 1}'])
def test_damaged_record_is_told(fake: Fake, text: str) -> None:
    fake.run()
    (fake.settings.folder / "2_teacher-score" / "stage.json").write_text(text, encoding="utf-8")
    with pytest.raises(StorageError, match=r"2_teacher-score/stage\.json is no record of a stage") as error:
        fake.run()
    assert error.value.hint == "remove it: the stage is run again"


@pytest.mark.parametrize(
    ("folder", "changes"),
    [
        ("1_teacher", {"checkpoint": 5}),
        ("1_teacher", {"minutes": "many"}),
        ("2_teacher-score", {"success": "1"}),
        ("2_teacher-score", {"success": 7.0}),
        ("2_teacher-score", {"by_terrain": [1]}),
        ("4_gauntlet", {"degradations": {"dark": {}}}),
        ("6_weights", {"megabytes": None}),
        ("7_export", {"max_error": [0]}),
        ("8_sim2sim", {"episodes": -1}),
        ("8_sim2sim", {"more": 1}),
    ],
)
def test_a_record_with_another_result_is_told(fake: Fake, folder: str, changes: dict[str, Any]) -> None:
    fake.run()
    path = fake.settings.folder / folder / "stage.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["result"] |= changes
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(StorageError, match=rf"{folder}/stage\.json is no record of a stage \(.*result\."):
        fake.run()


def test_an_export_elsewhere_is_made_anew(fake: Fake) -> None:
    """A record names no place but the one that is written to."""
    fake.run()
    path = fake.settings.folder / "7_export" / "stage.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["result"]["folder"] = "/elsewhere"
    path.write_text(json.dumps(data), encoding="utf-8")
    fake.calls()
    fake.run()
    assert fake.calls()[0][:2] == ["export", "onnx"]


@pytest.mark.parametrize(
    "made", [5, ["x"], {"began": "now"}, {"device": 1}, {"versions": {"torch": [2]}}, {"more": ""}]
)
def test_a_record_with_other_words_on_how_it_was_made_is_told(fake: Fake, made: Any) -> None:
    fake.run()
    path = fake.settings.folder / "5_noisy" / "stage.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["made"] = {**data["made"], **made} if isinstance(made, dict) and "began" not in made else made
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(StorageError, match=r"5_noisy/stage\.json is no record of a stage"):
        fake.run()
