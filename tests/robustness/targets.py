"""What is fuzzed, each target with an input of its own kind and a check of what was accepted."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch
from pydantic import BaseModel

from parkour.commands import notice, print_error, print_json, print_result, print_table
from parkour.engines.device import distributed, rank
from parkour.environment import CACHE, PROCESSES, check_environment
from parkour.errors import ParkourError
from parkour.exporters.exporter import ExportOptions, export_policy
from parkour.exporters.manifest_file import MANIFEST, read_manifest
from parkour.exporters.recording import load_recording
from parkour.learning.metrics_file import METRICS_FILE, MetricsFile
from parkour.learning.run_options import read_run_options
from parkour.params import LARGEST
from parkour.pipeline.curves import read_points
from parkour.pipeline.record import FILE as RECORD
from parkour.pipeline.record import read_record
from parkour.pipeline.results import Trained
from parkour.pipeline.training import last_metrics
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.checkpoint_folder import OPTIONS_FILE, begin_of
from parkour.policies.source import Weights, pretrained_checkpoint, weights_at
from parkour.policies.task import task_of
from parkour.reading import parse_toml
from parkour.tasks import load_task, task_tables, task_to_toml
from parkour.tasks.resolved import ResolvedTask
from parkour.tasks.robot import RobotFile
from parkour.tasks.validation import validate
from parkour.terminal import Terminal
from parkour_cli.changes import read_changes
from parkour_deploy.contract import _digest as table_digest
from parkour_deploy.contract import read_contract
from parkour_deploy.log import read_log
from parkour_isaaclab.bucket import files_of, parse_page
from parkour_isaaclab.mirror import LISTING, ROOT, read_listing
from parkour_mujoco.sim2sim.report import load_evaluation
from tests.robustness.fuzzing import TEXTS, Case, NonsenseError, changed, paths, spoilt, value
from tests.robustness.test_checkpoints import enormous, payload, saved


class Targets:
    """Targets of tasks, checkpoints, runs, exports and the terminal. What they start from is made once.

    Args:
        folder: to write inputs into; nothing outside it may appear.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        task = load_task("go2-teacher", overlay="train")
        self.text = task_to_toml(task)
        self.tables = parse_toml(self.text)
        self.places = paths(self.tables)
        self.settable = [path for path in self.places if all(isinstance(key, str) for key in path)]
        self._make_checkpoint()
        self._make_recordings()
        self.export = folder / "export"
        export_policy(weights_at(pretrained_checkpoint("teacher")), self.export, ExportOptions(rollout=False))
        self.manifest = parse_toml((self.export / MANIFEST).read_text())
        del self.manifest["integrity"]
        robot = Path(load_task("go2-teacher").robot_folder) / "robot.toml"
        self.robot = {k: v for k, v in parse_toml(robot.read_text()).items() if not isinstance(v, dict)}

    def all(self) -> dict[str, tuple[int, Case]]:
        """Share of the inputs, and case, by name."""
        return {
            "task TOML, values": (20, self.task_values),
            "task TOML, text": (8, self.task_text),
            "--set and --with": (18, self.options),
            "checkpoint, bytes": (10, self.checkpoint_bytes),
            "checkpoint, fields": (10, self.checkpoint_fields),
            "checkpoint, its task": (5, self.checkpoint_task),
            "recordings (.npz)": (10, self.recordings),
            "metrics.jsonl": (8, self.metrics),
            "deploy.toml": (12, self.exports),
            "robot.toml": (5, self.robots),
            "other files of runs": (6, self.run_files),
            "terminal": (8, self.terminal),
            "asset listings": (8, self.listings),
            "environment variables": (5, self.variables),
        }

    # -- tasks -------------------------------------------------------------------------------------------------------

    def task_values(self, rng: random.Random) -> None:
        tables = changed(rng, self.tables, self.places, value)
        if rng.random() < 0.3:
            _check_task(load_task(tables))
            return
        try:
            text = tomli_w.dumps(tables)
        except (TypeError, ValueError, UnicodeError):
            return  # TOML cannot say it.
        self._load(text)

    def task_text(self, rng: random.Random) -> None:
        self._load(spoilt(rng, self.text.encode()))

    def options(self, rng: random.Random) -> None:
        path = ".".join(rng.choice(self.settable)) if rng.random() < 0.9 else rng.choice(TEXTS)
        said = rng.choice((repr, str, json.dumps))(value(rng))
        sets = [f"{path}={said}" if rng.random() < 0.95 else rng.choice(TEXTS)]
        kinds = ("terrain", "reward", "observation", "termination", "event", "robot", "")
        withs = [f"{rng.choice(kinds)}:{rng.choice(TEXTS)}={said}"] if rng.random() < 0.2 else []
        overlay = rng.choice((None, None, "train", "eval", "+", *TEXTS[:6]))
        _check_task(load_task("go2-teacher", overlay=overlay, changes=read_changes(sets, withs)))

    def _load(self, text: str | bytes) -> None:
        path = self.folder / "task.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        _check_task(load_task(path))

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def _make_checkpoint(self) -> None:
        from tests.policies.test_checkpoint import make_checkpoint

        self.checkpoint = self.folder / "model_1.pt"
        save_checkpoint(self.checkpoint, make_checkpoint())
        self.whole = self.checkpoint.read_bytes()
        self.was = load_checkpoint(self.checkpoint)
        self.fields = payload()
        self.bomb = enormous()

    def checkpoint_bytes(self, rng: random.Random) -> None:
        self.checkpoint.write_bytes(self.bomb if rng.random() < 0.01 else spoilt(rng, self.whole))
        found = load_checkpoint(self.checkpoint)
        weights, before = (each.model["actor_state_dict"]["w"] for each in (found, self.was))
        if not torch.equal(weights, before) or (found.iteration, found.stamp) != (self.was.iteration, self.was.stamp):
            raise NonsenseError("other contents than were written")

    def checkpoint_fields(self, rng: random.Random) -> None:
        data = changed(rng, self.fields, paths(self.fields), _pickled)
        try:
            content = saved(data)
        except Exception:
            return  # torch cannot write it.
        self.checkpoint.write_bytes(content)
        found = load_checkpoint(self.checkpoint)
        numbers = (found.learning_rate, found.seconds, found.iteration, found.total_steps)
        tensors = [w for d in found.model.values() if isinstance(d, dict) for w in d.values() if torch.is_tensor(w)]
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise NonsenseError(f"numbers {numbers}")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors if tensor.is_floating_point()):
            raise NonsenseError("weights that are not finite")

    def checkpoint_task(self, rng: random.Random) -> None:
        self.checkpoint.write_bytes(saved(self.fields | {"task": changed(rng, self.tables, self.places, _pickled)}))
        found = load_checkpoint(self.checkpoint)
        _check_task(task_of(Weights(self.checkpoint, found, "")))

    # -- arrays ------------------------------------------------------------------------------------------------------

    def _make_recordings(self) -> None:
        draws = np.random.default_rng(0)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, obs=draws.standard_normal((20, 2, 5)).astype(np.float32))
        self.recording = buffer.getvalue()
        plain = io.BytesIO()
        np.save(plain, draws.standard_normal((9, 2, 5)))
        self.arrays = plain.getvalue()

    def recordings(self, rng: random.Random) -> None:
        path = self.folder / "recording.npz"
        kind = rng.random()
        if kind < 0.5:
            content = spoilt(rng, self.recording)
        elif kind < 0.7:
            content = spoilt(rng, self.arrays)
        else:
            shape = tuple(rng.choice((0, 1, 2, 5, -1, 10**6, 2**40, 2**63)) for _ in range(rng.randint(0, 4)))
            described = rng.choice(("<f4", "<f8", "|O", "<i8", "<U9", "|V3", "<c16", "x", "<f99", "<M8[s]"))
            head = repr({"descr": described, "fortran_order": rng.random() < 0.5, "shape": shape}).encode()
            array = b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head + b"\n" + rng.randbytes(80)
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr(rng.choice(("obs.npy", "head.npy", "../x.npy")), array)
            content = buffer.getvalue() if rng.random() < 0.7 else array
        path.write_bytes(content)
        with contextlib.suppress(ParkourError):
            if not np.isfinite(load_recording(path, 5)).all():
                raise NonsenseError("a recording that is not finite")
        read_log(path)

    # -- runs --------------------------------------------------------------------------------------------------------

    def metrics(self, rng: random.Random) -> None:
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        rows = [
            {"iteration": i, "Episode/success": 0.5, "Perf/total_minutes": i / 10, "Loss/x": 1e-3} for i in range(1, 9)
        ]
        lines = [json.dumps(row).encode() + b"\n" for row in rows]
        for place in rng.sample(range(8), rng.randint(1, 3)):
            row = changed(rng, rows[place], paths(rows[place]), value)
            line = json.dumps(row).encode() if rng.random() < 0.6 else spoilt(rng, lines[place])
            lines[place] = rng.choice((line, b"[" * 2000, b'{"iteration": ' + b"9" * 5000 + b"}")) + b"\n"
        path = run / METRICS_FILE
        path.write_bytes(b"".join(lines))
        last_metrics(run)
        if not all(math.isfinite(number) for point in read_points(path) for number in point):
            raise NonsenseError("a curve that is not finite")
        start = rng.randint(0, 9)
        MetricsFile(run, start).close()
        kept = [json.loads(line)["iteration"] for line in path.read_bytes().splitlines()]
        if not all(0 <= number <= start for number in kept):
            raise NonsenseError(f"kept the rows {kept} of a run that goes on from {start}")

    def run_files(self, rng: random.Random) -> None:
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        choices = {"engine": "parkour-lab:mujoco", "device": "cpu", "num_envs": 8, "seed": 1, "iterations": 5,
                   "number": 3, "began": "x", "engine_options": {"cpu_sim": "native"}}  # fmt: skip
        tables = changed(rng, choices, paths(choices), value)
        with contextlib.suppress(TypeError, ValueError, UnicodeError):
            (run / OPTIONS_FILE).write_text(tomli_w.dumps(tables))
        begin_of(run)
        record = {"format": "parkour-pipeline-stage", "format_version": 1, "stage": "a", "command": ["b"],
                  "inputs": {}, "seconds": 1.0, "result": {"checkpoint": "a/model_1.pt", "run": "a", "iterations": 1,
                  "control_steps": 9, "minutes": 2.0}, "made": {"began": "now", "device": "a GPU",
                  "versions": {"torch": "2"}}}  # fmt: skip
        (run / RECORD).write_text(json.dumps(changed(rng, record, paths(record), value)))
        with contextlib.suppress(ParkourError):
            found = read_record(run, Trained)
            if found is not None and not 0.0 <= found.result["minutes"] < math.inf:
                raise NonsenseError(f"a stage of {found.result['minutes']} minutes")
        means = {"metrics": {"way_points": {"mean": 0.5}, "success": {"mean": 0.5}}}
        scores = {"overall": means, "by_terrain": {"gap": means}}
        path = run / "eval.json"
        path.write_text(json.dumps(changed(rng, scores, paths(scores), value)))
        with contextlib.suppress(ParkourError):
            load_evaluation(path)
        read_run_options(run)

    # -- exports and robots ------------------------------------------------------------------------------------------

    def exports(self, rng: random.Random) -> None:
        path = self.export / MANIFEST
        if rng.random() < 0.2:
            whole = tomli_w.dumps({"integrity": {"sha256": table_digest(self.manifest)}, **self.manifest})
            path.write_bytes(spoilt(rng, whole.encode()))
        else:
            tables = changed(rng, self.manifest, paths(self.manifest), value)
            try:
                path.write_text(tomli_w.dumps({"integrity": {"sha256": table_digest(parse_toml(tomli_w.dumps(tables)))},
                                               **tables}))  # fmt: skip
            except (TypeError, ValueError, UnicodeError):
                return
        with contextlib.suppress(ParkourError):
            _check_numbers(read_manifest(self.export), "deploy.toml")
        contract = read_contract(self.export)
        for name in ("stiffness", "damping", "effort_limit"):
            numbers = getattr(contract, name)
            if not (np.isfinite(numbers).all() and (numbers >= 0).all() and (numbers <= 1e4).all()):
                raise NonsenseError(f"{name} {numbers}")
        if contract.speed[0] > contract.speed[1] or not 0 < contract.step_dt <= 10.0:
            raise NonsenseError(f"speed {contract.speed}, step {contract.step_dt}")

    def robots(self, rng: random.Random) -> None:
        found = validate(RobotFile, changed(rng, self.robot, paths(self.robot), value))
        if min(found.damping) < 0 or min(found.stiffness) < 0 or len(found.damping) != len(found.joints):
            raise NonsenseError(f"damping {found.damping}")

    # -- what is printed ---------------------------------------------------------------------------------------------

    def terminal(self, rng: random.Random) -> None:
        text = "".join(chr(rng.choice((rng.randrange(0x20), rng.randrange(0x250), 0x1B, rng.randrange(0x110000))))
                       for _ in range(rng.choice((1, 5, 40, 3000))))  # fmt: skip
        out, err, live = io.StringIO(), io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            print_error(ParkourError(text, hint=text))
            said = err.getvalue()
            notice(text)
            print_result(text)
            print_json({text: [text]})
            print_table(text, ("a",), [(text,)])
        Terminal(file=live, width=100, force_terminal=False).print(text, markup=False)
        for shown in (out.getvalue(), err.getvalue(), live.getvalue()):
            if bad := [char for char in shown if not (char.isprintable() or char in "\n\t")]:
                raise NonsenseError(f"{bad[:3]!r} reached the terminal")
        if said.count("\n") > 2 or len(said) > 5000:
            raise NonsenseError("an error of several lines")

    def listings(self, rng: random.Random) -> None:
        key, size, tag = f"{ROOT}/Isaac/a.usd", "7", "0" * 32
        drawn = [rng.choice(("/".join(rng.choices(TEXTS, k=2)), key)), rng.choice((str(value(rng)), size)),
                 rng.choice((*TEXTS, tag, tag))]  # fmt: skip
        rows = "".join(f"<Contents><Key>{_xml(drawn[0])}</Key><Size>{_xml(drawn[1])}</Size>"
                       f"<ETag>{_xml(drawn[2])}</ETag></Contents>" for _ in range(2))  # fmt: skip
        page = f"<ListBucketResult>{rows}</ListBucketResult>".encode("utf-8", "surrogatepass")
        page = page if rng.random() < 0.6 else spoilt(rng, page)
        mirror = self.folder / "mirror"
        mirror.mkdir(exist_ok=True)
        listing = {"format": 1, "files": [{"path": "a/b", "size": 1, "etag": tag, "sha256": tag * 2}]}
        (mirror / LISTING).write_text(json.dumps(changed(rng, listing, paths(listing), value)))
        with contextlib.suppress(ParkourError):
            if not all((mirror / file.path).resolve().is_relative_to(mirror) for file in read_listing(mirror)):
                raise NonsenseError("a listing that leads out of the mirror")
        for file in files_of(parse_page(page, "http://x"), ROOT, "http://x"):
            if not (mirror / file.path).resolve().is_relative_to(mirror) or not 0 <= file.size < 10**12:
                raise NonsenseError(f"the key {file.path!r} of {file.size} bytes")

    def variables(self, rng: random.Random) -> None:
        texts = [text for text in (*TEXTS, "9" * 5000, str(rng.randint(-5, 10**7))) if "\0" not in text]
        with _environment({name: rng.choice(texts) for name in rng.sample((*PROCESSES, CACHE), 2)}):
            check_environment()
            if rank() < 0 or not isinstance(distributed(), bool):
                raise NonsenseError("a negative rank")


def _pickled(rng: random.Random) -> Any:
    """A hostile value that a checkpoint can hold."""
    if rng.random() < 0.7:
        return value(rng)
    return rng.choice((
        None, 2**70, -(2**9000), b"bytes", (1, 2), {1: 2}, {(1, 2): 3}, torch.zeros(3), torch.tensor(float("nan")),
        torch.zeros(1).expand(10**9), torch.zeros(2, dtype=torch.complex64), torch.zeros(0), {"a": {"b": {"c": {}}}},
        complex(1, 2), torch.ones(2, dtype=torch.int64), [[[[[[[[[[]]]]]]]]]], torch.float32, {"w": [torch.ones(1)]},
    ))  # fmt: skip


def _xml(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(text)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, text in before.items():
            os.environ.pop(name, None)
            if text is not None:
                os.environ[name] = text


def _check_task(task: ResolvedTask) -> None:
    """Whether every number of a task that was accepted is one, and pairs that are draws are in order."""
    _check_numbers(task.model, "task")
    groups = (task.terrains, task.rewards, task.observations, task.terminations, task.events, task.encoders)
    for part in (part for group in (*groups, *task.modifiers.values()) for part in group.values()):
        _check_numbers(part.params, part.id)
    _check_numbers(task.algorithm, "algorithm")
    model = task.model
    for low, high in (model.command.speed, model.course.start_levels, model.course.difficulty_range):
        if low > high:
            raise NonsenseError(f"a pair {low} {high}")
    if not task.name.isprintable() or "/" in task.name or model.max_episode_steps < 1 or not model.step_dt > 0:
        raise NonsenseError(f"the name {task.name!r}, or no step")
    task_tables(task)


def _check_numbers(found: Any, where: str) -> None:
    if isinstance(found, BaseModel):
        for name in type(found).model_fields:
            _check_numbers(getattr(found, name), f"{where}.{name}")
    elif isinstance(found, dict) and not where.endswith(".params"):
        for name, item in found.items():
            _check_numbers(item, f"{where}.{name}")
    elif isinstance(found, (list, tuple)):
        for item in found:
            _check_numbers(item, where)
    elif isinstance(found, (int, float)) and not abs(found) <= LARGEST:
        raise NonsenseError(f"{where} is {found}")
