"""Bytes and checksums of the robot's messages, against what Unitree's SDK makes of the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from parkour_deploy.dds.layout import COMMAND, STATE, intact, modes, new_command, read
from parkour_deploy.remote import KEYS, Remote
from tests.deploy.wire_samples import COUNT, ORACLE, Values, digest, ours, random_command, random_state, theirs

MAKERS: dict[str, Callable[[int], Values]] = {"command": random_command, "state": random_state}


@pytest.mark.parametrize("kind", MAKERS)
def test_bytes_and_checksums_are_those_of_the_sdk(kind: str) -> None:
    with np.load(ORACLE) as oracle:
        crc, digests = oracle[f"{kind}_crc"], oracle[f"{kind}_digest"]
    assert len(crc) == COUNT
    for seed in range(COUNT):
        data = ours(MAKERS[kind](seed))
        assert int.from_bytes(data[-4:], "little") == crc[seed]
        assert np.array_equal(digest(data), digests[seed])
        assert intact(data)


@pytest.mark.skipif(find_spec("unitree_sdk2py") is None, reason="unitree_sdk2py is not installed")
@pytest.mark.parametrize("kind", MAKERS)
def test_the_recorded_bytes_are_those_of_the_sdk(kind: str) -> None:
    for seed in range(50):
        values = MAKERS[kind](seed)
        assert ours(values) == theirs(values)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_bit_that_flips_is_noticed(kind: str) -> None:
    data = bytearray(ours(MAKERS[kind](3)))
    # Bytes that only fill up, before words, are in no checksum.
    for place in (0, 24, 100, len(data) // 2, len(data) - 1):
        data[place] ^= 4
        assert not intact(bytes(data))
        data[place] ^= 4
    assert intact(bytes(data))


def test_what_is_read_is_what_was_written() -> None:
    values = random_state(5)
    fields = read(ours(values), STATE)
    assert np.array_equal(fields["motor"]["q"], values["q"])
    assert np.array_equal(fields["cell_vol"], values["cell_vol"])
    assert fields["tick"] == values["tick"][0]
    assert np.array_equal(modes(ours(values)), values["modes"])


def test_a_new_command_enables_all_motors() -> None:
    data = new_command().seal()
    assert len(data) == COMMAND.itemsize
    assert modes(data).tolist() == [1] * 20
    assert not read(data, COMMAND)["motor"]["kp"].any()


@pytest.mark.parametrize("key", KEYS)
def test_the_remote_there_and_back(key: str) -> None:
    remote = Remote(frozenset({key, "L1"}), left_x=0.5, left_y=-0.25, right_x=1.0)
    assert Remote.unpack(remote.pack()) == remote


def test_a_stick_that_is_no_number_is_at_rest() -> None:
    raw = Remote(right_x=0.5).pack().copy()
    raw[8:12] = np.array([np.nan], "<f4").view(np.uint8)
    assert Remote.unpack(raw).right_x == 0.0
