"""A local mirror of some folders of a public bucket: Isaac's assets, for simulators without a network.

The bucket answers HTTP as Amazon's S3 does: ``GET /?list-type=2&prefix=…`` lists keys with size and ETag, ``GET /key``
gives a file. Nothing is fetched unless :func:`fetch` is called.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from parkour.digest import file_sha256
from parkour.environment import cache_folder
from parkour.errors import ParkourError, StorageError
from parkour.reading import MalformedError, read_json, user_path

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
TIMEOUT = 60.0
"""Seconds without an answer after which a server is given up."""
LONGEST_PAGE = 1 << 24
"""Bytes of one page of a listing."""
MOST_PAGES, MOST_FILES, MOST_BYTES = 100, 20_000, 20 << 30
"""Of a listing: far more than the robot and its surroundings."""
SLOWEST = 1 << 13
"""Bytes per second below which a server that has had :data:`TIMEOUT` is given up."""
_BLOCK = 1 << 16
_KEY = re.compile(r"[A-Za-z0-9_.,()+=@&'!~ -]{1,255}")
"""One part of a key; never one or two dots alone."""
_ETAG = re.compile(r"[0-9a-f]{32}(-\d{1,5})?")

State = Literal["ok", "missing", "changed"]
OnFile = Callable[[str, int], None]
"""Told of every file that is fetched: its path, and its size in bytes."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of the bucket."""

    path: str
    """From the root of the assets."""
    size: int
    """Bytes."""
    etag: str
    """The bucket's fingerprint: the MD5 sum where the file was uploaded in one part."""


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
            sha256 = _download(f"{source}/{urllib.parse.quote(f'{root}/{file.path}')}", file, place, resume=not force)
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


def list_remote(source: str, root: str, prefix: str) -> Iterator[RemoteFile]:
    """Files of the bucket whose paths begin with ``prefix``, page by page.

    Raises:
        ParkourError: see :func:`fetch`.
    """
    token, found = "", 0
    for _ in range(MOST_PAGES):
        query = {"list-type": "2", "prefix": f"{root}/{prefix}"} | ({"continuation-token": token} if token else {})
        address = f"{source}/?{urllib.parse.urlencode(query)}"
        with _open(urllib.request.Request(address)) as answer:
            text = _page(answer, address)
        page = _parse(text, address)
        for file in _files(page, root, address):
            found += 1
            yield file
        before, token = token, _text(page, "NextContinuationToken")
        if _text(page, "IsTruncated") != "true" or not token:
            break
        if token == before:
            raise ParkourError(f"{source}: the listing below {root}/{prefix} goes on with itself")
    else:
        raise ParkourError(f"{source}: the listing below {root}/{prefix} has more than {MOST_PAGES} pages")
    if not found:
        raise ParkourError(f"{source} lists nothing below {root}/{prefix}, expected the assets of Isaac Sim there")


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
            _check_path(row["path"])
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


def _download(address: str, file: RemoteFile, place: Path, *, resume: bool) -> str:
    """Fetch a file beside its place, check it, move it there; returns its SHA-256."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{file.etag[:8]}.part")
    if part.is_symlink():
        part.unlink()
    done = part.stat().st_size if resume and part.is_file() else 0
    if done > file.size:
        done = 0
    if done < file.size or file.size == 0:
        request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"} if done else {})
        with _open(request) as answer, part.open("ab" if done and answer.status == 206 else "wb") as out:
            left, pace = file.size - (done if out.mode == "ab" else 0), _Pace()
            while block := _read(answer, file):
                left -= len(block)
                if left < 0:
                    out.close()
                    part.unlink()
                    raise ParkourError(f"{file.path}: got more than the {file.size:,} bytes that the server lists")
                out.write(block)
                if pace.too_slow(len(block)):
                    raise _broken(file, f"less than {SLOWEST:,} bytes per second")
    if part.stat().st_size < file.size:
        raise _broken(file, f"got {part.stat().st_size} bytes of {file.size}")
    problem = _mismatch(part, file)
    if problem:
        part.unlink()
        raise ParkourError(f"{file.path}: {problem}", hint="parkour assets fetch, again")
    sha256 = file_sha256(part)
    part.replace(place)
    return sha256


def _mismatch(part: Path, file: RemoteFile) -> str:
    """What is wrong with a fetched file, or nothing."""
    if part.stat().st_size != file.size:
        return f"got {part.stat().st_size} bytes, expected {file.size}"
    # Of several parts' uploads the ETag is no plain sum; it has a dash in it then.
    if "-" not in file.etag and _md5(part) != file.etag:
        return "what came does not have the MD5 sum that the server lists"
    return ""


class _Pace:
    """How fast a server sends."""

    def __init__(self) -> None:
        self._begin, self._bytes = time.monotonic(), 0

    def too_slow(self, more: int) -> bool:
        """After ``more`` bytes: whether it had its time and did not use it."""
        self._bytes += more
        seconds = time.monotonic() - self._begin
        return seconds > TIMEOUT and self._bytes < SLOWEST * seconds


def _page(answer: Any, address: str) -> bytes:
    """A page of a listing."""
    text, pace = b"", _Pace()
    try:
        while block := answer.read1(_BLOCK):
            text += block
            if len(text) > LONGEST_PAGE:
                raise ParkourError(f"{address}: got more than {LONGEST_PAGE:,} bytes, expected a page of a listing")
            if pace.too_slow(len(block)):
                raise ParkourError(f"{address}: the server sends less than {SLOWEST:,} bytes per second")
    except (http.client.HTTPException, OSError) as error:
        raise ParkourError(f"{address}: the connection broke: {type(error).__name__} {error}") from error
    return text


def _md5(part: Path) -> str:
    with part.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _check_path(path: object) -> None:
    """Whether a path in the mirror, which a server or a file says, stays in it.

    Raises:
        ValueError: it is none.
    """
    parts = path.split("/") if isinstance(path, str) else [""]
    if len(parts) > 32 or not all(_KEY.fullmatch(part) and part.strip(".") and part == part.strip() for part in parts):
        raise ValueError(f"got the path {str(path)[:200]!r}, expected folders and a file of letters and digits")


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


def _open(request: urllib.request.Request) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        raise ParkourError(f"{request.full_url}: the server answered {error.code} {error.reason}") from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error) or type(error).__name__
        raise ParkourError(
            f"cannot reach {request.full_url.split('?')[0]}: {reason}",
            hint="is there a network? A copy elsewhere: --source URL",
        ) from error


def _read(answer: Any, file: RemoteFile) -> bytes:
    try:
        return answer.read1(_BLOCK)
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _broken(file, str(error)) from error


def _broken(file: RemoteFile, reason: str) -> ParkourError:
    return ParkourError(
        f"{file.path}: the connection broke: {reason}", hint="parkour assets fetch, again: it resumes there"
    )


def _parse(text: bytes, address: str) -> ET.Element:
    """A page of a listing, names without their XML namespace."""
    # A listing has no document type; entities are how XML is made to blow up.
    if b"<!" in text[:1000]:
        raise ParkourError(f"{address}: the answer is not a bucket's listing")
    try:
        page = ET.fromstring(text)
    except ET.ParseError as error:
        raise ParkourError(f"{address}: the answer is not a bucket's listing ({error})") from error
    for element in page.iter():
        element.tag = element.tag.rpartition("}")[2]
    if page.tag != "ListBucketResult":
        raise ParkourError(f"{address}: got <{page.tag}>, expected a bucket's listing")
    return page


def _files(page: ET.Element, root: str, address: str) -> Iterator[RemoteFile]:
    for entry in page.iter("Contents"):
        key, size = _text(entry, "Key"), _text(entry, "Size")
        if key.endswith("/"):
            continue  # a folder's own entry
        path, etag = key.removeprefix(f"{root}/"), _text(entry, "ETag").strip('"').lower()
        try:
            _check_path(path if key.startswith(f"{root}/") else None)
        except ValueError:
            raise ParkourError(f"{address}: got the key {key[:200]!r}, expected paths below {root}/") from None
        if not (size.isascii() and size.isdigit()) or len(size) > 12:
            raise ParkourError(f"{address}: {key}: got size {size[:80]!r}, expected a number of bytes")
        if not _ETAG.fullmatch(etag):
            raise ParkourError(f"{address}: {key}: got ETag {etag[:80]!r}, expected 32 hexadecimal digits")
        yield RemoteFile(path, int(size), etag)


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _write_listing(folder: Path, files: Any) -> None:
    rows = [{key: value for key, value in asdict(file).items() if key != "state"} for file in files]
    rows.sort(key=lambda row: row["path"])
    temporary = folder / f"{LISTING}.part"
    temporary.write_text(json.dumps({"format": 1, "files": rows}, indent=2) + "\n", encoding="utf-8")
    temporary.replace(folder / LISTING)


def _compared(folder: Path, file: LocalFile) -> LocalFile:
    place = folder / file.path
    if not place.is_file():
        return _with_state(file, "missing")
    return file if _has_size(place, file.size) else _with_state(file, "changed")


def _with_state(file: LocalFile, state: State) -> LocalFile:
    return LocalFile(file.path, file.size, file.etag, file.sha256, state)


def _has_size(place: Path, size: int) -> bool:
    return place.is_file() and place.stat().st_size == size
