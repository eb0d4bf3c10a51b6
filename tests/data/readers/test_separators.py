"""What telling columns and labels apart promises: one reading, or a refusal that says how to choose."""

import pytest

from polytag.data.readers import Table
from polytag.data.readers.separators import LISTS, label_delimiter, split_cell
from polytag.data.readers.text import column_separator, open_text
from polytag.errors import DataError


def write(folder, text, photos="a.jpg b.jpg c.jpg", name="labels.csv"):
    for photo in photos.split():
        (folder / photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / photo).touch()
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        Table(**options).read(path)
    return str(caught.value).replace(str(path), path.name).replace(str(path.parent), "DATA")


def test_the_separator_that_finds_the_most_columns_in_the_header_wins(tmp_path):
    assert column_separator(open_text(write(tmp_path, "file;labels\na.jpg;x,y\nb.jpg;x,y\n"))) == ";"
    # Two columns either way: only one of the two fits the row.
    assert column_separator(open_text(write(tmp_path, "a,b|c\n1|2,3,4\n"))) == "|"


@pytest.mark.parametrize(
    ("cells", "delimiter"),
    [
        (["cat", "dog", ""], ""),
        (["polka dot;leather jacket", "leather jacket"], ";"),  # spaces then belong to names
        (["traffic light|bus", "bus"], "|"),
        (["traffic light, bus", "bus"], ","),
        (["mass (benign, small);nodule", "nodule"], ";"),  # the comma would cut the brackets
        (["haze primary", "agriculture clear primary water", "clear primary", "clear primary"], " "),
        (["5 0", "0", "25 5 0 2"], " "),
        (["['cat', 'hat']", "[]", " ['dog']", ""], LISTS),  # as pandas writes a column of lists
        (['["a; b", "it\'s"]', "[1, 2]"], LISTS),
        (["['cat']", "dog"], ""),
    ],
)
def test_the_delimiter_of_labels_is_inferred(tmp_path, cells, delimiter):
    assert label_delimiter(enumerate(cells, start=2), tmp_path) == delimiter


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["bird, wild;tree", "tree"],
            "the labels of labels.csv may be separated by ';' or ',', as in row 2 ('bird, wild;tree'); "
            "choose with --reader.delimiter, such as ';'",
        ),
        (
            ["cat", "['cat', 'dog']"],
            "the labels of labels.csv may be separated by ',', as in row 3 (\"['cat', 'dog']\"); "
            "choose with --reader.delimiter, such as ';'",
        ),
        (
            ["striped", "polka dot", "polka dot"],
            "'polka dot' in row 3 of labels.csv may be one label or several; "
            "choose --reader.delimiter ' ' for several, or ';' for one",
        ),
        (
            ["red dress", "blue dress", "green dress"],
            "'red dress' in row 2 of labels.csv may be one label or several; "
            "choose --reader.delimiter ' ' for several, or ';' for one",
        ),
        (
            ["red dress", "blue dress", "red shirt", "blue shirt"],  # every word recurs
            "'red dress' in row 2 of labels.csv may be one label or several; "
            "choose --reader.delimiter ' ' for several, or ';' for one",
        ),
    ],
)
def test_labels_that_can_be_read_in_two_ways_are_refused(tmp_path, cells, message):
    text = "filename,labels\n" + "".join(f'{name}.jpg,"{cell}"\n' for name, cell in zip("abcd", cells, strict=False))
    path = write(tmp_path, text, "a.jpg b.jpg c.jpg d.jpg")
    assert refusal(path) == message
    assert len(Table(delimiter=";").read(path)) == len(cells)


def test_a_space_late_in_a_long_table_is_still_seen(tmp_path):
    cells = [*(str(number) for number in range(20_000)), "polka dot"]
    with pytest.raises(DataError, match="^'polka dot' in row 20000 of "):
        label_delimiter(enumerate(cells), tmp_path)


def test_cells_that_are_lists_are_the_labels_in_them(tmp_path):
    text = 'filename,labels\na.jpg,"[\'red, blue\', ""it\'s""]"\nb.jpg,[]\nc.jpg,[\'caf\\u00e9\']\n'
    data = Table().read(write(tmp_path, text))
    assert data.classes == ("café", "it's", "red, blue")
    assert data.labels.dense().tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert data.notes[0].endswith("3 labels from column 'labels', lists")
    assert split_cell("", LISTS) == []
    assert split_cell("[1, -2]", LISTS) == ["1", "-2"]
    none = write(tmp_path, "filename,labels\na.jpg,['cat']\nb.jpg,nothing\n")
    assert Table(none="nothing").read(none).labels.dense().tolist() == [[1], [0]]
