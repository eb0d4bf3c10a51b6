"""What a sheet of heat maps promises: hot places are light, every map has its label, range and legend."""

import numpy as np
import pytest

from polytag.errors import OptionError
from polytag.explain import WAYS
from polytag.explain.explainer import Explanation, Heat
from polytag.report import heat_sheet as module
from polytag.report.canvas import Pen
from polytag.report.heat_sheet import coloured, heat_sheet, overlay, sheet_height

GREY = np.full((40, 60, 3), 128, np.uint8)


def heat(values, label="cat", score=0.9):
    return Heat(label, score, np.array(values, np.float32))


def light(pixels):
    return np.asarray(pixels, float).mean(axis=-1)


def test_colours_grow_lighter_all_the_way():
    lightness = light(coloured(np.linspace(0, 1, 50)))
    assert (np.diff(lightness) > 0).all()


def test_hot_places_are_light_and_cold_ones_dark_whatever_the_range():
    for scale, shift in ((1, 0), (1e-3, -5), (100, 7)):
        laid = overlay(GREY, np.array([[0, 1], [0, 0]], np.float32) * scale + shift)
        assert laid.shape == GREY.shape
        assert light(laid[0, -1]) > 170
        assert light(laid[-1, 0]) < 60
        assert light(laid[10, -10]) > light(laid[10, 10])


def test_a_map_without_differences_is_cold_and_the_photo_still_shows_through():
    photo = GREY.copy()
    photo[:, :30] = 20
    laid = overlay(photo, np.zeros((3, 3), np.float32))
    assert light(laid[5, 5]) < light(laid[5, 50]) < 60


@pytest.mark.parametrize(
    ("heats", "attention", "rows"),
    [(0, {}, 1), (1, {}, 1), (3, {}, 1), (4, {}, 2), (3, {"a": 0.5}, 2), (7, {}, 3)],
)
def test_a_photo_begins_a_row_and_its_maps_follow_in_as_many_as_they_need(heats, attention, rows):
    one = Explanation("a/photo.jpg", GREY, (heat([[0, 1]]),) * heats, attention)
    sheet = heat_sheet([one, one], "maps", columns=4, width=800)
    step = (800 - 48 + 16) // 4
    height = 24 + (step - 16 - 24) + 44
    assert sheet.height == sheet_height([heats + len(attention)] * 2, columns=4, width=800)
    assert sheet.size == (800, 24 + 66 + 2 * rows * (height + 16) - 16 + 24)


def test_what_is_said_of_each_map(monkeypatch):
    said = []
    monkeypatch.setattr(module.Canvas, "text", lambda self, place, text, ink: said.append(text))
    photo = Explanation("far/away/photo.jpg", GREY, (heat([[-1.5, 2.25]], "dog", 0.123),), {"dog": 0.75, "cat": 0.5})
    heat_sheet([photo], "gradcam", columns=4, width=1600)
    assert set(said) == {
        "lowest",
        "highest place of each picture",
        "Grad-CAM; behind a label, its probability",
        "dog  0.75",
        "cat  0.50",
        "photo.jpg",
        "dog  0.12",
        "from -1.5 to 2.25",
        "attention between labels",
        "those drawn, then the highest",
    }


@pytest.mark.parametrize("way", WAYS)
def test_the_legend_is_whole_on_the_narrowest_sheet_of_the_command_line(way, monkeypatch):
    said = []
    monkeypatch.setattr(module.Canvas, "text", lambda self, place, text, ink: said.append((place[0], text)))
    heat_sheet([Explanation("a", GREY, (heat([[0, 1]]),), {})], way, columns=2, width=600)
    assert any(text.endswith("behind a label, its probability") for _, text in said)
    pen = Pen(None)
    assert all(left + pen.width(text) <= 600 - 24 for left, text in said)


def test_attention_is_shown_for_the_labels_that_are_drawn_before_the_highest_others(monkeypatch):
    said = []
    monkeypatch.setattr(module.Canvas, "text", lambda self, place, text, ink: said.append(text))
    attention = {f"label {n:02d}": 0.9 - n / 100 for n in range(30)} | {"dog": 0.1, "cat": 0.2}
    heat_sheet([Explanation("a", GREY, (heat([[0, 1]], "dog"), heat([[0, 1]], "cat")), attention)], "maps")
    bars = [text for text in said if text.startswith(("label", "dog  0.1", "cat  0.2"))]
    assert bars[:4] == ["cat  0.20", "dog  0.10", "label 00  0.90", "label 01  0.89"]


def test_attention_is_drawn_as_long_as_its_share(monkeypatch):
    boxes = []
    monkeypatch.setattr(module.Canvas, "box", lambda self, place, size, *colours: boxes.append(size))
    attention = {"dog": 1.0, "cat": 0.25, "hat": 0.5}
    heat_sheet([Explanation("a", GREY, (heat([[0, 1]], "dog"),), attention)], "maps")
    lengths = [width for width, height in boxes if height == module.BAR_STEP - 4]
    assert lengths == [lengths[0], lengths[0] / 2, lengths[0] / 4]


def test_photos_are_shrunk_before_heat_is_laid_over_them(monkeypatch):
    shapes = []
    monkeypatch.setattr(module, "overlay", lambda photo, heat: shapes.append(photo.shape) or photo)
    for shape in ((900, 600), (30, 20), (3000, 1), (1, 3000)):
        heat_sheet([Explanation("a", np.zeros((*shape, 3), np.uint8), (heat([[0, 1]]),), {})], "maps")
    side = (1200 - 48 + 16) // 4 - 16 - 24
    assert shapes == [(side, 168, 3), (side, 168, 3), (side, 1, 3), (1, side, 3)]


def test_every_way_has_words_in_the_legend():
    assert set(module.WAYS) == set(WAYS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": 1}, "columns must be between 2 and 12, got 1"),
        ({"width": 500}, "width must be between 600 and 10000, got 500"),
    ],
)
def test_sizes_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        heat_sheet([Explanation("a", GREY, (), {})], "maps", **options)
    assert str(refusal.value) == message
    with pytest.raises(OptionError, match=r"^explanations must hold at least one photo, got none$"):
        heat_sheet([], "maps")
