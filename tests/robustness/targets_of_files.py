"""Files and messages of strangers: ground, graphs, logs of robots, scores, stages, metadata of plugins."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import tomli_w
from PIL import Image

from parkour.exporters.score_files import read_scores
from parkour.learning.curves import read_curves
from parkour.learning.metrics_file import METRICS_FILE
from parkour.learning.runs import read_run
from parkour.policies.checkpoint_folder import completed_courses
from parkour.reading import parse_toml
from parkour.registry import Registry
from parkour.terrain.importing.course import Placement, lay_course
from parkour.terrain.importing.file import load_course
from parkour.terrain.importing.readers import Scales, read_surface
from parkour_deploy.contract import _digest as table_digest
from parkour_deploy.contract import read_contract
from parkour_deploy.dds.go2 import decode_state
from parkour_deploy.dds.layout import STATE
from parkour_deploy.depth.topic import decode_depth, encode_depth
from parkour_deploy.observer import Observer, Readings
from parkour_deploy.policy import GraphPolicy
from parkour_mujoco.sim2sim.run import Sim2SimOptions, run_export
from tests.robustness.fuzzing import TEXTS, Case, NonsenseError, changed, paths, spoilt, value
from tests.robustness.targets import Targets

SIMULATED = ("height_scan", "privileged_explicit", "privileged_latent", "perception")
"""Groups that only a simulator observes."""
LARGEST_COURSE = 200.0
"""Nothing of a course is larger, or further away [m]."""


class FileTargets:
    """Targets beside those of :class:`tests.robustness.targets.Targets`.

    Args:
        folder: to write inputs into.
        export: an export of a policy.
    """

    def __init__(self, folder: Path, export: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.export = folder / "deployed"
        shutil.copytree(export, self.export, dirs_exist_ok=True)
        self.manifest = parse_toml((export / "deploy.toml").read_text())
        del self.manifest["integrity"]
        self.places = paths(self.manifest)
        self.graph = {graph["file"]: (export / graph["file"]).read_bytes() for graph in self.manifest["graphs"]}
        self._make_ground()

    def all(self) -> dict[str, tuple[int, Case]]:
        """Share of the inputs, and case, by name."""
        return {
            "ground (PNG, NPY, STL, OBJ)": (10, self.ground),
            "courses (.npz)": (4, self.courses),
            "exports, run": (8, self.deployed),
            "exports, simulated": (4, self.simulated),
            "graphs (.onnx)": (4, self.graphs),
            "messages of robots": (8, self.messages),
            "scores": (3, self.scores),
            "curves of runs": (4, self.curves),
            "metadata of plugins": (3, self.metadata),
        }

    # -- ground ------------------------------------------------------------------------------------------------------

    def _make_ground(self) -> None:
        draws = np.random.default_rng(0)
        heights = draws.random((60, 40))
        plain, picture = io.BytesIO(), io.BytesIO()
        np.save(plain, heights)
        Image.fromarray((heights * 65535).astype(np.uint16)).save(picture, "PNG")
        corners = [(0, 0, 0), (3, 0, 0.1), (3, 2, 0.2), (0, 2, 0)]
        faces = [(0, 1, 2), (0, 2, 3)]
        obj = "".join(f"v {x} {y} {z}\n" for x, y, z in corners) + "".join(
            f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in faces
        )
        rows = b"".join(struct.pack("<12fH", 0, 0, 1, *(n for i in face for n in corners[i]), 0) for face in faces)
        text = "solid x\n" + "".join(
            "facet normal 0 0 1\nouter loop\n" + "".join("vertex {} {} {}\n".format(*corners[i]) for i in face)
            + "endloop\nendfacet\n" for face in faces) + "endsolid x\n"  # fmt: skip
        self.grounds = {
            ".npy": plain.getvalue(), ".png": picture.getvalue(), ".obj": obj.encode(),
            ".stl": bytes(80) + struct.pack("<I", 2) + rows, ".STL": text.encode(),
        }  # fmt: skip
        course = io.BytesIO()
        boxes = np.array([[1.0, 0, -0.5, 1, 0, 0, 0, 20, 5, 0.5], [4.0, 0, 0.1, 1, 0, 0, 0, 1, 1, 0.1]])
        np.savez_compressed(course, boxes=boxes, goals=np.array([[2.0, 0.0], [5.0, 0.0]]))
        self.course = course.getvalue()
        self.boxes = boxes

    def ground(self, rng: random.Random) -> None:
        suffix, content = rng.choice(list(self.grounds.items()))
        path = self.folder / f"ground{suffix}"
        kind = rng.random()
        if kind < 0.5 or suffix == ".png":
            path.write_bytes(spoilt(rng, content))
        elif suffix == ".npy":
            with io.BytesIO() as file, np.errstate(all="ignore"):
                data = np.full(
                    rng.choice(((60, 40), (1, 1), (0, 5), (40,), (2, 2, 2), (1, 300000))),
                    rng.choice((0.0, 1e30, 1e300, -1e308, np.nan, np.inf, 5)),
                )
                np.save(file, data.astype(rng.choice(("f8", "f4", "f2", "i8", "u1", "?", "c16", "M8[s]", "S3"))))
                path.write_bytes(file.getvalue())
        else:
            numbers = rng.choice(
                (
                    ("1e30", "0"),
                    ("nan", "1"),
                    ("inf", "1"),
                    ("1e308", "-1e308"),
                    ("3", "99999999"),
                    ("-1", "-2"),
                    ("1", "1e-30"),
                )
            )
            path.write_bytes(content.replace(b"3", numbers[0].encode()).replace(b"2", numbers[1].encode()))
        scales = Scales(
            height=rng.choice((1.0, 1e30, 1e-30, 1000.0)),
            scale=rng.choice((1.0, 1e6, 1e-6)),
            up=rng.choice(("x", "y", "z")),
        )
        surface = read_surface(path, scales, 0.05)
        made = lay_course(surface, Placement(cell=0.2, tolerance=1.0, max_boxes=64))
        for box in made.sub_terrain.boxes:
            row = box.row()
            if not np.isfinite(row).all() or np.abs(row).max() > LARGEST_COURSE:
                raise NonsenseError(f"a box {row}")

    def courses(self, rng: random.Random) -> None:
        path = self.folder / "course.npz"
        if rng.random() < 0.5:
            path.write_bytes(spoilt(rng, self.course))
        else:
            boxes = self.boxes.copy()
            boxes[rng.randrange(2), rng.randrange(10)] = rng.choice((0.0, -1.0, 1e30, np.nan, np.inf, 50.0, 1e-30, 2.0))
            with path.open("wb") as file:
                np.savez(file, boxes=boxes, goals=np.array([[rng.choice((0.0, -99.0, np.nan, 1e9, 3.0)), 0.0]]))
        for box in load_course(path).boxes:
            row = np.asarray(box.row())
            if (
                not np.isfinite(row).all()
                or np.abs(row).max() > LARGEST_COURSE
                or row[7:].min() <= 0
                or not 0.9 < np.linalg.norm(row[3:7]) < 1.1
            ):
                raise NonsenseError(f"a box {row}")

    # -- exports -----------------------------------------------------------------------------------------------------

    def _write(self, tables: Any) -> bool:
        try:
            text = tomli_w.dumps(tables)
            digest = table_digest(parse_toml(text))
        except (TypeError, ValueError, UnicodeError):
            return False
        (self.export / "deploy.toml").write_text(tomli_w.dumps({"integrity": {"sha256": digest}, **tables}))
        return True

    def _run(self) -> None:
        contract = read_contract(self.export)
        count = len(contract.joints)
        camera = contract.camera
        depth = np.ones((camera.height, camera.width)) if camera else None
        now = Readings(
            ang_vel=np.zeros(3), roll=0.0, pitch=0.0, yaws=(0.0, 0.0), command=0.5, flat=False, depth=depth,
            joint_pos=np.zeros(count), joint_vel=np.zeros(count), action=np.zeros(count),
            contact=np.zeros(len(contract.feet)),
        )  # fmt: skip
        known = {kind: lambda now, group: np.zeros(group.size) for kind in SIMULATED}
        observer = Observer(contract, groups=known)
        policy = GraphPolicy(contract)
        policy(observer.observe(now)[None])
        action = policy(observer.observe(now)[None])
        if action.shape != (1, count):
            raise NonsenseError(f"actions of shape {action.shape}")

    def deployed(self, rng: random.Random) -> None:
        for name, content in self.graph.items():
            (self.export / name).write_bytes(content)
        part = rng.choice(("graphs", "graphs", "observation", "observation", "camera", "robot", "timing", "batch"))
        parts = [path for path in self.places if path[0] == part and path[-1] != "sha256"] or self.places
        if self._write(changed(rng, self.manifest, parts, value)):
            self._run()

    def simulated(self, rng: random.Random) -> None:
        for name, content in self.graph.items():
            (self.export / name).write_bytes(content)
        part = rng.choice(("observation", "observation", "terminations", "terrains", "robot", "control", "timing"))
        parts = [path for path in self.places if path[0] == part] or self.places
        if self._write(changed(rng, self.manifest, parts, value)):
            found = run_export(self.export, Sim2SimOptions(terrains=("flat",), episodes=1, seconds=0.1))
            if len(found["episodes"]) != 1:
                raise NonsenseError(f"{len(found['episodes'])} episodes")

    def graphs(self, rng: random.Random) -> None:
        tables = json.loads(json.dumps(self.manifest))
        for graph in tables["graphs"]:
            content = spoilt(rng, self.graph[graph["file"]]) if rng.random() < 0.6 else strange_graph(rng, graph)
            (self.export / graph["file"]).write_bytes(content)
            graph["sha256"] = hashlib.sha256(content).hexdigest()
        self._write(tables)
        self._run()

    # -- messages ----------------------------------------------------------------------------------------------------

    def messages(self, rng: random.Random) -> None:
        if rng.random() < 0.5:
            data = encode_depth(5, np.ones((6, 10)))
            data = spoilt(rng, data) if rng.random() < 0.8 else rng.randbytes(rng.choice((0, 1, 11, 12, 40)))
            picture = decode_depth(data, 1)
            depth = picture.depth[np.isfinite(picture.depth)]
            if (depth < 0).any() or (depth > 66).any():
                raise NonsenseError("a picture")
            return
        state = decode_state(rng.randbytes(STATE.itemsize))
        if not -1.0 <= state.remote.left_x <= 1.0:
            raise NonsenseError("a stick")

    # -- runs --------------------------------------------------------------------------------------------------------

    def scores(self, rng: random.Random) -> None:
        means = {"metrics": {name: {"mean": 0.5} for name in ("way_points", "success")}, "episodes": 4}
        data = {
            "format": "parkour-evaluation", "format_version": 1, "checkpoint": {"sha256": "0" * 64}, "task": "x",
            "protocol": {"name": "course", "noise": None}, "overall": means, "by_terrain": {"gap": means},
        }  # fmt: skip
        path = self.folder / "scores.json"
        path.write_text(json.dumps(changed(rng, data, paths(data), value)))
        score = read_scores(path, {"0" * 64})
        for part in (score.overall, *score.by_terrain.values()):
            if not all(mean is None or math.isfinite(mean) for mean in part.values()):
                raise NonsenseError(f"means {part}")
        if not score.title.isprintable() or min(score.episodes.values()) < 0:
            raise NonsenseError(f"{score.title!r} of {score.episodes}")

    def curves(self, rng: random.Random) -> None:
        runs = []
        for name in ("a", "b"):
            run = self.folder / "logs" / "rsl_rl" / "x" / name
            run.mkdir(parents=True, exist_ok=True)
            rows = [
                {"iteration": i, "Episode/success": 0.5, "Perf/total_minutes": i / 10, "Loss/x": 1e-3}
                for i in range(1, 6)
            ]
            lines = [json.dumps(row).encode() for row in rows]
            place = rng.randrange(5)
            lines[place] = rng.choice((
                json.dumps(changed(rng, rows[place], paths(rows[place]), value)).encode(), spoilt(rng, lines[place]),
                b"[" * 100_000, b'{"iteration": 3, "Episode/success": 1' + b"0" * 400 + b"}",
                b'{"Episode/success": ' + b"9" * 5000 + b"}", b"\xff\xfe",
            ))  # fmt: skip
            (run / METRICS_FILE).write_bytes(b"\n".join(lines) + b"\n")
            completed_courses(run)
            read_run(run)
            runs.append(run)
        read_curves(runs)

    # -- plugins -----------------------------------------------------------------------------------------------------

    def metadata(self, rng: random.Random) -> None:
        site = self.folder / "site"
        shutil.rmtree(site, ignore_errors=True)
        text = rng.choice(TEXTS)
        info = site / rng.choice(
            ("x-1.dist-info", "x.egg-info", f"{text[:40].replace('/', '_') or 'y'}-1.dist-info".replace("\0", "_"))
        )
        with contextlib.suppress(OSError, UnicodeError):
            info.mkdir(parents=True)
            names = rng.choices(TEXTS, k=4)
            meta = _bytes(f"Metadata-Version: 2.1\nName: {text}\nVersion: {names[0]}\n")
            points = _bytes(f"[parkour]\n{names[0]} = {names[1]}\n{names[2]} = json:{names[3]}\n")
            if rng.random() < 0.9:
                (info / "METADATA").write_bytes(spoilt(rng, meta) if rng.random() < 0.5 else meta)
            if rng.random() < 0.9:
                (info / "entry_points.txt").write_bytes(spoilt(rng, points) if rng.random() < 0.5 else points)
        found = Registry.discover(path=[str(site)])
        for broken in found.broken:
            str(broken)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def all_targets(folder: Path) -> dict[str, tuple[int, Case]]:
    """Every target there is."""
    others = Targets(folder)
    return {**others.all(), **FileTargets(folder / "files", others.export).all()}


def strange_graph(rng: random.Random, graph: dict[str, Any]) -> bytes:
    """A graph with the inputs and outputs of another one, that returns what is none, or too much, or never ends."""
    make = onnx.helper
    ports = {kind: [(port["name"], [1, *port["shape"]]) for port in graph[kind]] for kind in ("inputs", "outputs")}
    inputs = [make.make_tensor_value_info(name, 1, shape) for name, shape in ports["inputs"]]
    outputs = [
        make.make_tensor_value_info(name, 1, None if rng.random() < 0.5 else shape) for name, shape in ports["outputs"]
    ]
    nodes = []
    for name, shape in ports["outputs"]:
        size = rng.choice((shape, shape, [1, 3], [], [10**6, 10**6], [0]))
        tensor = make.make_tensor("v", 1, [1], [rng.choice((0.0, float("nan"), float("inf"), 1e30))])
        nodes.append(
            make.make_node("Constant", [], [f"{name}_shape"], value=make.make_tensor("s", 7, [len(size)], size))
        )
        nodes.append(make.make_node("ConstantOfShape", [f"{name}_shape"], [name], value=tensor))
    initializers = []
    if rng.random() < 0.3:
        outside = make.make_tensor("outside", 1, [1], [0.0])
        outside.ClearField("float_data")
        outside.data_location = onnx.TensorProto.EXTERNAL
        for key, text in (
            ("location", rng.choice(("../../../../etc/passwd", "/etc/passwd", "/dev/zero", "x"))),
            ("offset", "0"),
            ("length", "4"),
        ):
            entry = outside.external_data.add()
            entry.key, entry.value = key, text
        initializers.append(outside)
    model = make.make_model(
        make.make_graph(nodes, "g", inputs, outputs, initializers),
        opset_imports=[make.make_opsetid("", 18)],
        ir_version=9,
    )
    return model.SerializeToString()
