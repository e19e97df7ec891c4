"""A local mirror of some folders of a public bucket: Isaac's assets, for simulators without a network.

Nothing is fetched unless :func:`fetch` is called.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from parkour.digest import file_sha256
from parkour.environment import cache_folder
from parkour.errors import ParkourError, StorageError
from parkour.reading import MalformedError, read_json, user_path
from parkour.storage import write_text
from parkour_isaaclab.bucket import RemoteFile, check_path, download, list_remote

SOURCE = "https://omniverse-content-production.s3-us-west-2.amazonaws.com"
"""NVIDIA's public bucket of assets."""
ROOT = "Assets/Isaac/6.2"
"""What Isaac Sim 6.2 takes for the root of its assets; a mirror holds paths from here."""
WANTED = (
    "Isaac/IsaacLab/Robots/Unitree/Go2/",
    "Isaac/Materials/Textures/Skies/PolyHaven/kloofendal_43d_clear_puresky_4k.hdr",
    "Isaac/IsaacLab/Materials/TilesMarbleSpiderWhiteBrickBondHoned/",
    "Isaac/Props/UIElements/arrow_x.usd",
)
"""Folders and files: the robot, a sky, a ground material, arrow markers."""
VARIABLE = "PARKOUR_ISAAC_ASSETS"
"""Environment variable that names the mirror's folder."""
LISTING = "listing.json"
"""File in the mirror: what it holds, with size, ETag and SHA-256 of every file."""
MOST_FILES, MOST_BYTES = 20_000, 20 << 30
"""Far more than the robot and its surroundings."""

State = Literal["ok", "missing", "changed"]
OnFile = Callable[[str, int], None]
"""Told of every file that is fetched: its path, and its size in bytes."""


@dataclass(frozen=True)
class LocalFile:
    """A line of the mirror's listing."""

    path: str
    size: int
    etag: str
    sha256: str
    state: State = "ok"


@dataclass(frozen=True)
class FetchResult:
    """What :func:`fetch` did."""

    fetched: tuple[str, ...]
    kept: tuple[str, ...]
    """Files that were there already."""


def assets_folder() -> Path:
    """The mirror: what :data:`VARIABLE` names, or a folder in the user's cache."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        try:
            return user_path(chosen)
        except MalformedError as error:
            raise ParkourError(f"{VARIABLE}: {error}", hint=f"unset {VARIABLE}") from None
    return cache_folder() / "parkour" / "isaac_assets"


def fetch(
    folder: Path,
    *,
    source: str = SOURCE,
    root: str = ROOT,
    wanted: tuple[str, ...] = WANTED,
    force: bool = False,
    on_file: OnFile = lambda path, size: None,
) -> FetchResult:
    """Bring the mirror up to date: what is missing or changed there is fetched, what was begun is resumed.

    Args:
        folder: of the mirror; made if it is not there.
        source: address of the bucket, http or https.
        root: prefix of all keys that paths in the mirror leave out.
        wanted: folders and files below the root.
        force: fetch everything again.
        on_file: told before each file.

    Raises:
        ParkourError: the server cannot be reached, does not answer as a bucket, has none of the wanted, or sends
            something else than it lists.
        StorageError: the folder cannot be written.
    """
    if urllib.parse.urlsplit(source).scheme not in ("http", "https"):
        raise ParkourError(f"--source: got {source!r}, expected an address that begins with http:// or https://")
    remote = _listed(source, root, wanted)
    known = {file.path: file for file in read_listing(folder)}
    fetched, kept = [], []
    try:
        for file in remote:
            _check_place(folder, file.path)
            place = folder / file.path
            old = known.get(file.path)
            if not force and old is not None and old.etag == file.etag and _has_size(place, file.size):
                kept.append(file.path)
                continue
            on_file(file.path, file.size)
            sha256 = download(f"{source}/{urllib.parse.quote(f'{root}/{file.path}')}", file, place, resume=not force)
            known[file.path] = LocalFile(file.path, file.size, file.etag, sha256)
            fetched.append(file.path)
            # After every file, so that what was fetched stays known if the next one fails.
            _write_listing(folder, known.values())
    except OSError as error:
        raise StorageError(f"cannot write the mirror in {folder}: {error}") from error
    return FetchResult(tuple(fetched), tuple(kept))


def _listed(source: str, root: str, wanted: tuple[str, ...]) -> list[RemoteFile]:
    """Everything that is wanted, as far as anybody would want so much."""
    remote: list[RemoteFile] = []
    size = 0
    for file in (file for prefix in wanted for file in list_remote(source, root, prefix)):
        remote.append(file)
        size += file.size
        if len(remote) > MOST_FILES or size > MOST_BYTES:
            raise ParkourError(
                f"{source} lists more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes, expected those of one robot"
            )
    return remote


def read_listing(folder: Path) -> list[LocalFile]:
    """What the mirror holds, each file compared with the disk by its size; empty where there is none.

    Raises:
        StorageError: the listing is damaged.
    """
    file = folder / LISTING
    if not file.is_file():
        return []
    try:
        rows = read_json(file)["files"]
        for row in rows:
            if type(row["size"]) is not int or not isinstance(row["sha256"], str) or not isinstance(row["etag"], str):
                raise ValueError("a file without size, ETag or SHA-256")
            check_path(row["path"])
        return [_compared(folder, LocalFile(**{k: v for k, v in row.items() if k != "state"})) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{file} is damaged ({type(error).__name__}: {error})", hint="parkour assets fetch --force, without it"
        ) from error


def verify(folder: Path) -> list[LocalFile]:
    """:func:`read_listing`, and every file's SHA-256 compared."""
    return [
        file if file.state != "ok" or file_sha256(folder / file.path) == file.sha256 else _with_state(file, "changed")
        for file in read_listing(folder)
    ]


def _check_place(folder: Path, path: str) -> None:
    """Whether nothing in the mirror's folder is a link to elsewhere, which would be written through.

    Raises:
        StorageError: something is.
    """
    place = folder / path
    while place != folder:
        if place.is_symlink():
            raise StorageError(f"{place} is a symbolic link, expected a folder or file of the mirror", hint="remove it")
        place = place.parent


def _write_listing(folder: Path, files: Iterable[LocalFile]) -> None:
    rows = [{key: value for key, value in asdict(file).items() if key != "state"} for file in files]
    rows.sort(key=lambda row: row["path"])
    write_text(folder / LISTING, json.dumps({"format": 1, "files": rows}, indent=2) + "\n", "--folder")


def _compared(folder: Path, file: LocalFile) -> LocalFile:
    place = folder / file.path
    if not place.is_file():
        return _with_state(file, "missing")
    return file if _has_size(place, file.size) else _with_state(file, "changed")


def _with_state(file: LocalFile, state: State) -> LocalFile:
    return LocalFile(file.path, file.size, file.etag, file.sha256, state)


def _has_size(place: Path, size: int) -> bool:
    return place.is_file() and place.stat().st_size == size
