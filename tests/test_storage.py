"""Files that commands write: whole or not there, and one line where they cannot be."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parkour.errors import StorageError
from parkour.storage import check_writable, make_folder, open_growing, remove_parts, whole_file, write_text


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "text.txt"
    check_writable(path, "--out")
    check_writable(tmp_path / "c" / "d", "--out", folder=True)
    assert list((tmp_path / "a" / "b").iterdir()) == list((tmp_path / "c" / "d").iterdir()) == []
    write_text(path, "é", "--out")
    assert path.read_bytes() == "é".encode() and list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_until_the_new_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text("old")
    check_writable(path, "--out")
    with pytest.raises(ValueError, match="half"), whole_file(path, "--out") as part:
        part.write_text("new, but ")
        assert part.suffix == ".mp4" and part.parent == tmp_path and path.read_text() == "old"
        raise ValueError("half of it")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with whole_file(path, "--out") as part:
        part.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_a_pipe_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    for target in ("file", "nowhere"):
        (tmp_path / "link").symlink_to(tmp_path / target)
        check_writable(tmp_path / "link", "--out")
        assert (tmp_path / "link").is_symlink()
        write_text(tmp_path / "link", "text", "--out")
        assert not (tmp_path / "link").is_symlink() and (tmp_path / "link").read_text() == "text"
        (tmp_path / "link").unlink()
    assert (tmp_path / "file").read_text() == "precious" and not (tmp_path / "nowhere").exists()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "text", "--out")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    write_text(Path("/dev/null"), "text", "--out")
    assert not Path("/dev/null").is_file()


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        living = [tmp_path / f".eval.{other.pid}.part.json", tmp_path / "a.part.json", tmp_path / ".git"]
        killed = [tmp_path / f".model_7.{os.getpid()}.part.pt", tmp_path / "videos" / ".film.99999999.part.mp4"]
        (tmp_path / "videos").mkdir()
        for path in (*living, *killed):
            path.write_text("half")
        assert sorted(remove_parts(tmp_path)) == sorted(killed)
        assert all(path.exists() for path in living) and not any(path.exists() for path in killed)
        other.kill()
    assert remove_parts(tmp_path) == living[:1]


def test_places_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "x" / "y.txt"
    for fails in (
        lambda: check_writable(below, "--json"),
        lambda: check_writable(below, "--json", folder=True),
        lambda: make_folder(below, "--json"),
        lambda: write_text(below, "text", "--json"),
        lambda: write_text(tmp_path, "text", "--json"),
        lambda: check_writable(tmp_path, "--json"),
    ):
        with pytest.raises(StorageError) as caught:
            fails()
        assert caught.value.message.startswith(f"--json: cannot write {tmp_path}")
        assert caught.value.hint == "--json with a place that can be written"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_files_that_grow_follow_no_link_and_wait_for_no_pipe(tmp_path: Path) -> None:
    path, victim = tmp_path / "metrics.jsonl", tmp_path / "victim"
    for there in (False, True):
        if there:
            victim.write_text("mine")
        path.symlink_to(victim)
        with open_growing(path) as file:
            file.write("1\n")
        assert path.read_text() == "1\n" and not path.is_symlink()
        assert victim.exists() is there
        path.unlink()
    assert victim.read_text() == "mine"
    for text in ("1\n", "1\n2\n"):
        with open_growing(path) as file:
            file.write(text[-2:])
        assert path.read_text() == text
    with open_growing(path, "w") as file:
        file.write("3")
    assert path.read_text() == "3"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="pipe or device is in its place"):
        open_growing(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="a folder is in its place"):
        open_growing(tmp_path / "folder")


def test_a_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    check_writable(path, "--json")
    with pytest.raises(StorageError, match=r"--json: cannot write .*pipe: a pipe that nobody reads"):
        write_text(path, "1", "--json")
    assert path.is_fifo()


def test_a_check_does_not_end_what_a_pipe_is_read_by(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    try:
        check_writable(path, "--json")
        for _ in range(500):  # Until it has opened the pipe.
            try:
                write_text(path, "1", "--json")
                break
            except StorageError:
                time.sleep(0.02)
        assert reader.communicate(timeout=10)[0] == b"1"
    finally:
        reader.kill()
