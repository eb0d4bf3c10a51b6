"""What lettering promises: widths that are rather too much, and names cut in their middle."""

import pytest
from PIL import ImageFont

from polytag.report.lettering import fitted, text_width


def test_widths_are_summed_over_letters():
    assert text_width("", 12) == 0
    assert text_width("abc", 10) == pytest.approx(17.4)
    assert text_width("Am", 10) == pytest.approx(7.2 + 9.5)
    assert text_width("海a", 10) == pytest.approx(11 + 5.8)
    assert text_width("e\u0301", 10) == pytest.approx(5.8)  # an accent stands above its letter


@pytest.mark.parametrize(
    "text", ["resnet50 and weighted_bce", "ML-Decoder (group 4)", "mAP in percent", "WWW mmm", "0.25"]
)
def test_no_less_than_a_real_font_takes(text):
    assert text_width(text, 40) >= ImageFont.load_default(40).getlength(text)


def test_what_fits_stays_and_else_the_middle_goes():
    assert fitted("abcdefgh", 8) == "abcdefgh"
    assert fitted("abcdefgh", 7) == "abc…fgh"
    assert fitted("abcdefgh", 4) == "ab…h"
    assert fitted("abcdefgh", 0) == "…"
    assert fitted("", 0) == ""


def test_a_width_of_ones_own_is_kept_to():
    room = 30.0
    cut = fitted("a long name", room, lambda text: text_width(text, 10))
    assert text_width(cut, 10) <= room < text_width(cut.replace("…", "a…"), 10)
