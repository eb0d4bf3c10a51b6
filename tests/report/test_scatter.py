"""What the scatter promises: dots in their places, the line nothing beats, names that do not cover each other."""

import re
from math import inf, nan

import pytest
from svg_boxes import SVG, complaints, dots, parsed, texts

from polytag.errors import OptionError
from polytag.report.scatter import Point, pareto, scatter

FOUR = [Point("cheap", 1, 10), Point("middle", 2, 30, 5), Point("beaten", 3, 20, nan), Point("best", 4, 40)]


def drawn(points):
    return parsed(scatter(points, "GMACs", "mAP in percent", "mAP against GMACs"))


def test_nothing_beats_the_points_of_the_line():
    assert [point.name for point in pareto(FOUR[::-1])] == ["cheap", "middle", "best"]


def test_as_cheap_but_lower_is_beaten_and_so_is_as_high_but_costlier():
    points = [Point("a", 1, 10), Point("lower", 1, 9), Point("costlier", 2, 10)]
    assert pareto(points) == points[:1]


def test_of_two_that_are_the_same_neither_beats_the_other():
    twins = [Point("a", 1, 10), Point("b", 1, 10)]
    assert pareto(twins) == twins


def test_dots_stand_where_the_axes_say_and_those_of_the_line_are_full():
    found = dots(drawn(FOUR))
    # From 1 to 4 in steps of 0.5 on 56 to 656; from 10 to 40 in steps of 5 on 380 up to 40.
    assert [(x, y, full) for _, x, y, full in found] == [
        (56, 380, True),
        (256, 153.3, True),
        (456, 266.7, False),
        (656, 40, True),
    ]
    assert found[0][0] == "cheap: mAP in percent 10, GMACs 1"


def test_the_line_has_steps():
    (line,) = [line for line in drawn(FOUR).iter(f"{SVG}polyline") if line.get("stroke-dasharray")]
    assert line.get("points") == "56,380 256,380 256,153.3 656,153.3 656,40"


def test_a_bar_goes_as_far_up_as_down_and_only_where_there_is_one():
    bars = [line.get("points") for line in drawn(FOUR).iter(f"{SVG}polyline") if line.get("stroke") != "currentColor"]
    assert bars == ["256,210 256,96.7"]  # 25 to 35


def test_the_description_names_the_line():
    assert drawn(FOUR).findtext(f"{SVG}title") == "mAP against GMACs"
    expected = "4 points; none is both lower in GMACs and higher in mAP in percent than cheap, middle, best."
    assert drawn(FOUR).findtext(f"{SVG}desc") == expected


def test_costs_that_are_far_apart_get_a_logarithmic_axis():
    near, far = ([Point("a", 1, 1), Point("b", ratio, 2)] for ratio in (19.9, 20))
    assert "GMACs" in dict(texts(drawn(near)))
    assert "GMACs, log scale" in dict(texts(drawn(far)))
    assert "GMACs" in dict(texts(drawn([Point("free", 0, 1), *far])))  # 0 has no logarithm


@pytest.mark.parametrize(
    "points",
    [
        [Point("alone", 0.2, 61.2)],
        [Point(f"row number {n}", 1.5, 50 + 0.3 * n, 0.7) for n in range(40)],  # one network, forty losses
        [Point(f"the same place {n}", 1, 1) for n in range(20)],
        [Point("a name that never comes to its end " * 4, x, x, 1) for x in range(1, 21)],
        [Point(f"{n} <b>|</b> & 海海海", 10.0 ** (n % 5), 50 + n * 7 % 20, 0.5) for n in range(20)],
    ],
    ids=["alone", "column", "heap", "long", "log"],
)
def test_every_name_is_there_and_nothing_covers_another_or_leaves_the_drawing(points):
    root = drawn(points)
    assert complaints(root) == []
    numbers = re.compile(r"[\d.e+-]+")
    names = [text for text, _ in texts(root) if not numbers.fullmatch(text) and "GMACs" not in text]
    assert len(names) == len(points) + 1  # and the label of the upright axis


def test_a_name_that_does_not_fit_loses_its_middle():
    root = drawn([Point("the beginning of a rather long name and its end", 1, 1)])
    (name,) = [text for text, _ in texts(root) if "…" in text]
    assert name.startswith("the begin")
    assert name.endswith("its end")
    assert "the beginning of a rather long name and its end" in dots(root)[0][0]


@pytest.mark.parametrize("points", [[], [Point("a", nan, 1)], [Point("a", 1, inf)]])
def test_refuses_what_has_no_place(points):
    message = "points must be one or more with finite x and y; leave the others out"
    with pytest.raises(OptionError, match=rf"^{re.escape(message)}$"):
        scatter(points, "x", "y", "title")
