"""What a classifier promises: float logits, two halves where the head has them, and no surprise when compiled."""

import pytest
import torch
from torch import nn

from polytag.backbones import Backbone
from polytag.errors import OptionError
from polytag.heads.base import Head
from polytag.heads.linear import Linear
from polytag.model import Classifier

SIZE = (32, 64)


class Whole(Head):
    """A head in one piece."""

    def forward(self, features):
        return features.mean(dim=(2, 3))[:, : self.num_classes]

    def class_dims(self):
        return {}


def images(batch=2):
    return torch.randn(batch, 3, *SIZE, generator=torch.Generator().manual_seed(0))


def toy(head=None):
    torch.manual_seed(0)
    return Classifier(nn.Conv2d(3, 8, 3, stride=2), head or Linear(8, 5)).eval()


@pytest.fixture(scope="module", params=["test_resnet", "test_vit"])
def model(request):
    torch.manual_seed(0)
    backbone = Backbone(request.param, image_size=SIZE)
    return Classifier(backbone, Linear(backbone.channels, 5, normalize=True)).eval()


def test_is_the_head_after_the_backbone():
    model = toy()
    assert torch.equal(model(images()), model.head(model.backbone(images())))
    assert set(model.state_dict()) == {
        *("backbone.weight", "backbone.bias"),
        *("head.classifier.weight", "head.classifier.bias"),
    }


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_logits_are_at_least_float32(dtype, expected):
    model = toy().to(dtype)
    assert model(images().to(dtype)).dtype == expected
    assert model.classify(torch.zeros(2, 8, dtype=dtype)).dtype == expected


def test_logits_are_float32_and_close_under_autocast(model):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(images())
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, model(images()), rtol=0.05, atol=0.3)  # logits reach 23


def test_goes_through_a_vector_where_the_head_has_one():
    model = toy()
    vectors = model.embed(images())
    assert vectors.shape == (2, 8)
    assert torch.equal(model.classify(vectors), model(images()))


def test_says_that_a_head_has_no_vector():
    model = toy(Whole(8, 5))
    for use in (lambda: model.embed(images()), lambda: model.classify(torch.zeros(2, 8))):
        with pytest.raises(OptionError) as error:
            use()
        assert str(error.value) == (
            "the head Whole does not work by one vector a photo, with embed and classify; "
            "choose one that does, such as linear"
        )


def test_refuses_a_head_for_another_number_of_channels():
    backbone = nn.Conv2d(3, 8, 3)
    backbone.channels = 8
    with pytest.raises(OptionError, match=r"^in_channels of the head must be the 8 channels of the backbone, got 9$"):
        Classifier(backbone, Linear(9, 5))


def test_memory_order_does_not_change_the_logits(model):
    turned = model.to(memory_format=torch.channels_last)(images().to(memory_format=torch.channels_last))
    torch.testing.assert_close(turned, model.to(memory_format=torch.contiguous_format)(images()), rtol=1e-4, atol=1e-4)


def test_compiles_in_one_piece(model):
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images()), model(images()))


def test_exports_for_any_number_of_photos_as_plain_arithmetic():
    torch.manual_seed(0)
    backbone = Backbone("test_vit", image_size=SIZE)
    model = Classifier(backbone, Linear(backbone.channels, 5, normalize=True)).eval()
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(model, (images(),), dynamic_shapes=({0: batch},))
    torch.testing.assert_close(program.module()(images(5)), model(images(5)))
    assert not any("autocast" in str(node.target) for node in program.graph.nodes)
