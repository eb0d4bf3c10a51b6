"""What distillation over groups promises of one step: a label's teachers are frozen and outside; the loss by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from cpsd_toys import CLASSES, NAMES, Constant, batch, context_of, prepared
from toys import tiny_set

from polytag.backbones import Backbone
from polytag.build import factory
from polytag.errors import OptionError, RunError
from polytag.heads.linear import Linear
from polytag.labels.partition import suggest_k
from polytag.losses import BCE, WeightedBCE
from polytag.method import Base, Context, Method
from polytag.methods.cpsd import CPSD, seed_of
from polytag.methods.supervised import Supervised
from polytag.model import Classifier

TEACHERS = ("together 1 of 2", "together 2 of 2", "apart 1 of 2", "apart 2 of 2")
NO_CUT = "k is 2, and no groups are to be found: they are given, or all labels are one; leave k out"


@pytest.mark.parametrize(
    ("decompositions", "kinds"),
    [("both", ["together", "apart"]), ("together", ["together"]), ("apart", ["apart"]), ("whole", ["whole"])],
)
def test_every_label_has_one_teacher_in_each_decomposition(decompositions, kinds):
    asked = []
    method = prepared(asked, decompositions=decompositions, k=0 if decompositions == "whole" else 2)
    assert list(method.teachers) == kinds
    for kind in kinds:
        taught = [fit for fit in asked if fit.name.startswith(kind)]
        assert sorted(column for fit in taught for column in fit.classes) == list(range(CLASSES))
        assert len(taught) == (1 if kind == "whole" else 2)
    assert asked[0].name == f"{kinds[0]} 1 of {1 if kinds == ['whole'] else 2}"


@pytest.mark.parametrize(("scale", "classify", "taught"), [("public", 0.5, 0.25), ("paper", 1.0, 0.5)])
def test_the_loss_by_hand(scale, classify, taught):
    terms = prepared(scale=scale).losses(batch())
    plain = BCE()(torch.zeros(3, CLASSES), batch().targets)
    distance = 1.0 + 4 + 9 + 16  # student 0, teachers 1 to 4 in the order of all labels
    assert terms["classify"].item() == pytest.approx(classify * plain.item())
    assert terms["together"].item() == terms["apart"].item() == pytest.approx(taught * distance)


@pytest.mark.parametrize("kept", [True, False])
def test_each_decomposition_has_teachers_of_its_own(kept):
    photos = [batch()._replace(images=torch.zeros(20, 3, 8, 8))] * 2
    context = context_of([], later=10.0, unchanged=(lambda: iter(photos)) if kept else None)
    terms = prepared(context=context).losses(batch())
    assert terms["together"].item() == pytest.approx(0.25 * (1.0 + 4 + 9 + 16))
    assert terms["apart"].item() == pytest.approx(0.25 * (11.0**2 + 12**2 + 13**2 + 14**2))


def test_a_label_without_a_training_photo_has_no_teacher_of_its_own():
    data = tiny_set(40)
    data = data.with_classes([*data.classes, "never"])
    asked = []
    method = CPSD(Constant([0.0] * 5), BCE(), k=2)
    method.prepare(data, context_of(asked))
    met = data.labels.counts().present > 0
    assert len(asked) == 4
    assert all(met[list(fit.classes)].any() for fit in asked)
    assert sorted(column for fit in asked for column in fit.classes) == sorted([*range(5)] * 2)


def test_the_number_of_groups_may_be_left_to_the_labels():
    asked = []
    prepared(asked, decompositions="together", k=0)
    assert len(asked) == suggest_k(tiny_set(40).labels)


def test_a_branch_alone_has_the_weight_of_both():
    both, one = prepared().losses(batch()), prepared(decompositions="apart").losses(batch())
    assert one["apart"].item() == pytest.approx(2 * both["apart"].item())
    assert set(one) == {"classify", "apart"}


def test_alpha_moves_weight_from_the_teachers_to_the_labels():
    terms = prepared(alpha=0.8).losses(batch())
    assert terms["apart"].item() == pytest.approx(0.1 * 30)


def test_probabilities_may_be_compared_instead():
    student = torch.zeros(CLASSES).sigmoid()
    taught = torch.arange(1.0, CLASSES + 1).sigmoid()
    terms = prepared(distil="probabilities").losses(batch())
    assert terms["together"].item() == pytest.approx(0.25 * (student - taught).square().sum().item())


class TwoBatches(Method):
    """Takes two, and says how many photos each has."""

    def __init__(self, model, loss, sampler):
        super().__init__()
        self.model = model

    def losses(self, *batches):
        return {f"photos {number}": torch.tensor(float(len(each.rows))) for number, each in enumerate(batches)}


def test_of_several_batches_the_term_is_the_mean():
    method = prepared(base=Base("two", TwoBatches))
    terms = method.losses(batch(1), batch(3))
    assert (terms["photos 0"].item(), terms["photos 1"].item()) == (0.5, 1.5)
    assert terms["together"].item() == terms["apart"].item() == pytest.approx(0.25 * 30)


def test_the_student_moves_towards_its_teachers_and_they_stay():
    method = prepared(alpha=0.01)
    teachers = [teacher.model for group in method.teachers.values() for teacher in group]
    sum(method.losses(batch()).values()).backward()
    assert (method.model.values.grad < 0).all()  # teachers answer with more
    assert all(
        weight.grad is None and not weight.requires_grad for teacher in teachers for weight in teacher.parameters()
    )
    assert {id(module) for module in method.modules()}.isdisjoint(map(id, teachers))
    assert set(method.state_dict()) == {"base.model.values", "model.values"}


def test_teachers_are_in_eval_mode_unless_public_code_is_wanted():
    method = prepared()
    method.train()
    assert not any(teacher.model.training for group in method.teachers.values() for teacher in group)
    method = prepared(teacher_mode="train")
    assert all(teacher.model.training for group in method.teachers.values() for teacher in group)


def test_a_loss_that_is_prepared_for_the_teachers_is_prepared_for_the_student_after_them():
    loss, data = WeightedBCE(), tiny_set(40)

    def do(fits):
        loss.prepare(data.with_classes("ab").labels)
        return {fit.name: Path(fit.name) for fit in fits}

    method = CPSD(Constant([0.0] * CLASSES), loss, decompositions="whole")
    method.prepare(data, Context(Accelerator(cpu=True), 0, do, lambda path: (Constant([0.0] * CLASSES), NAMES[:4])))
    assert torch.isfinite(method.losses(batch())["classify"])


def test_what_teachers_are_asked_to_do():
    asked = []
    prepared(asked, decompositions="apart", teacher_images="containing", teacher_epochs=3, teacher_lr=1e-3)
    options = {"epochs": 3, "lr": 1e-3, "search": "climb"}
    assert [(fit.photos, fit.options, fit.method) for fit in asked] == [
        ("containing", options | {"seed": seed_of(0, fit.name)}, "supervised") for fit in asked
    ]
    asked = []
    method = factory("method", {"name": "cpsd", "base": {"name": "supervised"}, "k": 2})(Constant([0.0] * 4), BCE())
    method.prepare(tiny_set(40), context_of(asked))
    assert asked[0].method == {"name": "supervised"}
    assert isinstance(method.base, Supervised)


def test_each_teacher_has_a_seed_of_its_own_that_follows_that_of_the_student():
    def seeds(seed):
        asked = []
        prepared(context=replace(context_of(asked), seed=seed))
        return [fit.options["seed"] for fit in asked]

    assert len({0, 1, *seeds(0), *seeds(1)}) == 2 + 4 + 4
    assert seeds(0) == seeds(0) == [seed_of(0, name) for name in TEACHERS]
    assert all(0 <= seed < 2**32 for seed in seeds(0))


def test_a_teacher_of_other_labels_is_refused():
    asked = []
    context = context_of(asked)
    context = replace(context, load=lambda path: (context_of(asked).load(path)[0], NAMES[1:]))
    sentence = "^whole 1 of 1 knows other labels than whole 1 of 1 was asked for; remove it to have it trained again$"
    with pytest.raises(RunError, match=sentence):
        prepared(context=context, decompositions="whole", k=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": -1}, "k must be between 0 and 10000, got -1"),
        ({"alpha": 0.0}, "alpha must be between 0.01 and 0.99, got 0.0"),
        ({"alpha": 1.0}, "alpha must be between 0.01 and 0.99, got 1.0"),
        ({"k": 2, "decompositions": "whole"}, NO_CUT),
        ({"k": 2, "together": "one.json", "apart": "other.json"}, NO_CUT),
        ({"k": 2, "decompositions": "apart", "apart": "one.json"}, NO_CUT),
        ({"decompositions": "together", "apart": "one.json"}, "apart gives groups that decompositions together does "),
        ({"decompositions": "apart", "together": "one.json"}, "together gives groups that decompositions apart does "),
        ({"decompositions": "whole", "together": "one.json"}, "together gives groups that decompositions whole does "),
        ({"decompositions": "all"}, "decompositions must be one of both, together, apart, whole, got 'all'"),
        ({"scale": "sum"}, "scale must be one of public, paper, got 'sum'"),
        ({"distil": "labels"}, "distil must be one of logits, probabilities, got 'labels'"),
        ({"teacher_images": "some"}, "teacher_images must be one of all, containing, got 'some'"),
        ({"share": "all"}, "share must be one of none, trunk, backbone, got 'all'"),
        (
            {"share": "trunk", "decompositions": "whole", "k": 0},
            "share trunk is of no use where all labels have one te",
        ),
        ({"share": "trunk", "teacher_images": "containing"}, "teachers that share a network are trained by supervised"),
        ({"teacher_mode": "both"}, "teacher_mode must be one of eval, train, got 'both'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as caught:
        CPSD(Constant([0.0]), BCE(), **options)
    assert str(caught.value).startswith(message)


def test_k_is_for_the_cut_whose_groups_are_not_given():
    assert CPSD(Constant([0.0]), BCE(), k=2, together="one.json").k == 2


def test_it_cannot_be_its_own_base_or_be_prepared_alone():
    with pytest.raises(
        OptionError, match="^the base of cpsd is cpsd itself; choose another method, such as supervised$"
    ):
        factory("method", {"name": "cpsd", "base": "cpsd"})(Constant([0.0]), BCE())
    grouped = factory("method", {"name": "cpsd", "base": {"name": "grouped", "groups": "0 1"}})
    backbone = Backbone("test_efficientnet")
    model = Classifier(backbone, Linear(backbone.channels, 2))
    with pytest.raises(OptionError, match=r"^a teacher learns some labels, and groups are given for all; choose"):
        grouped(model, BCE())
    method = CPSD(Constant([0.0] * 4), BCE(), k=2)
    with pytest.raises(
        OptionError, match=r"^a training of together 1 of 2, .* was asked for, and there is nobody to do"
    ):
        method.prepare(tiny_set(40), Context(Accelerator(cpu=True), 0))
