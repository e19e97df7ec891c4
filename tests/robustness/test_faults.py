"""Faults from the field, one by one, by what commands do: the numbers are those of docs/results/robustness.md.

Each fails on the version in which the fault was found; see :mod:`tests.robustness.black_box`. Those that train are in
``test_faults_of_training.py``.
"""

from __future__ import annotations

import io
import re
import socket
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.ports import own_port
from tests.robustness.black_box import COMPARES, TRAINS, cases, newest, parkour, plant, running, tampered
from tests.robustness.test_asset_servers import Answer, endless_body, http, listing, lists, server

pytestmark = pytest.mark.mujoco

MARK = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n"
ESCAPES = "\x1b[31mred\x07\x9b2J"


def with_robot(data: dict[str, Any], robot: str) -> None:
    """Another robot in the task of a checkpoint, which is a table or, earlier, its text."""
    if "task" in data:
        data["task"]["robot"] = robot
    else:
        data["task_toml"] = re.sub(r'(?m)^robot = ".*"$', f'robot = "{robot}"', data["task_toml"])


# -- security --------------------------------------------------------------------------------------------------------


def test_1_no_name_from_a_file_becomes_a_path(made_run: Path, work: Path) -> None:
    mine = work.parent / "config.toml"
    mine.write_text("mine = 1\n")
    name = str(mine.with_suffix(""))
    stranger = tampered(newest(made_run), work / "model_9.pt", lambda data: data["stamp"].update(name=name))
    done = parkour("export", "onnx", "--checkpoint", str(stranger), "-o", "out", folder=work)
    assert mine.read_text() == "mine = 1\n"
    done.refused("name")


def test_2_neither_a_task_nor_a_checkpoint_imports_a_module(made_run: Path, work: Path) -> None:
    site = work.parent / "site"
    path = plant(site, {"bystander": MARK})
    task = re.sub(r'(?m)^robot = ".*"$', 'robot = "bystander:x"', (made_run / "task.toml").read_text())
    (work / "task.toml").write_text(task)
    stranger = tampered(newest(made_run), work / "model_9.pt", lambda data: with_robot(data, "bystander:x"))
    shown = parkour("tasks", "show", "task.toml", folder=work, variables={"PYTHONPATH": path})
    exported = parkour(
        "export", "onnx", "--checkpoint", str(stranger), "-o", "out", folder=work, variables={"PYTHONPATH": path}
    )
    assert not (site / "ran").exists()
    shown.refused("robot")
    exported.refused("robot")


def status(port: int, address: str, **headers: str) -> int:
    """That of the answer to a browser that asks for the viewer's web socket."""
    upgrade = {"Host": f"127.0.0.1:{port}", "Connection": "Upgrade", "Upgrade": "websocket",
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
               "Sec-WebSocket-Protocol": f"viser-v{viser_version()}"}  # fmt: skip
    lines = [f"GET {address} HTTP/1.1", *(f"{name}: {text}" for name, text in (upgrade | headers).items())]
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(4096).split(b" ")[1])


def viser_version() -> str:
    from importlib.metadata import version

    return version("viser")


def test_3_no_other_web_page_drives_the_viewer(made_run: Path, work: Path) -> None:
    pytest.importorskip("viser")
    port = own_port()
    command = ("play", "--checkpoint", str(newest(made_run)), "--viewer", "web", "--port", str(port),
               "--num-envs", "1", "--terrain", "flat")  # fmt: skip
    with running(*command, folder=work) as viewer:
        viewer.wait_for(lambda: f":{port}" in viewer.said)
        own = f"http://127.0.0.1:{port}"
        token = re.search(r"[?&]token=([\w-]+)", viewer.said)
        cookie = f"parkour_{port}={token[1]}" if token else "none=x"
        assert status(port, "/", Origin="https://example.com", Cookie=cookie) == 403
        assert status(port, "/", Origin=own) == 403  # Without the token.
        assert status(port, "/", Origin=own, Cookie=cookie) == 101


STRANGERS = ("tomllib", "random", "typing_extensions")
"""Modules of the standard library and others that every process imports."""


@pytest.mark.skipif(not COMPARES, reason="takes half a minute; tests/test_child_process.py has it without")
def test_4_code_in_the_working_folder_does_not_run(work: Path) -> None:
    """In the processes of several GPUs."""
    for name in STRANGERS:
        (work / f"{name}.py").write_text(MARK + "raise SystemExit('a stranger ran')\n")
    parkour("train", "go2-teacher", *TRAINS, "--iterations", "1", "--gpus", "2", folder=work)
    assert not (work / "ran").exists()


@pytest.mark.skipif(not COMPARES, reason="takes half a minute; tests/test_child_process.py has it without")
def test_4_nor_in_a_process_for_comparison(made_run: Path, work: Path) -> None:
    for name in STRANGERS:
        (work / f"{name}.py").write_text(MARK + "raise SystemExit('a stranger ran')\n")
    export = str(work.parent / "export")
    command = ("export", "onnx", "--checkpoint", str(newest(made_run)), "-o", export, "--no-rollout")
    assert parkour(*command, folder=work).status == 0
    command = ("sim2sim", export, "--terrain", "flat", "--episodes", "1", "--seconds", "1", "--compare", "engine")
    parkour(*command, folder=work)
    assert not (work / "ran").exists()


def test_5_text_of_strangers_reaches_no_terminal_unescaped(made_run: Path, work: Path) -> None:
    summary = f"""
from parkour import TerrainSpec, hookimpl
@hookimpl
def register_terrains():
    return [TerrainSpec(name="beam", summary={ESCAPES!r}, target="beams:beam")]
"""
    modules = {"stranger": summary, "broken": f"raise ImportError({ESCAPES!r})"}
    path = plant(work.parent / "site", modules, version=f"1{ESCAPES}", entry_points=tuple(modules))
    stranger = tampered(newest(made_run), work / "model_9.pt", lambda data: data["stamp"].update(name=ESCAPES))
    for command in (("plugins", "list"), ("eval", "--checkpoint", str(stranger)), ("tasks", "show", ESCAPES)):
        said = parkour(*command, folder=work, variables={"PYTHONPATH": path}).text
        assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", said), said


def endless_listing(target: str, connection: socket.socket) -> None:
    connection.sendall(
        http(listing(more="<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"))
    )


def long_body(target: str, connection: socket.socket) -> None:
    connection.sendall(http(listing() if target.startswith("/?") else b"x" * (64 << 20)))


@pytest.mark.parametrize(
    "answer",
    cases(
        endless_body,
        long_body,
        endless_listing,
        lists(listing(key="Root/.")),
        lists(listing(key="Root/../../x")),
        lists(listing(size="1e9")),
        lists(listing(size="9" * 5000)),
        lists(listing(etag="../../x")),
        lambda target, connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
        lambda target, connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    ),
    ids=cases(
        "endless body", "long body", "endless listing", "a dot", "dots", "size", "digits", "ETag", "SSH", "length"
    ),
)
def test_6_asset_servers_that_lie_are_refused(answer: Answer, work: Path) -> None:
    with server(answer) as source:
        command = ("assets", "fetch", "--source", source, "--root", "Root", "--folder", "mirror")
        done = parkour(*command, folder=work, seconds=60.0)
    written = sum(path.lstat().st_size for path in work.rglob("*") if path.is_file())
    assert written < 1 << 20, f"{written} bytes were written"
    done.refused()


# -- bombs -----------------------------------------------------------------------------------------------------------


def test_7_a_checkpoint_that_unpacks_to_more_than_it_is_is_refused(made_run: Path, work: Path) -> None:
    def grow(data: dict[str, Any]) -> None:
        data["model"]["actor_state_dict"]["more"] = torch.zeros(1 << 28)

    whole = tampered(newest(made_run), work / "whole.pt", grow)
    bomb = work / "model_9.pt"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    whole.unlink()
    done = parkour("export", "weights", "--checkpoint", str(bomb), "-o", "out.pt", folder=work)
    assert bomb.stat().st_size < 20 << 20 and done.memory < 900, f"{done.memory} MiB"
    done.refused()


@pytest.mark.parametrize(
    "text",
    cases(
        f"seed = {'9' * 5000}", f"x = {'[' * 3000}{']' * 3000}", ".".join(["a"] * 8000) + " = 1", f"{'k' * 200_000} = 1"
    ),
    ids=cases("digits", "nesting", "parts of a key", "a long key"),
)
def test_7_text_that_is_a_bomb_is_refused_at_once(text: str, made_run: Path, work: Path) -> None:
    (work / "task.toml").write_text(f"{text}\n{(made_run / 'task.toml').read_text()}")
    done = parkour("tasks", "show", "task.toml", folder=work)
    assert done.seconds < 4.0 and len(done.text) < 5000
    done.refused("task.toml")


def test_7_a_home_of_nobody_is_a_line(work: Path) -> None:
    parkour("tasks", "show", "~nobody-here/task.toml", folder=work).refused("~nobody-here")


# -- plugins ---------------------------------------------------------------------------------------------------------

REGISTERS = """
from parkour import TaskSpec, TerrainSpec, hookimpl
class Evil(str):
    def __hash__(self): raise RuntimeError("no")
    def __eq__(self, other): raise RuntimeError("no")
    def __format__(self, spec): raise RuntimeError("no")
@hookimpl
def register_{0}s():
    return [{1}]
"""


@pytest.mark.parametrize(
    "source",
    cases(
        "raise KeyboardInterrupt",
        "raise SystemExit(0)",
        "class Mine(BaseException): pass\nraise Mine('x')",
        "import sys, types; sys.modules['parkour.errors'] = types.ModuleType('x')",
        REGISTERS.format("task", "TaskSpec(name='t', summary='t', target='t:t.toml', aliases=5)"),
        REGISTERS.format("terrain", "TerrainSpec(name=Evil('e'), summary='e', target='e:e')"),
    ),
    ids=cases("KeyboardInterrupt", "SystemExit", "BaseException", "sys.modules", "aliases", "a str that raises"),
)
def test_8_a_plugin_takes_nothing_else_down(source: str, work: Path) -> None:
    path = plant(work.parent / "site", {"stranger": source}, entry_points=("stranger",))
    done = parkour("plugins", "list", folder=work, variables={"PYTHONPATH": path})
    assert done.status == 0 and "Traceback" not in done.text, done.text
    assert re.search(r"hurdle\s+ok", done.out) and "action_rate" in done.out
    assert re.search(r"stranger.*broken|broken.*stranger", done.text), done.text


# -- files -----------------------------------------------------------------------------------------------------------


def flipped(path: Path) -> None:
    """Turn one bit of one weight, in the middle of the file's longest entry."""
    with zipfile.ZipFile(path) as archive:
        entry = max(archive.infolist(), key=lambda info: info.file_size)
    content = bytearray(path.read_bytes())
    names = struct.unpack_from("<HH", content, entry.header_offset + 26)
    place = entry.header_offset + 30 + sum(names) + entry.file_size // 8 * 4
    content[place + 2] ^= 0x40
    path.write_bytes(content)


def test_10_a_checkpoint_with_a_flipped_bit_is_refused(made_run: Path, work: Path) -> None:
    copy = work / "model_9.pt"
    copy.write_bytes(newest(made_run).read_bytes())
    flipped(copy)
    parkour("export", "weights", "--checkpoint", str(copy), "-o", "out.pt", folder=work).refused("damaged")


def test_10_a_damaged_recording_is_a_line(made_run: Path, work: Path) -> None:
    """Of the observations with which an export is checked."""
    buffer = io.BytesIO()
    head = repr({"descr": "<f4", "fortran_order": False, "shape": (10**12, 753)}).encode() + b"\n"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("obs.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(80))
    whole = io.BytesIO()
    np.savez(whole, obs=np.zeros((4, 753), np.float32))
    damaged = whole.getvalue()[:-60]
    for content in cases(buffer.getvalue(), damaged, b"PK\x03\x04", b"\x93NUMPY\x01\x00\xff\xff{"):
        (work / "observations.npz").write_bytes(content)
        command = ("export", "onnx", "--checkpoint", str(newest(made_run)), "-o", "out", "--recording",
                   "observations.npz")  # fmt: skip
        parkour(*command, folder=work).refused("observations.npz")


@pytest.fixture
def mine(work: Path) -> Path:
    """A file to which others lead."""
    path = work.parent / "mine.txt"
    path.write_text("mine")
    return path


def test_13_outputs_do_not_follow_a_link(mine: Path, work: Path) -> None:
    (work / "flat.png").symlink_to(mine)
    parkour("terrains", "preview", "flat", "-o", "flat.png", folder=work)
    assert mine.read_bytes() == b"mine"


@pytest.mark.skipif(not COMPARES, reason="takes half a minute; tests/test_outputs.py has it without")
def test_13_nor_do_exports(made_run: Path, mine: Path, work: Path) -> None:
    (work / "out").mkdir()
    for name in ("policy.onnx", "deploy.toml", "task.toml"):
        (work / "out" / name).symlink_to(mine)
    parkour("export", "onnx", "--checkpoint", str(newest(made_run)), "-o", "out", "--no-rollout", folder=work)
    assert mine.read_bytes() == b"mine"


# -- honest faults ---------------------------------------------------------------------------------------------------


@pytest.fixture
def broken_mujoco(tmp_path: Path) -> Iterator[str]:
    package = tmp_path / "broken" / "mujoco"
    package.mkdir(parents=True)
    said = "mujoco-core is missing.\\n\\nTo mend this:\\n\\n    pip install mujoco-core==4.0.0\\n"
    (package / "__init__.py").write_text(f"raise ImportError({said!r})".replace("\\\\n", "\\n"))
    info = tmp_path / "broken" / "mujoco-4.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mujoco\nVersion: 4.0.0\nRequires-Dist: mujoco-core\n")
    yield str(tmp_path / "broken")


def test_19_a_broken_mujoco_says_what_mends_it(broken_mujoco: str, work: Path) -> None:
    done = parkour(
        "train",
        "go2-teacher",
        "--iterations",
        "1",
        "--device",
        "cpu",
        folder=work,
        variables={"PYTHONPATH": broken_mujoco},
    )
    done.refused("pip install mujoco-core==4.0.0")
    doctor = parkour("doctor", folder=work, variables={"PYTHONPATH": broken_mujoco})
    assert doctor.status != 0 and "mujoco-core" in doctor.text, doctor.text


NONSENSE = (
    "command.speed=[5,-5]", "command.speed=[1e30,1e30]", "control.action_scale=1e308", "course.start_levels=[99,-5]",
    "course.roughness=[-5,1e9]", "events.added_mass.params.range=[-1000,-900]", "rewards.feet_edge.weight=1e308",
    "goals.radius=1e18", "events.push.interval=1e-320", "timing.physics_step=9e18",
    "timing.decimation=1000000000000000000",
)  # fmt: skip


@pytest.mark.parametrize("change", cases(*NONSENSE))
def test_20_no_nonsense_is_taken(change: str, work: Path) -> None:
    parkour("tasks", "show", "go2-teacher", "--overlay", "train", "--set", change, folder=work).refused(
        change.partition("=")[0].rpartition(".")[2]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    cases(
        ("WORLD_SIZE", "abc"),
        ("RANK", "x"),
        ("LOCAL_RANK", "1.5"),
        ("WORLD_SIZE", "9" * 5000),
        ("XDG_CACHE_HOME", "/dev/null"),
    ),
    ids=cases("WORLD_SIZE", "RANK", "LOCAL_RANK", "digits", "XDG_CACHE_HOME"),
)
def test_21_a_variable_that_means_nothing_is_a_line(name: str, value: str, work: Path) -> None:
    command = ("train", "go2-teacher", "--num-envs", "2", "--iterations", "1", "--device", "cpu", "--logger", "none")
    parkour(*command, folder=work, variables={name: value}).refused(name)


@pytest.mark.parametrize("field", cases("optimizers", "iteration", "model", "seed", "versions", "stamp"))
def test_21_so_is_a_field_of_another_type(field: str, made_run: Path, work: Path) -> None:
    stranger = tampered(newest(made_run), work / "model_9.pt", lambda data: data.update({field: [1.5, "x"]}))
    parkour("export", "weights", "--checkpoint", str(stranger), "-o", "out.pt", folder=work).refused("model_9.pt")
