"""``parkour export``: a policy as a file that runs without us."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import JsonOption, make_app, notice, print_json, print_table
from parkour.errors import ParkourError, StorageError
from parkour_cli.options import (
    CheckpointOption,
    CpuSimOption,
    EngineOption,
    LogRootOption,
    PolicyTaskArgument,
    PretrainedOption,
    RunOption,
    engine_options,
)

if TYPE_CHECKING:
    from parkour.export.exporter import ExportOptions, ExportResult

app = make_app("Write a policy as ONNX, TorchScript or bare weights.")

OutOption = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the export.")]
DtypeOption = Annotated[str, typer.Option(metavar="TYPE", help="Of the weights: float32 or float16.")]
BatchOption = Annotated[str, typer.Option(metavar="SIZE", help="Size of the batch: dynamic, or a number.")]
RecordingOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Compare on these observations (.npz with 'obs').")
]
RolloutOption = Annotated[
    bool, typer.Option("--rollout/--no-rollout", help="Record a short rollout to compare on, without --recording.")
]


@app.callback()
def export() -> None:
    """Write a policy as ONNX or TorchScript, with deploy.toml and compared with torch at once, or as bare weights."""


@app.command()
def onnx(
    out: OutOption,
    task: PolicyTaskArgument = None,
    checkpoint: CheckpointOption = None,
    run: RunOption = None,
    pretrained: PretrainedOption = False,
    log_root: LogRootOption = Path("logs"),
    opset: Annotated[int, typer.Option(help="ONNX operator set, 14 to 20.")] = 18,
    dtype: DtypeOption = "float32",
    batch: BatchOption = "dynamic",
    recording: RecordingOption = None,
    rollout: RolloutOption = True,
    engine: EngineOption = None,
    cpu_sim: CpuSimOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a policy as ONNX, which onnxruntime and others run."""
    from parkour.export.exporter import ExportOptions

    options = ExportOptions(
        format="onnx", opset=opset, dtype=dtype, batch=_batch(batch), recording=recording, rollout=rollout,  # type: ignore[arg-type]
        engine=engine, engine_options=engine_options(cpu_sim),
    )  # fmt: skip
    _report(_export(task, checkpoint, run, pretrained, log_root, out, options), as_json)


@app.command()
def jit(
    out: OutOption,
    task: PolicyTaskArgument = None,
    checkpoint: CheckpointOption = None,
    run: RunOption = None,
    pretrained: PretrainedOption = False,
    log_root: LogRootOption = Path("logs"),
    dtype: DtypeOption = "float32",
    batch: BatchOption = "dynamic",
    recording: RecordingOption = None,
    rollout: RolloutOption = True,
    engine: EngineOption = None,
    cpu_sim: CpuSimOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a policy as TorchScript, which torch and libtorch run."""
    from parkour.export.exporter import ExportOptions

    options = ExportOptions(
        format="jit", dtype=dtype, batch=_batch(batch), recording=recording, rollout=rollout,  # type: ignore[arg-type]
        engine=engine, engine_options=engine_options(cpu_sim),
    )  # fmt: skip
    _report(_export(task, checkpoint, run, pretrained, log_root, out, options), as_json)


@app.command()
def weights(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write (.pt).")],
    task: PolicyTaskArgument = None,
    checkpoint: CheckpointOption = None,
    run: RunOption = None,
    pretrained: PretrainedOption = False,
    log_root: LogRootOption = Path("logs"),
    half: Annotated[bool, typer.Option("--half", help="16 bits a number: half the size.")] = False,
) -> None:
    """Write a checkpoint's networks alone: to hand on, to score and to train further, but not to resume."""
    from parkour.policies.checkpoint import slim
    from parkour.policies.checkpoint_file import save_checkpoint
    from parkour.policies.source import PolicySource, load_weights

    source = PolicySource(task=task, checkpoint=checkpoint, run=run, pretrained=pretrained, log_root=log_root)
    loaded = load_weights(source)
    if out.exists() and out.samefile(loaded.path):
        raise ParkourError(f"--out {out} is the checkpoint itself", hint="name another file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {out.parent}: {error.strerror}", hint="--out FILE") from error
    save_checkpoint(out, slim(loaded.checkpoint, half=half), hint="free some space, or name another --out FILE")
    notice(f"{loaded.path}: {loaded.path.stat().st_size / 1e6:.1f} MB, {out}: {out.stat().st_size / 1e6:.1f} MB")
    print(out)


def export_after(checkpoint: Path, out: Path, engine: str | None, engine_options: Mapping[str, str]) -> None:
    """What ``--export DIR`` of other commands does: the policy that they ran, as ONNX with the usual options."""
    from parkour.export.exporter import ExportOptions, export_policy

    options = ExportOptions(engine=engine, engine_options=engine_options)
    result = export_policy(checkpoint, out, options, notify=notice)
    notice(f"exported: {', '.join(str(path) for path in result.files)} (max error {result.max_error:.2g})")


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ParkourError(f"--batch: got {text!r}, expected dynamic or a number of at least 1")
    return int(text)


def _export(
    task: str | None, checkpoint: Path | None, run: Path | None, pretrained: bool, log_root: Path, out: Path,
    options: ExportOptions,
) -> ExportResult:  # fmt: skip
    from parkour.export.exporter import export_policy
    from parkour.policies.source import PolicySource, load_weights

    source = PolicySource(task=task, checkpoint=checkpoint, run=run, pretrained=pretrained, log_root=log_root)
    path = load_weights(source).path
    notice(f"exporting {path}")
    return export_policy(path, out, options, notify=notice)


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
    print_table("difference from torch", ("inputs", "batch", "steps", "max error"), rows)
    for path in result.files:
        print(path)
