"""What `polytag evaluate` promises: the numbers of the run again, and a word where they would mislead."""

import json
import shutil

import pytest

from polytag.cli import main
from polytag.data.open import open_data
from polytag.predictor import Predictor
from polytag.views import WithViews


def evaluated(capsys, *words):
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    shown, narrated = capsys.readouterr()
    return json.loads(shown), narrated


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_is_found_again_and_judged_alike(split, trained, photos, capsys):
    values, narrated = evaluated(capsys, trained, photos, "--split", split)
    config = json.loads((trained / "config.json").read_text())
    expected = json.loads((trained / "metrics.json").read_text())[split]
    assert values.pop("photos") == config["data"]["photos"][split]
    classes = values.pop("classes")
    undefined = {name for name, value in expected.items() if value is None}  # no label is on many of so few photos
    assert undefined >= {"mAP_head"}
    assert {name for name, value in values.items() if value is None} == undefined
    defined = {name: value for name, value in expected.items() if name not in undefined}
    assert {name: value for name, value in values.items() if name not in undefined} == pytest.approx(defined, rel=1e-6)
    assert list(classes) == ["cat", "dog", "hat"]
    assert classes["cat"].keys() == {"name", "positives", "average_precision", "precision", "recall", "f1"}
    assert narrated == ""


def test_a_person_gets_tables_that_fit_eighty_columns(trained, photos, capsys):
    assert main(["evaluate", str(trained), str(photos), "--split", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"40 photos of {photos} (all)"
    assert lines[2].startswith("mAP  ")
    assert "label  photos      AP  precision  recall      F1" in lines
    assert max(map(len, lines[1:])) <= 80


def test_an_ensemble_is_judged_as_one(trained, second, photos, capsys):
    alone, _ = evaluated(capsys, trained, photos, "--split", "all")
    both, narrated = evaluated(capsys, trained, photos, "--ensemble", second, "--split", "all")
    assert both["photos"] == alone["photos"]
    assert list(both["classes"]) == list(alone["classes"])
    assert both["ranking_loss"] != alone["ranking_loss"]
    assert narrated == ""
    predictor = Predictor(trained, second)
    expected = predictor.evaluate(open_data(photos)).compute(predictor.threshold_logits)
    shared = {name: value for name, value in both.items() if isinstance(value, float) and name in expected}
    assert len(shared) > 30
    assert shared == pytest.approx({name: expected[name] for name in shared}, rel=1e-6)


def test_more_views_of_a_photo_are_asked_about_if_wanted(trained, photos, capsys, monkeypatch):
    asked, forward = [], WithViews.forward

    def noted(self, images):
        asked.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(WithViews, "forward", noted)
    evaluated(capsys, trained, photos, "--split", "all")
    assert asked == []
    values, narrated = evaluated(capsys, trained, photos, "--split", "all", "--tta", "d4")
    assert sum(asked) == values["photos"] == 40
    assert narrated == ""
    expected = Predictor(trained, tta="d4").evaluate(open_data(photos)).compute()
    assert values["mAP"] == pytest.approx(expected["mAP"])


def test_photos_that_the_run_may_have_seen_are_a_warning(trained, photos, tmp_path, capsys):
    fewer = shutil.copytree(photos, tmp_path / "fewer")
    rows = (photos / "labels.csv").read_text().splitlines()
    (fewer / "labels.csv").write_text("\n".join(rows[:-3]) + "\n")
    _, narrated = evaluated(capsys, trained, fewer)
    assert narrated == (
        f"{trained} was not trained on this split of {fewer}: photos that it has seen may be among these; "
        "if all of them are new to it, take all with --split all\n"
    )
    _, narrated = evaluated(capsys, trained, fewer, "--split", "all")
    assert narrated == ""


def test_a_split_of_the_data_is_believed_and_told_where_it_is_not_that_of_the_training(
    trained, photos, tmp_path, capsys
):
    marked = shutil.copytree(photos, tmp_path / "marked")
    header, *rows = (photos / "labels.csv").read_text().splitlines()
    marks = ["train", "test"] * 20
    text = "\n".join([f"{header},split", *(f"{row},{mark}" for row, mark in zip(rows, marks, strict=True))])
    (marked / "labels.csv").write_text(text)
    values, narrated = evaluated(capsys, trained, marked)
    assert values["photos"] == 20
    assert narrated == f"{trained} was trained on data without splits: photos that it has seen may be among these\n"


def test_labels_on_one_side_only_are_named(trained, photos, tmp_path, capsys):
    other = shutil.copytree(photos, tmp_path / "other")
    (other / "labels.csv").write_text((photos / "labels.csv").read_text().replace("dog", "cow"))
    values, narrated = evaluated(capsys, trained, other, "--split", "all")
    assert narrated.splitlines() == [
        "labels of the data that are not among the classes are left out: cow",
        "classes that are not among the labels of the data are undefined: dog",
    ]
    assert values["undefined_classes"] == 1
    assert values["classes"]["dog"]["average_precision"] is None


def test_undefined_labels_are_counted_for_a_person(trained, photos, tmp_path, capsys):
    other = shutil.copytree(photos, tmp_path / "other")
    (other / "labels.csv").write_text((photos / "labels.csv").read_text().replace("dog", "cow"))
    assert main(["evaluate", str(trained), str(other), "--split", "all"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "1 label without a known positive or a known negative: undefined (-), left out"
    )


def test_data_without_any_of_the_labels_is_refused(trained, photos, tmp_path, refused):
    other = shutil.copytree(photos, tmp_path / "other")
    text = (photos / "labels.csv").read_text()
    for name in ("cat", "dog", "hat"):
        text = text.replace(name, name.upper())
    (other / "labels.csv").write_text(text)
    assert refused("evaluate", trained, other) == (
        f"none of the 3 labels of the data is among those of {trained}; give data with one of cat, dog, hat"
    )


def test_a_split_without_photos_is_refused(trained, photos, tmp_path, refused):
    marked = shutil.copytree(photos, tmp_path / "marked")
    header, *rows = (photos / "labels.csv").read_text().splitlines()
    (marked / "labels.csv").write_text("\n".join([f"{header},split", *(f"{row},train" for row in rows)]))
    assert refused("evaluate", trained, marked) == f"{marked} has no test photos; choose another --split, or all"


def test_bad_photos_are_listed_or_left_out(trained, photos, tmp_path, refused, capsys):
    damaged = shutil.copytree(photos, tmp_path / "damaged")
    (damaged / "photo03.png").write_bytes(b"")
    assert refused("evaluate", trained, damaged, "--split", "all").splitlines() == [
        "1 of 40 photos cannot be read; repair or remove it, or leave it out with --on-bad-image skip:",
        f"  {damaged}/photo03.png cannot be read: it is empty",
    ]
    values, narrated = evaluated(capsys, trained, damaged, "--split", "all", "--on-bad-image", "skip", "--workers", "0")
    assert (values["photos"], narrated) == (39, f"left out: {damaged}/photo03.png cannot be read: it is empty\n")
    for photo in damaged.glob("*.png"):
        photo.write_bytes(b"")
    assert refused("evaluate", trained, damaged, "--on-bad-image", "skip").startswith("40 of 40 photos cannot be read;")


def test_what_is_no_run_is_refused(photos, refused):
    assert refused("evaluate", photos / "none", photos) == (
        f"{photos}/none is not a run folder; give the folder that polytag train wrote"
    )
    assert refused("evaluate", photos, photos) == (
        f"{photos}/config.json is missing; give the folder that polytag train wrote"
    )


def test_a_table_of_test_photos_alone_is_judged(trained, photos, tmp_path, capsys):
    folder = tmp_path / "fresh"
    shutil.copytree(photos, folder)
    rows = (photos / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join([rows[0] + ",split", *(row + ",test" for row in rows[1:])]) + "\n")
    values, _ = evaluated(capsys, trained, folder)
    assert values["photos"] == 40
