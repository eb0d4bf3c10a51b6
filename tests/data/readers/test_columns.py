"""What telling tables apart promises: each is read by one reader, by its header and its first rows."""

import pytest
from label_files import write

from polytag.data.open import open_data
from polytag.data.readers import READERS, OneHot, Table
from polytag.data.readers.columns import dialect
from polytag.errors import DataError


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("filename,labels\na.jpg,cat\n", "table"),
        ("Image Index,Finding Labels,Patient ID\na.png,Mass|Effusion,7\n", "table"),  # NIH ChestX-ray14
        ("Id,Target\n00-11,5 0\n", "table"),  # Human Protein Atlas
        ("image_name,tags\ntrain_0,haze primary\n", "table"),  # Planet
        ("image_id,labels\na,0\nb,1\n", "table"),  # numbers of labels, not marks
        ("file_name,text\na.jpg,a cat\n", "table"),
        ("filename,labels\n", "table"),
        ("filename, cat, dog\na.jpg, 1, 0\n", "one_hot"),  # Roboflow
        ("filename;cat;dog\na.jpg;1;0\n", "one_hot"),
        ("Path,Sex,Age,Edema,Fracture,Pneumonia\na.jpg,Male,68,1.0,-1.0,\n", "one_hot"),  # CheXpert
        ("image_id,cat,dog\na,True,False\n", "one_hot"),  # dummies of pandas
        (",filename,cat\n0,a.jpg,1\n1,b.jpg,0\n2,c.jpg,0\n", "one_hot"),  # with the numbers of its rows
        ("filename,cat,split\na.jpg,1,train\n", "one_hot"),
        ("filename,age,cat\na.jpg,68,1\n", "table"),  # as many of the one as of the other: no guess
        ("ImageID,Source,LabelName,Confidence\na,verification,/m/01,1\n", "long"),  # Open Images
        ("filename,label,confidence\na.jpg,cat,0.5\n", "long"),
        ("TRAINING,gs://x/a.jpg,cat,dog\nTEST,gs://x/b.jpg\n", "vertex"),
        ("gs://x/a.jpg,cat\ngs://x/b.jpg\n", "vertex"),
        (",gs://x/a.jpg,cat\n", "vertex"),
        ("unassigned,a.jpg,cat\n", "vertex"),
        ("class,count\ncat,3\n", "none"),
        ("train,val\na,b\n", "none"),
    ],
)
def test_a_table_is_of_one_kind(tmp_path, text, kind):
    path = write(tmp_path, "labels.csv", text)
    assert dialect(path) == kind
    readers = [name for name in READERS if READERS[name].rank == Table.rank and READERS[name]().candidates(tmp_path)]
    assert readers == [name for name in (kind,) if name != "none"]


def test_columns_that_the_user_names_decide(tmp_path):
    path = write(tmp_path, "labels.csv", "number,what,cat\n7,x,1\n")
    assert dialect(path) == "none"
    assert dialect(path, filename="number", labels="what") == "table"
    assert dialect(path, filename="nowhere") == "none"
    assert dialect(write(tmp_path, "other.csv", "filename,label,confidence\na,b,1\n"), labels="nowhere") == "table"


def test_a_named_encoding_is_used(tmp_path):
    path = write(tmp_path, "labels.csv", "filename,cat,dog\na.jpg,1,0\n".encode("utf-16-le"), "a.jpg")
    assert OneHot().candidates(tmp_path) == []
    assert OneHot(encoding="utf-16-le").candidates(tmp_path) == [path]


def test_two_tables_of_different_kinds_are_two_label_files(tmp_path):
    write(tmp_path, "a.csv", "filename,labels\nx.jpg,cat\n", "x.jpg")
    write(tmp_path, "b.csv", "filename,cat\nx.jpg,1\n")
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    assert str(caught.value) == f"{tmp_path} has 2 label files: a.csv, b.csv; name the one to read"


def test_of_tables_that_cannot_be_read_the_folder_says_why(tmp_path):
    path = write(tmp_path, "labels.csv", "filename,labels\na.jpg,caf\u00e9\n".encode("cp1252"), "a.jpg")
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    assert str(caught.value) == (
        f"{path} is not UTF-8 text; save it as UTF-8, or name its encoding with --reader.encoding, such as cp1252"
    )
    write(tmp_path, "good.csv", "filename,labels\na.jpg,cat\n")  # the one that can be read is read
    assert open_data(tmp_path).classes == ("cat",)
