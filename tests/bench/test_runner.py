"""What running a suite promises: every training once, in folders that say what is in them."""

import dataclasses
import shutil

import pytest
from photo_folder import make_photos

from polytag.bench.runner import finish, run_suite
from polytag.bench.types import Row, Suite
from polytag.data.ready import ready
from polytag.errors import OptionError, TaskError
from polytag.run import Run
from polytag.scores import VAL_SCORES

OPTIONS = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "epochs": 1, "batch_size": 8}
OPTIONS |= {"workers": 0, "lr": 3e-3}


def suite(*rows, seeds=(0, 1), **options):
    made = tuple(Row(name, {**OPTIONS, **special, **options}) for name, special in rows)
    return Suite("small", "Small", "labels.csv", made, made[0].name, seeds, "fast")


PLAIN = suite(("bce", {}), ("asl, hard", {"loss": {"name": "asl", "gamma_neg": 4.0}}))


def run(wanted, root, out, **options):
    """The folders, and which trainings were done now."""
    done = []
    events = run_suite(wanted, root, out, train=lambda one: (done.append((one.row, one.seed)), finish(one)), **options)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value, done


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos"))


def test_each_row_is_trained_for_each_seed_and_never_again(photos, tmp_path):
    folders, done = run(PLAIN, photos, tmp_path)
    assert done == [("bce", 0), ("asl, hard", 0), ("bce", 1), ("asl, hard", 1)]
    assert {
        name: [Run.open(folder).config["training"]["seed"] for folder in runs] for name, runs in folders.items()
    } == {
        "bce": [0, 1],
        "asl, hard": [0, 1],
    }
    assert Run.open(folders["asl, hard"][0]).config["training"]["loss"] == {"name": "asl", "gamma_neg": 4.0}
    assert all(folder.parent == tmp_path / "runs" for runs in folders.values() for folder in runs)
    assert folders["asl, hard"][1].name.startswith("asl-hard-seed-1-")
    again, done = run(PLAIN, photos, tmp_path)
    assert (again, done) == (folders, [])


def test_all_see_the_same_test_photos_whatever_their_seed(photos, tmp_path):
    folders, _ = run(PLAIN, photos, tmp_path)
    data = [Run.open(folder).config["data"] for runs in folders.values() for folder in runs]
    assert len({(one["fingerprint"], one["train_fingerprint"]) for one in data}) == 1


def test_a_change_trains_what_it_is_about(photos, tmp_path):
    first, _ = run(PLAIN, photos, tmp_path)
    more = suite(("bce", {}), ("asl, hard", {"loss": {"name": "asl", "gamma_neg": 2.0}}), seeds=(1, 2))
    second, done = run(more, photos, tmp_path)
    assert done == [("asl, hard", 1), ("bce", 2), ("asl, hard", 2)]
    assert second["bce"][0] == first["bce"][1]


def test_neither_further_metrics_nor_an_ensemble_train_anything(photos, tmp_path):
    folders, _ = run(PLAIN, photos, tmp_path)
    both = Row("both", {}, ("bce", "asl, hard"))
    more = dataclasses.replace(PLAIN, rows=(both, *PLAIN.rows), metrics=("mA", "CF1_adapted"))
    assert run(more, photos, tmp_path) == (folders, [])
    for folder in folders["bce"]:  # as those of an older polytag
        (folder / VAL_SCORES).unlink()
    assert run(more, photos, tmp_path) == (folders, [])


def test_what_was_interrupted_goes_on(photos, tmp_path):
    folders, _ = run(PLAIN, photos, tmp_path)
    (folders["bce"][1] / "metrics.json").unlink()
    assert run(PLAIN, photos, tmp_path)[1] == [("bce", 1)]


def test_what_another_bench_has_finished_meanwhile_is_done(photos, tmp_path):
    written = {}

    def train(one):
        dataclasses.replace(one.training).finish()  # the other one
        written[one.training.out] = (one.training.out / "model.safetensors").stat().st_mtime_ns
        finish(one)

    for _ in run_suite(suite(("bce", {}), seeds=(0,)), photos, tmp_path, train=train):
        pass
    ((folder, before),) = written.items()
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_rows_of_several_sizes_decode_for_themselves(photos, tmp_path):
    sizes = suite(("small", {}), ("large", {"image_size": 40}), seeds=(0,))
    folders, _ = run(sizes, photos, tmp_path)
    assert [Run.open(runs[0]).preprocessing.image_size for runs in folders.values()] == [(32, 32), (40, 40)]


def test_one_that_fails_is_named_and_the_others_are_kept(photos, tmp_path):
    bad = suite(("bce", {}), ("too fast", {"lr": 1000.0, "epochs": 8}), seeds=(0,))
    with pytest.raises(
        TaskError, match=r"^task 'too fast, seed 0' failed: .*; lower the learning rate; 1 of 2 are done"
    ):
        run(bad, photos, tmp_path)
    assert run(dataclasses.replace(bad, rows=bad.rows[:1]), photos, tmp_path)[1] == []


def test_more_answers_than_a_run_keeps_are_refused_before_any_training(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("polytag.bench.runner.LARGEST", 10)
    sentence = (
        r"^the answers on \d+ test photos and \d+ labels are over 10 numbers, which no run keeps, so there could be no "
        r"table; set photos, in the suite, to fewer a split$"
    )
    with pytest.raises(OptionError, match=sentence):
        run(PLAIN, photos, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_weights_below_the_root_need_one(tmp_path, monkeypatch):
    from toys import tiny_set

    from polytag.bench import data

    monkeypatch.setattr(data, "scenes", lambda seed: tiny_set(20))
    wanted = dataclasses.replace(suite(("bce", {"weights": "w.safetensors"})), data="digits")
    with pytest.raises(OptionError, match=r"^the row bce starts from w\.safetensors; say with --data where that is$"):
        run(wanted, None, tmp_path)


def test_files_that_are_not_there_are_refused_before_any_training_that_needs_one(photos, tmp_path):
    wanted = suite(("bce", {}), ("asl", {"weights": "w.safetensors"}))
    with pytest.raises(OptionError, match=r"^the row asl starts from w\.safetensors, and there is none in "):
        run(wanted, photos, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_data_without_photos_to_judge_on_is_refused_before_any_training(tmp_path):
    photos = make_photos(tmp_path / "photos")
    table = photos / "labels.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},split", *(f"{row},train" for row in rows)]) + "\n")
    with pytest.raises(
        OptionError, match=r"^no photo is marked as test in labels\.csv, so there could be no table; mark"
    ):
        run(PLAIN, photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_are_kept_in_memory_and_left_out_as_the_rows_say(photos, tmp_path, monkeypatch):
    asked = []

    def recording(data, preprocessing, **options):
        asked.append(options)
        return ready(data, preprocessing, **options)

    monkeypatch.setattr("polytag.bench.data.ready", recording)
    run(
        PLAIN,
        photos,
        tmp_path / "a",
    )
    run(PLAIN, photos, tmp_path / "a")  # all is finished: no photo is opened
    assert asked == [{"cache": "auto", "on_bad_image": "stop"}]
    broken = shutil.copytree(photos, tmp_path / "broken")
    next(broken.glob("*.png")).write_bytes(b"")
    wanted = suite(("bce", {}), seeds=(0,), on_bad_image="skip", cache="none")
    folders, _ = run(wanted, broken, tmp_path / "b")
    assert asked[1:] == [{"cache": "none", "on_bad_image": "skip"}]
    assert sum(Run.open(folders["bce"][0]).config["data"]["photos"].values()) == 39
    assert run(wanted, broken, tmp_path / "b") == (folders, [])
