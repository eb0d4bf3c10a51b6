"""What text files promise: encodings by their marks or by name, any end of line, and no guess at an encoding."""

import pytest
from label_files import refusal, write

from polytag.data.readers import Table
from polytag.data.readers.text import TextTable, open_text
from polytag.errors import DataError, OptionError

TEXT = "filename,labels\na.jpg,caf\u00e9\nb.jpg,\u732b\n"


def read(path, encoding=""):
    return list(open_text(path, encoding).rows(","))


@pytest.mark.parametrize(
    ("mark", "encoding", "notes"),
    [
        (b"", "utf-8", ()),
        (b"\xef\xbb\xbf", "utf-8", ()),
        (b"\xff\xfe", "utf-16-le", ("x.csv is read as utf-16",)),
        (b"\xfe\xff", "utf-16-be", ("x.csv is read as utf-16",)),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_marks_say_the_encoding(tmp_path, mark, encoding, notes, end):
    path = write(tmp_path, "x.csv", mark + TEXT.replace("\n", end).encode(encoding))
    assert open_text(path).notes == notes
    assert read(path) == [(1, ["filename", "labels"]), (2, ["a.jpg", "caf\u00e9"]), (3, ["b.jpg", "\u732b"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
def test_a_mark_is_left_out_whatever_encoding_is_named(tmp_path, encoding):
    text = "\ufefffilename,labels\n" if encoding != "utf-16" else "filename,labels\n"
    assert read(write(tmp_path, "x.csv", text.encode(encoding)), encoding) == [(1, ["filename", "labels"])]


def test_an_encoding_by_name_is_noted(tmp_path):
    path = write(tmp_path, "x.csv", "filename,labels\r\na.jpg,caf\u00e9\r\n".encode("cp1252"))
    assert read(path, "Windows-1252")[1] == (2, ["a.jpg", "caf\u00e9"])
    assert open_text(path, "latin1").notes == ("x.csv is read as iso8859-1",)
    assert open_text(path, "UTF8").notes == ()


def test_rows_with_nothing_in_them_are_skipped_and_counted(tmp_path):
    path = write(tmp_path, "x.csv", '\n  \nfilename,labels\n,\n"a\nb",x\n \t \n,,\nc,y\n')
    assert read(path) == [(3, ["filename", "labels"]), (5, ["a\nb", "x"]), (9, ["c", "y"])]
    table = TextTable(path)
    assert table.header == ["filename", "labels"]
    assert [line for line, _ in table.rows()] == [5, 9]


HINT = "save it as UTF-8, or name its encoding with --reader.encoding, such as "
OTHER = "save it as UTF-8, or name another encoding with --reader.encoding"


@pytest.mark.parametrize(
    ("raw", "encoding", "message"),
    [
        (TEXT.encode("utf-16-le"), "", f"x.csv is not UTF-8 text; {HINT}utf-16-le"),
        (TEXT.encode("utf-16-be"), "", f"x.csv is not UTF-8 text; {HINT}utf-16-le"),
        (b"filename,labels\na.jpg,caf\xe9\n", "", f"x.csv is not UTF-8 text; {HINT}cp1252"),
        (b"filename,labels\na.jpg,caf\x81\n", "cp1252", f"x.csv is not cp1252 text; {OTHER}"),
        (b"filename,labels\n\xff", "utf-16", f"x.csv is not utf-16 text; {OTHER}"),
        (b"\xff\xfef\0i", "", f"x.csv is not utf-16 text; {OTHER}"),  # cut within a letter
        (
            b'filename,labels\na.jpg,"cat"s\n',
            "",
            "row 2 of x.csv cannot be read (',' expected after '\"'); check its quotes",
        ),
        (
            b"filename,labels\na.jpg," + b"x" * 200_000,
            "",
            "x.csv cannot be read as a table (field larger than field limit (131072)); check its quotes",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, raw, encoding, message):
    assert refusal(Table(encoding=encoding), write(tmp_path, "x.csv", raw)) == message


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "undefined", "a\0b", "\u00fc"])
def test_there_must_be_an_encoding_of_the_name(tmp_path, name):
    with pytest.raises(OptionError) as caught:
        open_text(write(tmp_path, "x.csv", TEXT), name)
    assert str(caught.value) == f"there is no encoding {name!r}; name one such as utf-8, utf-16 or cp1252"


def test_a_bad_letter_far_down_is_found_and_placed(tmp_path):
    path = write(tmp_path, "x.csv", b"filename,labels\n" + b"a.jpg,cat\n" * 9000 + b"b.jpg,caf\xe9\n")
    with pytest.raises(DataError, match=r"^.*x\.csv is not UTF-8 text near line \d{4}; save it as UTF-8, or "):
        read(path)
