"""A public bucket that answers HTTP as Amazon's S3 does, taken for a stranger: what it lists and sends is bounded.

``GET /?list-type=2&prefix=…`` lists keys with size and ETag, ``GET /key`` gives a file.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.digest import file_sha256
from parkour.errors import ParkourError

TIMEOUT = 60.0
"""Seconds without an answer after which a server is given up."""
LONGEST_PAGE = 1 << 24
"""Bytes of one page of a listing."""
MOST_PAGES = 100
"""Of a listing."""
SLOWEST = 1 << 13
"""Bytes per second below which a server that has had :data:`TIMEOUT` is given up."""
_BLOCK = 1 << 16
_KEY = re.compile(r"[A-Za-z0-9_.,()+=@&'!~ -]{1,255}")
"""One part of a key; never one or two dots alone."""
_ETAG = re.compile(r"[0-9a-f]{32}(-\d{1,5})?")


@dataclass(frozen=True)
class RemoteFile:
    """A file of the bucket."""

    path: str
    """From the root of the assets."""
    size: int
    """Bytes."""
    etag: str
    """The bucket's fingerprint: the MD5 sum where the file was uploaded in one part."""


def list_remote(source: str, root: str, prefix: str) -> Iterator[RemoteFile]:
    """Files of the bucket whose paths begin with ``prefix``, page by page.

    Raises:
        ParkourError: the server cannot be reached, does not answer as a bucket, or lists nothing there.
    """
    token, found = "", 0
    for _ in range(MOST_PAGES):
        query = {"list-type": "2", "prefix": f"{root}/{prefix}"} | ({"continuation-token": token} if token else {})
        address = f"{source}/?{urllib.parse.urlencode(query)}"
        with _open(urllib.request.Request(address)) as answer:
            text = _page(answer, address)
        page = parse_page(text, address)
        for file in files_of(page, root, address):
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


def download(address: str, file: RemoteFile, place: Path, *, resume: bool) -> str:
    """Fetch a file beside its place, check it, move it there; returns its SHA-256.

    What was begun is resumed, if ``resume``.

    Raises:
        ParkourError: the server cannot be reached, or sends something else than it lists.
        OSError: the file cannot be written.
    """
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


def check_path(path: object) -> None:
    """Whether a path in the mirror, which a server or a file says, stays in it.

    Raises:
        ValueError: it is none.
    """
    parts = path.split("/") if isinstance(path, str) else [""]
    if len(parts) > 32 or not all(_KEY.fullmatch(part) and part.strip(".") and part == part.strip() for part in parts):
        raise ValueError(f"got the path {str(path)[:200]!r}, expected folders and a file of letters and digits")


def _mismatch(part: Path, file: RemoteFile) -> str:
    """What is wrong with a fetched file, or nothing."""
    if part.stat().st_size != file.size:
        return f"got {part.stat().st_size} bytes, expected {file.size}"
    # Of several parts' uploads the ETag is no plain sum; it has a dash in it then.
    if "-" not in file.etag and _md5(part) != file.etag:
        return "what came does not have the MD5 sum that the server lists"
    return ""


def _md5(part: Path) -> str:
    with part.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


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


def parse_page(text: bytes, address: str) -> ET.Element:
    """A page of a listing, names without their XML namespace.

    Raises:
        ParkourError: it is none; names the ``address`` that it came from.
    """
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


def files_of(page: ET.Element, root: str, address: str) -> Iterator[RemoteFile]:
    """What a page lists below ``root``.

    Raises:
        ParkourError: a key, a size or an ETag is none; names the ``address`` that the page came from.
    """
    for entry in page.iter("Contents"):
        key, size = _text(entry, "Key"), _text(entry, "Size")
        if key.endswith("/"):
            continue  # a folder's own entry
        path, etag = key.removeprefix(f"{root}/"), _text(entry, "ETag").strip('"').lower()
        try:
            check_path(path if key.startswith(f"{root}/") else None)
        except ValueError:
            raise ParkourError(f"{address}: got the key {key[:200]!r}, expected paths below {root}/") from None
        if not (size.isascii() and size.isdigit()) or len(size) > 12:
            raise ParkourError(f"{address}: {key}: got size {size[:80]!r}, expected a number of bytes")
        if not _ETAG.fullmatch(etag):
            raise ParkourError(f"{address}: {key}: got ETag {etag[:80]!r}, expected 32 hexadecimal digits")
        yield RemoteFile(path, int(size), etag)


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()
