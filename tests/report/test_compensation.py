"""What the drawing of a compensation promises: each number at its place, frequent labels first."""

import numpy as np
import pytest
from svg_boxes import complaints, dots, parsed

from polytag.report.compensation import compensation_drawing

MEANS = np.array([[0.5, 1.0, 0.1], [-0.5, -1.0, -0.1]])
DEVIATIONS = np.array([[0.9, 0.8, 1.0], [1.1, 1.3, 1.0]])


def test_labels_are_sorted_and_every_number_is_told():
    root = parsed(compensation_drawing(MEANS, DEVIATIONS, ["mid", "<many>", "few"], [20, 90, 3]))
    tips = [tip for tip, *_ in dots(root)]
    assert tips[:3] == [
        "<many> (90 photos), present: mean 1.000",
        "mid (20 photos), present: mean 0.500",
        "few (3 photos), present: mean 0.100",
    ]
    assert tips[3] == "<many> (90 photos), absent: mean -1.000"
    assert tips[-3:] == ["few (3 photos), absent: deviation 1.000", "present labels", "absent labels"]
    heights = [y for _, _, y, _ in dots(root)]
    assert heights[0] < heights[1] < heights[2] < heights[5]  # larger numbers stand higher
    assert not complaints(root)


@pytest.mark.parametrize("labels", [1, 80])
def test_few_and_many_labels_fit(labels):
    random = np.random.default_rng(0)
    means, deviations = random.normal(size=(2, labels)), random.random((2, labels)) + 0.5
    names = [f"label {number}" for number in range(labels)]
    assert not complaints(parsed(compensation_drawing(means, deviations, names, [5] * labels)))
