"""The messages as DDS knows them: names, order and size of their members, needed to announce topics and nothing else.

Names and order are the protocol's. Their bytes are read and written by :mod:`.layout`.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from cyclonedds.idl import annotations, make_idl_struct
from cyclonedds.idl import types as t

from parkour_deploy.dds.layout import CDR

LOWSTATE, LOWCMD, DEPTH = "rt/lowstate", "rt/lowcmd", "rt/parkour/depth"
_GO2, _API = "unitree_go.msg.dds_", "unitree_api.msg.dds_"
NATIVE = "PARKOUR_XTYPES"
"""Environment variable that says how types are announced."""
_XTYPES = Path(__file__).with_name("xtypes.json")


def _struct(package: str, name: str, fields: dict[str, Any]) -> Any:
    made = make_idl_struct(name, f"{package}.{name}", fields)
    return annotations.final(annotations.autoid("sequential")(made))


u8, u16, u32, i16, i32, i64, f32 = t.uint8, t.uint16, t.uint32, t.int16, t.int32, t.int64, t.float32
_HEAD = {
    "head": t.array[u8, 2], "level_flag": u8, "frame_reserve": u8, "sn": t.array[u32, 2], "version": t.array[u32, 2],
    "bandwidth": u16,
}  # fmt: skip
_MotorCmd = _struct(
    _GO2, "MotorCmd_", {"mode": u8, "q": f32, "dq": f32, "tau": f32, "kp": f32, "kd": f32, "reserve": t.array[u32, 3]}
)
_BmsCmd = _struct(_GO2, "BmsCmd_", {"off": u8, "reserve": t.array[u8, 3]})
_ImuState = _struct(
    _GO2,
    "IMUState_",
    {
        "quaternion": t.array[f32, 4], "gyroscope": t.array[f32, 3], "accelerometer": t.array[f32, 3],
        "rpy": t.array[f32, 3], "temperature": u8,
    },
)  # fmt: skip
_MotorState = _struct(
    _GO2,
    "MotorState_",
    {
        "mode": u8, "q": f32, "dq": f32, "ddq": f32, "tau_est": f32, "q_raw": f32, "dq_raw": f32, "ddq_raw": f32,
        "temperature": u8, "lost": u32, "reserve": t.array[u32, 2],
    },
)  # fmt: skip
_BmsState = _struct(
    _GO2,
    "BmsState_",
    {
        "version_high": u8, "version_low": u8, "status": u8, "soc": u8, "current": i32, "cycle": u16,
        "bq_ntc": t.array[u8, 2], "mcu_ntc": t.array[u8, 2], "cell_vol": t.array[u16, 15],
    },
)  # fmt: skip
LowCmd = _struct(
    _GO2,
    "LowCmd_",
    {
        **_HEAD, "motor_cmd": t.array[_MotorCmd, 20], "bms_cmd": _BmsCmd, "wireless_remote": t.array[u8, 40],
        "led": t.array[u8, 12], "fan": t.array[u8, 2], "gpio": u8, "reserve": u32, "crc": u32,
    },
)  # fmt: skip
LowState = _struct(
    _GO2,
    "LowState_",
    {
        **_HEAD, "imu_state": _ImuState, "motor_state": t.array[_MotorState, 20], "bms_state": _BmsState,
        "foot_force": t.array[i16, 4], "foot_force_est": t.array[i16, 4], "tick": u32,
        "wireless_remote": t.array[u8, 40], "bit_flag": u8, "adc_reel": f32, "temperature_ntc1": u8,
        "temperature_ntc2": u8, "power_v": f32, "power_a": f32, "fan_frequency": t.array[u16, 4], "reserve": u32,
        "crc": u32,
    },
)  # fmt: skip
Depth = _struct(
    "parkour.msg.dds_", "Depth_", {"tick": u32, "width": u16, "height": u16, "millimetres": t.sequence[u16]}
)

Identity = _struct(_API, "RequestIdentity_", {"id": i64, "api_id": i64})
Lease = _struct(_API, "RequestLease_", {"id": i64})
Handling = _struct(_API, "RequestPolicy_", {"priority": i32, "noreply": bool})
RequestHeader = _struct(_API, "RequestHeader_", {"identity": Identity, "lease": Lease, "policy": Handling})
Request = _struct(_API, "Request_", {"header": RequestHeader, "parameter": str, "binary": t.sequence[u8]})
Status = _struct(_API, "ResponseStatus_", {"code": i32})
ResponseHeader = _struct(_API, "ResponseHeader_", {"identity": Identity, "status": Status})
Response = _struct(_API, "Response_", {"header": ResponseHeader, "data": str, "binary": t.sequence[u8]})


def _take_bytes(kind: Any) -> None:
    """Have a type's objects carry a message's bytes, ``body``, without a copy or a loop."""

    def serialize(self: Any, **kwargs: Any) -> bytes:
        return self.data

    def deserialize(cls: Any, data: bytes, **kwargs: Any) -> Any:
        own = cls.__new__(cls)
        own.data = data
        own.body = bytes(data[len(CDR) :])
        return own

    kind.serialize, kind.deserialize = serialize, classmethod(deserialize)


def raw_sample(kind: Any, body: bytes) -> Any:
    """What a writer of ``kind`` takes, from a message's bytes without CDR's header."""
    return kind.deserialize(CDR + body)


def cyclone_version() -> tuple[int, ...]:
    """Of the Python binding that is installed."""
    from parkour_deploy.versions import version_of

    text = version_of("cyclonedds") or "0"
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


def describe_as_robot(*kinds: Any) -> None:
    """Announce types with the XTypes descriptions of Cyclone 0.10, the robot's.

    cyclonedds 11 describes nested structs otherwise, and a 0.10 process that meets such a topic ends with
    "ddsi_xt_type_init_impl with invalid type object" and a segmentation fault; a robot's own processes are 0.10.2.
    ``xtypes.json`` was made from the types above by ``deploy/make_xtypes.py``, run with cyclonedds 0.10.5.

    A peer on cyclonedds 11 that describes the types itself, as Unitree's SDK does on it, does not match these:
    ``PARKOUR_XTYPES=native`` for such a one, where no 0.10 process is about.
    """
    if cyclone_version() < (0, 11) or os.environ.get(NATIVE) == "native":
        return
    known = json.loads(_XTYPES.read_text(encoding="utf-8"))
    for kind in kinds:
        kind.__idl__.populate()
        kind.__idl__.fill_type_data()
        kind.__idl__._xt_bytedata = tuple(base64.b64decode(part) for part in known[kind.__idl_typename__])
        kind.__idl__.fill_type_data = lambda: None


for _kind in (LowCmd, LowState, Depth):
    _take_bytes(_kind)
describe_as_robot(LowCmd, LowState, Depth, Request, Response)
