"""What pages promise: complete in themselves, and text of any origin is text."""

from polytag.report.page import boxed, figure, grid, page, shown

WILD = '<script>alert("x")</script>\x1b[31m'


def test_text_of_any_origin_is_escaped():
    made = page(WILD, [boxed("<svg/>", WILD), figure("<svg/>", "name", WILD), grid([(WILD, "n"), (WILD, WILD)])])
    assert "<script" not in made
    assert "\x1b" not in made
    assert made.count(shown(WILD)) == 7


def test_nothing_is_loaded():
    made = page("t", [])
    assert "http" not in made
    assert "src=" not in made


def test_numbers_are_set_to_the_right():
    made = grid([("label", "photos"), ("cat", "3")], frozenset((1,)))
    assert '<th scope="col" class="number">photos</th>' in made
    assert '<th scope="row">cat</th><td class="number">3</td>' in made
