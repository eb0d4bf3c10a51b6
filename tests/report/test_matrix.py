"""What the matrix promises: a square for each share above 0, none on the diagonal."""

import numpy as np
from svg_boxes import SVG, parsed

from polytag.report.matrix import matrix


def test_a_square_for_each_share():
    shares = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.001], [0.0, 0.0, 0.0]])
    root = parsed(matrix(shares, ["cat", "<dog>", "hat"], "t"))
    squares = list(root.iter(f"{SVG}rect"))
    assert [square.find(f"{SVG}title").text for square in squares] == [
        "100% of cat have <dog>",
        "50% of <dog> have cat",
        "0% of <dog> have hat",
    ]
    assert [float(square.get("fill-opacity")) for square in squares] == [1.0, 0.5, 0.04]
    (x, y), (other_x, other_y) = ((float(s.get("x")), float(s.get("y"))) for s in squares[:2])
    assert x > other_x
    assert y < other_y
    assert [element.text for element in root.iter(f"{SVG}text")] == ["cat", "<dog>", "hat"] * 2


def test_new_pairs_have_another_colour_whichever_way_round():
    root = parsed(matrix(np.full((3, 3), 0.5), ["cat", "dog", "hat"], "t", {(0, 2)}))
    squares = {s.find(f"{SVG}title").text: s.get("fill") for s in root.iter(f"{SVG}rect")}
    new = {text for text in squares if text.endswith(", a new pair")}
    assert new == {"50% of cat have hat, a new pair", "50% of hat have cat, a new pair"}
    assert len({squares[text] for text in new}) == 1
    assert squares["50% of cat have hat, a new pair"] != squares["50% of cat have dog"]


def test_many_names_fit():
    names = [f"a rather long name {number}" for number in range(40)]
    root = parsed(matrix(np.full((40, 40), 0.5), names, "t"))
    width = float(root.get("viewBox").split()[2])
    assert all(float(s.get("x")) + float(s.get("width")) < width for s in root.iter(f"{SVG}rect"))
