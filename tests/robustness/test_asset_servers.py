"""``assets fetch`` against servers that lie: each is refused in one line, bounded in time and bytes."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkour.errors import ParkourError, StorageError
from parkour_isaaclab import bucket, mirror
from parkour_isaaclab.mirror import fetch, read_listing

ROOT, KEY = "Root", "Root/a/b.usd"
BODY = b"content"
Answer = Callable[[str, socket.socket], None]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Hands each request's target and its connection to ``answer``."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5.0)
                try:
                    head = connection.recv(65536).decode("latin-1")
                    answer(head.split(" ")[1] if " " in head else "", connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        thread.join()
        listener.close()


def http(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size + body


def listing(key: str = KEY, size: str = str(len(BODY)), etag: str | None = None, more: str = "") -> bytes:
    etag = hashlib.md5(BODY).hexdigest() if etag is None else etag
    row = f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag></Contents>"
    return f"<ListBucketResult>{more}{row}</ListBucketResult>".encode()


def lists(page: bytes, body: bytes = BODY) -> Answer:
    return lambda target, connection: connection.sendall(http(page if target.startswith("/?") else body))


def endless_body(target: str, connection: socket.socket) -> None:
    if target.startswith("/?"):
        connection.sendall(http(listing()))
        return
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_page(target: str, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>")
    while True:
        connection.sendall(b"<Contents></Contents>" * 4096)


class EndlessPages:
    """A listing whose every page names another one."""

    def __init__(self) -> None:
        self.pages = 0

    def __call__(self, target: str, connection: socket.socket) -> None:
        self.pages += 1
        token = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{self.pages}</NextContinuationToken>"
        connection.sendall(http(listing(f"Root/a/{self.pages}", more=token)))


REPEATED = "<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>"
HOSTILE: dict[str, Answer] = {
    "a body without an end": endless_body,
    "a body longer than listed": lists(listing(size="1"), b"x" * 3_000_000),
    "a body shorter than listed": lists(listing(size="9")),
    "another body": lists(listing(), b"CONTENT"),
    "a page without an end": endless_page,
    "pages without an end": EndlessPages(),
    "a page that names itself": lists(listing(more=REPEATED)),
    **{f"the key {key}": lists(listing(key)) for key in (
        "Root/.", "Root/..", "Root/../x", "Root/a/../../x", "Root//x", "Root/a//b", "/etc/passwd", "Root/a\\b",
        "Other/x", "Root/C:x", "Root/" + "a" * 300, "Root/" + "a/" * 100 + "b", "Root/a&#x1b;b", "Root/ ",
        "Root/a&#10;b",
    )},
    **{f"the size {size[:9]}": lists(listing(size=size)) for size in ("-1", "1e9", "", "٣", "9" * 5000, "9" * 12)},
    **{f"the ETag {tag[:9]}": lists(listing(etag=tag)) for tag in ("", "../../x", "a" * 300, "x" * 32, "a/b", "&#0;")},
    "no HTTP": lambda target, connection: connection.sendall(b"SSH-2.0-OpenSSH_9.0\r\n" * 100),
    "nothing": lambda target, connection: None,
    "endless headers": lambda target, connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
    "a bad length": lambda target, connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    "bad chunks": lambda target, connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "bytes": lambda target, connection: connection.sendall(bytes(range(256)) * 100),
    "an error": lambda target, connection: connection.sendall(b"HTTP/1.1 500 \x1b[31m\r\n\r\n"),
    "a redirection to a file": lambda target, connection: connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
    "a redirection to itself": lambda target, connection: connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: /?x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    "entities": lists(b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaa">]><ListBucketResult>&a;</ListBucketResult>'),
    "deep XML": lists(b"<ListBucketResult>" + b"<a>" * 100_000),
    "another document": lists(b"<html></html>"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_servers_that_lie(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "TIMEOUT", 2.0)
    folder, begin = tmp_path / "mirror", time.monotonic()
    with server(HOSTILE[kind]) as source, pytest.raises(ParkourError) as caught:
        fetch(folder, source=source, root=ROOT, wanted=("a/",))
    assert time.monotonic() - begin < 10.0
    assert "\n" not in caught.value.message and len(caught.value.message) < 1000
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in written) < 1000
    assert all(path.name.endswith(".part") and path.is_relative_to(folder) for path in written)


def test_an_honest_one_is_fetched(tmp_path: Path) -> None:
    with server(lists(listing())) as source:
        fetch(tmp_path, source=source, root=ROOT, wanted=("a/",))
    assert (tmp_path / "a" / "b.usd").read_bytes() == BODY


def test_links_in_the_mirror_are_not_written_through(tmp_path: Path) -> None:
    folder, outside = tmp_path / "mirror", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "a").symlink_to(outside)
    with server(lists(listing())) as source, pytest.raises(StorageError, match="symbolic link"):
        fetch(folder, source=source, root=ROOT, wanted=("a/",))
    (folder / "a").unlink()
    (folder / "a").mkdir()
    etag = hashlib.md5(BODY).hexdigest()
    (outside / "precious").write_text("precious")
    (folder / "a" / f"b.usd.{etag[:8]}.part").symlink_to(outside / "precious")
    with server(lists(listing())) as source:
        fetch(folder, source=source, root=ROOT, wanted=("a/",))
    assert (outside / "precious").read_text() == "precious" and (folder / "a" / "b.usd").read_bytes() == BODY


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../b", "", 5, None])
def test_a_listing_names_nothing_outside(path: object, tmp_path: Path) -> None:
    import json

    row = {"path": path, "size": 1, "etag": "a" * 32, "sha256": "b" * 64}
    (tmp_path / mirror.LISTING).write_text(json.dumps({"format": 1, "files": [row]}))
    with pytest.raises(StorageError, match="is damaged"):
        read_listing(tmp_path)
