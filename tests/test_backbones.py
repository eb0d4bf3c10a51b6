"""What backbones promise: channels first on the right grid, every weight of use, and sentences for what cannot be."""

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import conv2d

import polytag.backbones
from polytag.backbones import Backbone, preprocessing_defaults
from polytag.data.preprocessing import Preprocessing
from polytag.errors import OptionError, RunError

SIZE = (64, 32)
# A convolutional net, one that puts channels last, a transformer with a class token and one without.
MODELS = {"test_resnet": (2, 1), "test_mambaout": (2, 1), "test_vit": (4, 2), "test_vit_relpos": (4, 2)}


def images(height=SIZE[0], width=SIZE[1]):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=MODELS)
def backbone(request):
    return Backbone(request.param, image_size=SIZE).eval()


def test_gives_one_map_with_channels_first(backbone):
    features = backbone(images())
    assert features.shape == (2, backbone.channels, *MODELS[backbone.name])
    assert features.isfinite().all()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_vit_relpos"])
def test_agrees_with_the_feature_maps_that_timm_itself_gives(name):
    backbone = Backbone(name, image_size=SIZE).eval()
    expected = backbone.model.forward_intermediates(images(), 1, norm=True, output_fmt="NCHW", intermediates_only=True)
    assert torch.equal(backbone(images()), expected[-1])


def test_a_class_token_that_timm_does_not_count_is_left_out():
    backbone = Backbone("volo_d1_224", image_size=64).eval()
    raw = backbone.model.forward_features(images(64, 64))
    features = backbone(images(64, 64))
    assert raw.shape[1] == 1 + 4 * 4
    assert torch.equal(features[1, :, 2, 3], raw[1, 1 + 2 * 4 + 3])


def test_channels_last_is_turned_and_not_reshaped():
    backbone = Backbone("test_mambaout").eval()
    features, raw = backbone(images(96, 160)), backbone.model.forward_features(images(96, 160))
    assert features.shape == (2, backbone.channels, 3, 5)
    assert torch.equal(features[1, :, 2, 4], raw[1, 2, 4])


class Patches(nn.Module):
    """One token a patch, in the order of reading, behind two tokens of another kind; a rim without a patch is cut."""

    num_prefix_tokens = 2

    def forward_features(self, images):
        tokens = conv2d(images, torch.ones(5, 3, 16, 16), stride=16).flatten(2).transpose(1, 2)
        return torch.cat([torch.full((len(tokens), 2, 5), torch.nan), tokens], dim=1)


def test_tokens_come_back_to_their_place_for_photos_of_every_shape():
    backbone = Backbone("test_resnet")
    backbone.model = Patches()
    for height in (16, 31, 32, 47, 63, 64, 100, 320):
        for width in (16, 31, 32, 47, 63, 64, 100, 320):
            photos = images(height, width)
            assert torch.equal(backbone(photos), conv2d(photos, torch.ones(5, 3, 16, 16), stride=16))


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_vit", "test_vit_relpos", "test_convnext", "mobilenetv3_small_050"]
)
def test_every_weight_gets_a_gradient(name):
    backbone = Backbone(name, image_size=32)
    backbone(images(32, 32)).square().sum().backward()
    assert [key for key, weight in backbone.named_parameters() if weight.grad is None] == []


def test_a_model_that_insists_on_its_pooling_gives_a_map_all_the_same():
    with torch.device("meta"):
        backbone = Backbone("efficientvit_b0", image_size=64)
        assert backbone(torch.empty(1, 3, 64, 64)).shape == (1, backbone.channels, 2, 2)


def test_building_does_not_depend_on_gradients_being_recorded():
    with torch.no_grad():
        assert not any("head" in key for key in Backbone("test_convnext").state_dict())


def test_a_convolutional_net_takes_photos_of_other_sizes_later():
    assert Backbone("test_resnet", image_size=64)(images(96, 160)).shape[2:] == (3, 5)


def test_a_transformer_says_which_photos_it_was_built_for():
    backbone = Backbone("test_vit", image_size=SIZE)
    with pytest.raises(OptionError) as error:
        backbone(images(32, 64))
    assert str(error.value) == (
        "the backbone test_vit was built for photos of 64 x 32 pixels, got 32 x 64; "
        "build it with the image_size of these photos"
    )


def test_published_keys_are_those_of_the_whole_model():
    keys = set(timm.create_model("test_convnext").state_dict())
    assert Backbone("test_convnext").published_keys() == keys
    assert {"head.norm.weight", "head.fc.bias"} < keys


def test_says_how_the_published_weights_want_their_photos():
    half = (0.5, 0.5, 0.5)
    assert preprocessing_defaults("test_vit") == Preprocessing((160, 160), half, half, "bicubic")
    assert preprocessing_defaults("resnet50.tv_in1k") == Preprocessing((224, 224), interpolation="bilinear")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "resnet5O",
            f"backbone must be one of the {len(timm.list_models())} models of timm, got 'resnet5O'; "
            "did you mean 'resnet50'",
        ),
        (
            "zzz/123",
            f"backbone must be one of the {len(timm.list_models())} models of timm, got 'zzz/123'; "
            "polytag list backbones shows them",
        ),
        ("test_vit.in1k", "the weights of test_vit must be one of r160_in1k, got 'in1k'"),
    ],
)
def test_names_what_is_close_to_an_unknown_name(name, message):
    for build in (Backbone, preprocessing_defaults):
        with pytest.raises(OptionError) as error:
            build(name)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("test_resnet", 0, "each side of image_size must be between 1 and 8192, got 0"),
        ("test_vit", (32, 9000), "each side of image_size must be between 1 and 8192, got 9000"),
        ("test_vit", 8, r"the backbone test_vit cannot take photos of 8 x 8 pixels \(.+\); choose another image_size"),
    ],
)
def test_names_an_image_size_that_cannot_be(name, size, message):
    with pytest.raises(OptionError, match=rf"^{message}$"):
        Backbone(name, image_size=size)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([torch.zeros(1, 2, 4, 4)], "the backbone Patches gives no feature map; choose another one"),
        (torch.zeros(1, 2), "the backbone Patches gives no feature map; choose another one"),
        (torch.zeros(1, 9, 8), "the backbone Patches gives 7 tokens, not a grid; choose another one"),
    ],
)
def test_refuses_a_model_without_a_map(monkeypatch, output, message):
    monkeypatch.setattr(Patches, "forward_features", lambda self, images: output)
    backbone = Backbone("test_resnet")
    backbone.model = Patches()
    with pytest.raises(OptionError, match=rf"^{message}$"):
        backbone(images(32, 32))


class NoNetwork:
    """Refuses every connection, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def head(self, url, timeout):
        assert timeout <= 10
        self.asked += 1
        raise ConnectionError("no route\nto host")


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    session = NoNetwork()
    monkeypatch.setattr(polytag.backbones, "get_session", lambda: session)
    monkeypatch.setattr(polytag.backbones, "try_to_load_from_cache", lambda *_, **__: None)
    return session


def test_says_what_to_do_without_a_network_and_asks_once(no_network):
    with pytest.raises(RunError) as error:
        Backbone("test_vit", pretrained=True)
    assert str(error.value) == (
        "the weights of test_vit cannot be fetched (no route to host; no network?); "
        "give a file with --weights PATH, or start from scratch with --weights none"
    )
    assert no_network.asked == 1


def test_takes_published_weights_from_the_cache_without_a_network(no_network, monkeypatch, tmp_path):
    published, file = timm.create_model("test_vit", img_size=64), tmp_path / "model.safetensors"
    save_file(published.state_dict(), file)
    monkeypatch.setattr(polytag.backbones, "try_to_load_from_cache", lambda *_, **__: str(file))
    backbone = Backbone("test_vit", pretrained=True, image_size=64).eval()
    assert torch.equal(backbone.model.norm.weight, published.norm.weight)
    expected = published.eval().forward_features(images(64, 64))[:, 1:]
    assert torch.equal(backbone(images(64, 64)).flatten(2).transpose(1, 2), expected)
    assert no_network.asked == 0


def test_says_that_a_model_has_no_published_weights(no_network):
    assert not timm.is_model_pretrained("test_vit4")
    with pytest.raises(OptionError) as error:
        Backbone("test_vit4", pretrained=True)
    assert str(error.value) == (
        "the backbone test_vit4 has no published weights; "
        "give a file with --weights PATH, or start from scratch with --weights none"
    )


def test_a_backbone_is_tried_out_once_and_built_anew_each_time(monkeypatch):
    polytag.backbones._rehearse.cache_clear()
    first, built = Backbone("test_efficientnet", image_size=40), []
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *args, **options: built.append(args) or create(*args, **options))
    second = Backbone("test_efficientnet", image_size=40)
    assert built == [("test_efficientnet",)]
    assert second.state_dict().keys() == first.state_dict().keys()
    assert second.channels == first.channels
    assert not {id(weight) for weight in second.parameters()} & {id(weight) for weight in first.parameters()}
    Backbone("test_efficientnet", image_size=48)
    assert len(built) == 3
