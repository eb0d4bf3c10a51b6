"""What a drawing promises: strict SVG, text escaped once, colours that stand out on light and on dark."""

import pytest
from svg_boxes import SVG, contrast, loads_nothing, parsed, texts

from polytag.report.axes import axis
from polytag.report.drawing import ACCENT, DOWN, UP, WIDTH, Drawing


def test_black_and_white_are_as_far_apart_as_colours_can_be():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


@pytest.mark.parametrize("colour", [ACCENT, UP, DOWN])
@pytest.mark.parametrize("ground", ["#ffffff", "#1f2228"])
def test_colours_stand_out_on_light_and_on_dark(colour, ground):
    assert contrast(colour, ground) >= 3


def test_text_of_any_origin_comes_back_as_it_was():
    nasty = "<b>a</b> & \"b\" 'c' ]]> \u202e\n"
    drawing = Drawing(50, nasty, nasty)
    drawing.text((10, 20), nasty)
    drawing.dot((10, 20), ACCENT, True, nasty)
    made = drawing.finish()
    root = parsed(made)
    shown = "<b>a</b> & \"b\" 'c' ]]> \\u202e\\n"
    assert [root.findtext(SVG + name) for name in ("title", "desc", "text", "circle/" + SVG + "title")] == [shown] * 4
    assert loads_nothing(made)


def test_it_says_what_it_is_before_anything_is_drawn():
    drawing = Drawing(50, "a title", "a description")
    drawing.line([(0, 0), (1.25, 3)], ACCENT, stroke_width=2)
    root = parsed(drawing.finish())
    assert root.get("role") == "img"
    assert root.get("viewBox") == f"0 0 {WIDTH} 50"
    assert [child.tag.removeprefix(SVG) for child in root] == ["title", "desc", "polyline"]
    assert root.find(f"{SVG}polyline").attrib == {
        "points": "0,0 1.2,3",
        "stroke": ACCENT,
        "fill": "none",
        "stroke-width": "2",
    }


def test_axes_name_their_ticks_and_themselves():
    drawing = Drawing(200, "", "")
    drawing.axis_below(axis([0.0, 2.0], 100, 300), 40, 150, "cost")
    drawing.axis_left(axis([0.0, 2.0], 150, 40), 100, 300, "score")
    root = parsed(drawing.finish())
    ticks = ["0.0", "0.5", "1.0", "1.5", "2.0"]
    assert [text for text, _ in texts(root)] == [*ticks, "cost", *ticks, "score"]
    lines = [line.get("points") for line in root.iter(f"{SVG}polyline")]
    assert lines[:5] == [f"{x},40 {x},150" for x in (100, 150, 200, 250, 300)]
    assert lines[5] == "100,150 300,150"
