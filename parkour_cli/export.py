"""``parkour export``: a policy as a file that runs without us."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import JsonOption, grouped, make_app, notice, print_json, print_result, print_table
from parkour.commands.help import Group
from parkour.commands.progress import loading
from parkour.errors import ParkourError
from parkour_cli.commands import named
from parkour_cli.migration import BESIDE_CHECKPOINT
from parkour_cli.options import EngineOptions, PolicyOptions, TaskOptions

if TYPE_CHECKING:
    from parkour.exporters.exporter import ExportResult
    from parkour.policies.source import Weights
    from parkour.registry import RegisteredSpec

TARGET = "export_target"
EXPORTED = "exported"
"""Folder beside a checkpoint that exports of other commands are written to."""


class ExportGroup(Group):
    """Sub-commands of this module, and one for each export target that plugins register."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_targets(self.commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is None and (item := _targets(self.commands).get(cmd_name)) is not None:
            return target_command(cmd_name, item)
        return found


app = make_app("Write a policy as ONNX, TorchScript, bare weights, or a folder to hand on.")


@dataclass(frozen=True)
class GraphOptions:
    """How graphs are written, and compared with torch: fields of :class:`parkour.exporters.exporter.ExportOptions`."""

    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the export.")]
    dtype: Annotated[str, typer.Option(metavar="TYPE", help="Of the weights: float32 or float16.")] = "float32"
    batch: Annotated[str, typer.Option(metavar="SIZE", help="Size of the batch: dynamic, or a number.")] = "dynamic"
    recording: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare on these observations (.npz with 'obs').")
    ] = None
    rollout: Annotated[
        bool, typer.Option("--rollout/--no-rollout", help="Record a short rollout to compare on, without --recording.")
    ] = True


@app.callback(cls=ExportGroup)
def export() -> None:
    """Write a policy as ONNX, TorchScript or a plugin's format, with deploy.toml and compared with torch at once, or as
    bare weights."""


@app.command()
@grouped
def onnx(
    graph: GraphOptions,
    policy: PolicyOptions,
    engine_options: EngineOptions,
    task: TaskOptions,
    opset: Annotated[int, typer.Option(help="ONNX operator set, 14 to 20.")] = 18,
    as_json: JsonOption = False,
) -> None:
    """Write a policy as ONNX, which onnxruntime and others run."""
    _export(
        policy, graph, engine_options, as_json,
        format="onnx", params={"opset": opset}, changes=task.to_changes(),
    )  # fmt: skip


@app.command()
@grouped
def jit(
    graph: GraphOptions,
    policy: PolicyOptions,
    engine_options: EngineOptions,
    task: TaskOptions,
    as_json: JsonOption = False,
) -> None:
    """Write a policy as TorchScript, which torch and libtorch run."""
    _export(policy, graph, engine_options, as_json, format="jit", changes=task.to_changes())


@app.command()
@grouped
def weights(
    policy: PolicyOptions,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write (.pt).")],
    half: Annotated[bool, typer.Option("--half", help="16 bits a number: half the size.")] = False,
) -> None:
    """Write a checkpoint's networks alone: to hand on, to score and to train further, but not to resume."""
    with loading():
        from parkour.policies.checkpoint import slim
        from parkour.policies.checkpoint_file import save_checkpoint
        from parkour.policies.source import load_weights
        from parkour.storage import make_folder

    loaded = load_weights(policy.source(), notice)
    if out.exists() and out.samefile(loaded.path):
        raise ParkourError(f"--out {out} is the checkpoint itself", hint="name another file")
    make_folder(out.parent, "--out")
    save_checkpoint(out, slim(loaded.checkpoint, half=half), hint="free some space, or name another --out FILE")
    notice(f"{loaded.path}: {loaded.path.stat().st_size / 1e6:.1f} MB, {out}: {out.stat().st_size / 1e6:.1f} MB")
    print_result(out)


@app.command()
@grouped
def card(
    graph: GraphOptions,
    policy: PolicyOptions,
    engine_options: EngineOptions,
    scores: Annotated[
        list[Path] | None,
        typer.Option("--scores", metavar="FILE", help="JSON of parkour eval or sim2sim, of these weights. Repeatable."),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As SPDX names it, e.g. MIT. [default: that of pretrained weights, or none]"),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Weights in 16 bits a number.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a folder to hand on: ONNX, the weights, and a README with scores, task, license and hashes.

    Hubs show the README as a model card. --checkpoint takes the folder.
    """
    with loading():
        from parkour.exporters.card import CardOptions, check_card, write_card
        from parkour.exporters.exporter import ExportOptions, export_policy
        from parkour.policies.source import load_weights

    options = CardOptions(tuple(scores or ()), license, half)
    weights = load_weights(policy.source(), notice)
    read = check_card(graph.out, weights, options)
    notice(f"exporting {weights.path}")
    onnx_options = ExportOptions(
        dtype=graph.dtype, batch=_batch(graph.batch), recording=graph.recording, rollout=graph.rollout,  # type: ignore[arg-type]
        engine=engine_options.engine, engine_options=engine_options.own, format="onnx",
    )  # fmt: skip
    export = export_policy(weights, graph.out, onnx_options, notify=notice)
    files = write_card(weights, export, read, options)
    if as_json:
        print_json({"folder": str(graph.out), "files": [str(path) for path in files], "max_error": export.max_error})
        return
    for path in files:
        print_result(path)
    if not read:
        notice("the README has no scores: parkour eval --json FILE, then --scores FILE")


def _targets(taken: Iterable[str]) -> dict[str, RegisteredSpec]:
    """Plugins' export targets by what they are called: by their ids where ``taken`` or several have a name."""
    from parkour.registry import default_registry

    return named([item for item in default_registry(TARGET).specs(TARGET) if not item.builtin], taken)


def target_command(name: str, item: RegisteredSpec) -> Any:
    """The command that writes a plugin's format."""
    from typer.main import get_command

    own = make_app(item.spec.summary)

    @own.command(name, help=f"{item.spec.summary} ({item.distribution}).")
    @grouped
    def write(
        graph: GraphOptions,
        policy: PolicyOptions,
        engine_options: EngineOptions,
        sets: Annotated[
            list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A number of the target. Repeatable.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        _export(policy, graph, engine_options, as_json, format=item.id, params=_params(sets or ()))

    return get_command(own)


def _params(sets: Iterable[str]) -> dict[str, Any]:
    """Parameters of a target: the text of each is read as a task's is."""
    from parkour.tasks.change_text import read_value

    found = {}
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ParkourError(f"--set: got {text!r}, expected KEY=VALUE")
        found[key.strip()] = read_value(value.strip())
    return found


def export_place(out: Path | None, weights: Weights) -> Path | None:
    """The folder that ``--export`` of other commands means, if it was given: the one named, or ``exported`` beside the
    checkpoint.

    Raises:
        ParkourError: the weights are the pretrained ones, which have no run.
        StorageError: it cannot be written.
    """
    from parkour.policies.source import is_pretrained
    from parkour.storage import check_writable

    if out is None:
        return None
    if str(out) == BESIDE_CHECKPOINT:
        if is_pretrained(weights.path):
            raise ParkourError("--export: the pretrained weights lie in no run folder", hint="--export DIR")
        out = weights.path.parent / EXPORTED
    check_writable(out, "--export", folder=True)
    return out


def export_after(weights: Weights, out: Path, engine: str | None, engine_options: Mapping[str, str]) -> None:
    """What ``--export`` of other commands does: the policy that they ran, with the usual options, as ONNX in
    ``onnx`` and as TorchScript in ``jit``."""
    from parkour.exporters.exporter import ExportOptions, export_policy

    for name in ("onnx", "jit"):
        options = ExportOptions(format=name, engine=engine, engine_options=engine_options)
        result = export_policy(weights, out / name, options, notify=notice)
        error = f" (max error {result.max_error:.2g})" if result.max_error is not None else ""
        notice(f"exported: {', '.join(str(path) for path in result.files)}{error}")


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ParkourError(f"--batch: got {text!r}, expected dynamic or a number of at least 1")
    return int(text)


def _export(policy: PolicyOptions, graph: GraphOptions, engine: EngineOptions, as_json: bool, **more: Any) -> None:
    with loading():
        from parkour.exporters.exporter import ExportOptions, export_policy
        from parkour.policies.source import load_weights

    options = ExportOptions(
        dtype=graph.dtype, batch=_batch(graph.batch), recording=graph.recording, rollout=graph.rollout,  # type: ignore[arg-type]
        engine=engine.engine, engine_options=engine.own, **more,
    )  # fmt: skip
    weights = load_weights(policy.source(), notice)
    notice(f"exporting {weights.path}")
    _report(export_policy(weights, graph.out, options, notify=notice), as_json)


def _report(result: ExportResult, as_json: bool) -> None:
    """What was written, and how far it is from torch."""
    parities = [
        {"inputs": p.inputs, "batch": p.batch, "steps": p.steps, "max_error": p.max_error} for p in result.parities
    ]
    if as_json:
        files = [str(path) for path in result.files]
        print_json({"folder": str(result.folder), "files": files, "max_error": result.max_error, "checks": parities})
        return
    rows = [(p["inputs"], p["batch"], p["steps"], f"{p['max_error']:.2g}") for p in parities]
    if rows:
        print_table("difference from torch", ("inputs", "batch", "steps", "max error"), rows)
    for path in result.files:
        print_result(path)
