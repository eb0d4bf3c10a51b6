"""What the reader of NUS-WIDE promises: the official lists and ASL's table, photos that have vanished, no guesses."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import NusWide
from polytag.errors import DataError, OptionError

TRAIN = ("actor\\0001_2124494179.jpg", "sky\\0002_1.jpg", "actor\\0003_2.jpg")
TEST = ("sky\\0004_3.jpg",)
MARKS = {"airport": ("0\n1\n0\n", "0\n"), "clouds": ("1\r\n1\r\n0\r\n", "1\r\n"), "animal": ("1 \n0 \n0 \n", "0 \n")}
PLACES = [name.replace("\\", "/") for name in (*TRAIN, *TEST)]
ROWS = (
    "filepath,label,split_name",
    "0001_1.jpg,\"['clouds', 'sky']\",train",
    "0002_2.jpg,['sky'],val",
    "0003_3.jpg,[],train",
)


def official(folder, places=PLACES, before="Flickr/", concepts="ConceptsList/Concepts81.txt", marks=MARKS):
    write(folder, concepts, "\r\n".join(marks) + "\r\n")
    write(folder, "ImageList/Imagelist.txt", "\n".join((*TRAIN, *TEST)))
    write(folder, "ImageList/TestImagelist.txt", "\r\n".join(TEST) + "\r\n")
    for name, parts in marks.items():
        for part, text in zip(("Train", "Test"), parts, strict=True):
            write(folder, f"Groundtruth/TrainTestLabels/Labels_{name}_{part}.txt", text)
    photos = " ".join(before + place for place in places)
    return write(folder, "ImageList/TrainImagelist.txt", "\r\n".join(TRAIN) + "\r\n", photos)


def collected(folder, rows=ROWS, photos="images/0001_1.jpg images/0002_2.jpg images/0003_3.jpg"):
    return write(folder, "nus_wid_data.csv", "\n".join(rows) + "\n", photos)


def official_refusal(folder, **options):
    said = refusal(NusWide(**options), folder / "ImageList" / "TrainImagelist.txt")
    return said.replace(f"{folder}/", "").replace(str(folder), "DATA")


@pytest.mark.parametrize("concepts", ["ConceptsList/Concepts81.txt", "Concepts81.txt"])
def test_an_official_copy_is_read(tmp_path, concepts):
    path = official(tmp_path, concepts=concepts)
    data = open_data(tmp_path)
    assert data.classes == ("airport", "clouds", "animal")
    assert [data.images.name(row) for row in range(4)] == [f"Flickr/{place}" for place in PLACES]
    assert data.labels.dense().tolist() == [[0, 1, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert data.split.tolist() == [0, 0, 0, 2]
    assert data.groups is None
    assert data.notes == (
        "ImageList and Groundtruth: 3 concepts",
        "splits from the lists of ImageList: 3 train, 1 test",
        "1 photo without a concept kept",
    )
    assert open_data(path).fingerprint() == data.fingerprint()


def test_photos_without_a_concept_may_be_left_out(tmp_path):
    data = NusWide(unlabelled="drop").read(official(tmp_path))
    assert data.labels.dense().tolist() == [[0, 1, 1], [1, 1, 0], [0, 1, 0]]
    assert data.notes[1:] == (
        "splits from the lists of ImageList: 2 train, 1 test",
        "1 photo without a concept left out",
    )


def test_photos_that_are_gone_stop_or_are_left_out(tmp_path):
    path = official(tmp_path, [PLACES[0], PLACES[3]])
    assert official_refusal(tmp_path) == (
        "2 of 4 photos are not in DATA: line 2 of TrainImagelist.txt names 'Flickr/sky/0002_1.jpg', line 3 of "
        "TrainImagelist.txt names 'Flickr/actor/0003_2.jpg'; add them, name the folder of the photos with "
        "--reader.images, or leave them out with --reader.missing drop"
    )
    data = NusWide(missing="drop").read(path)
    assert data.labels.dense().tolist() == [[0, 1, 1], [0, 1, 0]]
    assert data.split.tolist() == [0, 2]
    assert data.notes[2:] == ("2 photos of 4 are not on the disk: left out",)


def test_photos_that_are_left_out_need_not_be_there(tmp_path):
    path = official(tmp_path, [PLACES[0], PLACES[1], PLACES[3]])
    data = NusWide(unlabelled="drop").read(path)
    assert [data.images.name(row) for row in range(3)] == [f"Flickr/{PLACES[row]}" for row in (0, 1, 3)]
    assert data.notes[2:] == ("1 photo without a concept left out",)


@pytest.mark.parametrize("missing", ["stop", "drop"])
def test_a_few_photos_in_one_folder_do_not_hide_all_of_them_in_another(tmp_path, missing):
    path = official(tmp_path, before="images/")
    write(tmp_path, "Flickr/readme.txt", "", f"Flickr/{PLACES[1]}")
    data = NusWide(missing=missing).read(path)
    assert [data.images.name(row) for row in range(4)] == [f"images/{place}" for place in PLACES]


@pytest.mark.parametrize("missing", ["stop", "drop"])
def test_photos_that_are_all_gone_are_refused(tmp_path, missing):
    official(tmp_path, [])
    assert official_refusal(tmp_path, missing=missing) == (
        "4 of 4 photos are not in DATA: line 1 of TrainImagelist.txt names 'actor/0001_2124494179.jpg', line 2 of "
        "TrainImagelist.txt names 'sky/0002_1.jpg', line 3 of TrainImagelist.txt names 'actor/0003_2.jpg'; "
        "name the folder of the photos with --reader.images"
    )


@pytest.mark.parametrize(
    ("before", "flat", "note"),
    [
        ("images/", False, ()),
        ("", False, ()),
        ("images/", True, ("photos are in images without the folders that the lists name",)),
        ("Flickr/", True, ("photos are in Flickr without the folders that the lists name",)),
    ],
)
def test_photos_may_be_elsewhere_with_or_without_their_folders(tmp_path, before, flat, note):
    places = [place.rpartition("/")[2] if flat else place for place in PLACES]
    data = NusWide().read(official(tmp_path, places, before))
    assert [data.images.name(row) for row in range(4)] == [before + place for place in places]
    assert data.notes[2:3] == (note or data.notes[2:3])


def test_the_folder_of_the_photos_is_named(tmp_path):
    (tmp_path / "here").mkdir()
    path = official(tmp_path / "here", before="../there/")
    data = NusWide(images=str(tmp_path / "there")).read(path)
    assert data.images.root == tmp_path / "there"
    assert data.images.name(0) == PLACES[0]


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (
            "0\n1\n",
            "Groundtruth/TrainTestLabels/Labels_airport_Train.txt has 2 lines and TrainImagelist.txt names 3 photos; "
            "download both again",
        ),
        (
            "0\n1\n2\n",
            "Groundtruth/TrainTestLabels/Labels_airport_Train.txt must have 0 or 1 on each line, got b'2'; "
            "download it again",
        ),
        (
            None,
            "DATA has no Groundtruth/TrainTestLabels/Labels_airport_Train.txt; download it again from where "
            "Groundtruth came from",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, mark, message):
    official(tmp_path)
    if mark is None:
        (tmp_path / "Groundtruth/TrainTestLabels/Labels_airport_Train.txt").unlink()
    else:
        write(tmp_path, "Groundtruth/TrainTestLabels/Labels_airport_Train.txt", mark)
    assert official_refusal(tmp_path) == message


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            "ImageList/TestImagelist.txt",
            "DATA has no ImageList/TestImagelist.txt; download it again from where ImageList came from",
        ),
        (
            "ConceptsList/Concepts81.txt",
            "DATA has no Concepts81.txt or ConceptsList/Concepts81.txt; it is in the archive ConceptsList",
        ),
    ],
)
def test_missing_lists_are_refused(tmp_path, file, message):
    official(tmp_path)
    (tmp_path / file).unlink()
    assert official_refusal(tmp_path) == message


def test_a_path_that_leaves_the_folder_is_refused(tmp_path):
    official(tmp_path)
    write(tmp_path, "ImageList/TestImagelist.txt", "..\\..\\a.jpg\n")
    assert official_refusal(tmp_path) == (
        "line 1 of TestImagelist.txt names '..\\\\..\\\\a.jpg', which is not inside the data folder; "
        "use a path relative to it"
    )


def test_the_table_of_asl_is_read(tmp_path):
    path = collected(tmp_path)
    data = open_data(tmp_path)
    assert data.classes == ("clouds", "sky")
    assert names_and_labels(data) == [
        ("images/0001_1.jpg", ("clouds", "sky")),
        ("images/0002_2.jpg", ("sky",)),
        ("images/0003_3.jpg", ()),
    ]
    assert data.labels.dense().tolist() == [[1, 1], [0, 1], [0, 0]]
    assert data.split.tolist() == [0, 1, 0]
    assert data.notes == (
        "nus_wid_data.csv: 2 concepts",
        "splits from column 3: 2 train, 1 val",
        "1 photo without a concept kept",
    )
    assert open_data(path).fingerprint() == data.fingerprint()


def test_photos_of_the_table_may_be_left_out(tmp_path):
    path = collected(tmp_path, photos="0002_2.jpg 0003_3.jpg")
    data = NusWide(unlabelled="drop", missing="drop").read(path)
    assert names_and_labels(data) == [("0002_2.jpg", ("sky",))]
    assert data.notes[2:] == ("1 photo of 2 is not on the disk: left out", "1 photo without a concept left out")


def test_a_concept_of_photos_that_are_gone_stays_a_class(tmp_path):
    data = NusWide(missing="drop").read(collected(tmp_path, photos="0002_2.jpg"))
    assert data.classes == ("clouds", "sky")
    assert data.labels.dense().tolist() == [[0, 1]]


def test_a_list_of_an_empty_name_has_no_concept(tmp_path):
    path = collected(tmp_path, (*ROWS[:3], "0003_3.jpg,[''],train"))
    assert NusWide(unlabelled="drop").read(path).notes[-1] == "1 photo without a concept left out"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("sky", "'sky'"),
        ("\"('sky', 'clouds')\"", "\"('sky', 'clouds')\""),
        ("[1]", "'[1]'"),
        ("__import__('os').getcwd()", "\"__import__('os').getcwd()\""),
        ("", "''"),
    ],
)
def test_a_label_that_is_no_list_is_refused(tmp_path, cell, shown):
    path = collected(tmp_path, (*ROWS[:3], f"0003_3.jpg,{cell},train"))
    assert refusal(NusWide(), path) == (
        f"row 4 of nus_wid_data.csv must have a list such as ['sky', 'clouds'] as its label, got {shown}; correct it"
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "filepath,tags,split_name",
            "nus_wid_data.csv has no column 'label'; it has 'filepath', 'tags', 'split_name'; give the published file",
        ),
        (
            "label,filepath,split_name",
            "nus_wid_data.csv must have a photo, its label and its split as its first columns; download it again",
        ),
    ],
)
def test_a_table_of_other_columns_is_refused(tmp_path, header, message):
    assert refusal(NusWide(), collected(tmp_path, (header, *ROWS[1:]))) == message


def test_a_split_of_another_name_is_refused(tmp_path):
    path = collected(tmp_path, (*ROWS[:3], "0003_3.jpg,[],query"))
    assert refusal(NusWide(), path) == "row 4 of nus_wid_data.csv has the split 'query'; use train, val or test"


def test_both_in_one_folder_are_refused(tmp_path):
    official(tmp_path)
    collected(tmp_path)
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    expected = "has 2 label files: TrainImagelist.txt, nus_wid_data.csv; name the one to read"
    assert str(caught.value) == f"{tmp_path} {expected}"
    assert len(open_data(tmp_path / "ImageList" / "TrainImagelist.txt")) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unlabelled": "unknown"}, "unlabelled must be one of keep, drop, got 'unknown'"),
        ({"missing": "keep"}, "missing must be one of stop, drop, got 'keep'"),
    ],
)
def test_other_choices_are_refused(options, message):
    with pytest.raises(OptionError) as caught:
        NusWide(**options)
    assert str(caught.value) == message
