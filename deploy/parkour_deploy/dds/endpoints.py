"""Readers and writers of messages as bytes."""

from __future__ import annotations

from typing import Any

from cyclonedds.core import InstanceState, Policy, Qos, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from parkour_deploy.dds.types import raw_sample

_NEWEST = (Policy.Reliability.BestEffort, Policy.History.KeepLast(1))
_IMAGES = (Policy.Reliability.Reliable(duration(milliseconds=100)), Policy.History.KeepLast(1))


class NewestReader:
    """The newest message of a topic.

    Args:
        part: the participant.
        topic: its name.
        kind: its type, one that carries bytes.
        own: whether messages of this participant count.
        reliable: have lost fragments sent again; for messages of more than a packet.
    """

    def __init__(self, part: Any, topic: str, kind: Any, *, own: bool = True, reliable: bool = False) -> None:
        policies = list(_IMAGES if reliable else _NEWEST)
        if not own:
            policies.append(Policy.IgnoreLocal.Participant)
        self._reader = DataReader(part, Topic(part, topic, kind), qos=Qos(*policies))
        self._waits = WaitSet(part)
        self._waits.attach(ReadCondition(self._reader, SampleState.NotRead | ViewState.Any | InstanceState.Any))

    def take(self, timeout: float = 0.0) -> bytes | None:
        """Its bytes, or None where none came within ``timeout`` [s]."""
        if timeout > 0:
            self._waits.wait(duration(microseconds=max(1, round(timeout * 1e6))))
        samples = [one for one in self._reader.take(N=4) if one.sample_info.valid_data]
        return samples[-1].body if samples else None

    @property
    def matched(self) -> bool:
        """Whether somebody writes the topic."""
        return bool(self._reader.get_matched_publications())


class BytesWriter:
    """Writes a topic; see :class:`NewestReader`."""

    def __init__(self, part: Any, topic: str, kind: Any, *, reliable: bool = False) -> None:
        self._kind = kind
        self._writer = DataWriter(part, Topic(part, topic, kind), qos=Qos(*(_IMAGES if reliable else _NEWEST)))

    def write(self, body: bytes) -> None:
        """Send a message's bytes."""
        self._writer.write(raw_sample(self._kind, body))

    @property
    def matched(self) -> bool:
        """Whether somebody reads the topic."""
        return bool(self._writer.get_matched_subscriptions())
