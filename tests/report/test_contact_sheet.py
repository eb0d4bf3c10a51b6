"""What the contact sheet promises: its size, a colour and a mark for each verdict, text that fits, its errors."""

import re

import numpy as np
import pytest
from PIL import ImageFont

from polytag.errors import OptionError
from polytag.report.canvas import CARD, EDGE
from polytag.report.contact_sheet import MARK, PAINTS, TAG_HEIGHT, contact_sheet

RED, BLUE = (200, 30, 40), (10, 60, 220)
# One column of 300: a card 252 wide from 24 on, its thumbnail and tags 228 wide from 36 on.
SIDE, LEFT, RIGHT = 228, 36, 264
TOP = 24 + 12 + SIDE + 32  # of the first line of tags, without a legend
LEGEND = 40


def photo(colour=RED, height=50, width=50):
    return np.full((height, width, 3), colour, dtype=np.uint8)


def one(predicted=(), truth=None, unknown=None, name="photo.jpg", **options):
    """The sheet of one photo in one column."""
    wrapped = {key: None if value is None else [value] for key, value in (("truth", truth), ("unknown", unknown))}
    return contact_sheet([photo()], [name], [dict(predicted)], columns=1, width=300, **wrapped, **options)


def pixels(sheet):
    return np.asarray(sheet).astype(int)


def fills(sheet, line=0, legend=True):
    """The verdicts whose colours stand side by side on a line of tags, left to right; missed ones are hollow."""
    top = TOP + LEGEND * legend + 30 * line
    row = [tuple(pixel) for pixel in pixels(sheet)[top + 3, LEFT:RIGHT].tolist()]
    known = {PAINTS[state][0]: state for state in ("right", "wrong", "unchecked")}
    found = [known[pixel] for pixel in row if pixel in known]
    return [state for number, state in enumerate(found) if number == 0 or state != found[number - 1]]


def mark(sheet):
    """The mark of the first tag as darkness, ``(24, 20)``."""
    area = pixels(sheet)[TOP + LEGEND : TOP + LEGEND + TAG_HEIGHT, LEFT + 3 : LEFT + MARK].sum(axis=2)
    return area < area.max() - 150


def test_the_size_follows_from_the_width_the_columns_and_the_lines_of_tags():
    images, names = [photo()] * 3, ["a", "b", "c"]
    # Two columns of 400: a card each 184, so 144 of thumbnail; a row is 12 + 144 + 32 + 30 + 12 = 230.
    plain = contact_sheet(images, names, [{}] * 3, columns=2, width=400)
    assert plain.mode == "RGB"
    assert plain.size == (400, 24 + 230 + 16 + 230 + 24)
    judged = contact_sheet(images, names, [{}] * 3, truth=[set()] * 3, columns=2, width=400)
    assert judged.size == (400, plain.height + LEGEND)
    two_lines = contact_sheet(
        images, names, [{"a rather long one": 0.9, "another long one": 0.5}, {}, {}], None, None, 2, 400
    )
    assert two_lines.size == (400, plain.height + 30)


def test_photos_of_any_shape_become_squares_of_one_size_in_reading_order():
    images = [photo(RED), photo(BLUE, height=10, width=40), photo(BLUE, height=300, width=100)]
    sheet = pixels(contact_sheet(images, ["a", "b", "c"], [{}] * 3, columns=2, width=400))
    left, right, upper, lower = 36 + 72, 36 + 184 + 72, 36 + 72, 36 + 246 + 72  # middles of thumbnails of 144
    assert sheet[upper, left].tolist() == list(RED)
    assert sheet[upper, right].tolist() == list(BLUE)
    assert sheet[upper - 30, right].tolist() == list(EDGE)  # above a wide photo: it is 36 high
    assert sheet[lower, left].tolist() == list(BLUE)
    assert sheet[lower, left - 40].tolist() == list(EDGE)  # beside a tall photo: it is 48 wide


def test_the_photo_that_is_shown_is_left_as_it_was():
    image = photo()
    contact_sheet([image], ["a"], [{"a": 0.5}], columns=1, width=300)
    assert (image == RED).all()


@pytest.mark.parametrize(
    ("predicted", "truth", "expected"),
    [
        ({"a": 0.9}, {"a"}, ["right"]),
        ({"a": 0.9}, {"b"}, ["wrong"]),
        ({}, {"a"}, []),
        ({}, set(), []),
        ({"a": 0.4, "b": 0.8}, {"a"}, ["wrong", "right"]),  # the best score first
        ({"a": 0.8, "b": 0.4}, {"a"}, ["right", "wrong"]),
    ],
)
def test_right_and_wrong_tags_have_their_colours_the_best_score_first(predicted, truth, expected):
    assert fills(one(predicted, truth)) == expected


def test_a_missed_tag_is_hollow_and_comes_last():
    sheet = one({"a": 0.9}, {"a", "b"})
    assert fills(sheet) == ["right"]
    row = pixels(sheet)[TOP + LEGEND, LEFT:RIGHT].sum(axis=1)  # the upper edge of the tags
    alone = pixels(one({"a": 0.9}, {"a"}))[TOP + LEGEND, LEFT:RIGHT].sum(axis=1)
    outline = np.flatnonzero(row != alone)
    assert outline.min() > np.flatnonzero(alone < 3 * 255).max()
    assert row[outline].min() < 3 * 180


def test_without_truth_no_tag_is_called_right_or_wrong():
    assert fills(one({"a": 0.9}), legend=False) == ["unchecked"]


def test_a_tag_of_which_nothing_is_known_is_neither_right_nor_wrong():
    assert fills(one({"a": 0.9, "b": 0.5}, {"a"}, {"b"})) == ["right", "unchecked"]


def test_verdicts_differ_in_their_marks_and_not_in_colour_alone():
    marks = [
        mark(one({"a": 0.9}, {"a"})),
        mark(one({"a": 0.9}, set())),
        mark(one({}, {"a"})),
        mark(one({"a": 0.9}, set(), {"a"})),
    ]
    assert all(shape.sum() > 5 for shape in marks)
    for number, shape in enumerate(marks):
        assert all((shape != other).sum() > 5 for other in marks[:number])


def test_scores_may_come_as_a_mapping_or_as_pairs():
    pairs = contact_sheet([photo()], ["photo.jpg"], [[("a", 0.9), ("b", 0.2)]], columns=1, width=300)
    assert pairs == one({"a": 0.9, "b": 0.2})


def test_at_most_four_lines_of_tags_are_written_and_the_last_one_counts_the_rest():
    sheets = [one({f"some label {n}": 0.5 for n in range(count)}, set()) for count in (4, 50, 51)]
    assert [sheet.height for sheet in sheets] == [TOP + LEGEND + 4 * 30 + 12 + 24] * 3
    assert [fills(sheet, line=3) for sheet in sheets] == [["wrong"], [], []]  # "+47 more" is no tag
    last = [pixels(sheet)[TOP + LEGEND + 90 : TOP + LEGEND + 114] for sheet in sheets[1:]]
    assert (last[0] != last[1]).any()


@pytest.mark.parametrize(
    "text", ["x" * 500, "two words " * 30, "line\nbreak\t" * 9, "中文" * 40], ids=["long", "words", "lines", "codes"]
)
def test_no_text_leaves_its_card(text):
    sheet = pixels(one({text: 0.5, f"{text}!": 0.4}, {f"{text}?"}, name=text))
    beside = sheet[24 + LEGEND + 12 : -36, RIGHT + 1 : RIGHT + 11]  # inside the card, right of everything
    assert (beside == CARD).all()


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("café", "cafe"), ("λ", "\\u03bb"), ("a\nb", "a\\nb"), ("a\u202eb", "a\\u202eb"), ("\udc80", "\\udc80")],
)
def test_letters_that_the_built_in_font_has_not_are_spelled_out(text, spelled):
    assert one({text: 0.5}, name=text) == one({spelled: 0.5}, name=spelled)


def test_a_font_of_ones_own_is_used(tmp_path):
    path = tmp_path / "own.ttf"
    path.write_bytes(ImageFont.load_default(12).path.getvalue())
    given = [one({label: 0.5}, font=path) for label in ("café", "cafe")]
    assert given[0] != given[1]  # not spelled: the font is trusted


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"images": [], "names": [], "predicted": []}, "images must hold at least one photo, got none"),
        ({"names": ["a"]}, "names must have one entry for each of the 2 photos, got 1"),
        ({"predicted": []}, "predicted must have one entry for each of the 2 photos, got 0"),
        ({"truth": [set()] * 3}, "truth must have one entry for each of the 2 photos, got 3"),
        ({"unknown": [set()]}, "unknown must have one entry for each of the 2 photos, got 1"),
        ({"columns": 0}, "columns must be between 1 and 12, got 0"),
        ({"columns": 4, "width": 500}, "width must be between 600 and 10000, got 500"),
        (
            {"images": [photo(), photo()[..., 0]]},
            "images must be (height, width, 3) arrays of uint8, got (50, 50) of uint8 at position 1",
        ),
        (
            {"images": [photo().astype(float), photo()]},
            "images must be (height, width, 3) arrays of uint8, got (50, 50, 3) of float64 at position 0",
        ),
    ],
)
def test_refuses_what_does_not_fit(option, message):
    options = {"images": [photo()] * 2, "names": ["a", "b"], "predicted": [{}, {}]} | option
    with pytest.raises(OptionError, match=rf"^{re.escape(message)}$"):
        contact_sheet(**options)


def test_refuses_a_file_that_is_no_font(tmp_path):
    path = tmp_path / "no.ttf"
    path.write_text("nothing")
    message = f"font must be a TrueType file, got {str(path)!r}; name another one or none"
    with pytest.raises(OptionError, match=rf"^{re.escape(message)}$"):
        one(font=path)
