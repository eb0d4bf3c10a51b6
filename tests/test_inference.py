"""What inference promises: logits of all photos in their order, and a model that is left as it was."""

import numpy as np
import pytest
import torch
from torch import nn
from toys import CLASSES, PREPROCESSING, Small, tiny_set

from polytag._interrupt import InterruptedWorkError
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Loader
from polytag.errors import DataError, DivergedError
from polytag.inference import Judge, evaluate, predict_logits
from polytag.metrics import Evaluation

CPU = torch.device("cpu")
DATA = tiny_set(21)


def loader(data=DATA, workers=0):
    return Loader(data, PREPROCESSING, None, workers)


class Noting(nn.Module):
    """Notes how it is called."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, CLASSES)), []

    def forward(self, images):
        self.seen.append((self.training, self.layer[0].training, torch.is_grad_enabled(), len(images), images.dtype))
        return self.layer(images.mean(dim=(2, 3)))


def test_a_judge_leaves_between_two_batches_and_counts_the_time_until_then():
    model, judge = Noting(), Judge(loader(tiny_set(200)), CPU)
    judge.interrupted = lambda: len(model.seen) == 2
    with pytest.raises(InterruptedWorkError):
        judge(model)
    assert len(model.seen) == 2
    assert judge.take_seconds() > 0


@pytest.mark.parametrize(("batch_size", "workers"), [(64, 0), (21, 0), (4, 2), (1, 0)])
def test_the_logits_are_those_of_each_photo_in_order(batch_size, workers):
    model = Small(dropout=0.5).eval()
    pixels = np.stack([DATA.images.load(n) for n in range(21)])
    with torch.no_grad():
        expected = model(torch.from_numpy(pixels / 127.5 - 1).float().permute(0, 3, 1, 2))
    found = predict_logits(model, loader(workers=workers), CPU, batch_size)
    assert (found.dtype, found.shape) == (np.float32, (21, CLASSES))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_the_model_runs_in_eval_mode_in_float32_without_gradients():
    model = Noting()
    predict_logits(model, loader(), CPU, 8)
    assert model.seen == [(False, False, False, n, torch.float32) for n in (8, 8, 5)]


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_as_before_even_after_an_error(training):
    model = Noting().train(training)
    predict_logits(model, loader(), CPU)
    assert [module.training for module in model.modules()] == [training] * 4
    arrays = [*DATA.images.arrays[:20], np.zeros((8, 8), np.uint8)]
    broken = LabelledSet(ImageArrays(arrays), DATA.labels)
    with pytest.raises(DataError):
        predict_logits(model, loader(broken), CPU, 8)
    assert [module.training for module in model.modules()] == [training] * 4


def test_a_model_that_keeps_something_from_batch_to_batch_can_be_trained_afterwards():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.kept = nn.Linear(3, CLASSES), None

        def forward(self, images):
            if self.kept is None:
                self.kept = torch.linspace(0, 1, CLASSES)
            return self.layer(images.mean(dim=(2, 3))) * self.kept

    model = Keeping()
    predict_logits(model, loader(), CPU)
    model(torch.ones(2, 3, 8, 8)).sum().backward()
    assert model.layer.weight.grad is not None


def test_logits_come_in_float32_from_a_smaller_type():
    class Rounded(Noting):
        def forward(self, images):
            return super().forward(images).bfloat16()

    found = predict_logits(Rounded(), loader(), CPU)
    assert found.dtype == np.float32


def test_no_photos_have_no_logits():
    assert predict_logits(Small(), loader(DATA.select([])), CPU).shape == (0, CLASSES)


def test_an_evaluation_compares_the_logits_with_the_labels():
    model, expected = Small(), Evaluation(DATA.classes)
    expected.update(predict_logits(model, loader(), CPU), DATA.labels.dense())
    assert evaluate(model, loader(), CPU, batch_size=5).compute() == pytest.approx(expected.compute(), abs=1e-6)


def test_answers_that_are_no_numbers_are_refused_and_counted():
    model = Small()
    arrays = DATA.images.arrays.copy()
    arrays[3], arrays[20] = 255, 255

    class Partly(nn.Module):
        def forward(self, images):
            lost = images.amin(dim=(1, 2, 3)) > 0.99
            return model(images).masked_fill(lost[:, None] & (torch.arange(CLASSES) == 1), torch.nan)

    with pytest.raises(DivergedError, match=r"^the model answers 2 of 21 photos with NaN; lower the learning rate$"):
        evaluate(Partly(), loader(LabelledSet(ImageArrays(arrays), DATA.labels)), CPU)


def test_a_judge_gives_every_metric_and_the_seconds_since_it_was_asked():
    model, judge = Small(), Judge(loader(), CPU)
    assert judge(model) == evaluate(model, loader(), CPU).compute()
    assert judge.take_seconds() > 0
    assert judge.take_seconds() == 0
