"""The mirror of a bucket, against a server on this machine that answers as one."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from typer.testing import CliRunner

from parkour.errors import ParkourError, StorageError
from parkour_cli.app import app
from parkour_isaaclab.bucket import list_remote
from parkour_isaaclab.mirror import LISTING, fetch, read_listing, verify

ROOT = "Assets/Isaac/6.2"
ROBOT = "Isaac/IsaacLab/Robots/Unitree/Go2/"
SKY = "Isaac/Materials/Textures/sky & clouds.hdr"
WANTED = (ROBOT, SKY)


@dataclass
class Bucket:
    """Files by key, and what was asked for."""

    files: dict[str, bytes]
    address: str = ""
    gets: list[tuple[str, str]] = field(default_factory=list)
    """Paths of files asked for, with the range."""
    break_after: int | None = None
    """Bytes after which the next file's connection breaks."""
    listing: bytes | None = None
    """Answered in place of a listing."""
    page: int = 2
    """Keys of a page."""

    def answer_listing(self, query: dict[str, list[str]]) -> bytes:
        if self.listing is not None:
            return self.listing
        keys = sorted(key for key in self.files if key.startswith(query["prefix"][0]))
        start = int(query.get("continuation-token", ["0"])[0])
        more = start + self.page < len(keys)
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.files[key])}</Size>"
            f"<ETag>&quot;{hashlib.md5(self.files[key]).hexdigest()}&quot;</ETag></Contents>"
            for key in keys[start : start + self.page]
        )
        token = f"<NextContinuationToken>{start + self.page}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        ).encode()


class BucketServer(ThreadingHTTPServer):
    """A bucket on loopback."""

    def __init__(self, store: Bucket) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = store


class Handler(BaseHTTPRequestHandler):
    """Listings and files of the bucket, from where a download broke off too."""

    server: BucketServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        url, store = urlsplit(self.path), self.server.store
        if url.path == "/":
            self._send(200, store.answer_listing(parse_qs(url.query)))
            return
        key, wanted = unquote(url.path[1:]), self.headers.get("Range", "")
        store.gets.append((key.removeprefix(f"{ROOT}/"), wanted))
        content = store.files.get(key)
        if content is None:
            self._send(404, b"no such key")
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self._send(206 if start else 200, content[start:])

    def _send(self, status: int, content: bytes) -> None:
        store = self.server.store
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if store.break_after is not None and not self.path.startswith("/?"):
            content, store.break_after = content[: store.break_after], None
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    store = Bucket(
        {
            f"{ROOT}/{ROBOT}": b"",
            f"{ROOT}/{ROBOT}go2.usd": bytes(range(256)) * 40,
            f"{ROOT}/{ROBOT}Props/instanceable.usd": b"parts" * 1000,
            f"{ROOT}/{ROBOT}config.yaml": b"asset: go2\n",
            f"{ROOT}/{SKY}": b"blue" * 500,
            f"{ROOT}/Isaac/Robots/other.usd": b"not wanted",
        }
    )
    server = BucketServer(store)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    store.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield store
    server.shutdown()
    server.server_close()


def _fetch(bucket: Bucket, folder: Path, **options: bool) -> tuple[set[str], set[str]]:
    result = fetch(folder, source=bucket.address, root=ROOT, wanted=WANTED, **options)
    return set(result.fetched), set(result.kept)


ALL = {f"{ROBOT}go2.usd", f"{ROBOT}Props/instanceable.usd", f"{ROBOT}config.yaml", SKY}


def test_wanted_folders_and_files_are_fetched_over_several_pages(bucket: Bucket, tmp_path: Path) -> None:
    assert _fetch(bucket, tmp_path) == (ALL, set())
    for path in ALL:
        assert (tmp_path / path).read_bytes() == bucket.files[f"{ROOT}/{path}"]
    assert {file.path for file in read_listing(tmp_path)} == ALL
    assert all(file.state == "ok" for file in verify(tmp_path))
    assert not list(tmp_path.rglob("*.part"))


def test_only_what_is_missing_or_changed_is_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    _fetch(bucket, tmp_path)
    bucket.gets.clear()
    assert _fetch(bucket, tmp_path) == (set(), ALL)
    assert bucket.gets == []
    (tmp_path / SKY).unlink()
    bucket.files[f"{ROOT}/{ROBOT}config.yaml"] = b"asset: g2o\n"
    assert _fetch(bucket, tmp_path)[0] == {SKY, f"{ROBOT}config.yaml"}
    assert (tmp_path / f"{ROBOT}config.yaml").read_bytes() == b"asset: g2o\n"


def test_force_fetches_everything_again(bucket: Bucket, tmp_path: Path) -> None:
    _fetch(bucket, tmp_path)
    assert _fetch(bucket, tmp_path, force=True) == (ALL, set())


def test_a_broken_connection_is_told_and_gone_on_from(bucket: Bucket, tmp_path: Path) -> None:
    """The file that broke is asked for from where it stopped; those before it are kept."""
    bucket.break_after = 3000
    with pytest.raises(ParkourError, match=r"Props/instanceable\.usd: ") as caught:
        _fetch(bucket, tmp_path)
    assert "again" in str(caught.value.hint)
    assert not (tmp_path / ROBOT / "Props/instanceable.usd").exists()
    bucket.gets.clear()
    assert _fetch(bucket, tmp_path)[0] == ALL
    assert (f"{ROBOT}Props/instanceable.usd", "bytes=3000-") in bucket.gets
    assert (tmp_path / ROBOT / "Props/instanceable.usd").read_bytes() == b"parts" * 1000


def test_what_does_not_match_the_listing_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    partial = tmp_path / ROBOT / f"go2.usd.{hashlib.md5(bytes(range(256)) * 40).hexdigest()[:8]}.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 100)
    with pytest.raises(ParkourError, match=r"go2\.usd: what came does not have the MD5 sum"):
        _fetch(bucket, tmp_path)
    assert not partial.exists()
    assert f"{ROBOT}go2.usd" in _fetch(bucket, tmp_path)[0]
    assert all(file.state == "ok" for file in verify(tmp_path))


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        (b"<html><body>hello</body></html>", "got <html>, expected a bucket's listing"),
        (b"{}", "is not a bucket's listing"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>', "is not a bucket's listing"),
        (b"<ListBucketResult/>", "lists nothing below"),
        (
            f"<ListBucketResult><Contents><Key>{ROOT}/../../evil</Key><Size>1</Size></Contents></ListBucketResult>".encode(),
            "expected paths below",
        ),
        (
            f"<ListBucketResult><Contents><Key>{ROOT}/a</Key><Size>big</Size></Contents></ListBucketResult>".encode(),
            "expected a number of bytes",
        ),
    ],
)
def test_answers_that_are_no_listing_are_told(bucket: Bucket, tmp_path: Path, listing: bytes, message: str) -> None:
    bucket.listing = listing
    with pytest.raises(ParkourError) as caught:
        _fetch(bucket, tmp_path)
    assert message in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_an_unreachable_server_are_told(bucket: Bucket, tmp_path: Path) -> None:
    listed = bucket.answer_listing({"prefix": [f"{ROOT}/{SKY}"]})
    bucket.listing, bucket.files = listed, {}
    with pytest.raises(ParkourError, match="the server answered 404"):
        _fetch(bucket, tmp_path)
    with pytest.raises(ParkourError, match=r"cannot reach http://127\.0\.0\.1:9"):
        list(list_remote("http://127.0.0.1:9", ROOT, ROBOT))
    with pytest.raises(ParkourError, match="--source: got 'file:///etc'"):
        fetch(tmp_path, source="file:///etc")


def test_a_damaged_mirror_shows(bucket: Bucket, tmp_path: Path) -> None:
    _fetch(bucket, tmp_path)
    (tmp_path / SKY).write_bytes(b"grey" * 500)
    (tmp_path / ROBOT / "config.yaml").unlink()
    (tmp_path / ROBOT / "go2.usd").write_bytes(b"short")
    states = {file.path: file.state for file in verify(tmp_path)}
    assert states == {
        SKY: "changed",
        f"{ROBOT}config.yaml": "missing",
        f"{ROBOT}go2.usd": "changed",
        f"{ROBOT}Props/instanceable.usd": "ok",
    }
    (tmp_path / LISTING).write_text("{")
    with pytest.raises(StorageError, match=r"listing\.json is damaged"):
        read_listing(tmp_path)


def test_the_command_fetches_and_lists(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parkour_isaaclab.mirror.fetch.__kwdefaults__", {**fetch.__kwdefaults__, "wanted": WANTED})
    monkeypatch.setenv("PARKOUR_ISAAC_ASSETS", str(tmp_path / "mirror"))
    runner = CliRunner()
    options = ["--source", bucket.address, "--root", ROOT, "--json"]
    result = runner.invoke(app, ["assets", "fetch", *options])
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)["fetched"]) == ALL
    listed = runner.invoke(app, ["assets", "list", "--check", "--json"])
    assert {file["path"]: file["state"] for file in json.loads(listed.stdout)["files"]} == dict.fromkeys(ALL, "ok")
