"""How a training ends: with a sentence where it cannot go on, and always without leaving threads behind."""

import copy
import math

import pytest
from toys import Rare, tiny_set
from watched import OneOfTwo, Watched, loader_threads, run

from polytag._interrupt import InterruptedWorkError
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.errors import DataError, DivergedError, OptionError
from polytag.samplers.uniform import Uniform
from polytag.train.loop import Step


def test_a_finished_training_may_be_taken_up_without_effect():
    *_, last = run()
    assert list(run(resume=last.state.state_dict())) == []


def test_an_epoch_that_was_stopped_before_its_judgement_is_judged_on_resume():
    for event in run(epochs=1):
        if event.state.step == 4:
            state = copy.deepcopy(event.state.state_dict())
            break
    assert isinstance(event, Step)
    method = Watched()
    (epoch,) = run(method, epochs=1, resume=state, evaluate=lambda model: {"mAP": 0.5})
    assert (epoch.number, epoch.rate, epoch.metrics) == (1, 0.1, {"raw": {"mAP": 0.5}})
    assert epoch.losses == event.losses
    assert method.calls == []


def test_an_epoch_whose_judgement_is_interrupted_is_told_as_a_step_and_judged_on_resume():
    def leaving(model):
        raise InterruptedWorkError

    *_, event = run(epochs=1, evaluate=leaving)
    assert isinstance(event, Step)
    assert (event.interrupted, event.state.step) == (True, 4)
    (epoch,) = run(epochs=1, resume=copy.deepcopy(event.state.state_dict()), evaluate=lambda model: {"mAP": 0.5})
    assert (epoch.number, epoch.metrics, epoch.losses) == (1, {"raw": {"mAP": 0.5}}, event.losses)


@pytest.mark.parametrize("broken_at", [1, 3, 6, 8])
def test_a_loss_that_is_not_finite_ends_the_training_at_the_next_step_told(broken_at):
    method = Watched(broken_at=broken_at)
    epoch = 1 + (broken_at - 1) // 4
    with pytest.raises(DivergedError) as error:
        list(run(method))
    assert str(error.value) == f"the loss term 'extra' became nan in epoch {epoch}; lower the learning rate"
    assert len(method.calls) == broken_at


def test_a_loss_that_is_not_finite_ends_the_training_at_the_end_of_its_epoch_at_the_latest():
    method, judged = Watched(broken_at=2), []
    with pytest.raises(DivergedError, match=r"^the loss term 'extra' became nan in epoch 1; lower the learning rate$"):
        list(run(method, report_every=math.inf, evaluate=judged.append))
    assert (len(method.calls), judged) == (4, [])


def test_a_rate_that_is_far_too_high_is_told_as_such():
    class Exploding(Watched):
        def losses(self, batch):
            return {"classify": self.model(batch.images).square().mean()}

    with pytest.raises(DivergedError, match=r"^the loss term 'classify' became (inf|nan) in epoch \d; lower the"):
        list(run(Exploding(), lr=1e6, epochs=5))


@pytest.mark.parametrize("workers", [0, 3])
def test_a_photo_that_cannot_be_read_ends_the_training_with_its_sentence(workers):
    good = tiny_set()
    arrays = list(good.images.arrays)
    arrays[40] = arrays[40][..., 0]
    data = LabelledSet(ImageArrays(arrays), good.labels)
    with pytest.raises(
        DataError, match=r"^image-40 must be a \(height, width, 3\) array of uint8, got \(8, 8\) of uint8$"
    ):
        list(run(data=data, workers=workers))
    assert loader_threads() == []


def test_an_error_of_the_method_is_not_disguised_and_leaves_no_threads():
    class Faulty(Watched):
        def losses(self, batch):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run(Faulty(), workers=2))
    assert loader_threads() == []


def test_leaving_the_for_stops_the_training_and_its_threads():
    method = Watched()
    for event in run(method, workers=2, epochs=99):
        if event.state.step == 3:
            break
    assert len(method.calls) == 3
    assert loader_threads() == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"mixed_precision": "fp16"},
            "mixed_precision of the accelerator must be 'no', got 'fp16'; choose the number format by speed",
        ),
        (
            {"gradient_accumulation_steps": 4},
            "gradient_accumulation_steps of the accelerator must be 1, got 4; choose the micro-batches by accumulate",
        ),
    ],
)
def test_an_accelerator_that_would_change_the_gradients_is_refused(changed, sentence):
    accelerator = OneOfTwo()
    vars(accelerator).update(changed)
    with pytest.raises(OptionError) as error:
        next(run(accelerator=accelerator))
    assert str(error.value) == sentence


def test_a_batch_that_a_sampler_cannot_fill_is_refused():
    class Scarce(Watched):
        def samplers(self, labels):
            return Uniform(labels), Rare(labels)

    with pytest.raises(
        OptionError, match=r"^a pass draws 90 photos, fewer than the batch size of 96; choose a smaller"
    ):
        next(run(Scarce(), data=tiny_set(100), batch_size=96))
