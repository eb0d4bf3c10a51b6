"""What distillation over groups promises: every label has its teachers, frozen and outside, and the loss by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import nn
from toys import tiny_set

from polytag._team import Team
from polytag.build import factory
from polytag.data.loader import Batch
from polytag.errors import DataError, OptionError, RunError
from polytag.fit import Training
from polytag.labels.partition import load_partition, partition_file, partition_labels, save_partition, suggest_k
from polytag.losses import BCE, WeightedBCE
from polytag.method import Base, Context, Method
from polytag.methods.cpsd import CPSD, seed_of
from polytag.methods.supervised import Supervised
from polytag.recorder import Recorder
from polytag.run import Run
from polytag.train.rate_finder import Found, Search, Tried

CLASSES = 4
TEACHERS = ("together 1 of 2", "together 2 of 2", "apart 1 of 2", "apart 2 of 2")
NAMES = ("a", "b", "c", "d", "never")
QUICK = {
    "backbone": "test_efficientnet",
    "weights": "none",
    "image_size": 32,
    "epochs": 1,
    "batch_size": 8,
    "workers": 0,
}


class Constant(nn.Module):
    """Answers with one number for each of its classes, whatever it sees."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values, dtype=torch.float32))
        self.drop = nn.Dropout(0.5)

    def forward(self, images):
        return self.values.expand(len(images), -1)


def context_of(asked, answer=lambda column: float(column + 1), **more):
    """A context whose teachers answer ``answer(column)`` for each of their labels."""

    def do(fits):
        asked.extend(fits)
        return {fit.name: Path(fit.name) for fit in fits}

    def load(path):
        (fit,) = (fit for fit in asked if fit.name == str(path))
        return Constant([answer(column) for column in fit.classes]), tuple(NAMES[column] for column in fit.classes)

    return Context(Accelerator(cpu=True), 0, do, load, **more)


def prepared(
    asked=None, student=(0.0, 0.0, 0.0, 0.0), answer=lambda column: float(column + 1), context=None, **options
):
    asked = [] if asked is None else asked
    method = CPSD(Constant(student), BCE(), **{"k": 2, **options})
    method.prepare(tiny_set(40), context or context_of(asked, answer))
    return method


def batch(items=3):
    targets = torch.tensor([[1.0, 0, 0, -1], [0, 1, 1, 0], [1, -1, 0, 1]])[:items]
    return Batch(torch.zeros(items, 3, 8, 8), targets, torch.arange(items))


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


def test_partitions_are_kept_and_may_be_given(tmp_path):
    labels = tiny_set(40).labels
    prepared(context=context_of([], folder=tmp_path))
    kept = load_partition(tmp_path / "labels-together.json", labels, "together")
    assert kept == partition_labels(labels, 2, "together", 0)
    asked = []
    save_partition(tmp_path / "own.json", partition_labels(labels, 4, "apart"))
    prepared(asked, decompositions="apart", k=0, apart=str(tmp_path / "own.json"))
    assert len(asked) == 4
    with pytest.raises(DataError, match=r"own\.json has groups of the kind apart, and together is wanted; give it as"):
        prepared(decompositions="together", k=0, together=str(tmp_path / "own.json"))


def test_the_groups_of_a_run_that_goes_on_are_those_that_it_keeps(tmp_path):
    labels, asked = tiny_set(40).labels, []
    kept = partition_labels(labels, 3, "apart")
    save_partition(partition_file(tmp_path, "apart"), kept)
    prepared(decompositions="apart", k=2, context=context_of(asked, folder=tmp_path))
    assert [tuple(fit.classes) for fit in asked] == list(kept.groups)


def test_a_run_that_is_replaced_leaves_no_groups_and_one_that_goes_on_does(tmp_path):
    recorder = Recorder(tmp_path, {"format": 1}, "mAP")
    for again in (True, False):
        save_partition(partition_file(tmp_path, "apart"), partition_labels(tiny_set(40).labels, 2, "apart"))
        recorder.start({}, again=again)
        assert partition_file(tmp_path, "apart").exists() == again


def test_the_first_process_groups_for_all(monkeypatch):
    groups = partition_labels(tiny_set(40).labels, 3, "apart")
    monkeypatch.setattr(Team, "from_first", lambda team, make: groups)
    asked = []
    prepared(asked, decompositions="apart", k=2)
    assert [tuple(fit.classes) for fit in asked] == list(groups.groups)


def test_a_teacher_of_other_labels_is_refused():
    asked = []
    context = context_of(asked)
    context = replace(context, load=lambda path: (context_of(asked).load(path)[0], NAMES[1:]))
    sentence = "^whole 1 of 1 knows other labels than whole 1 of 1 was asked for; remove it to have it trained again$"
    with pytest.raises(RunError, match=sentence):
        prepared(context=context, decompositions="whole", k=0)


NO_CUT = "k is 2, and no groups are to be found: they are given, or all labels are one; leave k out"


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
    method = CPSD(Constant([0.0] * 4), BCE(), k=2)
    with pytest.raises(
        OptionError, match=r"^a training of together 1 of 2, .* was asked for, and there is nobody to do"
    ):
        method.prepare(tiny_set(40), Context(Accelerator(cpu=True), 0))


def test_a_training_trains_its_teachers_first_and_leaves_a_plain_model(tmp_path):
    run = Training(
        data=tiny_set(40),
        out=tmp_path / "run",
        method={"name": "cpsd", "k": 2, "teacher_images": "containing"},
        **QUICK,
    ).finish()
    names = sorted(folder.name.rsplit("-", 1)[0] for folder in (tmp_path / "run" / "fits").iterdir())
    assert names == ["apart-1-of-2", "apart-2-of-2", "together-1-of-2", "together-2-of-2"]
    model = run.load_model()
    plain = Training(data=tiny_set(40), out=tmp_path / "plain", **QUICK).finish().load_model()
    assert {key: value.shape for key, value in model.state_dict().items()} == {
        key: value.shape for key, value in plain.state_dict().items()
    }
    history = (run.path / "history.csv").read_text().splitlines()[0]
    assert "together" in history
    assert "apart" in history
    teacher = Run.open(next((tmp_path / "run" / "fits").glob("together-1-of-2-*")))
    assert 0 < len(teacher.classes) < CLASSES
    (photos, taught) = (each.config["data"]["photos"] for each in (run, teacher))
    assert (taught["val"], taught["test"]) == (photos["val"], photos["test"])
    assert taught["train"] < photos["train"]


class OneLook(Search):
    """Takes two steps with one rate, and then that rate."""

    def find(self, probe):
        losses = probe.losses([1e-3, 1e-3])
        return Found(1e-3, (Tried(1e-3, losses[0]),), "loss")


def test_a_rate_can_be_looked_for_with_teachers(tmp_path):
    method = {"name": "cpsd", "decompositions": "whole", "teacher_lr": 1e-2}
    run = Training(
        data=tiny_set(40), out=tmp_path, lr="auto", search=OneLook(1e-4, 1e-2), method=method, **QUICK
    ).finish()
    assert run.config["running"]["lr"] == 1e-3
    (teacher,) = (tmp_path / "fits").iterdir()
    assert Run.open(teacher).config["training"]["lr"] == 1e-2


@pytest.mark.parametrize(("share", "own"), [("trunk", "stage"), ("backbone", "head")])
def test_teachers_may_share_a_network(share, own):
    asked = []

    def do(fits):
        asked.extend(fits)
        return {fit.name: Path(fit.name) for fit in fits}

    context = Context(Accelerator(cpu=True), 0, do, lambda path: (Constant([1.0, 2, 3, 4]), NAMES[:4]))
    method = prepared(context=context, share=share)
    labels = tiny_set(40).labels
    for fit, kind in zip(asked, ("together", "apart"), strict=True):
        groups = partition_labels(labels, 2, kind, 0).groups
        owner = [next(number for number, group in enumerate(groups) if column in group) for column in range(CLASSES)]
        assert fit.name == f"{kind}, 2 groups in one"
        assert fit.method == {"name": "grouped", "groups": " ".join(map(str, owner)), "own": own}
        assert fit.classes is None
    terms = method.losses(batch())
    assert terms["together"].item() == terms["apart"].item() == pytest.approx(0.25 * 30)


def test_where_photos_never_change_teachers_answer_once(monkeypatch):
    calls = []

    class Counting(Constant):
        def forward(self, images):
            calls.append(len(images))
            return super().forward(images) + images.mean((1, 2, 3))[:, None]

    def photos():
        for first in range(0, 6, 2):
            rows = torch.arange(first, first + 2)
            yield Batch(rows.float().view(2, 1, 1, 1).expand(2, 3, 8, 8), torch.zeros(2, CLASSES), rows)

    def method_with(unchanged, **options):
        asked = []
        context = context_of(asked, unchanged=unchanged)
        context = replace(context, load=lambda path: counting(*context_of(asked).load(path)))
        return prepared(context=context, decompositions="apart", **options)

    def counting(model, classes):
        return Counting(model.values.tolist()), classes

    rows = torch.tensor([5, 0, 3])
    seen = Batch(rows.float().view(3, 1, 1, 1).expand(3, 3, 8, 8), torch.zeros(3, CLASSES), rows)
    known = method_with(photos)
    assert calls == [2] * 6  # two teachers, three batches
    once = known.losses(seen)["apart"]
    assert len(calls) == 6
    torch.testing.assert_close(once, method_with(None).losses(seen)["apart"])
    assert method_with(photos, teacher_mode="train").known == {}
    bytes_kept = 4 * 40 * CLASSES
    monkeypatch.setattr("polytag.methods.cpsd.CACHE_LIMIT", bytes_kept - 1)
    assert method_with(photos).known == {}
    monkeypatch.setattr("polytag.methods.cpsd.CACHE_LIMIT", bytes_kept)
    assert list(method_with(photos).known) == ["apart"]


def test_a_training_says_whether_its_photos_ever_change(tmp_path, monkeypatch):
    told = []

    def prepare(self, train_set, context):
        told.append(context.unchanged is not None)
        if told[-1]:
            batches = list(context.unchanged())
            assert torch.cat([each.rows for each in batches]).tolist() == list(range(len(train_set)))

    monkeypatch.setattr(CPSD, "prepare", prepare)
    still = {"augment": "none", "cutout": 0.0, "flip": 0.0}
    for number, options in enumerate(
        (still, still | {"flip": 0.5}, still | {"crop": "shift"}, still | {"mix": "mixup"})
    ):
        out = tmp_path / str(number)
        Training(data=tiny_set(40), out=out, method="cpsd", **QUICK, **options).finish()
    assert told == [True, False, False, False]
