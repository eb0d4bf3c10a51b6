"""What is promised of MATLAB's files: they are read as SciPy reads them, and damaged or other ones are refused."""

import random

import numpy as np
import pytest
from label_files import refusal
from mat_files import cell, named, same_splits, struct, write_peta
from scipy.io import loadmat, savemat

from polytag.data.readers import Pa100k, Peta, Rap
from polytag.data.readers.mat import Mat
from polytag.errors import DataError

DAMAGED = "{} cannot be read as a MATLAB file; download it again"
ODD = "PETA.mat is not laid out as it was published: {}; give the published file"


@pytest.fixture
def whole(tmp_path):
    return write_peta(tmp_path, np.eye(3, 36), named(36), same_splits([1], [3], [2]))


def said(tmp_path, **variables):
    path = tmp_path / "PETA.mat"
    savemat(path, variables)
    return refusal(Peta(), path)


@pytest.mark.parametrize("compressed", [True, False])
def test_the_layout_is_that_of_the_published_file(tmp_path, compressed):
    path = write_peta(tmp_path, np.eye(3, 36), named(36), same_splits([1], [3], [2]), compressed)
    peta = loadmat(path)["peta"]  # looked up as code for the published file does
    assert peta[0][0][0][:, 4:].tolist() == np.eye(3, 36).tolist()
    assert [row[0][0] for row in peta[0][0][1]] == named(36)
    assert [peta[0][0][3][4][0][0][0][part][:, 0].tolist() for part in range(3)] == [[1], [3], [2]]
    assert Peta().read(path).labels.dense().tolist() == np.eye(3, 35).tolist()


@pytest.mark.parametrize("head", [b"", b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512)])
@pytest.mark.parametrize("reader", [Peta, Rap, Pa100k])
def test_the_newer_format_is_refused(tmp_path, reader, head):
    (tmp_path / "some.mat").write_bytes(head + b"\x89HDF\r\n\x1a\n" + bytes(600))
    expected = "some.mat is in MATLAB's format 7.3 (HDF5), which is not read; save it again with -v7"
    assert refusal(reader(), tmp_path / "some.mat") == expected


@pytest.mark.parametrize("content", [b"", b"peta", b"PK\3\4" + bytes(2000), bytes(range(256)) * 9])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "PETA.mat").write_bytes(content)
    assert refusal(Peta(), tmp_path / "PETA.mat") == DAMAGED.format("PETA.mat")


def test_what_is_missing_or_of_another_kind_is_named(tmp_path):
    assert said(tmp_path, rap=1) == ODD.format("it has no variable peta")
    assert said(tmp_path, peta=1) == ODD.format("peta must be a struct with 4 fields, got 0")
    assert said(tmp_path, peta=struct(1, 2)) == ODD.format("peta must be a struct with 4 fields, got 2")
    labels, names = np.eye(3, 39), cell(named(35))
    expected = ODD.format("field 1 of peta must be a matrix of numbers")
    assert said(tmp_path, peta=struct("text", names, 0, cell([1]))) == expected
    expected = ODD.format("field 2 of peta must be a cell array")
    assert said(tmp_path, peta=struct(labels, labels, 0, cell([1]))) == expected
    expected = ODD.format("field 2 of peta must be texts, and number 2 is none")
    assert said(tmp_path, peta=struct(labels, cell(["hat", 3]), 0, cell([1]))) == expected
    expected = ODD.format("the random splits must be a cell array")
    assert said(tmp_path, peta=struct(labels, names, 0, 1)) == expected


def test_a_file_that_is_cut_off_is_refused(whole):
    content = whole.read_bytes()
    for end in range(0, len(content) - 1, 7):
        whole.write_bytes(content[:end])
        assert refusal(Peta(), whole) in (DAMAGED.format("PETA.mat"), ODD.format("it has no variable peta"))


def test_damaged_bytes_are_read_or_refused(whole):
    content = whole.read_bytes()
    for seed in range(400):
        draw = random.Random(seed)
        first = draw.randrange(len(content))
        last = min(len(content), first + draw.randrange(1, 9))
        whole.write_bytes(content[:first] + draw.randbytes(last - first) + content[last:])
        said = ""
        try:
            Peta().read(whole)
        except DataError as error:
            said = str(error)
        assert "\n" not in said


def test_only_what_is_asked_for_is_kept(tmp_path):
    savemat(tmp_path / "some.mat", {"a": 1, "b": 2})
    mat = Mat(tmp_path / "some.mat", ["b"])
    assert mat.matrix(mat["b"], "b").tolist() == [[2]]
    with pytest.raises(KeyError):
        mat["a"]
