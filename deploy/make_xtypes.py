"""Writes parkour_deploy/dds/xtypes.json: the messages' descriptions as Cyclone DDS 0.10 makes them.

Run with cyclonedds 0.10.5 (Python 3.10 or earlier) when a type in parkour_deploy/dds/types.py has changed.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from parkour_deploy.dds import types

OUT = Path(types.__file__).with_name("xtypes.json")


def main() -> None:
    """Describe every type that is announced."""
    if types.cyclone_version()[:2] != (0, 10):
        sys.exit(f"got cyclonedds {types.cyclone_version()}, expected 0.10: pip install cyclonedds==0.10.5")
    found = {}
    for kind in (types.LowCmd, types.LowState, types.Depth, types.Request, types.Response):
        kind.__idl__.populate()
        kind.__idl__.fill_type_data()
        found[kind.__idl_typename__] = [base64.b64encode(part).decode() for part in kind.__idl__._xt_bytedata]
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
