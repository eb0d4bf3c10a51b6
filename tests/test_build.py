"""What building by name promises: tables, options checked by name, and weights that are a function of the seed."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag.build import (
    TABLES,
    build_loss,
    build_model,
    check_written,
    describe,
    factory,
    head_for,
    made,
    option_parameters,
    summary,
    without_markup,
)
from polytag.errors import OptionError
from polytag.heads import HEADS
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_decoder import MLDecoder
from polytag.losses import LOSSES
from polytag.losses.aam import AAM
from polytag.losses.asl import ASL
from polytag.train.schedules import Plateau


def model(head="linear", **options):
    return build_model("test_efficientnet", head, 3, image_size=(32, 32), **options)


def same(one, other):
    return {key for key, value in one.state_dict().items() if torch.equal(value, other.state_dict()[key])}


def test_weights_are_a_function_of_the_seed_and_nothing_else():
    state = torch.random.get_rng_state()
    one, other = model(), model()
    assert same(one, other) == set(one.state_dict())
    assert torch.equal(torch.random.get_rng_state(), state)
    random = {key for key in same(one, model(seed=1)) if key.endswith((".classifier.weight", "conv_stem.weight"))}
    assert random == set()


def test_a_backbone_does_not_depend_on_the_head():
    one, other = model(), model({"name": "linear", "normalize": True})
    kept = same(one.backbone, other.backbone)
    assert kept == set(one.backbone.state_dict())


def test_options_reach_what_is_built():
    assert build_loss({"name": "asl", "gamma_neg": 2.0, "clip": 0.0}).gamma_neg == 2.0
    head = factory("head", {"name": "linear", "scale": 7.0, "normalize": True})(8, 3)
    assert isinstance(head, Linear)
    assert head.scale == 7.0
    assert isinstance(factory("loss", "asl")(), ASL)


def test_a_choice_may_hold_another_one():
    head = factory("head", {"name": "gat", "around": {"name": "ml_decoder", "groups": 2}, "vector_size": 4})(8, 3)
    assert isinstance(head, GAT)
    assert isinstance(head.around, MLDecoder)
    assert (head.around.groups, head.around.in_channels, head.around.num_classes) == (2, 8, 3)
    assert isinstance(factory("head", {"name": "gat", "around": Linear})(8, 3).around, Linear)
    default, named = factory("head", "gat")(8, 3).around, factory("head", GAT.AROUND)(8, 3)
    assert (type(default), default.pooling, default.normalize) == (type(named), named.pooling, named.normalize)
    with pytest.raises(OptionError, match=r"^the head 'linear' has no option 'groups'; it takes pooling"):
        factory("head", {"name": "gat", "around": {"name": "linear", "groups": 2}})
    with pytest.raises(OptionError, match=r"^head.groups must be a whole number, got 'two'$"):
        check_written("head", {"name": "gat", "around": {"name": "ml_decoder", "groups": "two"}})


def test_a_choice_is_not_changed_by_building():
    choice = {"name": "asl", "gamma_neg": 2.0}
    factory("loss", choice)
    factory("loss", choice)()
    assert choice == {"name": "asl", "gamma_neg": 2.0}


def test_ones_own_is_taken_as_it_is():
    assert build_loss(binary_cross_entropy_with_logits) is binary_cross_entropy_with_logits
    assert factory("head", Linear) is Linear
    assert isinstance(model(lambda channels, classes: Linear(channels, classes, pooling="max")).head, Linear)


def test_a_schedule_of_ones_own_is_copied_since_it_keeps_account_of_one_training():
    mine = Plateau(patience=0)
    made("schedule", mine).observe(0.5)
    assert mine.state_dict() == Plateau(patience=0).state_dict()
    assert made("schedule", mine).patience == 0


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ("als", f"loss must be one of {', '.join(LOSSES)}, got 'als'; did you mean 'asl'"),
        ("quite another", f"loss must be one of {', '.join(LOSSES)}, got 'quite another'"),
        ({"gamma_neg": 4}, f"loss must be one of {', '.join(LOSSES)}, got 'None'"),
        (
            {"name": "asl", "gama": 4},
            f"the loss 'asl' has no option 'gama'; it takes {', '.join(option_parameters('loss', 'asl'))}",
        ),
    ],
)
def test_what_is_not_known_is_refused(choice, sentence):
    with pytest.raises(OptionError) as refusal:
        factory("loss", choice)
    assert str(refusal.value) == sentence


def test_what_a_file_has_written_is_let_through():
    for choice in ("asl", {"name": "asl"}, {"name": "asl", "clip": 0, "detach_weights": False}):
        assert check_written("loss", choice) is None
    assert check_written("head", {"name": "linear", "pooling": "max"}) is None


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (["asl"], "loss must be a name or a table with one, got ['asl']"),
        ({"clip": 0.1}, f"loss must be one of {', '.join(LOSSES)}, got 'None'"),
        ({"name": "asl", "clip": "much"}, "loss.clip must be a number, got 'much'"),
        ({"name": "asl", "detach_weights": 1}, "loss.detach_weights must be true or false, got 1"),
    ],
)
def test_what_a_file_has_written_wrongly_is_refused(choice, sentence):
    with pytest.raises(OptionError) as refusal:
        check_written("loss", choice)
    assert str(refusal.value) == sentence


def test_an_entry_without_options_takes_none(monkeypatch):
    monkeypatch.setitem(TABLES, "sampler", {"bare": lambda labels: labels})
    with pytest.raises(OptionError, match=r"^the sampler 'bare' has no option 'size'; it takes none$"):
        factory("sampler", {"name": "bare", "size": 3})


def test_what_the_project_gives_itself_is_no_option():
    assert "in_channels" not in option_parameters("head", "linear")
    assert "labels" not in option_parameters("sampler", "uniform")
    assert option_parameters("head", "linear")["dropout"].default == 0.0


def test_a_description_can_be_written_as_json():
    assert describe(Path("a") / "b") == "a/b"
    assert describe({"name": "asl"}) == {"name": "asl"}
    assert [describe(value) for value in ("x", 1, 0.5, True, None, (1, 2))] == ["x", 1, 0.5, True, None, (1, 2)]
    assert describe(Linear) is None
    assert describe({"name": "gat", "around": {"name": "linear"}}) == {"name": "gat", "around": {"name": "linear"}}
    assert describe({"name": "gat", "around": Linear}) is None  # not a gat around another head


def test_summaries_are_plain_text():
    assert without_markup("``a`` is :class:`polytag.Run` or :meth:`fit`") == "a is polytag.Run or fit"
    assert summary(lambda: None) == ""
    assert summary(ASL) == without_markup(ASL.__doc__.splitlines()[0])


@pytest.mark.parametrize(
    ("loss", "head", "expected"),
    [
        ("bce", "linear", "linear"),
        ("aam", "linear", {"name": "linear", "normalize": True}),
        (
            {"name": "aam", "margin": 0.1},
            {"name": "linear", "scale": 17.0},
            {"name": "linear", "scale": 17.0, "normalize": True},
        ),
        ("aam", {"name": "linear", "normalize": False}, {"name": "linear", "normalize": False}),
        (AAM(), "linear", {"name": "linear", "normalize": True}),
        (AAM(), Linear, Linear),
        ("bce", "gat", "gat"),
        ("aam", "gat", {"name": "gat", "around": {"name": "linear", "pooling": "avg_max", "normalize": True}}),
        (
            "aam",
            {"name": "gat", "around": "ml_decoder", "hidden": 8},
            {"name": "gat", "around": {"name": "ml_decoder", "normalize": True}, "hidden": 8},
        ),
    ],
)
def test_a_loss_of_cosines_gets_a_normalised_head(loss, head, expected):
    assert head_for(loss, head) == expected


def test_a_head_that_cannot_be_normalised_is_refused_by_a_loss_of_cosines(monkeypatch):
    class Plain(Linear):
        def __init__(self, in_channels, num_classes):
            super().__init__(in_channels, num_classes)

    monkeypatch.setitem(HEADS, "plain", Plain)
    with pytest.raises(OptionError) as refusal:
        head_for("aam", "plain")
    able = "linear, ml_decoder, gat"
    assert set(HEADS) > set(able.split(", "))
    assert str(refusal.value) == (
        f"the loss aam works on cosines, which the head plain does not give; choose among {able}"
    )
