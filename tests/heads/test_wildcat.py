"""What WILDCAT promises: the mean of several maps a class, pooled by its highest and lowest places."""

import torch
from torch.nn.functional import conv2d

from polytag.heads.wildcat import Wildcat

D, C, M = 6, 3, 4


def test_wildcat_is_the_pooled_mean_of_several_convolutions():
    torch.manual_seed(0)
    head = Wildcat(D, C, maps=M).double()
    x = torch.randn(2, D, 4, 5, dtype=torch.float64)
    maps = torch.stack([conv2d(x, head.weight[:, m, :, None, None], head.bias[:, m]) for m in range(M)]).mean(dim=0)
    torch.testing.assert_close(head.class_maps(x), maps)
    places = maps.flatten(2).sort(dim=2).values
    torch.testing.assert_close(head(x), (places[:, :, -4:].mean(dim=2) + 0.7 * places[:, :, :4].mean(dim=2)) / 2)
