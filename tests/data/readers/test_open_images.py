"""What the reader of Open Images promises: three values, names that stay apart, photos in their splits, in a stream."""

import tracemalloc

import pytest
from label_files import write

from polytag.data.open import open_data
from polytag.data.readers import OpenImages
from polytag.errors import DataError, OptionError

HEADER = "ImageID,Source,LabelName,Confidence"
BOXES = f"{HEADER},XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
TRAIN = ("00a1,verification,/m/cat,1", "00a1,verification,/m/dog,0", "1b22,crowdsource-verification,/m/tart1,1")
VALID = ("2c33,verification,/m/dog,1",)
TEST = ("3d44,verification,/m/cat,0",)
PHOTOS = "train/00a1.jpg train/1b22.jpg validation/2c33.jpg test/3d44.jpg"
NAMES = '/m/tart2,Tart\n/m/dog,Dog\n/m/cat,"Cat, tame"\n/m/tart1,Tart\n'
CLASSES = ("Tart (/m/tart2)", "Dog", "Cat, tame", "Tart (/m/tart1)")
KIND = "annotations-human-imagelabels"
SHARED = "2 classes share names and have their codes added, such as 'Tart (/m/tart2)'"


def lines(rows, header=HEADER):
    return "\n".join((header, *rows)) + "\n"


def copy(folder, kind=f"{KIND}-boxable", train=TRAIN, names=NAMES, photos=PHOTOS, before="", place=""):
    write(folder, f"{place}{before}train-{kind}.csv", lines(train), photos)
    write(folder, f"{place}validation-{kind}.csv", lines(VALID))
    write(folder, f"{place}test-{kind}.csv", lines(TEST))
    boxable = "-boxable" if kind.endswith("boxable") else ""
    write(folder, f"{place}class-descriptions{boxable}.csv", names)
    return folder


def refusal(folder, **options):
    with pytest.raises(DataError) as caught:
        OpenImages(**options).read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "").replace(str(folder), "DATA")


def files(kind, before=""):
    return f"{before}train-{kind}.csv and validation-{kind}.csv and test-{kind}.csv: 4 classes"


def test_an_official_copy_is_read(tmp_path):
    data = open_data(copy(tmp_path))
    assert data.classes == CLASSES
    assert [data.images.name(row) for row in range(4)] == PHOTOS.split()
    assert data.labels.default == "unknown"
    assert data.labels.dense().tolist() == [[-1, 0, 1, -1], [-1, -1, -1, 1], [-1, 1, -1, -1], [-1, -1, 0, -1]]
    assert data.split.tolist() == [0, 0, 1, 2]
    assert data.groups is None
    assert data.notes == (
        files(f"{KIND}-boxable"),
        "names of classes from class-descriptions-boxable.csv",
        SHARED,
        "labels that are not listed are unknown",
        "splits from the names of the files: 2 train, 1 val, 1 test",
    )


def test_unlisted_labels_may_be_absent(tmp_path):
    data = OpenImages(unlisted="absent").read(copy(tmp_path))
    assert data.labels.dense().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert "labels that are not listed are absent" in data.notes


@pytest.mark.parametrize("place", ["", "annotations/"])
def test_all_classes_are_preferred_and_may_be_below(tmp_path, place):
    copy(tmp_path)
    copy(tmp_path, KIND, before="oidv6-", place=place, names="LabelName,DisplayName\n" + NAMES)
    data = open_data(tmp_path)
    assert data.classes == CLASSES
    assert data.notes[0] == files(KIND, "oidv6-")
    assert data.notes[1] == "names of classes from class-descriptions.csv"
    assert OpenImages(labels="boxable").read(tmp_path).notes[0] == files(f"{KIND}-boxable")


def test_the_newest_names_are_taken(tmp_path):
    copy(tmp_path)
    write(tmp_path, "oidv7-class-descriptions-boxable.csv", NAMES.replace("Dog", "Hound"))
    data = OpenImages().read(tmp_path)
    assert data.classes[1] == "Hound"
    assert data.notes[1] == "names of classes from oidv7-class-descriptions-boxable.csv"


@pytest.mark.parametrize("place", ["validation", "val"])
def test_version_7_calls_its_validation_val(tmp_path, place):
    for split, rows in (("train", TRAIN), ("val", VALID), ("test", TEST)):
        write(tmp_path, f"oidv7-{split}-{KIND}.csv", lines(rows))
    photos = PHOTOS.replace("validation", place)
    write(tmp_path, "oidv7-class-descriptions.csv", "LabelName,DisplayName\n" + NAMES, photos)
    data = open_data(tmp_path)
    assert data.classes == CLASSES
    assert [data.images.name(row) for row in range(4)] == photos.split()
    assert data.notes[:2] == (
        f"oidv7-train-{KIND}.csv and oidv7-val-{KIND}.csv and oidv7-test-{KIND}.csv: 4 classes",
        "names of classes from oidv7-class-descriptions.csv",
    )


def test_codes_without_a_name_are_kept_and_counted(tmp_path):
    rows = (*TRAIN, "1b22,verification,/m/eel,0", "1b22,verification, /m/dog ,1", "1b22,verification,/m/ant,1")
    data = OpenImages().read(copy(tmp_path, train=rows, names=NAMES + "/m/owl,\n"))
    assert data.classes == (*CLASSES, "/m/owl", "/m/eel", "/m/ant")
    assert data.labels.dense().tolist() == [
        [-1, 0, 1, -1, -1, -1, -1],
        [-1, 1, -1, 1, -1, 0, 1],
        [-1, 1, -1, -1, -1, -1, -1],
        [-1, -1, 0, -1, -1, -1, -1],
    ]
    assert data.notes[0] == files(f"{KIND}-boxable").replace("4 classes", "7 classes")
    assert data.notes[3] == "3 codes without a name, kept as the class, such as '/m/owl'"


def test_photos_left_out_are_counted_once_where_a_code_has_no_name(tmp_path):
    rows = ("00a1,verification,/m/eel,1", *TRAIN, "1b22,verification,/m/ant,1")
    data = OpenImages(missing="drop").read(copy(tmp_path, train=rows, photos="train/00a1.jpg validation/2c33.jpg"))
    assert data.classes == (*CLASSES, "/m/eel")
    assert data.labels.dense().tolist() == [[-1, 0, 1, -1, 1], [-1, 1, -1, -1, -1]]
    assert data.notes[3] == "1 code without a name, kept as the class, such as '/m/eel'"
    assert data.notes[-1] == "2 photos of 4 are not on the disk: left out"


def test_boxes_are_labels_that_are_present(tmp_path):
    copy(tmp_path)
    box = ",0.1,0.2,0.3,0.4,0,0,0,0,0"
    rows = [row + box for row in ("00a1,xclick,/m/cat,1", "00a1,xclick,/m/cat,1", "00a1,xclick,/m/dog,1")]
    write(tmp_path, "oidv6-train-annotations-bbox.csv", lines(rows, BOXES))
    data = OpenImages(labels="boxes").read(tmp_path)
    assert data.labels.dense().tolist() == [[-1, 1, 1, -1]]
    assert data.notes == (
        "oidv6-train-annotations-bbox.csv: 4 classes",
        "names of classes from class-descriptions-boxable.csv",
        SHARED,
        "labels that are not listed are unknown",
        "boxes tell of no label that is absent; --reader.unlisted absent reads all others so",
        "splits from the names of the files: 1 train",
    )
    assert OpenImages(labels="boxes", unlisted="absent").read(tmp_path).labels.dense().tolist() == [[0, 1, 1, 0]]


def test_a_label_that_is_said_to_be_both_is_unknown(tmp_path):
    data = OpenImages().read(copy(tmp_path, train=(*TRAIN, "00a1,verification,/m/cat,0")))
    assert data.labels.dense()[0].tolist() == [-1, 0, -1, -1]
    assert "1 label is said to be present and to be absent: read as unknown" in data.notes


@pytest.mark.parametrize(
    "photos",
    [
        "train_0/00a1.jpg train_1/1b22.jpg validation/2c33.jpg test/3d44.jpg",
        "00a1.jpg 1b22.jpg 2c33.jpg 3d44.jpg",
    ],
)
def test_photos_may_be_in_parts_or_together(tmp_path, photos):
    data = OpenImages().read(copy(tmp_path, photos=photos))
    assert [data.images.name(row) for row in range(4)] == photos.split()


def test_photos_elsewhere_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    folder = copy(tmp_path / "here", photos=" ".join(f"../there/{photo}" for photo in PHOTOS.split()))
    data = OpenImages(images=str(tmp_path / "there")).read(folder)
    assert data.images.root == tmp_path / "there"


def test_photos_that_are_gone_stop_or_are_left_out(tmp_path):
    copy(tmp_path, photos="train/1b22.jpg validation/2c33.jpg")
    assert refusal(tmp_path) == (
        f"2 of 4 photos are not in DATA: row 2 of train-{KIND}-boxable.csv names 'train/00a1.jpg', row 2 of "
        f"test-{KIND}-boxable.csv names '3d44.jpg'; add them, name the folder of the photos with --reader.images, or "
        "leave them out with --reader.missing drop"
    )
    data = OpenImages(missing="drop").read(tmp_path)
    assert [data.images.name(row) for row in range(2)] == ["train/1b22.jpg", "validation/2c33.jpg"]
    assert data.notes[-1] == "2 photos of 4 are not on the disk: left out"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "00a1,verification, ,1",
            f"row 2 of train-{KIND}-boxable.csv has nothing in column 'LabelName'; fill it in or remove the row",
        ),
        (
            "00a1,machine,/m/cat,0.7",
            f"row 2 of train-{KIND}-boxable.csv has the confidence '0.7'; labels that people verified have 1 or 0, so "
            "give the published file",
        ),
        (
            ",verification,/m/cat,1",
            f"row 2 of train-{KIND}-boxable.csv has nothing in column 'ImageID'; fill it in or remove the row",
        ),
        (
            "00a1,verification,/m/cat",
            f"row 2 of train-{KIND}-boxable.csv has 3 cells where the header has 4; put quotes around a cell that "
            "holds the separator",
        ),
    ],
)
def test_rows_that_are_not_as_published_are_refused(tmp_path, row, message):
    assert refusal(copy(tmp_path, train=(row,))) == message


def test_a_path_in_place_of_a_code_is_refused(tmp_path):
    write(tmp_path, "a.jpg", "")
    folder = tmp_path / "here" / "data"
    folder.mkdir(parents=True)
    copy(folder, train=("../../../a,verification,/m/cat,1",))
    assert refusal(folder) == (
        f"row 2 of train-{KIND}-boxable.csv names 'train/../../../a.jpg', which is not inside the data folder; use a "
        "path relative to it"
    )


def test_a_table_of_other_columns_is_refused(tmp_path):
    copy(tmp_path)
    write(tmp_path, f"train-{KIND}-boxable.csv", "ImageID,LabelName\n00a1,/m/cat\n")
    assert refusal(tmp_path) == (
        f"train-{KIND}-boxable.csv has no column 'Confidence'; it has 'ImageID', 'LabelName'; give the published file"
    )


def test_all_classes_in_one_split_and_boxable_ones_in_another_are_refused(tmp_path):
    copy(tmp_path)
    write(tmp_path, f"oidv6-train-{KIND}.csv", lines(TRAIN))
    assert refusal(tmp_path) == (
        "DATA has labels of all classes for train and of the boxable ones alone for test, validation; "
        f"add test-{KIND}.csv or choose --reader.labels boxable"
    )


@pytest.mark.parametrize(
    ("more", "two"),
    [("oidv6-train", "oidv6-train-{0} and train-{0}"), ("oidv7-val", "oidv7-val-{0} and validation-{0}")],
)
def test_two_tables_of_a_split_are_refused(tmp_path, more, two):
    kind = f"{KIND}-boxable.csv"
    write(copy(tmp_path), f"{more}-{kind}", lines(TRAIN))
    assert refusal(tmp_path) == f"DATA has {two.format(kind)}, of one split; leave one of them"


@pytest.mark.parametrize("labels", ["boxes", "image"])
def test_tables_that_are_not_there_are_refused(tmp_path, labels):
    folder = copy(tmp_path) if labels == "boxes" else tmp_path
    kind = "annotations-bbox" if labels == "boxes" else f"{KIND}-boxable"
    assert refusal(folder, labels=labels) == (
        f"DATA has no train-{kind}.csv, nor one of another split; give the folder that has it, or choose others with "
        "--reader.labels"
    )


def test_names_that_are_not_there_are_refused(tmp_path):
    (copy(tmp_path) / "class-descriptions-boxable.csv").rename(tmp_path / "class-descriptions.csv")
    assert refusal(tmp_path) == (
        "DATA has no class-descriptions-boxable.csv, which names the classes; add it, it is offered beside the tables"
    )


def test_names_in_more_cells_are_refused(tmp_path):
    assert refusal(copy(tmp_path, names="/m/cat,Cat, tame\n")) == (
        "row 1 of class-descriptions-boxable.csv must have a code and a name, got 3 cells; download it again"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "machine"}, "labels must be one of image, boxable, boxes, got 'machine'"),
        ({"unlisted": "auto"}, "unlisted must be one of unknown, absent, got 'auto'"),
        ({"missing": "keep"}, "missing must be one of stop, drop, got 'keep'"),
    ],
)
def test_other_choices_are_refused(options, message):
    with pytest.raises(OptionError) as caught:
        OpenImages(**options)
    assert str(caught.value) == message


def test_rows_are_read_in_a_stream(tmp_path):
    codes = [f"{number:016x}" for number in range(1_500)]
    (tmp_path / "train").mkdir()
    for code in codes:
        (tmp_path / "train" / f"{code}.jpg").touch()
    copy(tmp_path, train=[f"{code},verification,/m/{name},1" for code in codes for name in ("cat", "dog", "tart1")])
    (tmp_path / f"validation-{KIND}-boxable.csv").unlink()
    (tmp_path / f"test-{KIND}-boxable.csv").unlink()
    tracemalloc.start()
    data = OpenImages().read(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) == 1_500
    assert peak / 4_500 < 280  # bytes a row: 204, a third of them names; rows kept as objects take 200 more
