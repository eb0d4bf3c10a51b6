"""What `write_atomic` promises: a whole file or the old one, and nothing else in the folder, whatever goes wrong."""

import errno
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from polytag import _files
from polytag._files import write_atomic, write_text
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
