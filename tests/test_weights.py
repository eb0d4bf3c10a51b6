"""What weights from elsewhere promise: all of the backbone or a refusal, classes matched by name, no code run."""

import argparse
import os

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from polytag.backbones import Backbone
from polytag.data.preprocessing import Preprocessing
from polytag.errors import RunError
from polytag.heads.linear import Linear
from polytag.model import Classifier
from polytag.run import CONFIG, new_config, save_json, save_weights
from polytag.weights import load_backbone, load_matching, load_weights, read_weights

ADVICE = "give weights of the same model, or start from scratch with --weights none"


def classifier(name="test_resnet", classes=3, image_size=None, **options):
    backbone = Backbone(name, image_size=image_size)
    return Classifier(backbone, Linear(backbone.channels, classes, **options)).eval()


def toy(classes, **options):
    return Classifier(nn.Conv2d(3, 4, 3), Linear(4, classes, **options))


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(7)
    return timm.create_model("test_resnet", num_classes=9).eval()


def images(side=64):
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_takes_a_timm_file_without_its_classifier_and_says_so(published, tmp_path):
    file = tmp_path / "resnet.safetensors"
    save_file(published.state_dict(), file)
    model = classifier()
    notes = load_backbone(model, file)
    assert torch.equal(model.backbone(images()), published.forward_features(images()))
    count = len(published.state_dict()) - 2
    assert notes == [
        f"backbone: all {count} entries taken from {file}",
        "left out, as they come after the feature map: fc.bias, fc.weight",
    ]


def averaged(state):
    """As torch.optim.swa_utils.AveragedModel saves it."""
    return {"n_averaged": torch.tensor(3), **state}


@pytest.mark.parametrize(
    ("suffix", "prefix", "wrap"),
    [
        (".pth", "", lambda state: state),
        (".pt", "module.", lambda state: {"epoch": 3, "state_dict": state, "args": argparse.Namespace(lr=0.1)}),
        (".bin", "model.", lambda state: {"model": state}),
        (".ckpt", "module._orig_mod.", lambda state: {"model": {"state_dict": state}}),
        (".tar", "", lambda state: {"model": {"fc.bias": torch.ones(9)}, "model_ema": state}),
        (".pth", "", lambda state: {"model": {"fc.bias": torch.ones(9)}, "ema": state}),
        (".pth", "module.", lambda state: {"model": {"fc.bias": torch.ones(9)}, "model_ema": averaged(state)}),
        (".pth", "", lambda state: {"ema": {"decay": 0.9}, "net": state}),
    ],
)
def test_takes_off_what_training_scripts_put_around_the_weights(published, tmp_path, suffix, prefix, wrap):
    file = tmp_path / f"weights{suffix}"
    torch.save(wrap({prefix + key: value for key, value in published.state_dict().items()}), file)
    found = read_weights(file)
    assert found.keys() == published.state_dict().keys()
    assert torch.equal(found["fc.bias"], published.fc.bias)


def test_a_file_that_holds_itself_has_no_weights(tmp_path):
    content = {}
    content["model"] = content
    torch.save(content, tmp_path / "loop.pth")
    with pytest.raises(RunError, match=r"loop\.pth holds no weights; give weights of the same model"):
        read_weights(tmp_path / "loop.pth")


def test_weights_without_batch_counters_are_whole(published, tmp_path):
    file = tmp_path / "old.pth"
    torch.save({key: value for key, value in published.state_dict().items() if "num_batches" not in key}, file)
    model = classifier()
    assert len(load_backbone(model, file)) == 2
    assert torch.equal(model.backbone(images()), published.forward_features(images()))


def test_positions_of_a_transformer_are_fitted_to_another_image_size(tmp_path):
    whole, file = timm.create_model("test_vit").eval(), tmp_path / "vit.pth"
    torch.save(whole.state_dict(), file)
    model = classifier("test_vit", image_size=64)
    load_backbone(model, file)
    assert model.backbone.model.pos_embed.shape == (1, 17, 64)
    assert torch.equal(model.backbone.model.pos_embed[0, 0], whole.pos_embed[0, 0])
    assert torch.equal(model.backbone.model.blocks[0].attn.qkv.weight, whole.blocks[0].attn.qkv.weight)


def test_says_which_weights_start_afresh_where_the_published_model_has_its_norm_after_the_pooling(tmp_path):
    whole, file = timm.create_model("test_vit2"), tmp_path / "vit.pth"
    torch.save(whole.state_dict(), file)
    model = classifier("test_vit2")
    assert load_backbone(model, file) == [
        f"backbone: all {len(whole.state_dict()) - 4} entries taken from {file}",
        "left out, as they come after the feature map: fc_norm.weight, fc_norm.bias, head.weight, head.bias",
        "not among the published weights of test_vit2, so they start afresh: norm.weight, norm.bias",
    ]
    assert torch.equal(model.backbone.model.patch_embed.proj.weight, whole.patch_embed.proj.weight)


def test_names_only_a_few_of_many_entries_that_are_left_out(tmp_path):
    whole, file = timm.create_model("test_vit3"), tmp_path / "vit.pth"
    torch.save(whole.state_dict(), file)
    left_out = [key for key in whole.state_dict() if key.startswith(("attn_pool", "head"))]
    expected = f"left out, as they come after the feature map: {', '.join(left_out[:3])}, and {len(left_out) - 3} more"
    assert load_backbone(classifier("test_vit3"), file)[1] == expected


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (lambda s: s.pop("layer1.0.conv1.weight"), "89 of 90 entries match, and layer1.0.conv1.weight is missing"),
        (
            lambda s: s.update({"layer1.0.bn1.bias": torch.zeros(5)}),
            "89 of 90 entries match, and layer1.0.bn1.bias has the shape (5,), not (32,)",
        ),
        (lambda s: s.update(strange=torch.zeros(5)), "90 of 90 entries match, and strange is no part of it"),
    ],
)
def test_takes_all_of_the_backbone_or_nothing(published, tmp_path, change, clause):
    state, file, model = dict(published.state_dict()), tmp_path / "weights.safetensors", classifier()
    change(state)
    save_file(state, file)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(RunError) as error:
        load_backbone(model, file)
    assert str(error.value) == f"{file} does not fit the backbone test_resnet: {clause}; {ADVICE}"
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Code:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def write(file, content):
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.pth",
            {"state_dict": {"w": torch.zeros(2)}, "extra": Code()},
            r"{file} is refused, since it would run code \(posix.mkdir\); save its state dict alone as .safetensors",
        ),
        (
            "a.pth",
            b"these are no weights\n",
            r"{file} cannot be read: it is damaged or no weights file; fetch it again",
        ),
        ("a.pth", b"", r"{file} cannot be read: it is damaged or no weights file; fetch it again"),
        ("a.safetensors", b"these are no weights\n", r"{file} cannot be read as safetensors \(.+\); fetch it again"),
        ("a.pth", {"epoch": 3}, rf"{{file}} holds no weights; {ADVICE}"),
        ("a.pth", [torch.zeros(2)], rf"{{file}} holds no weights; {ADVICE}"),
        (
            "a.pth",
            {"v": torch.zeros(2), "w": torch.tensor([0.0, torch.nan])},
            "{file} holds numbers that are not finite, first in w; give another weights file",
        ),
        ("a.txt", b"", r"a weights file must end in .safetensors, .pth, .pt, .bin, .ckpt or .tar, got {file}"),
    ],
)
def test_says_in_one_sentence_what_is_wrong_with_a_file(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    write(file, content)
    with pytest.raises(RunError, match=rf"^{message.replace('{file}', str(file))}$"):
        read_weights(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_was_cut_short_is_refused_wherever_it_was_cut(tmp_path, suffix):
    file = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)({"w": torch.ones(1000)}, file)
    whole = file.read_bytes()
    for length in (1, 7, 20, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(RunError, match=rf"^{file} cannot be read.*; fetch it again$"):
            read_weights(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        RunError, match=rf"^{tmp_path}/a.pth cannot be read: no such file or directory; fetch it again$"
    ):
        read_weights(tmp_path / "a.pth")
    with pytest.raises(RunError) as error:
        load_weights(toy(2), str(tmp_path / "a.pth"), "ab")
    assert str(error.value) == (
        f"weights must be pretrained, none, a weights file or a run folder; there is no {tmp_path}/a.pth"
    )


@pytest.mark.parametrize("weights", ["pretrained", "none"])
def test_leaves_the_model_alone_where_nothing_is_to_be_loaded(weights):
    model = toy(2)
    before = model.head.classifier.weight.clone()
    assert load_weights(model, weights, ["a", "b"]) == []
    assert torch.equal(model.head.classifier.weight, before)


def test_refuses_a_run_with_another_backbone():
    other = Classifier(nn.Conv2d(3, 4, 5), Linear(4, 2))
    with pytest.raises(RunError) as error:
        load_matching(toy(2), ["a", "b"], other.state_dict(), ["a", "b"])
    assert str(error.value) == (
        "the run does not fit the backbone Conv2d: 1 of 2 entries match, and weight has the shape (4, 3, 5, 5), "
        f"not (4, 3, 3, 3); {ADVICE}"
    )


def test_takes_a_run_folder_by_its_path(tmp_path):
    old, new = classifier(classes=2), classifier(classes=2)
    save_weights(tmp_path, old)
    config = new_config(
        backbone="test_resnet",
        head="linear",
        classes=["a", "b"],
        preprocessing=Preprocessing((64, 64)),
        thresholds=[0.5, 0.5],
        training={},
        data={},
        command="",
    )
    save_json(tmp_path / CONFIG, config)
    notes = load_weights(new, str(tmp_path), ["b", "c"])
    assert notes[-1] == "head: 1 of 2 classes are known to the run by name, 1 start afresh"
    assert torch.equal(new.head.classifier.weight[0], old.head.classifier.weight[1])
    assert torch.equal(new.backbone(images()), old.backbone(images()))
