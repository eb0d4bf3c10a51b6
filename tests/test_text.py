"""What text on its way out promises: one line without surprises, cells that stay text, columns that line up."""

import json
import unicodedata

import pytest

from polytag._text import as_json, counted, csv_cell, did_you_mean, one_line, printable, table, utf8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("sea and größe, 海, 🙂", "sea and größe, 海, 🙂"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("bell\a null\0 delete\x7f", "bell\\x07 null\\x00 delete\\x7f"),
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),  # would be shown backwards
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("caf\udce9.jpg", "caf\\udce9.jpg"),  # a file name that is no UTF-8
    ],
)
def test_what_could_move_the_cursor_or_hide_something_is_escaped(text, expected):
    assert printable(text) == expected


def test_every_character_comes_out_as_one_line_that_can_be_written():
    everything = "".join(map(chr, range(0x11000)))
    found = printable(everything)
    assert len(found.splitlines()) == 1
    assert found.encode("utf-8")
    assert not {unicodedata.category(letter) for letter in found} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("text", ["größe, 海, 🙂", "ph\udcff", "\\udcff", "\\\udcff \udcc3\udcbc", '"\n\udc80'])
def test_json_is_utf8_and_reads_the_same(text):
    written = as_json({text: [text]}, indent=2)
    assert json.loads(written.encode("utf-8")) == {text: [text]}
    assert ("größe" in written) == ("größe" in text)
    assert utf8("größe \udcff") == "größe \\udcff"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"])
def test_a_cell_that_begins_like_a_formula_gets_an_apostrophe(text):
    assert csv_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "cat", "a=1", "1-1", "'=1", "größe.jpg", " sea"])
def test_other_cells_stay_as_they_are(text):
    assert csv_cell(text) == text


def test_columns_line_up():
    rows = [("label", "AP"), ("sea", "0.5"), ("mountain", "12.25")]
    assert table(rows) == "label     AP\nsea       0.5\nmountain  12.25"
    assert table(rows, right=frozenset({1})) == "label        AP\nsea         0.5\nmountain  12.25"


def test_empty_cells_leave_no_blanks_at_the_end():
    assert table([("a", ""), ("bb", "c"), ("", "")]) == "a\nbb  c\n"


def test_one_is_counted_without_an_s():
    assert [counted(number, "photo") for number in (0, 1, 2)] == ["0 photos", "1 photo", "2 photos"]


def test_a_refusal_ends_with_the_nearest_known_name_if_one_is_near():
    assert did_you_mean("als", {"bce": 1, "asl": 2}) == "; did you mean 'asl'"
    assert did_you_mean("quite another", ["bce", "asl"]) == ""
    assert did_you_mean("als", []) == ""


def test_one_line_of_a_file_keeps_the_joiners_that_names_are_written_with():
    for name in ("\u0645\u06cc\u200c\u0631\u0648\u0645", "\U0001f469\u200d\U0001f680", "caf\u00e9"):
        assert one_line(name) == name
    assert one_line("a\nb\u202eexe.\u2028") == "a\\nb\\u202eexe.\\u2028"
