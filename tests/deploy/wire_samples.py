"""Random messages of the robot's protocol: the same ones for us and for Unitree's SDK.

Run as a program where ``unitree_sdk2py`` is installed, this writes what the SDK makes of them beside this file, so that
the tests need no SDK: ``python -m tests.deploy.wire_samples``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

COUNT = 1000
ORACLE = Path(__file__).with_name("wire_oracle.npz")
"""Checksums and hashes of the bytes, as Unitree's SDK makes them."""
MOTOR_COMMAND = ("q", "dq", "tau", "kp", "kd")
MOTOR_STATE = ("q", "dq", "ddq", "tau_est", "q_raw", "dq_raw", "ddq_raw")
Values = dict[str, np.ndarray]


def random_command(seed: int) -> Values:
    """Values for every member of a LowCmd."""
    draw = np.random.RandomState(seed)  # the legacy generator, whose numbers never change
    whole = lambda high, *size: draw.randint(0, high, size, np.int64)  # noqa: E731
    return {
        "head": whole(256, 2), "level_flag": whole(256, 1), "frame_reserve": whole(256, 1), "sn": whole(2**32, 2),
        "version": whole(2**32, 2), "bandwidth": whole(2**16, 1), "modes": whole(256, 20),
        **{name: draw.uniform(-60, 60, 20).astype(np.float32) for name in MOTOR_COMMAND},
        "motor_reserve": whole(2**32, 20, 3), "bms_off": whole(256, 1), "bms_reserve": whole(256, 3),
        "remote": whole(256, 40), "led": whole(256, 12), "fan": whole(256, 2), "gpio": whole(256, 1),
        "reserve": whole(2**32, 1),
    }  # fmt: skip


def random_state(seed: int) -> Values:
    """Values for every member of a LowState; small where the SDK's checksum takes what is unsigned for signed."""
    draw = np.random.RandomState(10**6 + seed)
    whole = lambda high, *size: draw.randint(0, high, size, np.int64)  # noqa: E731
    real = lambda *size: draw.uniform(-60, 60, size).astype(np.float32)  # noqa: E731
    return {
        "head": whole(256, 2), "level_flag": whole(256, 1), "frame_reserve": whole(256, 1), "sn": whole(2**32, 2),
        "version": whole(2**32, 2), "bandwidth": whole(2**16, 1), "modes": whole(256, 20), "quaternion": real(4),
        "gyroscope": real(3), "accelerometer": real(3), "rpy": real(3), "imu_temperature": whole(128, 1),
        **{name: real(20) for name in MOTOR_STATE}, "temperature": whole(128, 20), "lost": whole(2**32, 20),
        "motor_reserve": whole(2**32, 20, 2), "bms_version": whole(256, 2), "bms_status": whole(256, 1),
        "soc": whole(256, 1), "current": whole(2**32, 1) - 2**31, "cycle": whole(2**16, 1), "bq_ntc": whole(128, 2),
        "mcu_ntc": whole(128, 2), "cell_vol": whole(2**16, 15), "foot_force": whole(2**16, 4) - 2**15,
        "foot_force_est": whole(2**16, 4) - 2**15, "tick": whole(2**32, 1), "remote": whole(256, 40),
        "bit_flag": whole(256, 1), "adc_reel": real(1), "temperature_ntc": whole(128, 2), "power_v": real(1),
        "power_a": real(1), "fan_frequency": whole(2**15, 4), "reserve": whole(2**32, 1),
    }  # fmt: skip


def ours(values: Values) -> bytes:
    """The message's bytes, sealed, as parkour_deploy makes them."""
    from parkour_deploy.dds.layout import COMMAND, STATE, Message

    message = Message(STATE if "tick" in values else COMMAND)
    for name, value in values.items():
        if name == "modes":
            message.modes.set(value)
        elif name in message.fields.dtype.names:
            place = message.fields[name]
            place[...] = value.reshape(place.shape)
        else:
            place = message.fields["motor"][name.removeprefix("motor_")]
            place[...] = value.reshape(place.shape)
    return message.seal()


def theirs(values: Values) -> bytes:
    """The same as Unitree's SDK makes it."""
    from unitree_sdk2py.utils.crc import CRC  # pyright: ignore[reportMissingImports]

    message = _their_state(values) if "tick" in values else _their_command(values)
    message.crc = CRC().Crc(message)
    return message.serialize()[4:]


def digest(data: bytes) -> np.ndarray:
    """``[8]`` uint8 of a hash."""
    return np.frombuffer(hashlib.sha256(data).digest()[:8], np.uint8)


def _plain(value: np.ndarray, single: bool) -> Any:
    return value.reshape(-1)[0].item() if single else value.tolist()


def _their_command(values: Values) -> Any:
    from unitree_sdk2py.idl.default import unitree_go_msg_dds__LowCmd_  # pyright: ignore[reportMissingImports]

    message = unitree_go_msg_dds__LowCmd_()
    _head(message, values)
    for index, motor in enumerate(message.motor_cmd):
        motor.mode, motor.reserve = int(values["modes"][index]), values["motor_reserve"][index].tolist()
        for name in MOTOR_COMMAND:
            setattr(motor, name, float(values[name][index]))
    message.bms_cmd.off, message.bms_cmd.reserve = int(values["bms_off"][0]), values["bms_reserve"].tolist()
    message.wireless_remote = values["remote"].tolist()
    for name, single in (("led", False), ("fan", False), ("gpio", True), ("reserve", True)):
        setattr(message, name, _plain(values[name], single))
    return message


def _their_state(values: Values) -> Any:
    from unitree_sdk2py.idl.default import unitree_go_msg_dds__LowState_  # pyright: ignore[reportMissingImports]

    message = unitree_go_msg_dds__LowState_()
    _head(message, values)
    imu, bms = message.imu_state, message.bms_state
    for name in ("quaternion", "gyroscope", "accelerometer", "rpy"):
        setattr(imu, name, values[name].tolist())
    imu.temperature = int(values["imu_temperature"][0])
    for index, motor in enumerate(message.motor_state):
        motor.mode, motor.reserve = int(values["modes"][index]), values["motor_reserve"][index].tolist()
        motor.temperature, motor.lost = int(values["temperature"][index]), int(values["lost"][index])
        for name in MOTOR_STATE:
            setattr(motor, name, float(values[name][index]))
    bms.version_high, bms.version_low = values["bms_version"].tolist()
    for name in ("current", "cycle", "soc"):
        setattr(bms, name, int(values[name][0]))
    bms.status = int(values["bms_status"][0])
    for name in ("bq_ntc", "mcu_ntc", "cell_vol"):
        setattr(bms, name, values[name].tolist())
    message.wireless_remote = values["remote"].tolist()
    message.temperature_ntc1, message.temperature_ntc2 = values["temperature_ntc"].tolist()
    for name, single in (("foot_force", False), ("foot_force_est", False), ("tick", True), ("bit_flag", True),
                         ("adc_reel", True), ("power_v", True), ("power_a", True), ("fan_frequency", False),
                         ("reserve", True)):  # fmt: skip
        setattr(message, name, _plain(values[name], single))
    return message


def _head(message: Any, values: Values) -> None:
    for name, single in (("head", False), ("level_flag", True), ("frame_reserve", True), ("sn", False),
                         ("version", False), ("bandwidth", True)):  # fmt: skip
        setattr(message, name, _plain(values[name], single))


def main() -> None:
    """Write the oracle."""
    found: dict[str, np.ndarray] = {}
    for kind, make in (("command", random_command), ("state", random_state)):
        messages = [theirs(make(seed)) for seed in range(COUNT)]
        found[f"{kind}_crc"] = np.array([int.from_bytes(data[-4:], "little") for data in messages], np.uint32)
        found[f"{kind}_digest"] = np.stack([digest(data) for data in messages])
    np.savez_compressed(ORACLE, **found)  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
