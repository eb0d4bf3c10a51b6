"""What collaborative training promises: the terms of its equations, what each branch sees, and what stays behind."""

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from toys import tiny_set

from polytag import Predictor, Training
from polytag.build import build_model
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.losses import BCE, WeightedBCE
from polytag.method import Context
from polytag.methods.collaborative import Collaborative, Compensation
from polytag.samplers.rebalanced import Rebalanced
from polytag.samplers.uniform import Uniform

LABELS = Labels.from_dense(
    [[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], "abc"
)
DATA = LabelledSet(ImageArrays(np.zeros((8, 32, 32, 3), np.uint8)), LABELS)


def built(loss=None, **options):
    model = build_model("test_resnet", "linear", 3, image_size=(64, 64))
    method = Collaborative(model, loss or BCE(), **options)
    method.prepare(DATA, Context(Accelerator(cpu=True), 0))
    return method.eval()  # so that batch norms do not mix photos


def batch(seed, size=4):
    random = torch.Generator().manual_seed(seed)
    return Batch(
        torch.randn(size, 3, 64, 64, generator=random),
        torch.randint(0, 2, (size, 3), generator=random).float(),
        torch.arange(size),
    )


def test_terms_are_those_of_the_equations():
    uniform, rebalanced = batch(0), batch(1)
    method = built(WeightedBCE(), consistency=0.3, compensation="none")
    terms = method.losses(uniform, rebalanced)
    f, g = (lambda x, n=n: method.pair.each(method.model.backbone(x))[n] for n in (0, 1))
    u, u_other = f(uniform.images), g(uniform.images)
    r, r_other = g(rebalanced.images), f(rebalanced.images)
    classify = method.loss(u, uniform.targets) + method.loss(r, rebalanced.targets)
    agree = ((u - u_other) ** 2).sum(1).mean() + ((r - r_other) ** 2).sum(1).mean()
    torch.testing.assert_close(terms["classify"], classify)
    torch.testing.assert_close(terms["agree"], 0.3 * agree)
    assert agree > 0  # the second head was drawn anew


def test_probabilities_may_agree_instead_and_without_consistency_there_is_no_such_term():
    uniform, rebalanced = batch(0), batch(1)
    method = built(agree_on="probabilities", consistency=1.0)
    pairs = [[z.sigmoid() for z in method.pair.each(method.model.backbone(b.images))] for b in (uniform, rebalanced)]
    expected = sum(((one - other) ** 2).sum(1).mean() for one, other in pairs)
    torch.testing.assert_close(method.losses(uniform, rebalanced)["agree"], expected)
    assert set(built(consistency=0.0).losses(uniform, rebalanced)) == {"classify"}


def test_compensation_moves_logits_by_what_the_label_is():
    layer = Compensation(2)
    with torch.no_grad():
        layer.means.copy_(torch.tensor([1.0, 9.0, -1.0, -9.0]))
        layer.deviations.copy_(torch.tensor([0.5, 1.0, 2.0, -3.0]))
    logits = torch.tensor([[2.0, 2.0]])
    assert layer(logits, torch.tensor([[1, 1]])).tolist() == [[2.0, 7.0]]  # 9 is kept within 5
    torch.testing.assert_close(layer(logits, torch.tensor([[0, 0]])), torch.tensor([[3.0, -4.9]]))  # and -3 above 0.05
    torch.testing.assert_close(layer(logits, torch.tensor([[0.25, 1]])), torch.tensor([[0.25 * 2 + 0.75 * 3, 7.0]]))
    plain = Compensation(2)
    assert torch.equal(plain(logits, torch.tensor([[1, 0]])), logits)


@pytest.mark.parametrize(("compensation", "count"), [("branch", 2), ("shared", 1), ("none", 0)])
def test_each_branch_has_a_compensation_of_its_own_unless_said_otherwise(compensation, count):
    method = built(compensation=compensation)
    assert len(method.compensations) == count
    before = method.losses(batch(0), batch(1))["classify"]
    with torch.no_grad():
        for layer in method.compensations:
            layer.means[:3] += 1
    after = method.losses(batch(0), batch(1))
    assert (after["classify"] < before) == (count > 0)
    agree = built(compensation="none").losses(batch(0), batch(1))["agree"]
    torch.testing.assert_close(after["agree"], agree)  # on logits as they are


def test_the_second_compensation_is_that_of_the_second_batch():
    method = built()
    plain = method.losses(batch(0), batch(1))["classify"].item()
    with torch.no_grad():
        method.compensations[1].means[:3] += 1
    second = batch(1)
    logits = method.pair.each(method.model.backbone(second.images))[1]
    change = method.loss(method.compensations[1](logits, second.targets), second.targets)
    change = change - method.loss(logits, second.targets)
    terms = method.losses(batch(0), second)
    assert terms["classify"].item() - plain == pytest.approx(change.item(), rel=1e-3)
    assert change.item() != 0
    terms["classify"].backward()
    assert all(layer.means.grad.abs().max() > 0 for layer in method.compensations)


def test_it_stays_behind():
    method = built()
    assert not any("compensation" in key for key in method.model.state_dict())
    assert any("compensation" in key for key in method.state_dict())


def test_both_samplings_are_as_long_as_published():
    first, second = built().samplers(LABELS)
    assert len(first) == len(second) == int(7 * 3 / 4)
    assert np.array_equal(first.draw(1, 0), Uniform(LABELS).draw(1, 0)[:5])
    assert np.array_equal(second.draw(1, 0), Rebalanced(LABELS).draw(1, 0)[:5])
    same = built(sampler=Rebalanced, second="rebalanced", length="photos").samplers(LABELS)
    assert [len(sampler) for sampler in same] == [8, 8]
    assert [type(sampler.inner) for sampler in same] == [Rebalanced, Rebalanced]
    assert len(built(mode="mirror").samplers(LABELS)) == 1
    assert [type(sampler.inner) for sampler in built(mode="union").samplers(LABELS)] == [Uniform, Rebalanced]


def test_one_branch_may_agree_with_the_mirror_or_see_both_samplings():
    one, other = batch(0), batch(1)
    mirror = built(mode="mirror", consistency=2.0, compensation="none")
    seen, turned = mirror.model(one.images), mirror.model(one.images.flip(3))
    terms = mirror.losses(one)
    torch.testing.assert_close(terms["classify"], mirror.loss(seen, one.targets) + mirror.loss(turned, one.targets))
    torch.testing.assert_close(terms["agree"], 2 * ((seen - turned) ** 2).sum(1).mean())
    union = built(mode="union", compensation="none")
    expected = sum(union.loss(union.model(b.images), b.targets) for b in (one, other))
    assert set(union.losses(one, other)) == {"classify"}
    torch.testing.assert_close(union.losses(one, other)["classify"], expected)


@pytest.mark.parametrize("mode", ["branches", "union"])
def test_a_run_is_opened_with_the_branches_that_it_was_trained_with(mode, tmp_path):
    data = tiny_set(24)
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 64, "epochs": 1, "workers": 0}
    method = {"name": "collaborative", "mode": mode, "length": "photos"}
    run = Training(data=data, out=tmp_path / "run", method=method, loss="weighted_bce", **quick).finish()
    model = run.load_model()
    assert hasattr(model.head, "heads") == (mode == "branches")
    assert np.isfinite(Predictor(run, workers=0).predict_proba(data)).all()
    assert run.metrics["test"]["mAP"] is not None
    again = Training(data=data, out=tmp_path / "run", method=method, loss="weighted_bce", resume=True, **quick).finish()
    assert all(torch.equal(value, again.load_weights()[key]) for key, value in run.load_weights().items())


def test_the_second_head_depends_on_the_seed():
    found = []
    for seed in (0, 0, 1):
        method = Collaborative(build_model("test_resnet", "linear", 3, image_size=(64, 64)), BCE())
        method.prepare(DATA, Context(Accelerator(cpu=True), seed))
        found.append(method.pair.heads[1].classifier.weight)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_loaded_heads_are_kept_for_both_if_asked():
    model = build_model("test_resnet", "linear", 3, image_size=(64, 64))
    method = Collaborative(model, BCE(), independent_heads=False)
    method.prepare(DATA, Context(Accelerator(cpu=True), 0))
    one, other = method.pair.heads
    assert torch.equal(one.classifier.weight, other.classifier.weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "both"}, "mode must be one of branches, mirror, union, got 'both'"),
        ({"second": "odd"}, "second must be one of uniform, rebalanced, got 'odd'"),
        ({"consistency": -1.0}, "consistency must be between 0 and 1e+06, got -1.0"),
        ({"agree_on": "labels"}, "agree_on must be one of logits, probabilities, got 'labels'"),
        ({"compensation": "some"}, "compensation must be one of branch, shared, none, got 'some'"),
        ({"length": "long"}, "length must be one of photos, published, got 'long'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        built(**options)
    assert str(refusal.value) == message


def test_other_models_are_refused():
    with pytest.raises(OptionError) as refusal:
        Collaborative(torch.nn.Linear(2, 2), BCE())
    assert str(refusal.value) == "collaborative works on a Classifier, a backbone with a head, got another module"
