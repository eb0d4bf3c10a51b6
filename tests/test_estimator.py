"""What the estimator promises: it goes wherever scikit-learn lets an estimator go."""

import copy
import gc
import pickle
import re

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from toys import tiny_set

from polytag import LabelledSet, MultiLabelClassifier, open_data
from polytag.data.labelled_set import ImageArrays
from polytag.errors import DataError
from polytag.heads.linear import Linear
from polytag.labels import Labels
from polytag.metrics import METRICS

NAMES = ["a", "b", "c", "d"]


def estimator(**options):
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "epochs": 1, "batch_size": 8}
    return MultiLabelClassifier(**{**quick, "workers": 0, "lr": 3e-3, **options})


@pytest.fixture(scope="module")
def data():
    tiny = tiny_set(24)
    return tiny.images.arrays, tiny.labels.dense()


@pytest.fixture(scope="module")
def fitted(data):
    return estimator().fit(*data)


def test_a_clone_has_the_arguments_and_nothing_learned(fitted):
    head = {"name": "linear", "dropout": 0.1}
    one = estimator(head=head, classes=NAMES, out="somewhere")
    other = clone(one)
    assert other.get_params() == one.get_params()
    assert other.get_params()["head"] is not head
    assert not hasattr(clone(fitted), "run_")
    assert one.set_params(lr=0.5, flip=0.0).get_params()["lr"] == 0.5
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        one.set_params(colour="red")


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "score"])
def test_nothing_is_answered_before_fit(method, data):
    with pytest.raises(NotFittedError):
        getattr(estimator(), method)(data[0])


def test_answers_have_a_row_a_photo_and_a_column_a_label(fitted, data):
    images, targets = data
    probabilities, logits = fitted.predict_proba(images), fitted.decision_function(images)
    assert probabilities.shape == logits.shape == targets.shape
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)))
    np.testing.assert_array_equal(fitted.predict(images), (probabilities > 0.5).astype(int))
    assert fitted.classes_.tolist() == ["0", "1", "2", "3"]
    assert fitted.score(images, targets) == METRICS["mAP"](logits, targets, 0.0)


def test_a_tenth_of_the_photos_is_kept_back_and_none_to_judge_on(fitted):
    photos = fitted.run_.config["data"]["photos"]
    assert photos["test"] == 0
    assert photos["train"] + photos["val"] == 24
    assert photos["train"] >= 20


def test_it_learns():
    train = tiny_set(40)
    assert estimator(epochs=15, lr=0.01, average=0.9, flip=0.0).fit(train).score(train) > 0.95


def test_cross_validation_of_arrays_and_of_a_set_that_brings_its_labels(data):
    images, targets = data
    folds = KFold(2)
    scores = cross_val_score(estimator(), images, targets, cv=folds, error_score="raise")
    same = LabelledSet(ImageArrays(images), Labels.from_dense(targets, NAMES))
    assert cross_val_score(estimator(), same, cv=folds, error_score="raise").tolist() == scores.tolist()
    assert np.isfinite(scores).all()


def test_a_scorer_of_scikit_learn_can_judge_it(data):
    scores = cross_val_score(estimator(), *data, cv=KFold(2), scoring="average_precision", error_score="raise")
    assert np.isfinite(scores).all()


def test_a_search_over_the_learning_rate(data):
    search = GridSearchCV(estimator(), {"lr": [1e-5, 1e-2]}, cv=2, error_score="raise").fit(*data)
    assert search.best_params_["lr"] in (1e-5, 1e-2)
    assert search.best_estimator_.run_.config["training"]["lr"] == search.best_params_["lr"]
    assert search.predict_proba(data[0]).shape == (24, 4)


def test_numbers_of_numpy_are_kept_as_pythons(data):
    head = {"name": "linear", "normalize": np.True_}
    fitted = estimator(epochs=np.int64(1), batch_size=np.array([8])[0], lr=np.float32(0.25), head=head).fit(*data)
    kept = fitted.run_.config["training"]
    assert (kept["epochs"], kept["batch_size"], kept["lr"], kept["head"]["normalize"]) == (1, 8, 0.25, True)
    assert fitted.predict(data[0]).shape == (24, 4)


def test_it_ends_a_pipeline(data):
    pipeline = make_pipeline("passthrough", estimator())
    assert pipeline.fit(*data).predict(data[0]).shape == (24, 4)


def test_a_set_can_be_cut_by_scikit_learn_and_by_hand(data):
    whole = LabelledSet(ImageArrays(data[0]), Labels.from_dense(data[1], NAMES), groups=np.arange(24))
    train, test = train_test_split(whole, test_size=8, random_state=0)
    assert (len(train), len(test)) == (16, 8)
    assert sorted([*train.groups, *test.groups]) == list(range(24))
    assert whole[3:5].groups.tolist() == [3, 4]
    assert whole[whole.groups > 21].groups.tolist() == [22, 23]
    assert whole[7].groups.tolist() == [7]
    assert len(list(whole)) == 24
    assert whole.shape == (24,)


def test_lists_of_label_names_do_as_well(data):
    images, targets = data
    names = [[name for name, mark in zip(NAMES, row, strict=True) if mark] for row in targets]
    model = estimator().fit(list(images), names)
    assert model.classes_.tolist() == NAMES
    matrix = estimator(classes=NAMES).fit(images, targets)
    np.testing.assert_array_equal(model.predict_proba(images), matrix.predict_proba(images))
    assert model.score(images, names) == matrix.score(images, targets)
    few = [["a", "b"] for _ in names]
    few[0] = []
    assert 0 < model.score(images, few) <= 1  # "c" and "d" are on none of these


class Frame:
    """As pandas has it: two dimensions, and iterating gives the names of its columns."""

    ndim = 2

    def __init__(self, values, columns=NAMES):
        self.values, self.columns = values, columns

    def __iter__(self):
        return iter(self.columns)

    def to_numpy(self):
        return self.values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def test_the_columns_of_a_data_frame_are_the_labels(data):
    model = estimator().fit(data[0], Frame(data[1]))
    assert model.classes_.tolist() == NAMES
    turned = Frame(data[1][:, ::-1], NAMES[::-1])
    assert model.score(data[0], turned) == model.score(data[0], data[1])


def test_the_columns_of_a_data_frame_go_by_their_names_and_numbers_by_their_order(data):
    images, targets = data
    turned = Frame(targets[:, ::-1], NAMES[::-1])
    model, other = (estimator(classes=NAMES).fit(images, y) for y in (Frame(targets, [0, 1, 2, 3]), turned))
    assert other.classes_.tolist() == NAMES
    np.testing.assert_array_equal(other.predict_proba(images), model.predict_proba(images))
    assert model.score(images, Frame(targets, [4, 5, 6, 7])) == model.score(images, turned)
    strange = Frame(targets, ["a", "b", "c", "hat"])
    for fit in (estimator(classes=NAMES).fit, estimator(classes=["b", "a", "c"]).fit):
        with pytest.raises(DataError) as refusal:
            fit(images, strange)
        assert re.fullmatch(
            r"the columns of y and the classes must have the same names, and '(d|hat)' is in only one; "
            r"correct it, or give y\.to_numpy\(\) to take the columns in their order",
            str(refusal.value),
        )
    with pytest.raises(DataError, match="^the columns of y and the classes must have the same names, and 'a' is in"):
        model.score(images, Frame(targets, ["one", "two", "three", "four"]))


@pytest.mark.parametrize("form", [csr_array, np.ndarray.tolist, lambda matrix: matrix.astype(bool), Frame])
def test_a_matrix_may_come_in_many_forms(form, fitted, data):
    images, targets = data
    assert fitted.score(images, form(targets)) == fitted.score(images, targets)


def test_unknown_labels_are_masked(data):
    images, targets = data
    masked = targets.copy()
    masked[::4] = -1
    model = estimator().fit(images, masked)
    known = masked[:, 0] >= 0
    assert model.score(images, masked) == model.score(images[known], targets[known])


def test_photos_in_files_and_splits_of_ones_own(photos):
    whole = open_data(photos)
    split = np.repeat(np.array([0, 1, 2], np.int8), (24, 8, 8))
    model = estimator().fit(LabelledSet(whole.images, whole.labels, split))
    assert model.run_.config["data"]["photos"] == {"train": 24, "val": 8, "test": 8}
    given = estimator().fit(LabelledSet(whole.images, whole.labels, split), whole.labels.dense())  # labels beside it
    assert given.run_.config["data"]["photos"] == {"train": 24, "val": 8, "test": 8}
    chosen_by = LabelledSet(whole.images, whole.labels, np.where(split == 2, -1, split))  # a val and no test
    assert estimator().fit(chosen_by).run_.config["data"]["photos"] == {"train": 24, "val": 8, "test": 0}
    files = sorted(map(str, photos.glob("*.png")))
    assert model.predict(files).shape == (40, 3)
    assert model.score(files, whole.labels) == model.score(whole)


def test_a_head_of_ones_own(data):
    def head(channels, classes):
        return Linear(channels, classes, pooling="max")

    assert estimator(head=head).fit(*data).predict(data[0]).shape == (24, 4)


def test_the_run_lives_as_long_as_the_estimator_and_copies_answer_alike(data):
    model = estimator().fit(*data)
    folder = model.run_.path
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    expected = model.predict_proba(data[0])
    assert folder.exists()
    del model
    gc.collect()
    assert not folder.exists()
    for other in copies:
        np.testing.assert_array_equal(other.predict_proba(data[0]), expected)


def test_what_a_method_trained_of_other_arrays_goes_with_the_run(data, tmp_path):
    images, targets = data
    method = {"name": "cpsd", "decompositions": "whole"}
    model = estimator(out=tmp_path / "run", method=method).fit(images, targets)
    teacher = next((tmp_path / "run" / "fits").rglob("model.safetensors"))
    before = teacher.read_bytes()
    model.fit(images[::-1].copy(), targets)
    assert teacher.read_bytes() != before


def test_probabilities_of_a_cross_validation_of_a_set_leave_unknown_labels_alone(data, monkeypatch):
    images, targets = data
    targets = np.where(targets[::-1] == 1, -1, targets)
    seen = []

    def fit(self, X, y=None):  # noqa: N803
        seen.append((X, y))
        return self

    monkeypatch.setattr(MultiLabelClassifier, "fit", fit)
    monkeypatch.setattr(MultiLabelClassifier, "predict_proba", lambda self, photos: np.zeros((len(photos), 4)))
    given = LabelledSet(ImageArrays(images), Labels.from_dense(targets, NAMES))
    cross_val_predict(estimator(), given, cv=KFold(2), method="predict_proba")
    np.testing.assert_array_equal(np.concatenate([X.labels.dense() for X, _ in seen[::-1]]), targets)
    assert {y for _, y in seen} == {None}


def test_a_run_folder_can_be_kept_and_is_replaced_by_the_next_fit(data, tmp_path):
    model = estimator(out=tmp_path / "run").fit(*data)
    first = (model.run_.path / "model.safetensors").read_bytes()
    model.set_params(seed=3).fit(*data)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != first


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (None, "y is missing; give an (n, classes) matrix, a list of label names for each photo, or a LabelledSet"),
        (["cat"] * 24, "y must have a list of label names for each photo, got the text 'cat'; put it in a list"),
        ([1] * 24, "y must be an (n, classes) matrix or a list of label names for each photo, got (24,)"),
        (np.full((24, 2), 2), "labels must be 1 (present), 0 (absent) or -1 (unknown), got 2"),
        (np.ones((23, 2), int), "24 photos came with 23 entries of labels; give one for each"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(y, sentence, data):
    with pytest.raises(DataError) as refusal:
        estimator().fit(data[0], y)
    assert str(refusal.value) == sentence


def test_names_that_are_not_among_the_classes_are_refused(data):
    with pytest.raises(DataError, match=r"^the label 'x' is not among the 1 classes; add it or correct it$"):
        estimator(classes=["a"]).fit(data[0], [["x"]] * 24)


def test_a_score_needs_the_columns_of_the_fit_and_takes_no_weights(fitted, data):
    images, targets = data
    with pytest.raises(DataError, match=r"^labels must have shape \(items, 4\), got \(24, 3\)$"):
        fitted.score(images, targets[:, :3])
    with pytest.raises(DataError, match=r"^score is the mAP, which takes no sample_weight; leave it out$"):
        fitted.score(images, targets, sample_weight=[1] * 24)
