"""What a graph of labels promises: each label once, in the colour of its group, the strongest lines the thickest."""

import numpy as np
import pytest
from svg_boxes import SVG, dots, parsed

from polytag.errors import OptionError
from polytag.report.label_graph import COLOURS, LINES, MOST, label_graph_drawing

WEIGHTS = np.array([[0, 0.8, 0.1, 0], [0.8, 0, 0, 0], [0.1, 0, 0, 0.4], [0, 0, 0.4, 0]])
GROUPS = [(0, 1), (2, 3)]


def test_labels_stand_group_after_group_and_lines_show_what_belongs_together():
    root = parsed(label_graph_drawing(WEIGHTS, ["a", "<b>", "c", "d"], GROUPS, "t"))
    assert [tip for tip, *_ in dots(root)] == ["a, group 1", "<b>, group 1", "c, group 2", "d, group 2"]
    lines = [(line.get("stroke"), float(line.get("stroke-width"))) for line in root.iter(f"{SVG}polyline")]
    assert lines == [("currentColor", pytest.approx(0.81, abs=0.05)), (COLOURS[1], 1.8), (COLOURS[0], 3.0)]


def test_everything_is_inside():
    count = MOST
    weights = np.full((count, count), 0.5)
    names = [f"a rather long name of a label {number}" for number in range(count)]
    root = parsed(label_graph_drawing(weights, names, [range(60), range(60, count)], "t"))
    width = float(root.get("viewBox").split()[2])
    assert all(0 < x < width and 0 < y < width for _, x, y, _ in dots(root))
    assert len(list(root.iter(f"{SVG}polyline"))) == LINES


def test_labels_that_meet_no_other_are_there_too_and_too_many_are_refused():
    root = parsed(label_graph_drawing(np.zeros((2, 2)), ["a", "b"], [(0,), (1,)], "t"))
    assert len(dots(root)) == 2
    with pytest.raises(OptionError, match=r"^a graph of 121 labels cannot be read; draw at most 120$"):
        label_graph_drawing(np.zeros((121, 121)), ["x"] * 121, [range(121)], "t")
