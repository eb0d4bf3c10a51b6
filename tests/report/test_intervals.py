"""What drawn intervals promise: each where it belongs, full where 0 is left out, words beside them."""

from math import nan

from svg_boxes import SVG, complaints, dots, parsed, texts

from polytag.report.drawing import ACCENT, DOWN, UP
from polytag.report.intervals import Moved, intervals

ROWS = [
    Moved("base", nan, nan, nan, "baseline"),
    Moved("better", 2.0, 1.0, 3.0, "up"),
    Moved("worse", -1.0, -1.5, -0.5, "down"),
    Moved("who knows", 0.5, -1.0, 2.0, "not resolved"),
    Moved("no interval", 0.5, nan, nan, "not resolved"),
]


def drawn(rows):
    return parsed(intervals(rows, "difference in points", "Differences"))


def colours(root, kind):
    return [element.get("stroke") for element in root.iter(SVG + kind) if element.get("stroke") != "currentColor"]


def test_dots_and_bars_are_in_their_rows_and_undefined_ones_are_left_out():
    # From -2 to 3 on 200 to 564: 72.8 pixels a point; rows of 26 from 12 on.
    root = drawn(ROWS)
    assert [(x, y, full) for _, x, y, full in dots(root)] == [
        (491.2, 51, True),
        (272.8, 77, True),
        (382, 103, False),
        (382, 129, False),
    ]
    bars = [line.get("points") for line in root.iter(f"{SVG}polyline") if line.get("stroke") != "currentColor"]
    assert bars == ["418.4,51 564,51", "236.4,77 309.2,77", "272.8,103 491.2,103"]
    assert colours(root, "circle") == [UP, DOWN, ACCENT, ACCENT]
    assert colours(root, "polyline") == [UP, DOWN, ACCENT]


def test_names_words_and_numbers_are_told():
    root = drawn(ROWS)
    words = [text for text, _ in texts(root)]
    assert [words[n : n + 2] for n in range(7, 17, 2)] == [[row.name, row.word] for row in ROWS]
    assert dots(root)[0][0] == "better: +2.00 [+1.00, +3.00], up"
    assert root.findtext(f"{SVG}desc").startswith("5 rows. base: baseline; better: up; worse: down;")
    assert complaints(root) == []


def test_zero_is_always_in_sight():
    root = drawn([Moved("far", 20.0, 19.0, 21.0, "up")])
    assert "0" in dict(texts(root))
    assert complaints(root) == []


def test_long_names_and_many_rows_stay_apart():
    rows = [
        Moved(f"{n} <b> | a name that does not come to an end", n / 7, -9.0, 9.0, "not resolved") for n in range(40)
    ]
    root = drawn(rows)
    assert complaints(root) == []
    assert len(dots(root)) == 40


def test_nothing_but_a_baseline_is_a_drawing_too():
    root = drawn(ROWS[:1])
    assert dots(root) == []
    assert complaints(root) == []
