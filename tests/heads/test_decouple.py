"""What DecoupleNet promises: each class on its own until attention couples them, step by step as the paper has it."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, interpolate

from polytag.errors import OptionError
from polytag.heads.decouple import UPSAMPLINGS, Decouple

D, C, M = 6, 3, 4


def features(batch=2, height=4, width=5):
    return torch.randn(batch, D, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def built(**options):
    torch.manual_seed(0)
    head = Decouple(D, C, **options).double().eval()
    if head.attention != "none":
        with torch.no_grad():  # statistics as after some training
            head.attend_norm.running_mean.normal_()
            head.attend_norm.running_var.uniform_(0.5, 2)
            head.attend_norm.weight.uniform_(0.5, 2)
    return head


def large(head, x):
    if head.upsampling == "transposed":
        return conv_transpose2d(x, head.upsample.weight, head.upsample.bias, 2, 1, 1)
    if head.upsampling == "bilinear":  # as written in the paper: enlarged first
        twice = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return conv2d(twice, head.upsample[0].weight, head.upsample[0].bias)
    return conv2d(x, head.upsample.weight, head.upsample.bias, padding=1)


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear", "none"])
@pytest.mark.parametrize("attention", ["arch1", "arch2", "none"])
def test_is_the_paper_step_by_step(upsampling, attention):
    head, x = built(upsampling=upsampling, attention=attention), features()
    up = large(head, x)
    stride = 1 if upsampling == "none" else 2
    own, many = [], []
    for c in range(C):  # class-wise space to depth: a class sees its own channel alone
        maps = conv2d(up[:, c : c + 1], head.depth_weight[c][:, None], head.depth_bias[c], stride, padding=1)
        many.append(maps)
        own.append(maps.amax(dim=1))
    z = torch.stack(own, dim=1)
    assert z.shape == (2, C, 4, 5)
    coupled = z
    if attention != "none":
        seen = torch.cat(many, dim=1) if attention == "arch1" else x
        u = conv2d(seen, head.attend_weight.reshape(C, -1)[:, :, None, None], head.attend_bias)
        norm = head.attend_norm
        u = (u - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()
        u = u * norm.weight[:, None, None] + norm.bias[:, None, None]
        attention_of_class = u.amax(dim=(2, 3)).sigmoid()
        torch.testing.assert_close(head.class_attention(x), attention_of_class)
        coupled = (1 + attention_of_class)[:, :, None, None] * z
    torch.testing.assert_close(head.class_maps(x), coupled)
    places = coupled.flatten(2).sort(dim=2).values  # 20 of them
    torch.testing.assert_close(head(x), places[:, :, -4:].mean(dim=2) + 0.7 * places[:, :, :4].mean(dim=2))


def test_without_attention_a_class_does_not_know_the_others():
    head, x = built(attention="none"), features().requires_grad_()
    head(x)[:, 0].sum().backward()
    for key, weight in head.named_parameters():
        (dim,) = head.class_dims()[key]
        others = weight.grad.index_select(dim, torch.tensor([1, 2]))
        assert not others.any(), key
    assert not head.class_attention(x).any()


@pytest.mark.parametrize("attention", ["arch1", "arch2"])
def test_attention_makes_a_class_depend_on_what_it_is_about(attention):
    head, x = built(attention=attention), features()
    head(x)[:, 0].sum().backward()
    others = head.depth_weight.grad[1:]
    assert others.any() == (attention == "arch1")


@pytest.mark.parametrize("attention", ["arch1", "arch2"])
def test_attention_is_not_trained_on_a_single_place(attention):
    head, x = built(attention=attention), features(1, 1, 1)
    assert head(x).isfinite().all()
    with pytest.raises(OptionError) as refusal:
        head.train()(x)
    assert str(refusal.value) == (
        "attention over classes is trained on at least two places, got one photo with a map of 1 x 1; "
        "give larger batches or photos"
    )
    assert head(features(2, 1, 1)).isfinite().all()
    assert built(attention="none").train()(x).isfinite().all()


def test_a_case_worked_by_hand():
    """Two classes on a map of 1 x 2 with small whole numbers, in numpy alone."""
    kernels = np.array(
        [[[1, 0, 2], [0, 3, -1], [1, 1, 0]], [[0, 1, 0], [2, -2, 1], [0, 0, 4]]], float
    )  # of a class each
    x = np.array([2.0, -1.0])  # one channel, two places side by side
    large = np.zeros((2, 2, 4))
    for place, value in enumerate(x):  # a place puts its kernel around pixel (0, 2 place), what is outside is cut off
        for row, column in np.ndindex(3, 3):
            at = (row - 1, 2 * place + column - 1)
            if 0 <= at[0] < 2 and 0 <= at[1] < 4:
                large[(slice(None), *at)] += value * kernels[:, row, column]
    assert large.tolist() == [[[6, -2, -3, 1], [2, -1, -1, 0]], [[-4, 0, 2, -1], [0, 8, 0, -4]]]
    depth = np.stack(
        [large[:, :, 0::2][:, 0], large[:, :, 1::2][:, 0], large[:, :, 0::2][:, 1], large[:, :, 1::2][:, 1]], 1
    )
    assert depth[0].tolist() == [[6, -3], [-2, 1], [2, -1], [-1, 0]]  # of 2 x 2 pixels, row by row
    own = depth.max(axis=1)
    assert own.tolist() == [[6, 1], [8, 2]]
    weights = np.array([[1, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0.5, 0, 0, 0]])  # of both classes' maps, class by class
    scores = weights @ depth.reshape(8, 2)
    assert scores.tolist() == [[14, -7], [-2, 1]]
    attention = 1 / (1 + np.exp(-np.array([(14 - 12) / 2, (1 - 0) / 2])))  # the highest place, normalised

    head = Decouple(1, 2, alpha=0.5).double().eval()
    with torch.no_grad():
        head.upsample.weight.copy_(torch.from_numpy(kernels)[None])
        head.upsample.bias.zero_()
        head.depth_weight.zero_()
        for m, tap in enumerate([(1, 1), (1, 2), (2, 1), (2, 2)]):  # each map takes one of 2 x 2 pixels
            head.depth_weight[(slice(None), m, *tap)] = 1
        head.depth_bias.zero_()
        head.attend_weight.copy_(torch.from_numpy(weights).view(2, 2, 4))
        head.attend_bias.zero_()
        head.attend_norm.running_mean.copy_(torch.tensor([12.0, 0.0]))
        head.attend_norm.running_var.fill_(4 - head.attend_norm.eps)
    found, many = head.independent(torch.from_numpy(x).view(1, 1, 1, 2))
    assert many.tolist() == depth.reshape(1, 8, 1, 2).tolist()
    assert found.tolist() == own[None, :, None].tolist()
    logits = head(torch.from_numpy(x).view(1, 1, 1, 2))
    expected = (1 + attention) * (np.array([6, 8]) + 0.5 * np.array([1, 2]))  # the highest, and half of the lowest
    np.testing.assert_allclose(logits[0].detach(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upsampling": "nearest"}, "upsampling must be one of transposed, bilinear, none, got 'nearest'"),
        ({"attention": "both"}, "attention must be one of arch1, arch2, none, got 'both'"),
        ({"maps": 0}, "maps must be between 1 and 1024, got 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        Decouple(D, C, **options)
    assert str(refusal.value) == message


@pytest.mark.parametrize("classes", [17, 1000])
def test_every_upsampling_begins_at_one_scale(classes):
    torch.manual_seed(0)
    x = torch.rand(2, 64, 6, 6, generator=torch.Generator().manual_seed(1))
    spread = {name: build(64, classes)(x).std().item() for name, build in UPSAMPLINGS.items()}
    for name, value in spread.items():
        assert 0.7 < value / spread["none"] < 1.4, name
