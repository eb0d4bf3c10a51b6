"""What `Labels` promises: three values that nothing guesses, in any order of rows and classes, in few bytes."""

import numpy as np
import pytest

import polytag.labels.matrix
from polytag.errors import DataError, OptionError
from polytag.labels import Labels, LabelsBuilder
from polytag.labels.matrix import Rows

MATRIX = [[1, 0, -1], [0, 0, 0], [-1, -1, -1], [1, 1, 1]]
CLASSES = ["cat", "dog", "cow"]


@pytest.fixture(params=["absent", "unknown"])
def labels(request):
    return Labels.from_dense(MATRIX, CLASSES, request.param)


def random_matrix(items, classes, seed=0):
    return np.random.default_rng(seed).integers(-1, 2, (items, classes)).astype(np.int8)


def test_gives_back_the_matrix_it_was_made_of(labels):
    assert labels.dense().tolist() == MATRIX
    assert labels.dense().dtype == np.int8
    assert labels.shape == (4, 3)
    assert len(labels) == 4


def test_stores_only_what_is_neither_absent_by_default_nor_unknown_by_default():
    closed, opened = (Labels.from_dense(MATRIX, CLASSES, default) for default in ("absent", "unknown"))
    assert closed.present.columns.tolist() == opened.present.columns.tolist() == [0, 0, 1, 2]
    assert closed.other.columns.tolist() == [2, 0, 1, 2]  # the unknown ones
    assert opened.other.columns.tolist() == [1, 0, 1, 2]  # the absent ones


def test_counts_each_value_of_each_class(labels):
    counts = labels.counts()
    assert [column.tolist() for column in counts] == [[2, 1, 1], [1, 2, 1], [1, 1, 2]]


def test_counts_are_the_same_in_pieces(monkeypatch):
    matrix = random_matrix(50, 7)
    monkeypatch.setattr(polytag.labels.matrix, "CHUNK", 8)
    counts = Labels.from_dense(matrix, "abcdefg").counts()
    for column, value in zip(counts, (1, 0, -1), strict=True):
        assert column.tolist() == (matrix == value).sum(axis=0).tolist()


@pytest.mark.parametrize("chunk", [3, 2**16])
@pytest.mark.parametrize("rows", [[], [2], [3, 0, 3, 1], list(range(49, -1, -1))])
def test_selects_rows_in_the_order_asked_for(rows, chunk, monkeypatch):
    monkeypatch.setattr(polytag.labels.matrix, "CHUNK", chunk)
    matrix = random_matrix(50, 7)
    labels = Labels.from_dense(matrix, "abcdefg")
    expected = matrix[np.array(rows, dtype=int)].tolist()
    assert labels.select(rows).dense().tolist() == expected
    assert labels.dense(rows).tolist() == expected
    assert labels.select(rows).default == labels.default


@pytest.mark.parametrize("row", [-1, 4])
@pytest.mark.parametrize("method", ["select", "dense"])
def test_rows_out_of_range_are_refused(labels, method, row):
    with pytest.raises(OptionError, match=rf"^rows must be between 0 and 3, got {row}$"):
        getattr(labels, method)([0, row])


def test_a_mask_is_refused_where_rows_are_asked_for(labels):
    message = "^rows must be numbers, got a mask; turn it into numbers with np.flatnonzero$"
    with pytest.raises(OptionError, match=message):
        labels.select([True, False, True, False])


def test_names_are_those_of_present_labels(labels):
    assert [labels.names(row) for row in range(4)] == [("cat",), (), (), ("cat", "dog", "cow")]
    assert labels.names(-1) == labels.names(3)
    with pytest.raises(IndexError, match=r"^range object index out of range$"):
        labels.names(4)


def test_from_names_sorts_the_classes_unless_they_are_given():
    lists = [["dog", "cat", "dog"], []]
    assert Labels.from_names(lists).classes == ("cat", "dog")
    assert Labels.from_names(lists).dense().tolist() == [[1, 1], [0, 0]]
    assert Labels.from_names(lists, ["dog", "cow", "cat"]).dense().tolist() == [[1, 0, 1], [0, 0, 0]]


def test_other_names_are_unknown_or_absent_depending_on_the_default():
    present, other = [["cat"], ["dog"]], [["dog"], []]
    assert Labels.from_names(present, other=other).dense().tolist() == [[1, -1], [0, 1]]
    assert Labels.from_names(present, other=other, default="unknown").dense().tolist() == [[1, 0], [-1, 1]]


def test_a_label_listed_as_both_is_present():
    labels = Labels.from_names([["cat"]], other=[["cat"]])
    assert labels.dense().tolist() == [[1]]
    assert [column.tolist() for column in labels.counts()] == [[1], [0], [0]]


def test_other_classes_reorder_drop_and_add_unknown_columns(labels):
    moved = labels.with_classes(["cow", "ant", "cat"])
    assert moved.classes == ("cow", "ant", "cat")
    assert moved.dense().tolist() == [[-1, -1, 1], [0, -1, 0], [-1, -1, -1], [1, -1, 1]]
    assert moved.with_classes(["cat"]).dense().tolist() == [[1], [0], [-1], [1]]
    assert labels.with_classes(CLASSES).dense().tolist() == MATRIX


def test_columns_stay_in_order_within_each_row_when_classes_move():
    matrix = random_matrix(20, 9)
    order = np.random.default_rng(1).permutation(9)
    moved = Labels.from_dense(matrix, "abcdefghi").with_classes(["abcdefghi"[column] for column in order])
    assert moved.dense().tolist() == matrix[:, order].tolist()
    for row in range(20):
        own = moved.present.columns[moved.present.starts[row] : moved.present.starts[row + 1]]
        assert (np.diff(own.astype(int)) > 0).all()


def test_a_new_class_costs_nothing_where_the_default_is_unknown():
    moved = Labels.from_names([["cat"]] * 10, default="unknown").with_classes(["cat", *map(str, range(1000))])
    assert len(moved.other.columns) == 0
    assert moved.counts().unknown[1:].tolist() == [10] * 1000


def test_too_many_unknown_entries_are_refused():
    labels = Labels.from_names([["cat"]] * 101)
    message = (
        "^100000 of the 100001 classes are not in this data, which is too much to mark as unknown on 101 items; "
        "leave them out or read the data with the default unknown$"
    )
    with pytest.raises(DataError, match=message):
        labels.with_classes(["cat", *map(str, range(100_000))])


def test_a_builder_sorts_and_takes_each_label_once():
    builder = LabelsBuilder()
    builder.add([2, 0, 2], [1, 0])
    builder.add([])
    builder.add(iter([np.int64(1)]))
    labels = builder.build(CLASSES)
    assert len(builder) == 3
    assert labels.dense().tolist() == [[1, -1, 1], [0, 0, 0], [0, 1, 0]]
    assert labels.present.columns.tolist() == [0, 2, 1]


def test_a_builder_goes_on_after_building():
    builder = LabelsBuilder()
    builder.add([0])
    first = builder.build(["cat"])
    builder.add([])
    assert builder.build(["cat"]).dense().tolist() == [[1], [0]]
    assert first.dense().tolist() == [[1]]


def test_entries_take_two_bytes_up_to_65536_classes_and_four_beyond():
    for classes, size in ((2**16, 2), (2**16 + 1, 4)):
        builder = LabelsBuilder()
        builder.add([classes - 1])
        labels = builder.build(list(map(str, range(classes))))
        assert labels.present.columns.itemsize == size
        assert labels.names(0) == (str(classes - 1),)


def test_no_items_and_no_classes_are_fine():
    empty = LabelsBuilder().build([])
    assert empty.shape == empty.dense().shape == (0, 0)
    assert empty.with_classes(["cat"]).shape == (0, 1)
    assert Labels.from_names([[], []]).dense().shape == (2, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Labels.from_names([["cat"], ["cow"]], ["cat", "dog"]),
            "the label 'cow' is not among the 2 classes; add it or correct it",
        ),
        (
            lambda: Labels.from_names(["cat", "dog"]),
            r"each item needs a list of label names, got the text 'cat'; write \['cat'\]",
        ),
        (
            lambda: Labels.from_names([["cat"]], other=[]),
            "present has 1 items and other has 0; give a list for each item",
        ),
        (
            lambda: Labels.from_names([[]], ["cat", "dog", "cat"]),
            "the class 'cat' is listed twice; give each class a name of its own",
        ),
        (lambda: Labels.from_dense([1, 0], "ab"), r"labels must have shape \(items, 2\), got \(2,\)"),
        (lambda: Labels.from_dense([[1, 0]], "abc"), r"labels must have shape \(items, 3\), got \(1, 2\)"),
        (
            lambda: Labels.from_dense([[1, 2]], "ab"),
            r"labels must be 1 \(present\), 0 \(absent\) or -1 \(unknown\), got 2",
        ),
        (
            lambda: Labels.from_dense([[0.5, np.nan]], "ab"),
            r"labels must be 1 \(present\), 0 \(absent\) or -1 \(unknown\), got 0.5",
        ),
    ],
)
def test_labels_that_make_no_sense_are_refused(make, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        make()


def test_a_number_beyond_the_classes_is_refused():
    builder = LabelsBuilder()
    builder.add([0], [3])
    with pytest.raises(DataError, match="^label number 3 is not among the 3 classes; count them from 0$"):
        builder.build(CLASSES)


def test_defaults_and_lengths_are_checked():
    one, two = (Rows(np.zeros(items + 1, dtype=np.int64), np.array([], dtype=np.uint16)) for items in (1, 2))
    with pytest.raises(OptionError, match="^default must be one of absent, unknown, got 'present'$"):
        Labels(CLASSES, one, one, "present")
    with pytest.raises(OptionError, match="^present has 1 rows and other has 2$"):
        Labels(CLASSES, one, two)
