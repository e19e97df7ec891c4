"""``parkour assets``: Isaac Sim's public assets in a local folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from parkour.commands import JsonOption, make_app, notice, print_json, print_table
from parkour.stages import stage
from parkour_isaaclab.mirror import ROOT, SOURCE, VARIABLE

app = make_app("Mirror the assets that the isaaclab engine uses, for machines without a network.")

FolderOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help=f"The mirror; by default ${VARIABLE}, or in the cache.", show_default=False),
]


@app.callback()
def assets() -> None:
    """Mirror the assets that the isaaclab engine uses, for machines without a network."""


@app.command(name="fetch")
def fetch_assets(
    folder: FolderOption = None,
    source: Annotated[str, typer.Option(metavar="URL", help="Bucket to fetch from.")] = SOURCE,
    root: Annotated[str, typer.Option(metavar="PREFIX", help="Root of Isaac's assets in the bucket.")] = ROOT,
    force: Annotated[bool, typer.Option("--force", help="Fetch everything again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch what is missing or changed: the Go2, a sky, a ground material, arrow markers."""
    from parkour_isaaclab.mirror import assets_folder, fetch

    place = folder or assets_folder()
    with stage("fetching"):
        result = fetch(
            place,
            source=source.rstrip("/"),
            root=root.strip("/"),
            force=force,
            on_file=lambda path, size: notice(f"{path} ({_size(size)})"),
        )
    if as_json:
        print_json({"folder": str(place), "fetched": list(result.fetched), "kept": list(result.kept)})
        return
    notice(f"{len(result.fetched)} fetched, {len(result.kept)} there already, in {place}")


@app.command(name="list")
def list_assets(
    folder: FolderOption = None,
    check: Annotated[bool, typer.Option("--check", help="Compare checksums, not only sizes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what the mirror holds, and whether it is as it was fetched."""
    from parkour_isaaclab.mirror import assets_folder, read_listing, verify

    place = folder or assets_folder()
    files = verify(place) if check else read_listing(place)
    if as_json:
        rows: list[dict[str, Any]] = [
            {"path": file.path, "size": file.size, "sha256": file.sha256, "state": file.state} for file in files
        ]
        print_json({"folder": str(place), "files": rows})
        return
    if not files:
        notice(f"nothing is mirrored in {place}: parkour assets fetch")
        return
    print_table(str(place), ("file", "size", "status"), [(f.path, _size(f.size), f.state) for f in files])


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
