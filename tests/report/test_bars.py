"""What bars promise: each as long as its number, nothing over anything else."""

import pytest
from svg_boxes import SVG, complaints, parsed, texts

from polytag.report.bars import Bar, lying_bars, standing_bars


def boxes(root):
    keys = ("x", "y", "width", "height")
    return [tuple(float(box.get(key)) for key in keys) for box in root.iter(f"{SVG}rect")]


def test_lying_bars_are_as_long_as_their_parts():
    root = parsed(lying_bars([Bar("cat", (30.0, 10.0)), Bar("dog", (20.0, 0.0))], "photos", "t", ("train", "val")))
    (x, y, long, _), (next_x, next_y, short, _), (_, _, other, _), (_, _, none, _) = boxes(root)
    assert long == pytest.approx(3 * short, rel=0.01)
    assert other == pytest.approx(2 * short, rel=0.01)
    assert none == 0
    assert (next_x, next_y) == (pytest.approx(x + long, abs=0.2), y)
    assert {"cat", "dog", "40", "20"} <= {text for text, _ in texts(root)}
    assert [box.find(f"{SVG}title").text for box in root.iter(f"{SVG}rect")][0] == "cat: 30 train"


@pytest.mark.parametrize("names", [["a" * 80, "<b>&"], ["ø"] * 60])
def test_lying_bars_do_not_cover_text(names):
    drawing = lying_bars([Bar(name, (float(n + 1),)) for n, name in enumerate(names)], "photos", "t")
    assert not complaints(parsed(drawing))


@pytest.mark.parametrize("values", [[0.0, 3.0, 1.0], [5.0], list(range(60))])
def test_standing_bars_stand_on_one_line_and_do_not_cover_text(values):
    root = parsed(standing_bars(values, "labels present", "t"))
    found = boxes(root)
    assert len({round(y + height, 1) for _, y, _, height in found}) <= 2  # rounded to a tenth
    heights = [height for *_, height in found]
    tallest = max(range(len(values)), key=values.__getitem__)
    assert heights[tallest] == max(heights)
    assert not complaints(root)
