"""What the page promises: strict, complete in itself, the same numbers as in Markdown, drawings that can be read."""

import re
from dataclasses import replace
from math import nan
from xml.etree import ElementTree

import pytest
from made_tables import NASTY, line, made, moved, one_seed, three, twenty
from svg_boxes import SVG, complaints, contrast, dots, loads_nothing

from polytag.bench.content import facts, notes
from polytag.bench.markdown import as_markdown
from polytag.bench.page import as_page

COMMAND = 'polytag bench "a & b.toml" --data <ROOT> --out DIR'


def parsed(table):
    page = as_page(table, COMMAND)
    assert page.startswith("<!doctype html>\n")
    return ElementTree.fromstring(page.removeprefix("<!doctype html>\n"))


def text_of(element):
    return "".join(element.itertext())


def drawings(root):
    return list(root.iter(f"{SVG}svg"))


@pytest.mark.parametrize("table", [three(), twenty(), one_seed()])
def test_it_is_strict_loads_nothing_and_says_all_that_markdown_says(table):
    root = parsed(table)
    assert loads_nothing(as_page(table, COMMAND))
    assert root.findtext("head/title") == root.findtext("body/main/h1") == table.suite.title
    assert text_of(root.find(".//p[@class='facts']")) == facts(table)
    assert [text_of(note) for note in root.iterfind(".//ul[@class='notes']/li")] == notes(table)
    assert text_of(root.find(".//footer/p")) == table.machine
    assert text_of(root.find(".//footer//code")) == COMMAND
    written = [row for row in as_markdown(table, COMMAND).split("\n") if row.startswith("| ")]
    shown = [[text_of(cell) for cell in row] for row in root.iter("tr")]
    for cells, row in zip(shown, [written[0], *written[2:]], strict=True):
        plain = re.sub(r"\\(.)", r"\1", row.replace("**", ""))
        assert f"| {' | '.join(cells)} |" == plain


@pytest.mark.parametrize("table", [three(), twenty(), one_seed()])
def test_nothing_in_its_drawings_covers_another_or_is_cut(table):
    made_of = drawings(parsed(table))
    assert len(made_of) == 3
    assert [complaints(drawing) for drawing in made_of] == [[], [], []]


def test_text_of_the_suite_is_escaped_once():
    page = as_page(twenty(), COMMAND)
    assert "<b>" not in page
    assert "&amp;lt;" not in page
    root = parsed(twenty())
    assert NASTY in [text_of(cell) for cell in root.iterfind(".//tbody/tr/th")]
    assert "Twenty rows, one <b>network</b>." in [text_of(paragraph) for paragraph in root.iter("p")]
    assert any(tip.startswith(NASTY) for tip, *_ in dots(drawings(root)[0]))


def test_only_a_row_that_is_up_has_something_bold():
    rows = [
        line("base", 0.2),
        line("worse", 0.1, difference=moved(-0.1, 0.05)),
        line("lucky", 0.9, difference=moved(0.5, 0.6)),
        line("better", 0.3, difference=moved(0.1, 0.05)),
    ]
    root = parsed(made(rows))
    bold = [row for row in root.iterfind(".//tbody/tr") if row.find(".//strong") is not None]
    assert [text_of(row.find("th")) for row in bold] == ["better"]
    assert [text_of(row[3]) for row in root.iterfind(".//tbody/tr")] == ["baseline", "down", "not resolved", "up"]


def test_drawings_show_points_percent_and_both_costs():
    changes, work, time = drawings(parsed(three()))
    assert [tip for tip, *_ in dots(changes)] == [
        "asl: +1.25 [+0.31, +2.19], up",
        "focal: -0.02 [-1.12, +1.08], not resolved",
    ]
    assert [tip for tip, *_ in dots(work)][0] == "asl: mAP in percent 25.58, GMACs a photo 1.5"
    assert [(tip, full) for tip, _, _, full in dots(time)] == [
        ("asl: mAP in percent 25.58, training time in min 0.7507", True),
        ("bce: mAP in percent 24.33, training time in min 12.22", False),
        ("focal: mAP in percent 24.31, training time in min 12.22", False),
    ]


def test_a_row_whose_cost_is_not_known_is_named_below_the_drawing():
    captions = [text_of(caption) for caption in parsed(one_seed()).iter("figcaption")]
    assert len(captions) == 3
    assert all(caption.endswith("Not drawn, as not known: lost.") for caption in captions[1:])
    assert not any("±" in caption for caption in captions)
    with_seeds = [text_of(caption) for caption in parsed(three()).iter("figcaption")][1:]
    assert all("Bars: ± one standard deviation over seeds." in caption for caption in with_seeds)
    assert not any("Not drawn" in caption for caption in with_seeds)


def test_without_any_cost_a_sentence_stands_for_the_drawing():
    table = three()
    lines = tuple(replace(of, cost=replace(of.cost, gmacs=nan, train_seconds=nan)) for of in table.lines)
    root = parsed(replace(table, lines=lines))
    assert len(drawings(root)) == 1
    said = [text_of(paragraph) for paragraph in root.iter("p")]
    assert "There is no drawing of mAP against GMACs a photo: no row has both." in said


def test_what_may_be_wide_scrolls_in_a_box_of_its_own_that_the_keyboard_reaches():
    root = parsed(three())
    boxes = root.findall(".//div[@class='box']")
    inside = [child.tag.removeprefix(SVG) for box in boxes for child in box]
    assert inside == ["table", "svg", "svg", "svg", "pre"]
    assert all(box.get("tabindex") == "0" and box.get("role") == "region" and box.get("aria-label") for box in boxes)
    assert root.find("head/meta[@name='viewport']").get("content") == "width=device-width, initial-scale=1"


def test_text_stands_out_in_light_and_in_dark():
    style = parsed(three()).findtext("head/style")
    light, dark = [dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in style.split("@media")]
    assert light.keys() == dark.keys() == {"page", "card", "edge", "text", "muted", "up", "down"}
    for colours in (light, dark):
        for ground in ("page", "card"):
            assert all(contrast(colours[ink], colours[ground]) >= 4.5 for ink in ("text", "muted", "up", "down"))
