"""Taking part in the robot's network."""

from __future__ import annotations

import os
import socket
from typing import Any

from parkour_deploy.errors import LinkError

LOOPBACK_UNICAST = "lo-unicast"
"""Loopback without multicast, which some machines drop; both sides need it."""
_MULTICAST = """<CycloneDDS><Domain Id="any"><General><Interfaces>
<NetworkInterface name="{}" priority="default" multicast="default"/>
</Interfaces></General></Domain></CycloneDDS>"""
"""As Unitree's SDK sets it up, for loopback too: who forbids multicast there is not found by those who do not."""
_UNICAST = """<CycloneDDS><Domain Id="any"><General><Interfaces>
<NetworkInterface name="lo" multicast="false"/></Interfaces>
<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>
<MaxAutoParticipantIndex>20</MaxAutoParticipantIndex><Peers><Peer Address="127.0.0.1"/></Peers>
</Discovery></Domain></CycloneDDS>"""


def interfaces() -> list[str]:
    """Names of this machine's network interfaces."""
    return [name for _, name in socket.if_nameindex()]


def participant(interface: str, domain: int) -> Any:
    """A participant bound to one interface: on the wrong one, nobody is ever found.

    Raises:
        LinkError: cyclonedds is not installed, or there is no such interface.
    """
    known = [*interfaces(), LOOPBACK_UNICAST]
    if interface not in known:
        raise LinkError(f"--interface: got {interface!r}, expected one of {', '.join(known)}")
    if not 0 <= domain <= 230:
        raise LinkError(f"--domain: got {domain}, expected 0 to 230")
    try:
        from cyclonedds.domain import DomainParticipant
    except ImportError as error:
        raise LinkError(
            f"the robot speaks DDS, and cyclonedds cannot be imported ({error})", hint="pip install cyclonedds"
        ) from error
    os.environ["CYCLONEDDS_URI"] = _UNICAST if interface == LOOPBACK_UNICAST else _MULTICAST.format(interface)
    try:
        return DomainParticipant(domain)
    except Exception as error:  # cyclonedds' own
        raise LinkError(f"cannot take part in DDS on {interface} ({error})") from error
