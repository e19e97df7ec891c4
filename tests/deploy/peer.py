"""A peer on another version of Cyclone DDS: ``python -m tests.deploy.peer read|write DOMAIN [SECONDS]``.

Two of these in two environments, one with cyclonedds 0.10.5 (Python 3.10) and one with 11.0.1, say whether both live
and hear each other; docs/results/deployment.md holds what came of it.
"""

from __future__ import annotations

import sys
import time

from parkour_deploy.dds.endpoints import BytesWriter, NewestReader
from parkour_deploy.dds.layout import STATE, Message, intact, read
from parkour_deploy.dds.network import LOOPBACK_UNICAST, participant
from parkour_deploy.dds.types import LOWSTATE, LowState, cyclone_version


def main(what: str, domain: int, seconds: float) -> None:
    """Write states, or count those that come."""
    part = participant(LOOPBACK_UNICAST, domain)
    end = time.monotonic() + seconds
    count = wrong = 0
    if what == "write":
        writer, message = BytesWriter(part, LOWSTATE, LowState), Message(STATE)
        while time.monotonic() < end:
            count += 1
            message.fields["tick"] = count
            writer.write(message.seal())
            time.sleep(0.01)
    else:
        reader = NewestReader(part, LOWSTATE, LowState)
        while time.monotonic() < end:
            data = reader.take(0.1)
            if data is not None:
                count += 1
                wrong += not intact(data) or read(data, STATE)["tick"] == 0
    version = ".".join(str(part) for part in cyclone_version())
    print(f"cyclonedds {version}: {what} {count} states, {wrong} wrong", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 6.0)
