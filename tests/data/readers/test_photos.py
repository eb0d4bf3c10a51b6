"""What finding photos promises: every one is seen on the disk, and a guess that could be another is refused."""

import os
from pathlib import Path

import pytest

from polytag.data.readers import Table
from polytag.data.readers.photos import is_image, watched
from polytag.errors import DataError


def write(folder, text, photos="a.jpg b.jpg c.jpg", name="labels.csv"):
    for photo in photos.split():
        (folder / photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / photo).touch()
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        Table(**options).read(path)
    return str(caught.value).replace(str(path), path.name).replace(str(path.parent), "DATA")


def test_photos_may_lie_in_a_subfolder_that_has_all_of_them(tmp_path):
    path = write(tmp_path, "filename,labels\na.jpg,cat\nb.jpg,dog\n", "images/a.jpg images/b.jpg other/c.jpg")
    data = Table().read(path)
    assert data.images.root == tmp_path / "images"
    assert data.images.name(1) == "b.jpg"
    assert data.notes[-1] == "photos are in the subfolder images"


def test_two_subfolders_with_all_the_photos_are_refused(tmp_path):
    path = write(tmp_path, "filename,labels\na.jpg,cat\n", "small/a.jpg large/a.jpg")
    assert refusal(path) == (
        "several folders below DATA have photos called like the 1 of the file: large has 1, small has 1; "
        "choose one of them with --reader.images"
    )
    assert Table(images=str(tmp_path / "small")).read(path).images.root == tmp_path / "small"


@pytest.mark.parametrize("missing", ["a.png", "b.png"])
def test_a_folder_of_masks_does_not_take_the_place_of_one_that_lacks_a_photo(tmp_path, missing):
    there = {"a.png", "b.png"} - {missing}
    path = write(tmp_path, "filename,labels\na.png,cat\nb.png,dog\n", f"masks/a.png masks/b.png images/{there.pop()}")
    assert "images has 1, masks has 2" in refusal(path)


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    path = write(tmp_path, "filename,labels\na.jpg,cat\n", "elsewhere/photos/a.jpg")
    assert len(Table(images=str(tmp_path / "elsewhere" / "photos")).read(path)) == 1
    assert refusal(path, images=str(tmp_path / "nowhere")) == (
        "the folder of photos DATA/nowhere does not exist; name another one with --reader.images"
    )


def test_endings_of_file_names_are_completed_if_that_finds_one_photo(tmp_path):
    path = write(tmp_path, "id,labels\na,cat\nb.2,dog\nc.png,cat\n", "a.JPG b.2.png c.png b.2.txt")
    data = Table().read(path)
    assert [data.images.name(row) for row in range(3)] == ["a.JPG", "b.2.png", "c.png"]
    assert data.notes[-1] == "file names completed with their ending, such as 'a.JPG'"


def test_names_with_odd_dots_and_folders_that_look_like_photos_do_not_confuse_endings(tmp_path):
    path = write(
        tmp_path, "id,labels\nin/a,cat\nin/b,dog\n", "in/a.jpg in/b.JPG in/.jpg in/none in/end. in/a.png/x.jpg"
    )
    data = Table().read(path)
    assert [data.images.name(row) for row in range(2)] == ["in/a.jpg", "in/b.JPG"]


@pytest.mark.parametrize("name", ["a.jpg", "in/a.JPEG", "a.b.png", "a.heic", "a.HIF", "a.avif", "a.tif"])
def test_photos_are_known_by_the_end_of_their_names_whatever_its_case(name):
    assert is_image(name)
    assert not is_image(name + ".txt")
    assert not is_image(name.rpartition(".")[0])


def test_endings_that_could_be_two_are_refused(tmp_path):
    path = write(tmp_path, "id,labels\nx,cat\na,cat\n", "a.jpg a.png x.png")
    assert refusal(path) == "row 3 of labels.csv names 'a', which fits a.jpg and a.png; write the whole file name"


def test_a_photo_named_with_and_without_its_ending_is_listed_twice(tmp_path):
    path = write(tmp_path, "id,labels\na,cat\na.jpg,cat\n")
    assert refusal(path) == (
        "'a.jpg' is listed twice, by row 2 of labels.csv and by row 3 of labels.csv; "
        "keep one of them, or read a table with one label a row by --reader long"
    )


def test_paths_are_tidied(tmp_path):
    path = write(
        tmp_path, "filename,labels\nin\\a.jpg,cat\n./in//b.jpg,dog\nout/../c.jpg,dog\n", "in/a.jpg in/b.jpg c.jpg"
    )
    assert [Table().read(path).images.name(row) for row in range(3)] == ["in/a.jpg", "in/b.jpg", "c.jpg"]


def test_names_in_another_unicode_form_are_found(tmp_path):
    (tmp_path / "cafe\u0301.jpg").touch()  # as macOS writes it
    (tmp_path / "b.jpg").touch()
    table = tmp_path / "labels.csv"
    table.write_text("filename,labels\ncaf\u00e9.jpg,cat\nb.jpg,cat\n")
    data = Table().read(table)
    assert data.images.name(0) == "cafe\u0301.jpg"
    assert "file names found in another Unicode form, such as 'cafe\u0301.jpg'" in data.notes
    table.write_text("filename,labels\ncaff\u00e9.jpg,cat\nb.jpg,cat\n")
    with pytest.raises(DataError, match="^1 of 2 photos are not in "):
        Table().read(table)


def test_who_watches_sees_how_many_files_were_seen(tmp_path):
    rows = [f"in{number % 3}/{number}.jpg" for number in range(12)]
    path = write(
        tmp_path, "filename,labels\n" + "".join(f"{row},cat\n" for row in rows), " ".join([*rows, "in0/x.jpg"])
    )
    seen = []
    with watched(lambda *where: seen.append(where)):
        Table().read(path)
    assert [total for _, total in seen] == [12] * len(seen)
    counts = [count for count, _ in seen]
    assert counts == sorted(counts)
    assert len(counts) == 4
    assert counts[-1] == 12
    Table().read(path)
    assert len(seen) == 4


def test_a_folder_that_cannot_be_looked_into_is_a_refusal(tmp_path, monkeypatch):
    path = write(tmp_path, "filename,labels\nin/a.jpg,cat\nb.jpg,cat\n", "in/a.jpg b.jpg")
    scandir = os.scandir

    def locked(folder):
        if Path(folder).name == "in":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", locked)
    assert refusal(path) == f"cannot look into {Path('DATA', 'in')}: Permission denied; make it readable"
