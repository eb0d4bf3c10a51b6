"""What pooling by the highest and lowest places promises."""

import pytest
import torch

from polytag.errors import OptionError
from polytag.layers.wildcat import WildcatPooling, upsampled

TEN = torch.arange(10.0).view(1, 1, 2, 5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 8.5 + 0.7 * 0.5),  # equation 3
        ({"halve": True}, (8.5 + 0.7 * 0.5) / 2),  # public code
        ({"lowest": 0.0, "halve": True}, 8.5),
        ({"alpha": 0.0}, 8.5),
        ({"highest": 1, "lowest": 1}, 9.0),
        ({"highest": 3.0, "lowest": 2.0, "alpha": 1.0}, 8 + 0.5),
        ({"highest": 100.0, "lowest": 0.0}, 4.5),
        ({"highest": 0.01, "lowest": 0.01}, 9.0),  # one place at least
    ],
)
def test_is_the_mean_of_the_highest_and_a_share_of_the_lowest(options, expected):
    assert WildcatPooling(**options)(TEN).item() == pytest.approx(expected)


def test_each_map_is_pooled_by_itself():
    maps = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    pooled = WildcatPooling(0.1, 0.25, 0.5)(maps)
    for photo in range(2):
        for c in range(3):
            places = maps[photo, c].flatten().sort().values
            assert pooled[photo, c].item() == pytest.approx((places[-2:].mean() + 0.5 * places[:5].mean()).item())


def test_a_single_place_is_highest_and_lowest():
    assert WildcatPooling()(torch.full((1, 1, 1, 1), 2.0)).item() == pytest.approx(2 * 1.7)


def test_twice_the_size_keeps_the_mean_and_what_is_even():
    maps = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    assert upsampled(maps).shape == (1, 2, 6, 8)
    assert torch.equal(upsampled(torch.ones(1, 1, 2, 2)), torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"highest": 0.0}, "highest must be between 1e-06 and 1e+06, got 0.0"),
        ({"lowest": -1.0}, "lowest must be between 0 and 1e+06, got -1.0"),
        ({"alpha": -0.1}, "alpha must be between 0 and 1000, got -0.1"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        WildcatPooling(**options)
    assert str(refusal.value) == message
