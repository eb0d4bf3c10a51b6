"""What groups in one network promise: a trunk for all, an end for each, and options that cannot mean two things."""

import pytest
import torch
from accelerate import Accelerator
from toys import tiny_set

from polytag.branches import ForkedBackbone
from polytag.build import build_model, factory
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.losses import BCE
from polytag.method import Context
from polytag.methods.grouped import Grouped, as_option, owners_of
from polytag.methods.supervised import Supervised

CLASSES = 4


def model():
    return build_model("test_resnet", "linear", CLASSES, image_size=(32, 32))


def batch():
    images = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return Batch(images, (images.mean((2, 3)) > 0).float()[:, [0, 1, 2, 0]], torch.arange(6))


@pytest.mark.parametrize("own", ["stage", "head"])
def test_at_first_the_loss_is_that_of_the_plain_network(own):
    grouped, plain = Grouped(model(), BCE(), groups="0 1 1 0", own=own), Supervised(model(), BCE())
    terms = [method.eval().losses(batch())["classify"].item() for method in (grouped, plain)]
    assert terms[0] == pytest.approx(terms[1], rel=1e-4)


def test_a_group_moves_its_own_end_and_the_trunk():
    grouped = Grouped(model(), BCE(), groups="0 1 1 0")
    logits = grouped.model.train()(batch().images)
    logits[:, [1, 2]].sum().backward()
    moved = {name for name, weight in grouped.model.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert any(".parts.1." in name for name in moved)
    assert any(name.startswith("head.heads.1.") for name in moved)
    assert not any(".parts.0." in name or name.startswith("head.heads.0.") for name in moved)
    assert any(".parts." not in name and name.startswith("backbone.") for name in moved)


def test_a_head_of_its_own_leaves_the_backbone_as_it_is():
    assert not isinstance(Grouped(model(), BCE(), groups="0 1 1 0", own="head").model.backbone, ForkedBackbone)
    assert not hasattr(Grouped(model(), BCE()).model.head, "heads")  # one group


def test_groups_are_written_as_they_are_read():
    groups = [[3, 0], [1], [2]]
    assert as_option(groups) == "0 1 2 0"
    assert owners_of(as_option(groups), CLASSES) == [0, 1, 2, 0]
    assert owners_of("", 2) == [0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": "0 1"}, "groups must be 4 numbers, one for each label, such as '0 1 0 2', got '0 1'"),
        ({"groups": "0 1 a 0"}, "groups must be 4 numbers, one for each label, such as '0 1 0 2', got '0 1 a 0'"),
        ({"groups": "0 2 2 0"}, "groups must be numbered from 0 on without a gap, and there is no 1"),
        ({"own": "trunk"}, "own must be one of stage, head, got 'trunk'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        Grouped(model(), BCE(), **options)
    assert str(refusal.value) == message


def test_another_module_is_refused():
    with pytest.raises(
        OptionError, match="^grouped works on a Classifier, a backbone with a head, got another module$"
    ):
        Grouped(torch.nn.Linear(2, 2), BCE())


def test_a_run_is_opened_with_its_groups(tmp_path):
    run = Training(
        data=tiny_set(40),
        out=tmp_path / "run",
        method={"name": "grouped", "groups": "0 1 1 0"},
        backbone="test_resnet",
        weights="none",
        image_size=32,
        epochs=1,
        batch_size=8,
        workers=0,
    ).finish()
    opened = run.load_model()
    assert opened.head.owners.tolist() == [0, 1, 1, 0]
    assert len(opened.head.heads) == 2


def test_samplers_and_the_loss_are_those_of_the_plain_method():
    grouped = factory("method", {"name": "grouped", "groups": "0 1 1 0"})(
        model(), factory("loss", "weighted_bce")(), factory("sampler", "rebalanced")
    )
    data = tiny_set(40)
    assert type(grouped.samplers(data.labels)[0]).__name__ == "Rebalanced"
    grouped.prepare(data, Context(Accelerator(cpu=True), 0))
    assert torch.isfinite(grouped.losses(batch())["classify"])
