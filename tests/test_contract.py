"""What all parts promise together: any backbone, head, loss, method and sampler can be built and trained as one."""

import copy
import functools
import inspect
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from polytag._random import generator
from polytag.backbones import Backbone
from polytag.build import TABLES, build_loss, build_model, factory, summary
from polytag.data.augment.flip import Flip
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Batch, Loader
from polytag.data.preprocessing import Preprocessing
from polytag.errors import OptionError
from polytag.heads import HEADS
from polytag.heads.base import VectorHead
from polytag.labels import Labels
from polytag.losses import LOSSES
from polytag.method import Context
from polytag.methods import METHODS
from polytag.model import Classifier
from polytag.samplers import SAMPLERS
from polytag.train.loop import Epoch, train
from polytag.train.optimizers import sgd
from polytag.train.schedules import Constant

SIDE, CLASSES, BATCH = 64, 4, 4  # maps of at least four places, so that there is something to attend to
BACKBONES = ("test_resnet", "test_vit", "test_efficientnet")  # maps of convolutions, and of tokens
FACTORS = (BACKBONES, tuple(HEADS), tuple(LOSSES), tuple(METHODS), tuple(SAMPLERS))
TARGETS = np.array([[1, 0, 0, -1], [0, 1, 1, 0], [1, -1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 1, -1]] * 2)
DATA = LabelledSet(
    ImageArrays(generator(0).integers(0, 256, (len(TARGETS), SIDE, SIDE, 3), dtype=np.uint8)),
    Labels.from_dense(TARGETS, ("cat", "dog", "owl", "fox")),
)
# What an entry is built from, beside its options.
GIVEN = {
    "head": ("in_channels", "num_classes"),
    "loss": (),
    "method": ("model", "loss"),
    "sampler": ("labels",),
    "optimizer": ("method", "lr", "weight_decay"),
    "schedule": (),
    "sam": ("base", "buffers"),
    "search": (),
    "crop": (),
    "augment": (),
    "mix": (),
}
ENTRIES = [(kind, name) for kind in GIVEN for name in TABLES[kind]]


# Methods that work on the vector of a photo, which not every head has.
ON_VECTORS = {"vfa", "manifold_mixup"}
IN_TWO_HALVES = {name for name in HEADS if isinstance(factory("head", name)(8, CLASSES), VectorHead)}


SMALL = {  # of heads whose papers' sizes would take minutes of these tests
    "transformer": {"width": 32, "head_width": 8, "hidden": 32},
    "ml_decoder": {"width": 32, "hidden": 32},
}


def sized(head):
    return {"name": head, **SMALL.get(head, {})}


def combines(head, method):
    return method not in ON_VECTORS or head in IN_TWO_HALVES


def all_pairs(*factors, possible=lambda *_: True):
    """Few combinations in which any two choices of two factors meet: the next is the one that brings most new pairs."""

    def pairs(combination):
        return set(itertools.combinations(enumerate(combination), 2))

    rest = {each: pairs(each) for each in itertools.product(*factors) if possible(*each)}
    missing, cover = set().union(*rest.values()), []
    while missing:
        cover.append(max(rest, key=lambda combination: len(rest[combination] & missing)))
        missing -= rest.pop(cover[-1])
    return cover


@functools.cache
def rehearsed(name):
    """A backbone on the meta device that answers with a map of its shape, which is all that the rest sees of it."""
    backbone = Backbone(name, image_size=SIDE)
    with torch.no_grad():
        shape = backbone.eval()(torch.zeros(1, 3, SIDE, SIDE)).shape[1:]
    backbone.forward = lambda images: torch.zeros(len(images), *shape, device="meta", requires_grad=True)
    return backbone.train().to("meta")


class Silent(torch.nn.Module):
    """A teacher that knows nothing."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, images):
        return images.new_zeros(len(images), self.classes)


def context():
    """Trainings that a method asks for are done at once, and teach nothing."""
    asked = {}

    def do(fits):
        asked.update({Path(fit.name): [DATA.classes[column] for column in fit.classes] for fit in fits})
        return {fit.name: Path(fit.name) for fit in fits}

    return Context(Accelerator(cpu=True), 0, do, lambda folder: (Silent(len(asked[folder])), tuple(asked[folder])))


def method_of(model, loss, method, sampler):
    return factory("method", method)(model, build_loss(loss), factory("sampler", sampler))


@pytest.mark.parametrize(("backbone", "head", "loss", "method"), list(itertools.product(*FACTORS[:4])))
def test_every_combination_is_built_and_steps(backbone, head, loss, method):
    trunk = copy.deepcopy(rehearsed(backbone))
    if method != "supervised":  # others may cut a backbone, and so need its own forward
        del trunk.forward
    with torch.device("meta"):
        classifier = Classifier(trunk, factory("head", sized(head))(trunk.channels, CLASSES))
    if not combines(head, method):
        with pytest.raises(OptionError, match=f"^{method} needs a head with embed and classify, "):
            method_of(classifier, loss, method, "uniform")
        return
    built = method_of(classifier, loss, method, "uniform")
    built.prepare(DATA, context())
    built.to("meta").train()
    for sampler in SAMPLERS:  # which the rest does not see
        built.sampler = factory("sampler", sampler)
        draws = [one.draw(0, 0)[:BATCH] for one in built.samplers(DATA.labels)]
        assert all(len(rows) == BATCH for rows in draws)
    images = torch.zeros(BATCH, 3, SIDE, SIDE, device="meta")
    batches = [
        Batch(images, torch.from_numpy(DATA.labels.dense(rows)).float().to("meta"), torch.from_numpy(rows).to("meta"))
        for rows in draws
    ]
    terms = built.losses(*batches)
    assert terms
    assert all(
        isinstance(name, str) and (value.shape, value.device.type) == ((), "meta") for name, value in terms.items()
    )
    sum(terms.values()).backward()
    assert all(weight.grad is not None for weight in built.model.head.parameters() if weight.requires_grad)


@pytest.mark.parametrize(
    ("backbone", "head", "loss", "method", "sampler"),
    all_pairs(*FACTORS, possible=lambda backbone, head, loss, method, sampler: combines(head, method)),
)
def test_any_two_choices_train_together(backbone, head, loss, method, sampler):
    built = method_of(build_model(backbone, sized(head), CLASSES, image_size=(SIDE, SIDE)), loss, method, sampler)
    before = copy.deepcopy(built.model.state_dict())
    *_, last = train(
        built,
        Loader(DATA, Preprocessing((SIDE, SIDE)), Flip(), workers=0),
        epochs=1 if method == "supervised" else 2,  # whose passes are shorter; what begins at 0 moves others later
        batch_size=len(DATA) // 2,
        optimizer=lambda trained: sgd(trained, 1e-2, 0.0),
        schedule=Constant(),
        context=context(),
        clip=1.0,  # squared logits of a fresh network may be anything
        average=0.9,
        report_every=0.0,
    )
    assert isinstance(last, Epoch)
    assert last.state.step >= 2
    assert all(np.isfinite(value) for value in last.losses.values())
    moved = {key for key, value in last.models["raw"].state_dict().items() if not torch.equal(value, before[key])}
    assert moved >= {key for key, weight in built.model.named_parameters() if weight.requires_grad and weight.ndim >= 2}
    assert all(value.isfinite().all() for value in last.models["average"].state_dict().values())


@pytest.mark.parametrize("sizes", [(3, 1, 3), (3, 6, 5, 4, 2), (2, 2, 2)])
def test_the_cover_lets_any_two_choices_meet_in_few_trainings(sizes):
    factors = [tuple(f"{number}-{choice}" for choice in range(size)) for number, size in enumerate(sizes)]
    cover = all_pairs(*factors)
    for one, other in itertools.combinations(range(len(sizes)), 2):
        assert {(c[one], c[other]) for c in cover} == set(itertools.product(factors[one], factors[other]))
    largest = sorted(sizes)[-2:]
    assert len(cover) <= 1.3 * np.prod(largest)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_entry_says_what_it_is_in_one_line(kind, name):
    line = summary(TABLES[kind][name])
    assert line.endswith(".")
    assert 10 <= len(line) <= 120
    entry = TABLES[kind][name]
    assert not inspect.isclass(entry) or vars(entry).get("__doc__")  # its own, not that of its base


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_the_signature_of_every_entry_is_its_configuration(kind, name):
    parameters = inspect.signature(TABLES[kind][name]).parameters.values()
    assert tuple(p.name for p in parameters if p.default is p.empty) == GIVEN[kind]
    for parameter in parameters:
        assert parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        assert parameter.annotation is not parameter.empty
