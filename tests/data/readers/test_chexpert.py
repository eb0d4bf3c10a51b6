"""What the reader of CheXpert promises: three values, patients as groups, splits by file, policies by choice."""

import pytest
from label_files import write

from polytag.data.open import open_data
from polytag.data.readers import CheXpert
from polytag.data.readers.chexpert import FINDINGS
from polytag.errors import DataError, OptionError

HEADER = ",".join(("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS))
SMALL = "CheXpert-v1.0-small"
TRAIN = {
    "train/patient00001/study1/view1_frontal.jpg": "1.0" + "," * 13,
    "train/patient00002/study1/view1_frontal.jpg": ",,-1.0,1.0,,-1.0,,,,,0.0,,,1.0",
    "train/patient00002/study2/view2_lateral.jpg": "," * 10 + "1.0,,,",
}
VALID = {"valid/patient64541/study1/view1_frontal.jpg": "0.0," * 13 + "1.0"}


def table(rows, before=f"{SMALL}/"):
    views = {path: "Lateral" if "lateral" in path else "Frontal" for path in rows}
    lines = [f"{before}{path},Female,68,{views[path]},AP,{cells}" for path, cells in rows.items()]
    return "\n".join([HEADER, *lines]) + "\n"


def copy(folder, before=f"{SMALL}/", train=TRAIN, place=""):
    photos = " ".join(place + path for path in (*TRAIN, *VALID))
    write(folder, "train.csv", table(train, before), photos)
    write(folder, "valid.csv", table(VALID, before))
    return folder


def refusal(folder, **options):
    with pytest.raises(DataError) as caught:
        CheXpert(**options).read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "").replace(str(folder), "DATA")


def states(data, row):
    dense = data.labels.dense([row])[0]
    return {name: int(value) for name, value in zip(data.classes, dense, strict=True) if value != -1}


def test_an_official_copy_is_read(tmp_path):
    data = open_data(copy(tmp_path))
    assert data.classes == FINDINGS
    assert len(FINDINGS) == 14
    assert [data.images.name(row) for row in range(4)] == [*TRAIN, *VALID]
    assert [states(data, row) for row in range(3)] == [
        {"No Finding": 1},
        {"Lung Opacity": 1, "Pleural Effusion": 0, "Support Devices": 1},
        {"Pleural Effusion": 1},
    ]
    assert states(data, 3) == {**dict.fromkeys(FINDINGS[:-1], 0), "Support Devices": 1}
    assert data.split.tolist() == [0, 0, 0, 1]
    assert data.groups.tolist() == [0, 1, 1, 2]
    assert data.notes == (
        "train.csv and valid.csv: 14 observations",
        "splits from the names of the files: 3 train, 1 val",
        "3 groups from the patients in the paths",
        "2 cells are -1 (uncertain): read as unknown",
        "35 cells are empty (not mentioned): read as unknown",
        "'No Finding', 'Lung Opacity', 'Support Devices' are never absent on a photo for training, which teaches to "
        "predict them always; --reader.unmentioned absent reads empty cells as absent",
    )


@pytest.mark.parametrize(("choice", "value"), [("present", 1), ("absent", 0), ("unknown", -1)])
def test_uncertain_labels_are_what_is_chosen(tmp_path, choice, value):
    data = CheXpert(uncertain=choice).read(copy(tmp_path))
    column = FINDINGS.index("Cardiomegaly")
    assert data.labels.dense()[:, column].tolist() == [-1, value, -1, 0]
    assert f"2 cells are -1 (uncertain): read as {choice}" in data.notes


def test_unmentioned_labels_may_be_absent(tmp_path):
    data = CheXpert(unmentioned="absent").read(copy(tmp_path))
    assert data.labels.dense()[0].tolist() == [1, *[0] * 13]
    assert int((data.labels.dense() == -1).sum()) == 2
    assert data.notes[3:] == (
        "2 cells are -1 (uncertain): read as unknown",
        "35 cells are empty (not mentioned): read as absent",
    )


def test_one_label_that_is_never_absent_is_noted(tmp_path):
    rows = {"train/patient00001/study1/view1_frontal.jpg": "1.0," + "0.0," * 12 + "-1.0"}
    assert CheXpert().read(copy(tmp_path, train=rows)).notes[3:] == (
        "1 cell is -1 (uncertain): read as unknown",
        "'No Finding' is never absent on a photo for training, which teaches to predict it always; "
        "--reader.unmentioned absent reads empty cells as absent",
    )


def test_photos_from_the_front_alone(tmp_path):
    data = CheXpert(views="frontal").read(copy(tmp_path))
    assert [data.images.name(row) for row in range(3)] == [*list(TRAIN)[:2], *VALID]
    assert "1 photo not from the front left out" in data.notes


@pytest.mark.parametrize(
    ("before", "place"),
    [
        ("CheXpert-v1.0/", ""),
        ("chexpert_small/", ""),
        ("CheXpert-v1.0-small/", "CheXpert-v1.0-small/"),
        ("", ""),
    ],
)
def test_the_folder_in_the_paths_may_be_this_one_or_in_it(tmp_path, before, place):
    data = CheXpert().read(copy(tmp_path, before, place=place))
    assert [data.images.name(row) for row in range(4)] == [place + path for path in (*TRAIN, *VALID)]


def test_photos_elsewhere_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    folder = copy(tmp_path / "here", place="../there/")
    assert CheXpert(images=str(tmp_path / "there")).read(folder).images.root == tmp_path / "there"


def test_a_test_and_one_table_alone_are_read(tmp_path):
    copy(tmp_path)
    (tmp_path / "valid.csv").unlink()
    rows = {"test/patient64741/study1/view1_frontal.jpg": "0.0," * 13 + "0.0"}
    write(tmp_path, "test.csv", table(rows), " ".join(rows))
    assert open_data(tmp_path).split.tolist() == [0, 0, 0, 2]


def test_a_test_without_a_column_of_views_has_them_in_its_paths(tmp_path):
    views = [f"test/patient64741/study1/view{number}.jpg" for number in ("1_frontal", "2_lateral")]
    rows = "".join(f"{path},{'0.0,' * 13}1.0\n" for path in views)
    write(copy(tmp_path), "test.csv", f"Path,{','.join(FINDINGS)}\n{rows}", " ".join(views))
    data = CheXpert(views="frontal").read(tmp_path)
    assert [data.images.name(row) for row in range(4)] == [*list(TRAIN)[:2], *VALID, views[0]]
    assert "2 photos not from the front left out" in data.notes


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            {"train/patient00001/study1/view1_frontal.jpg": "2.0" + "," * 13},
            "row 2 of train.csv has '2.0' in column 'No Finding', which is not 1, 0, -1 or empty; "
            "give the published file",
        ),
        (
            {"train/p1/view1_frontal.jpg": "1.0" + "," * 13},
            "row 2 of train.csv has the path 'CheXpert-v1.0-small/train/p1/view1_frontal.jpg', which names no patient; "
            "give the published file",
        ),
        (
            {"train/patient00009/study1/view1_frontal.jpg": "1.0" + "," * 13},
            "1 of 2 photos are not in DATA: row 2 of train.csv names 'train/patient00009/study1/view1_frontal.jpg'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
        (
            {"../../a/patient1/a.jpg": "1.0" + "," * 13},
            "row 2 of train.csv names 'CheXpert-v1.0-small/../../a/patient1/a.jpg', which is not inside the data "
            "folder; use a path relative to it",
        ),
        (
            {"train/patient00001/study1/view1_frontal.jpg": "1.0"},
            "row 2 of train.csv has 6 cells where the header has 19; put quotes around a cell that holds the separator",
        ),
    ],
)
def test_what_is_not_as_published_is_refused(tmp_path, rows, message):
    assert refusal(copy(tmp_path, train=rows)) == message


def test_tables_of_other_columns_are_refused(tmp_path):
    copy(tmp_path)
    write(tmp_path, "test.csv", "Path,Edema\na.jpg,1\n")
    assert refusal(tmp_path) == ("test.csv has no column 'No Finding'; it has 'Path', 'Edema'; give the published file")


def test_a_folder_without_tables_is_refused(tmp_path):
    assert refusal(tmp_path) == "DATA has no train.csv and no valid.csv; give the folder that has them in it"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uncertain": "maybe"}, "uncertain must be one of unknown, present, absent, got 'maybe'"),
        ({"unmentioned": "present"}, "unmentioned must be one of unknown, absent, got 'present'"),
        ({"views": "lateral"}, "views must be one of all, frontal, got 'lateral'"),
    ],
)
def test_other_choices_are_refused(options, message):
    with pytest.raises(OptionError) as caught:
        CheXpert(**options)
    assert str(caught.value) == message
