"""What variational feature augmentation promises: its equations, who learns from what, and a model that stays plain."""

import copy

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from toys import tiny_set

from polytag import Predictor, Training
from polytag.bench.cost import gmacs
from polytag.build import build_model, trained_model
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Batch, Loader
from polytag.data.preprocessing import Preprocessing
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.labels.cooccurrence import together
from polytag.layers.class_vaes import divergence, orders, shuffled_labels
from polytag.losses import ASL, BCE, WeightedBCE
from polytag.method import Base, Context
from polytag.methods.cpsd import CPSD
from polytag.methods.supervised import Supervised
from polytag.methods.vfa import VFA, shuffled_pairs
from polytag.model import Classifier
from polytag.train.loop import Epoch, train
from polytag.train.optimizers import adam, sgd
from polytag.train.sam import SAMS
from polytag.train.schedules import Constant

LABELS = Labels.from_dense([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, -1], [1, 0, 0]], "abc")
DATA = LabelledSet(ImageArrays(np.zeros((6, 32, 32, 3), np.uint8)), LABELS)
SMALL = {"size": 5, "latent": 3, "hidden": 7, "aggregate": 9}
TERMS = ["classify", "augmented", "kl", "decode", "binary", "reconstruct"]


def a_model(head="linear", seed=0):
    return build_model("test_resnet", head, 3, image_size=(64, 64), seed=seed)


def built(loss=None, head="linear", seed=0, **options):
    method = VFA(a_model(head), loss or BCE(), **{**SMALL, **options})
    method.prepare(DATA, Context(Accelerator(cpu=True), seed))
    return method.eval()  # so that batch norms do not mix photos


def batch(seed=0, size=6, targets=None):
    random = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 3, 64, 64, generator=random)
    drawn = torch.randint(-1, 2, (size, 3), generator=random).float()
    return Batch(images, drawn if targets is None else targets, torch.arange(size))


def seeded(method, *batches, seed=7):
    torch.manual_seed(seed)
    return method.losses(*batches)


def gradients(term, method):
    """Which parts learn from a term."""
    method.zero_grad()
    term.backward(retain_graph=True)
    parts = {"backbone": method.model.backbone, "head": method.model.head, "vaes": method.vaes}
    learn = {
        name
        for name, part in {**parts, "aggregate": method.aggregate}.items()
        if any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    }
    method.zero_grad()
    return learn


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


def test_in_two_stages_the_backbone_rests_in_the_second_bit_for_bit():
    """Decay and momentum would move it if it only had gradients of zero."""
    method, seen = four_classes(VFA, begin=0.6, ramp=0.2, fine_tune=True, **SMALL), []
    for event in events(method, optimizer=lambda module: adam(module, 0.01, 0.1)):
        if isinstance(event, Epoch):
            seen.append(copy.deepcopy(method.model.state_dict()))
    one, two, three = ({key: value for key, value in each.items() if key.startswith("backbone.")} for each in seen)
    assert not all(torch.equal(one[key], two[key]) for key in one)
    assert all(torch.equal(two[key], three[key]) for key in two)  # the third epoch begins at two thirds
    assert not torch.equal(seen[1]["head.classifier.weight"], seen[2]["head.classifier.weight"])


def test_what_only_training_needs_may_learn_faster():
    method = built(rate=4.0)
    rates = {id(p): group["lr"] for group in adam(method, 0.1, 0.0).param_groups for p in group["params"]}
    fast = {name.split(".")[0] for name, p in method.named_parameters() if rates[id(p)] == pytest.approx(0.4)}
    slow = {name.split(".")[0] for name, p in method.named_parameters() if rates[id(p)] == pytest.approx(0.1)}
    assert (fast, slow) == ({"vaes", "aggregate"}, {"model"})
    held = four_classes(CPSD, base=Base("vfa", lambda *a: VFA(*a, rate=4.0, **SMALL)))
    held.base.prepare(tiny_set(16), Context(Accelerator(cpu=True), 0))
    rates = {group["lr"] for group in adam(held, 0.1, 0.0).param_groups}
    assert sorted(rates) == pytest.approx([0.1, 0.4])


class Told(Supervised):
    """Notes what the loop says."""

    def begin_step(self, done):
        self.shares = [*getattr(self, "shares", ()), done]


def with_sam(module):
    return SAMS["plain"](without_sam(module), module.buffers())


def without_sam(module):
    return sgd(module, 0.01, 1e-4)


def events(method, optimizer=with_sam, resume=None, clip=None, accelerator=None):
    """Of a training of three epochs, two steps each, in two parts each."""
    return train(
        method,
        Loader(tiny_set(16), Preprocessing((64, 64)), None, workers=0),
        epochs=3,
        batch_size=8,
        optimizer=optimizer,
        schedule=Constant(),
        context=Context(accelerator or Accelerator(cpu=True), 5),
        average=0.9,
        accumulate=2,
        clip=clip,
        resume=resume,
    )


def trained(method, stop=99, **options):
    """The last event, or the state after an epoch."""
    for event in events(method, **options):
        if isinstance(event, Epoch) and event.number == stop:
            return copy.deepcopy(event.state.state_dict())
    return event


def four_classes(kind, *options, **named):
    return kind(build_model("test_resnet", "linear", 4, image_size=(64, 64)), BCE(), *options, **named)


def test_the_loop_says_how_much_of_the_training_lies_behind_and_cpsd_passes_it_on():
    method = four_classes(Told)
    trained(method)
    assert method.shares == pytest.approx([step / 6 for step in range(6)])
    holding = four_classes(CPSD, base=Base("told", Told))
    holding.begin_step(0.25)
    assert holding.base.shares == [0.25]


def test_a_resumed_training_ends_as_one_that_was_never_stopped():
    whole = trained(four_classes(VFA, **SMALL))
    assert set(whole.losses) == set(TERMS)
    left = trained(four_classes(VFA, **SMALL), stop=1)
    assert any(key.startswith("vaes.") for key in left["method"])
    resumed = trained(four_classes(VFA, **SMALL), resume=left)
    for one, other in zip(
        whole.state.method.state_dict().items(), resumed.state.method.state_dict().items(), strict=True
    ):
        assert one[0] == other[0]
        assert torch.equal(one[1], other[1])


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


@pytest.mark.parametrize("clip", [None, 0.5])
def test_with_augmented_vectors_left_out_the_model_learns_as_if_there_were_nothing_else(clip):
    alike = {"optimizer": without_sam, "clip": clip}
    plain = trained(four_classes(Supervised), **alike).state.method.model
    beside = trained(four_classes(VFA, beta=0.0, **SMALL), **alike).state.method.model
    with_them = trained(four_classes(VFA, beta=1.0, **SMALL), **alike).state.method.model
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(beside.state_dict()[key], value)
    assert not torch.allclose(with_them.head.classifier.weight, plain.head.classifier.weight, atol=1e-5)


def test_a_run_holds_the_plain_model(tmp_path):
    data = tiny_set(24)
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 64, "epochs": 1, "workers": 0}
    quick |= {"mix": "mixup", "average": 0.9}
    options = {"method": {"name": "vfa", "hidden": 8}, **quick}
    run = Training(data=data, out=tmp_path / "vfa", **options).finish()
    plain = Training(data=data, out=tmp_path / "plain", **quick).finish()
    assert {k: v.shape for k, v in run.load_weights().items()} == {k: v.shape for k, v in plain.load_weights().items()}
    assert np.isfinite(Predictor(run, workers=0).predict_proba(data)).all()


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


def test_pairs_of_labels_before_and_after_shuffling():
    labels = Labels.from_dense([[1, 1, 0, 0]] * 8 + [[0, 0, 1, -1]] * 8, "abcd")
    pairs = shuffled_pairs(labels, 16, 0)
    assert np.array_equal(pairs.before, together(labels))
    assert np.array_equal(pairs.after, pairs.after.T)
    assert np.array_equal(np.diag(pairs.after), [8, 8, 8, 0])  # a label is on as many photos as before
    assert pairs.after[0, 1] < 8
    assert pairs.new == ((0, 2), (1, 2))
    assert shuffled_pairs(labels, 1, 0).new == ()
    assert np.array_equal(shuffled_pairs(labels, 1, 0).after, pairs.before)
    assert all(np.array_equal(a, b) for a, b in zip(pairs, shuffled_pairs(labels, 16, 0), strict=True))


def test_after_shuffling_labels_come_together_as_often_as_chance_has_them():
    counts = np.zeros((4, 4))
    labels = Labels.from_dense([[1, 1, 0, 0]] * 8 + [[0, 0, 1, 1]] * 8, "abcd")
    for seed in range(100):
        counts += shuffled_pairs(labels, 16, seed).after
    apart = counts[~np.eye(4, dtype=bool)] / 100
    assert apart == pytest.approx(np.full(12, 8 * 8 / 16), abs=0.4)


def test_shuffling_by_hand():
    order = torch.tensor([[0, 1], [1, 0]])
    assert shuffled_labels(torch.tensor([[1, -1], [0, 1]]), order).tolist() == [[1, 1], [0, -1]]


def test_a_batch_without_photos_is_refused():
    with pytest.raises(OptionError) as refusal:
        shuffled_pairs(LABELS, 0, 0)
    assert str(refusal.value) == "batch_size must be between 1 and 2.14748e+09, got 0"
