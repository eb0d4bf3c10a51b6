"""What `write_atomic` promises: a whole file or the old one, and nothing else in the folder, whatever goes wrong."""

import errno
import os
import re
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from polytag import _files
from polytag._files import locked, write_atomic, write_text
from polytag.errors import RunError


def failing(code):
    def fail(*_arguments, **_options):
        raise OSError(code, os.strerror(code))

    return fail


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_writes_into_folders_that_it_makes(tmp_path):
    write_text(tmp_path / "a" / "b" / "notes.txt", "caf\u00e9")
    assert (tmp_path / "a" / "b" / "notes.txt").read_bytes() == b"caf\xc3\xa9"
    assert os.listdir(tmp_path / "a" / "b") == ["notes.txt"]


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    for name in ("n" * 255, "猫" * 85):
        write_text(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"


def test_replaces_what_was_there(tmp_path):
    write_text(tmp_path / "notes.txt", "a long first version")
    write_text(tmp_path / "notes.txt", "second")
    assert contents(tmp_path) == {"notes.txt": "second"}


def test_nobody_sees_the_file_before_it_is_whole(tmp_path):
    path = tmp_path / "notes.txt"
    seen = []

    def write(temporary):
        seen.append((temporary.parent, temporary == path))
        temporary.write_text("half")
        seen.append(path.exists())
        temporary.write_text("whole")

    write_atomic(path, write)
    assert seen == [(tmp_path, False), False]
    assert contents(tmp_path) == {"notes.txt": "whole"}


def test_the_text_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    order = []
    flush, replace = os.fsync, os.replace
    monkeypatch.setattr(_files.os, "fsync", lambda handle: (order.append("flush"), flush(handle)))
    monkeypatch.setattr(_files.os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    write_text(tmp_path / "notes.txt", "text")
    assert order == ["flush", "rename", "flush"]  # the file, then its name, then the folder


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("old", [None, "old"])
def test_a_full_disk_while_writing_keeps_the_old_file_and_leaves_nothing_else(tmp_path, code, old):
    path = tmp_path / "notes.txt"
    if old is not None:
        path.write_text(old)

    def write(temporary):
        temporary.write_text("half of it")
        failing(code)()

    kept = "" if old is None else "; the previous one is kept"
    message = f"cannot write {path}: the disk is full{kept}; make room or choose another folder"
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        write_atomic(path, write)
    assert contents(tmp_path) == ({} if old is None else {"notes.txt": old})


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_turns_out_full_later_keeps_the_old_file_too(tmp_path, monkeypatch, call):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    monkeypatch.setattr(_files.os, call, failing(errno.ENOSPC))
    with pytest.raises(RunError, match=r"the disk is full; the previous one is kept; make room or choose another"):
        write_text(path, "new")
    assert contents(tmp_path) == {"notes.txt": "old"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_really_full_device_is_named_as_such(tmp_path):
    with pytest.raises(RunError, match=r"notes\.txt: the disk is full; make room or choose another folder$"):
        write_atomic(tmp_path / "notes.txt", lambda _temporary: Path("/dev/full").write_text("text"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("old", [None, "old"])
def test_room_is_asked_for_before_anything_is_written(tmp_path, monkeypatch, old):
    path = tmp_path / "weights"
    if old is not None:
        path.write_text(old)
    monkeypatch.setattr(
        _files.shutil, "disk_usage", lambda folder: SimpleNamespace(free=12_300_000 if folder == tmp_path else 0)
    )
    kept = "" if old is None else "; the previous one is kept"
    message = f"cannot write {path}: it takes 45 MB and 12 MB are free{kept}; make room or choose another folder"
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        write_atomic(path, pytest.fail, size=45_000_000)
    assert contents(tmp_path) == ({} if old is None else {"weights": old})
    write_atomic(path, lambda temporary: temporary.write_text("new"), size=12_300_000)
    assert contents(tmp_path) == {"weights": "new"}


def test_other_reasons_are_said_in_the_words_of_the_system(tmp_path):
    path = tmp_path / "notes.txt"
    message = f"cannot write {path}: {os.strerror(errno.EROFS)}; make room or choose another folder"
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        write_atomic(path, failing(errno.EROFS))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_the_writer_itself_raises_comes_through_and_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half of it")
        raise error("stopped")

    with pytest.raises(error, match=r"^stopped$"):
        write_atomic(path, write)
    assert contents(tmp_path) == {"notes.txt": "old"}


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe, heard = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "tags")
    reader.join(timeout=30)
    assert heard == ["tags"]
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_link_is_followed_and_a_mode_is_kept(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "real.txt", tmp_path / "link.txt"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "there") == ["real.txt"]


def test_a_file_system_that_cannot_flush_folders_or_lock_is_said_or_borne(tmp_path, monkeypatch):
    flush = _files._flush
    monkeypatch.setattr(_files, "_flush", lambda path: failing(errno.EINVAL)() if path.is_dir() else flush(path))
    write_text(tmp_path / "a.txt", "whole")
    assert contents(tmp_path) == {"a.txt": "whole"}
    monkeypatch.setattr(_files, "_flush", lambda path: failing(errno.EIO)() if path.is_dir() else flush(path))
    with pytest.raises(OSError, match="Input/output"):
        write_text(tmp_path / "a.txt", "whole")
    monkeypatch.setattr(_files.fcntl, "flock", failing(errno.ENOSYS))
    with pytest.raises(RunError) as caught, locked(tmp_path / "lock", "busy"):
        pass
    reason = os.strerror(errno.ENOSYS)
    assert str(caught.value) == (
        f"cannot lock {tmp_path / 'lock'}: {reason}; choose a folder on a file system with locks"
    )
