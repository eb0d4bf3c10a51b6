"""What variational feature augmentation promises of one step: its equations, who learns, a model that stays plain."""

import pytest
import torch
from accelerate import Accelerator
from vfa_toys import DATA, SMALL, a_model, batch, built, gradients, seeded

from polytag.bench.cost import gmacs
from polytag.build import build_model, trained_model
from polytag.data.labelled_set import LabelledSet
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.layers.class_vaes import divergence, orders
from polytag.losses import ASL, BCE, WeightedBCE
from polytag.method import Context
from polytag.methods.vfa import VFA
from polytag.model import Classifier

TERMS = ["classify", "augmented", "kl", "decode", "binary", "reconstruct"]


@pytest.mark.parametrize("loss", [BCE, ASL, WeightedBCE])
@pytest.mark.parametrize("shuffle", ["decoded", "input"])
def test_terms_are_those_of_the_equations(loss, shuffle):
    method, given = built(loss(), beta=0.3, kl=0.2, decode=2.0, binary=3.0, reconstruct=4.0, shuffle=shuffle), batch()
    terms = seeded(method, given)
    assert list(terms) == TERMS
    y, v = given.targets, method.model.head.embed(method.model.backbone(given.images))
    torch.manual_seed(7)
    seen = method.vaes(v)
    order = orders(6, 3, v.device)
    torch.testing.assert_close(terms["classify"], method.loss(method.model(given.images), y))
    parts = seen.decoded if shuffle == "decoded" else seen.features
    rows = [torch.cat([parts[c, order[c, i]] for c in range(3)]) for i in range(6)]  # equation 5, photo by photo
    labels = torch.stack([torch.stack([y[order[c, i], c] for c in range(3)]) for i in range(6)])
    new = method.model.head.classify(method.aggregate(torch.stack(rows)))
    torch.testing.assert_close(terms["augmented"], 0.3 * method.loss(new, labels))
    torch.testing.assert_close(terms["kl"], 0.2 * divergence(seen.mean, seen.log_variance).mean())
    torch.testing.assert_close(terms["decode"], 2 * (seen.decoded - seen.features).square().mean())
    known = y >= 0
    logits = torch.where(y > 0, seen.logits, -seen.logits)
    torch.testing.assert_close(terms["binary"], 3 * torch.nn.functional.softplus(-logits)[known].sum() / (6 * 3))
    rebuilt = method.aggregate(torch.cat([parts[c] for c in range(3)], dim=1))
    torch.testing.assert_close(terms["reconstruct"], 4 * (rebuilt - v).square().mean())


def test_lengths_and_sums_may_be_those_that_are_printed():
    given = batch()
    method = built(norm="l2", over_classes="sum", kl=1.0)
    terms = seeded(method, given)
    v = method.model.embed(given.images)
    torch.manual_seed(7)
    seen = method.vaes(v)
    torch.testing.assert_close(terms["kl"], divergence(seen.mean, seen.log_variance).sum(dim=0).mean())
    lengths = (seen.decoded - seen.features).square().sum(dim=2).sqrt()
    torch.testing.assert_close(terms["decode"], lengths.sum(dim=0).mean())
    rebuilt = method.aggregate(torch.cat(list(seen.decoded), dim=1))
    torch.testing.assert_close(terms["reconstruct"], (rebuilt - v).square().sum(dim=1).sqrt().mean())


def test_who_learns_from_what():
    stopped, joint = built(), built(gradient="joint")
    before = {name: gradients(term, stopped) for name, term in seeded(stopped, batch()).items()}
    assert before["classify"] == {"backbone", "head"}
    assert before["augmented"] == {"head"}
    assert before["kl"] == before["decode"] == before["binary"] == {"vaes"}
    assert before["reconstruct"] == {"vaes", "aggregate"}
    after = {name: gradients(term, joint) for name, term in seeded(joint, batch()).items()}
    assert after["augmented"] == {"backbone", "head", "vaes", "aggregate"}
    assert after["kl"] == after["decode"] == after["binary"] == {"backbone", "vaes"}
    assert after["reconstruct"] == {"backbone", "vaes", "aggregate"}


def test_augmented_vectors_pull_the_classifier_to_their_labels():
    targets = torch.tensor([[1.0, 0, -1]]).expand(6, -1)  # alike on all photos, so that shuffling changes none
    method = built()
    method.zero_grad()
    seeded(method, batch(targets=targets))["augmented"].backward()
    assert (method.model.head.classifier.bias.grad.sign() == torch.tensor([-1.0, 1, 0])).all()


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({}, [0.0, 0.5, 1.0, 1.0]),
        ({"ramp": 0.0}, [1.0, 1.0, 1.0, 1.0]),
        ({"ramp": 0.4}, [0.0, 0.25, 0.5, 1.0]),
        ({"begin": 0.1, "ramp": 0.2}, [0.0, 0.0, 0.5, 1.0]),
        ({"begin": 0.2, "ramp": 0.0}, [0.0, 0.0, 1.0, 1.0]),
    ],
)
def test_augmented_vectors_count_more_and_more(options, shares):
    method, given = built(**options), batch()
    full = seeded(method, given)["augmented"]
    assert full > 0
    for done, share in zip((0.0, 0.1, 0.2, 0.9), shares, strict=True):
        method.begin_step(done)
        torch.testing.assert_close(seeded(method, given)["augmented"], share * full)
    assert "share" not in method.state_dict()


def test_vaes_and_aggregation_get_better():
    method, given = built(kl=1e-3), batch(targets=torch.tensor([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]).repeat(2, 1))
    vectors = torch.randn(6, method.model.head.in_channels, generator=torch.Generator().manual_seed(0))
    method.model.embed = lambda images: vectors  # of photos that differ more than an untrained backbone tells
    own = [*method.vaes.parameters(), *method.aggregate.parameters()]
    optimizer = torch.optim.Adam(own, 3e-3)
    first = seeded(method, given)
    for step in range(300):
        optimizer.zero_grad()
        sum(seeded(method, given, seed=step).values()).backward()
        optimizer.step()
    last = seeded(method, given)
    assert last["reconstruct"] < 0.5 * first["reconstruct"]
    assert last["binary"] < 0.5 * first["binary"]


def test_noise_and_shuffles_follow_the_seed_of_the_step_and_weights_that_of_the_training():
    method, given = built(), batch()
    one, same, other = (seeded(method, given, seed=seed) for seed in (1, 1, 2))
    for name, term in one.items():
        assert torch.equal(term, same[name])
        assert (term == other[name]) == (name in ("classify", "kl"))  # in which nothing is drawn
    before = torch.get_rng_state()
    again, different = built(), built(seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(method.vaes.parameters(), again.vaes.parameters(), strict=True))
    assert not torch.equal(method.aggregate[0].weight, different.aggregate[0].weight)


def test_unknown_labels_teach_nothing_and_follow_their_features():
    method = built()
    terms = seeded(method, batch(targets=torch.full((6, 3), -1.0)))
    assert [terms[name].item() for name in ("classify", "augmented", "binary")] == [0, 0, 0]
    assert terms["reconstruct"] > 0


def test_where_nothing_is_shuffled_augmented_vectors_are_the_rebuilt_ones():
    method, given = built(shuffle="nothing"), batch()
    term = seeded(method, given)["augmented"]
    torch.manual_seed(7)
    seen = method.vaes(method.model.embed(given.images))
    rebuilt = method.aggregate(seen.decoded.transpose(0, 1).flatten(1))
    torch.testing.assert_close(term, 0.5 * method.loss(method.model.classify(rebuilt), given.targets))


def test_an_encoder_that_runs_away_does_not_end_a_training():
    method = built()
    with torch.no_grad():
        method.vaes.encoder[2].bias.fill_(500.0)
    terms = seeded(method, batch())
    assert all(term.isfinite() for term in terms.values())


def operations(classes):
    """How many the whole step runs, forward and backward."""
    method = VFA(build_model("test_resnet", "linear", classes, image_size=(64, 64)), BCE(), **SMALL)
    labels = Labels.from_dense([[1] * classes] * 6, [str(number) for number in range(classes)])
    method.prepare(LabelledSet(DATA.images, labels), Context(Accelerator(cpu=True), 0))
    given = batch(targets=torch.ones(6, classes))
    sum(seeded(method, given).values()).backward()  # what is only done once
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        sum(seeded(method, given).values()).backward()
    return sum(event.name.startswith("aten::") for event in seen.events())


def test_more_classes_are_not_more_operations():
    assert operations(8) == operations(80)


def test_compiles_once_though_the_share_rises():
    method, given = built(), batch()
    compiled = torch.compile(method, backend="eager", fullgraph=True)
    for done in (0.0, 0.1, 0.9):
        method.begin_step(done)
        torch.manual_seed(7)
        seen = compiled(given)
        expected = seeded(method, given)
        assert all(torch.equal(seen[name], term) for name, term in expected.items())


@pytest.mark.parametrize("gradient", ["stopped", "joint"])
def test_bf16_mixed_labels_and_a_batch_of_one(gradient):
    method = built(gradient=gradient)
    mixed = batch(targets=torch.tensor([[0.3, -1, 1]]).expand(6, -1))
    with torch.autocast("cpu", torch.bfloat16):
        terms = seeded(method, mixed)
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    full = seeded(method, mixed)
    for name, term in terms.items():
        torch.testing.assert_close(term, full[name], rtol=0.1, atol=0.02)
    one = batch(size=1)
    torch.manual_seed(7)
    rebuilt = method.aggregate(method.vaes(method.model.embed(one.images)).decoded.transpose(0, 1).flatten(1))
    alone = method.loss(method.model.classify(rebuilt), one.targets)
    torch.testing.assert_close(seeded(method, one)["augmented"], 0.5 * alone)


def test_the_model_stays_the_plain_one():
    plain, method, given = a_model(), built(), batch()
    assert isinstance(method.model, Classifier)
    ours, theirs = method.model.state_dict(), plain.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert torch.equal(method.model(given.images), plain.eval()(given.images))
    assert [type(module) for module in method.model.modules()] == [type(module) for module in plain.modules()]
    made = trained_model("vfa", a_model())
    assert sum(p.numel() for p in made.parameters()) == sum(p.numel() for p in plain.parameters())
    assert gmacs(method.model, (64, 64)) == gmacs(plain, (64, 64)) > 0


@pytest.mark.parametrize("head", ["linear", "ml_gcn", "gat", {"name": "linear", "normalize": True}])
def test_any_head_in_two_halves_will_do(head):
    method = built(head=head)
    terms = seeded(method, batch())
    assert gradients(terms["augmented"], method) == {"head"}


@pytest.mark.parametrize(("classes", "sizes"), [(60, (64, 16, 256)), (61, (32, 8, 128))])
def test_sizes_follow_the_number_of_classes(classes, sizes):
    method = VFA(build_model("test_resnet", "linear", classes, image_size=(64, 64)), BCE())
    channels = method.model.head.in_channels
    expected = dict(zip(("size", "latent", "hidden"), sizes, strict=True)) | {"aggregate": channels // 2}
    assert method.sizes == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": -0.1}, "beta must be between 0 and 1e+06, got -0.1"),
        ({"kl": -1.0}, "kl must be between 0 and 1e+06, got -1.0"),
        ({"decode": -1.0}, "decode must be between 0 and 1e+06, got -1.0"),
        ({"binary": -1.0}, "binary must be between 0 and 1e+06, got -1.0"),
        ({"reconstruct": -1.0}, "reconstruct must be between 0 and 1e+06, got -1.0"),
        ({"begin": 1.5}, "begin must be between 0 and 1, got 1.5"),
        ({"ramp": -0.5}, "ramp must be between 0 and 1, got -0.5"),
        ({"gradient": "none"}, "gradient must be one of stopped, joint, got 'none'"),
        ({"shuffle": "codes"}, "shuffle must be one of decoded, input, nothing, got 'codes'"),
        ({"norm": "l1"}, "norm must be one of mse, l2, got 'l1'"),
        ({"over_classes": "max"}, "over_classes must be one of mean, sum, got 'max'"),
        ({"size": -1}, "size must be between 0 and 65536, got -1"),
        ({"aggregate": 70000}, "aggregate must be between 0 and 65536, got 70000"),
        ({"size": 2.5}, "size must be a whole number, got 2.5"),
        ({"rate": 0.0}, "rate must be between 1e-06 and 1e+06, got 0.0"),
        (
            {"begin": 0.9},
            "begin and ramp are 0.9 and 0.2, so that augmented vectors would never count in full; "
            "let them be at most 1 together",
        ),
        ({"fine_tune": True}, "fine_tune lets the backbone rest from begin on, and begin is 0; set it to 0.5, say"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        built(**options)
    assert str(refusal.value) == message


def test_other_models_and_heads_and_unprepared_ones_are_refused():
    with pytest.raises(OptionError) as refusal:
        VFA(torch.nn.Linear(2, 2), BCE())
    assert str(refusal.value) == "vfa works on a Classifier, a backbone with a head, got another module"
    with pytest.raises(OptionError) as refusal:
        VFA(a_model("csra"), BCE())
    assert str(refusal.value) == (
        "vfa needs a head with embed and classify, which works by one vector a photo, and CSRA does not; "
        "choose one that does, such as linear"
    )
    with pytest.raises(OptionError) as refusal:
        VFA(a_model(), BCE()).losses(batch())
    assert str(refusal.value) == "vfa does not know the training photos yet; call prepare before losses"
