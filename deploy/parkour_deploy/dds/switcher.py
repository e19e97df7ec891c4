"""Unitree's motion switcher: which built-in controller runs, and letting go of it before rt/lowcmd is written.

While it runs it writes rt/lowcmd too, and two writers tear at the motors.
"""

from __future__ import annotations

import json
import time
from typing import Any

from cyclonedds.core import Policy, Qos
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from parkour_deploy.dds.types import (
    Handling,
    Identity,
    Lease,
    Request,
    RequestHeader,
    Response,
    ResponseHeader,
    Status,
)
from parkour_deploy.errors import LinkError
from parkour_deploy.reading import parse_json

REQUEST, RESPONSE = "rt/api/motion_switcher/request", "rt/api/motion_switcher/response"
CHECK, SELECT, RELEASE = 1001, 1002, 1003
"""The service's calls."""
ANSWER = 10.0
"""How long an answer is waited for [s]."""
_REPEAT = 0.5
_TRIES = 5
_BY_HAND = "switch the built-in controller off in Unitree's app"


class Switcher:
    """The service's client.

    Args:
        part: the participant.
        timeout: how long an answer is waited for [s].
    """

    def __init__(self, part: Any, timeout: float = ANSWER) -> None:
        self._timeout = timeout
        self._out = DataWriter(part, Topic(part, REQUEST, Request), qos=_qos())
        self._in = DataReader(part, Topic(part, RESPONSE, Response), qos=_qos())

    def running(self) -> str | None:
        """The built-in controller's name, "" when none runs, None when nobody answers: not the same."""
        code, data = self._call(CHECK)
        return str(data.get("name", "")) if code == 0 else None

    def release(self) -> str:
        """Let the built-in controller go.

        Returns:
            What was running, "" for nothing.

        Raises:
            LinkError: nobody answers, or it would not go.
        """
        first = name = self.running()
        if first is None:
            raise LinkError(
                "the robot's motion switcher does not answer, so nobody knows whether its own controller runs",
                hint=_BY_HAND,
            )
        for _ in range(_TRIES):
            if not name:
                return first
            self._call(RELEASE)
            name = self.running()
        raise LinkError(f"the robot's own controller {name or 'of unknown name'!r} keeps running", hint=_BY_HAND)

    def _call(self, api: int) -> tuple[int | None, dict[str, Any]]:
        """Code and data of the answer; None and nothing when nobody answers.

        Asked again until somebody is there to hear it: asking twice does no harm.
        """
        end = time.monotonic() + self._timeout
        while time.monotonic() < end:
            number = time.monotonic_ns()
            header = RequestHeader(
                identity=Identity(id=number, api_id=api), lease=Lease(id=0), policy=Handling(priority=0, noreply=False)
            )
            self._out.write(Request(header=header, parameter="{}", binary=[]))
            again = time.monotonic() + _REPEAT
            while time.monotonic() < min(again, end):
                for one in _valid(self._in):
                    if one.header.identity.id == number:
                        return int(one.header.status.code), _parse(one.data)
                time.sleep(0.005)
        return None, {}


class SwitcherService:
    """The robot's side, for a simulated one.

    Args:
        part: the participant.
        name: of the built-in controller that runs; "" for none.
        stubborn: whether it ignores being let go.
    """

    def __init__(self, part: Any, name: str, *, stubborn: bool = False) -> None:
        self.name, self._stubborn = name, stubborn
        self._out = DataWriter(part, Topic(part, RESPONSE, Response), qos=_qos())
        self._in = DataReader(part, Topic(part, REQUEST, Request), qos=_qos())

    def serve(self) -> None:
        """Answer what was asked."""
        for one in _valid(self._in):
            api, data = one.header.identity.api_id, ""
            if api == CHECK:
                data = json.dumps({"form": "0", "name": self.name})
            elif api == RELEASE and not self._stubborn:
                self.name = ""
            elif api == SELECT:
                self.name = str(_parse(one.parameter).get("name", ""))
            header = ResponseHeader(identity=one.header.identity, status=Status(code=0))
            self._out.write(Response(header=header, data=data, binary=[]))


def _valid(reader: Any) -> list[Any]:
    return [one for one in reader.take(N=10) if one.sample_info.valid_data]


def _parse(text: str) -> dict[str, Any]:
    try:
        found = parse_json(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _qos() -> Any:
    return Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.History.KeepLast(10))
