"""What a method may count on that needs other trainings: each done once, and the same however it is done."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toys import tiny_set

from polytag import fits
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.errors import OptionError, RunError, TaskError
from polytag.fit import Training
from polytag.fits import content_name, identity, seconds_of
from polytag.labels import Labels
from polytag.method import Context, Fit, Method
from polytag.methods.supervised import Supervised
from polytag.run import Run

FOLDERS = {}


class Taught(Method):
    """Learns nothing from its teachers, but has them."""

    FITS = (Fit("teacher 0", classes=(0, 1)), Fit("teacher 1", classes=(2, 3)))

    def __init__(self, model, loss, sampler):
        super().__init__()
        self.plain, self.model = Supervised(model, loss, sampler), model

    def prepare(self, train_set, context):
        FOLDERS.clear()
        FOLDERS.update(context.map(self.FITS))

    def losses(self, *batches):
        return self.plain.losses(*batches)


class Failing(Method):
    """Cannot be prepared."""

    def __init__(self, model, loss, sampler):
        super().__init__()
        self.model = model

    def prepare(self, train_set, context):
        raise OptionError("this method cannot be prepared")

    def losses(self, *batches):
        raise NotImplementedError


class OneFails(Taught):
    FITS = (Fit("good", classes=(0, 1)), Fit("bad", Failing, classes=(0, 1)), Fit("later", classes=(2, 3)))


class TaughtOtherwise(Taught):
    """Another method with the same teachers."""


class Alone(Taught):
    FITS = (Fit("one", classes=(0,), photos="containing"),)


class Several(Taught):
    FITS = (Fit("several", classes=(0, 1, 2), photos="containing"),)


class Twins(Taught):
    FITS = (Fit("one"), Fit("one", classes=(0, 1)))


def training(out, **options):
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "epochs": 1, "batch_size": 8}
    return Training(**{"data": tiny_set(40), "out": out, "method": Taught, "workers": 0, **quick, **options})


def weights(folder):
    return load_file(folder / "model.safetensors")


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    training(tmp_path_factory.mktemp("taught") / "run").finish()
    return dict(FOLDERS)


def test_each_gets_a_run_folder_of_its_own_with_its_classes_the_splits_of_all_and_no_look_at_the_test(taught):
    assert [Run.open(folder).classes for folder in taught.values()] == [("a", "b"), ("c", "d")]
    assert [folder.parent.name for folder in taught.values()] == ["fits", "fits"]
    assert all(set(Run.open(folder).metrics) == {"best", "val"} for folder in taught.values())
    whole = Run.open(taught["teacher 0"].parents[1]).config["data"]["photos"]
    assert all(Run.open(folder).config["data"]["photos"] == whole for folder in taught.values())


def test_where_all_photos_are_for_training_those_to_choose_by_are_the_same_for_each(tmp_path):
    data = tiny_set(40)
    data = LabelledSet(data.images, data.labels, np.zeros(40, np.int8))
    photos = training(tmp_path / "run", data=data).finish().config["data"]["photos"]
    assert photos["test"] == 0 < photos["val"]
    assert [Run.open(folder).config["data"]["photos"] for folder in FOLDERS.values()] == [photos] * 2


@pytest.mark.parametrize("jobs_on", ["processes", "ray"])
def test_trained_at_once_they_are_equal_bit_for_bit_to_those_trained_in_sequence(jobs_on, taught, tmp_path):
    if jobs_on == "ray":
        pytest.importorskip("ray", reason='needs pip install "polytag[ray]"')
    training(tmp_path / "run", jobs=2, jobs_on=jobs_on).finish()
    assert FOLDERS.keys() == taught.keys()
    for name, folder in FOLDERS.items():
        assert folder != taught[name]
        assert folder.name == taught[name].name
        assert_equal(weights(folder), weights(taught[name]))


def test_what_was_trained_before_is_taken_from_its_folder(tmp_path):
    kept = {"fits": str(tmp_path / "kept")}  # in the run's own folder those of arrays go with it
    training(tmp_path / "run", **kept).finish()
    marks = {name: (folder / "metrics.json").stat().st_mtime_ns for name, folder in FOLDERS.items()}
    training(tmp_path / "run", overwrite=True, jobs=2, **kept).finish()
    assert {name: (folder / "metrics.json").stat().st_mtime_ns for name, folder in FOLDERS.items()} == marks
    training(tmp_path / "run", overwrite=True, lr=1e-4, **kept).finish()  # other arguments are other trainings
    assert not any((folder / "metrics.json").stat().st_mtime_ns in marks.values() for folder in FOLDERS.values())


def test_what_was_interrupted_goes_on(taught, tmp_path):
    training(tmp_path / "run").finish()
    (FOLDERS["teacher 1"] / "metrics.json").unlink()
    shutil.rmtree(FOLDERS["teacher 1"] / "state")
    training(tmp_path / "run", resume=True).finish()
    assert_equal(weights(FOLDERS["teacher 1"]), weights(taught["teacher 1"]))


def test_one_that_fails_is_named_and_those_before_it_are_kept(tmp_path):
    sentence = (
        "task 'bad' failed: this method cannot be prepared; 1 of 3 are done, and those that are kept need not run again"
    )
    with pytest.raises(TaskError) as failure:
        training(tmp_path / "run", method=OneFails).finish()
    assert str(failure.value) == sentence
    finished = [path.parent.name for path in (tmp_path / "run" / "fits").glob("*/metrics.json")]
    assert [name.partition("-")[0] for name in finished] == ["good"]


def test_names_of_folders_are_no_longer_than_a_disk_takes():
    one, two = (content_name("groups " * 200, {"seed": seed}) for seed in (0, 1))
    assert len(one) < 160
    assert one != two
    assert content_name("asl, seed 0", {}).startswith("asl-seed-0-")


@pytest.mark.parametrize("split", [[0, 0, 0, 0, 1, 1, 2, 2], None])
def test_containing_drops_training_photos_without_a_label_and_no_other(split):
    labels = Labels.from_dense([[1, 0], [0, 0], [0, -1], [0, 1], [0, 0], [1, 1], [0, 0], [1, 0]], "ab")
    codes = None if split is None else np.array(split, np.int8)
    images = ImageArrays(np.zeros((8, 1, 1, 3), np.uint8))
    kept = fits.containing(LabelledSet(images, labels, codes, settled=split is not None))
    names = [int(kept.images.name(row).removeprefix("image-")) for row in range(len(kept))]
    assert names == ([0, 3, 4, 5, 6, 7] if split else [0, 3, 5, 7])
    assert kept.settled == (split is not None)


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [([[1], [0]], [True]), ([[1], [1]], [False]), ([[1, 0], [0, 1]], [True, True]), ([[0, -1], [0, 1]], [True, False])],
)
def test_photos_show_a_label_where_one_of_them_lacks_it(matrix, shown):
    images = ImageArrays(np.zeros((len(matrix) + 1, 1, 1, 3), np.uint8))
    rows = [*matrix, [0] * len(matrix[0])]  # the last is for validation
    split = np.array([*[0] * len(matrix), 1], np.int8)
    data = LabelledSet(images, Labels.from_dense(rows, "ab"[: len(matrix[0])]), split)
    assert fits.seen_absent(data).tolist() == shown


def test_a_teacher_of_one_label_learns_from_all_photos(tmp_path, caplog):
    caplog.set_level("INFO")
    training(tmp_path / "run", method=Alone).finish()
    whole = Run.open(tmp_path / "run").config["data"]["photos"]
    assert Run.open(FOLDERS["one"]).config["data"]["photos"] == whole
    assert "one learns from all photos, as those with one of its labels all have a" in caplog.text


def test_a_label_that_is_nowhere_known_to_be_absent_does_not_bring_all_photos_back(tmp_path):
    data = tiny_set(40)
    targets = data.labels.dense()
    targets[:, 1] = -1
    data = LabelledSet(data.images, Labels.from_dense(targets, data.classes))
    training(tmp_path / "run", method=Several, data=data).finish()
    known = targets[:, [0, 2]].sum(1) > 0
    assert known.sum() < 40
    taught, whole = (Run.open(run).config["data"]["photos"] for run in (FOLDERS["several"], tmp_path / "run"))
    assert taught["train"] < whole["train"]


def test_parts_of_a_step_are_no_other_training(taught, tmp_path):
    training(tmp_path / "run").finish()
    training(tmp_path / "run", overwrite=True, accumulate=2).finish()
    assert len(list((tmp_path / "run" / "fits").iterdir())) == len(taught)


def test_what_is_finished_where_nobody_sees_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(fits, "run_all", lambda *_, **__: None)
    with pytest.raises(
        RunError, match=r"^teacher 0 is finished and not in .*fits/teacher-0-\w+; give --fits a folder that"
    ):
        training(tmp_path / "run").finish()


def test_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(OptionError, match=r"^each training needs a name of its own, got one, one$"):
        training(tmp_path / "run", method=Twins).finish()


def test_outside_a_training_there_is_nobody_to_do_them():
    with pytest.raises(
        OptionError,
        match=r"^a training of teacher was asked for, and there is nobody to do it; "
        r"prepare this method within polytag\.Training$",
    ):
        Context(None, 0).fit(Fit("teacher"))


def test_choices_are_told_apart_by_what_they_would_build():
    assert identity("asl") == "asl"
    assert identity({"name": "asl", "clip": 0.1}) == {"name": "asl", "clip": 0.1}
    assert identity(None) is None
    assert identity(Taught) == identity(Taught) != identity(Failing)
    sentence = r"^<function .*> cannot be told from other objects of its kind \(.*\); define it at the top of a module$"
    with pytest.raises(OptionError, match=sentence):
        identity(lambda channels, classes: None)


def test_a_fit_says_nothing_that_it_is_not_told():
    plain = {"name": "x", "method": "supervised", "classes": None, "options": {}, "photos": "all"}
    assert dataclasses.asdict(Fit("x")) == plain


def test_trainings_with_one_folder_share_their_teachers_and_each_counts_them_in_its_price(tmp_path):
    shared = {"fits": str(tmp_path / "shared")}
    one = training(tmp_path / "one", **shared).finish()
    folders = dict(FOLDERS)
    marks = {folder: (folder / "metrics.json").stat().st_mtime_ns for folder in folders.values()}
    assert {folder.parent for folder in marks} == {tmp_path / "shared"}
    other = training(tmp_path / "other", method=TaughtOtherwise, **shared).finish()
    assert folders == FOLDERS
    assert {folder: (folder / "metrics.json").stat().st_mtime_ns for folder in marks} == marks
    teachers = sum(Run.open(folder).train_seconds() for folder in marks)
    for run in (one, other):
        assert run.config["running"]["fits_seconds"] == pytest.approx(teachers, abs=0.051)
        assert seconds_of(run) == pytest.approx(run.train_seconds() + teachers, abs=0.051)
        assert not (run.path / "fits").exists()
