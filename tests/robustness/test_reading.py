"""Text and arrays of strangers: refused at once, in one line, before they cost time or memory."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parkour.errors import ParkourError, TaskError
from parkour.exporters.recording import load_recording
from parkour.reading import DEEPEST, MalformedError, check_values, parse_json, parse_toml, read_text, user_path
from parkour.tasks.document import read_resolved, read_tables
from parkour.tasks.resolve import load_task
from parkour_cli.changes import read_changes
from parkour_deploy.arrays import LARGEST, MalformedArraysError, read_arrays
from parkour_deploy.errors import DeployError
from parkour_deploy.log import read_log

BOMBS = {
    "digits": "a = " + "9" * 5000,
    "hexadecimal": "a = 0x" + "f" * 5000,
    "lists": "a = " + "[" * 5000,
    "inline tables": "a = " + "{b = " * 900,
    "a dotted key": "a." * 8000 + "a = 1",
    "a dotted header": "[" + "a." * 8000 + "a]",
    "quoted parts": '"a b" . ' * 4000 + "a = 1",
    "a long key": "k" * 200_000 + " = 1",
    "a long quoted key": '"' + "k" * 300 + '" = 1',
    "a long file": "# x\n" * (1 << 19),
    "no TOML": "a = = 1",
    "a NUL": "a = '\0'",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_tasks_that_are_bombs_are_refused_at_once_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    path.write_text(BOMBS[kind])
    begin = time.process_time()
    with pytest.raises(ParkourError) as caught:
        load_task(path)
    assert time.process_time() - begin < 2.0  # Others on the machine do not count.
    assert "\n" not in caught.value.message and len(caught.value.message) < 500


def test_what_people_write_is_within_the_limits() -> None:
    numbers = ", ".join(["0.12345678"] * 2000)
    text = f"a = [{numbers}]\n[x.y.'z.z'.\"v w\"]\nb = 'a.b.c.d.e.f'\nwhen = 1979-05-27\n" + "[[t]]\nk = 1\n" * 500
    assert len(parse_toml(text)["t"]) == 500
    assert parse_toml("a." * (DEEPEST - 2) + "a = 1")


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, '{"a": ' * 3000, "", "{", '{"' + "k" * 300 + '": 1}'])
def test_json(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_json(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def _cyclic() -> Any:
    table: dict[str, Any] = {}
    for name in "abcdefghij":
        table[name] = table
    return table


def _shared() -> Any:
    """A table of forty lines that is a terabyte when it is written out."""
    value: Any = "x" * 1000
    for _ in range(30):
        value = {"a": value, "b": value}
    return value


@pytest.mark.parametrize("value", [_cyclic(), _shared(), {1: 2}, {"a": 1 << 70}, {"a": {"b" * 200_000: 1}}])
def test_tables_of_checkpoints_are_as_bounded_as_text(value: Any) -> None:
    begin = time.process_time()
    with pytest.raises(MalformedError):
        check_values(value)
    with pytest.raises(TaskError):
        read_tables({"name": "x", "course": value}, "a checkpoint")
    assert time.process_time() - begin < 10.0


@pytest.mark.parametrize(
    "option", ["a=" + "9" * 5000, "a=" + "[" * 3000, "a." * 5000 + "a=1", '"' + "k" * 200_000 + '"=1']
)
def test_options_are_bounded(option: str) -> None:
    with pytest.raises(TaskError):
        load_task("go2-teacher", changes=read_changes([option]))


def test_paths() -> None:
    assert user_path("~") == Path.home()
    for text in ("~nobody-has-this-name/x", "a\0b"):
        with pytest.raises(MalformedError):
            user_path(text)
        with pytest.raises(TaskError, match="no task file"):
            load_task(f"{text}.toml")
    with pytest.raises(MalformedError):
        read_text(Path("a\0b"))


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(MalformedError, match="bytes"):
        read_text(Path("/dev/zero"))


def test_an_exports_task_names_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('name = "x"')
    path = tmp_path / "task.toml"
    path.write_text('name = "x"\nextends = "other.toml"')
    with pytest.raises(TaskError, match="extends"):
        read_resolved(path)


# -- arrays ----------------------------------------------------------------------------------------------------------


def _npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


def _npz(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _header(shape: str, kind: str = "<f4") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"


HOSTILE_ARRAYS = {
    "terabytes": _npy(_header("(1000000000000,)")),
    "terabytes in a zip": _npz({"obs.npy": _npy(_header("(1000000, 1000000)"))}),
    "an overflow": _npz({"obs.npy": _npy(_header("(9223372036854775807, 2)"))}),
    "a negative side": _npz({"obs.npy": _npy(_header("(-1, -4)"), b"\0" * 16)}),
    "objects": _npz({"obs.npy": _npy(_header("(1,)", "|O"), b"\0" * 8)}),
    "code": _npz({"obs.npy": _npy("__import__('os').system('false')")}),
    "a bad type": _npz({"obs.npy": _npy(_header("(1,)", "<q9"))}),
    "text": b"not arrays at all",
    "nothing": b"",
    "an empty zip": _npz({}),
    "another array": _npz({"other.npy": _npy(_header("(1,)"), b"\0" * 4)}),
    "too short": _npz({"obs.npy": _npy(_header("(9,)"), b"\0" * 4)}),
}


@pytest.mark.parametrize("kind", HOSTILE_ARRAYS)
def test_arrays_that_claim_more_than_they_hold(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(HOSTILE_ARRAYS[kind])
    with pytest.raises(MalformedArraysError) as caught:
        read_arrays(path, only="obs")
    assert "\n" not in str(caught.value)
    with pytest.raises(ParkourError):
        load_recording(path, 3)
    with pytest.raises(DeployError):
        read_log(path)


def test_packed_arrays_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, obs=np.zeros((1000, 1000, 3), np.float32))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr("parkour_deploy.arrays.LARGEST", 1_000_000)
    with pytest.raises(MalformedArraysError, match="unpacked"):
        read_arrays(path)
    assert LARGEST > 1_000_000


def test_arrays_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    arrays = {"obs": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.eye(3)), "t": np.array("text")}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    found = read_arrays(path)
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    np.save(tmp_path / "y.npy", arrays["obs"])
    assert np.array_equal(read_arrays(tmp_path / "y.npy", only="obs")["obs"], arrays["obs"])


def test_damaged_recordings(tmp_path: Path) -> None:
    path, rng = tmp_path / "x.npz", np.random.default_rng(0)
    np.savez_compressed(path, obs=rng.standard_normal((20, 2, 3)).astype(np.float32))
    whole = path.read_bytes()
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content[: None if rng.random() < 0.7 else int(rng.integers(len(content)))])
        try:
            assert np.isfinite(load_recording(path, 3)).all()
        except ParkourError as error:
            assert "\n" not in error.message
            refused += 1
    assert refused > 200
