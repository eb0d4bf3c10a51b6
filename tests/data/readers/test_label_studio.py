"""What exports of Label Studio promise: annotators who disagree leave a label unknown, and photos keep their names."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import LabelStudio


def answer(*labels, field="tags", cancelled=False):
    result = [{"type": "choices", "from_name": field, "to_name": "image", "value": {"choices": list(labels)}}]
    return {"id": 1, "was_cancelled": cancelled, "result": result if labels else [], "lead_time": 3.1}


def task(photo, *answers, number=1, **data):
    return {"id": number, "annotations": list(answers), "data": {"image": photo} | data, "predictions": []}


def shortest(photo, number, **choices):
    """A task in JSON-MIN."""
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "lead_time": 3.1}
    return {"id": number, "image": photo, "annotator": 1, "annotation_id": 7} | times | choices


def test_a_photo_has_the_choices_of_its_annotation(tmp_path):
    tasks = [
        task("/data/upload/3/1a2b3c4d-a.jpg", answer("dog", "cat")),
        task("/data/upload/3/ffffffff-b%20c.jpg", answer()),  # annotated, with nothing chosen
    ]
    path = write(tmp_path, "project.json", tasks, "a.jpg")
    (tmp_path / "b c.jpg").touch()
    data = open_data(path)
    assert names_and_labels(data) == [("a.jpg", ("cat", "dog")), ("b c.jpg", ())]
    assert data.classes == ("cat", "dog")
    assert data.split is None
    assert data.notes == ("project.json: 2 tasks, 2 choices",)


def test_annotators_who_disagree_leave_the_label_unknown(tmp_path):
    tasks = [
        task("a.jpg", answer("cat", "dog"), answer("dog"), answer("hat", cancelled=True)),
        task("b.jpg", answer("hat"), answer("hat")),
        task("c.jpg", answer("cat", cancelled=True)),
        task("d.jpg"),
    ]
    data = open_data(write(tmp_path, "project.json", tasks, "a.jpg b.jpg"))
    assert data.classes == ("cat", "dog", "hat")
    assert data.labels.dense().tolist() == [[-1, 1, 0], [0, 0, 1]]
    assert data.notes[1:] == (
        "2 tasks without an annotation left out",
        "1 label on which annotators disagree: read as unknown",
    )


def test_json_min_has_the_choices_beside_the_photo(tmp_path):
    tasks = [
        shortest("/data/upload/3/1a2b3c4d-a.jpg", 1, choice="cat"),
        shortest("/data/upload/3/1a2b3c4d-b.jpg", 2, choice={"choices": ["cat", "dog"]}),
        shortest("/data/upload/3/1a2b3c4d-c.jpg", 3),
    ]
    data = open_data(write(tmp_path, "project.json", tasks, "a.jpg b.jpg c.jpg"))
    assert names_and_labels(data) == [("a.jpg", ("cat",)), ("b.jpg", ("cat", "dog")), ("c.jpg", ())]
    assert data.notes == ("project.json: 3 tasks, 2 choices",)


def test_json_min_has_an_entry_for_each_annotator(tmp_path):
    tasks = [
        shortest("a.jpg", 1, choice="cat"),
        shortest("b.jpg", 2, choice="cat"),
        shortest("a.jpg", 1, choice={"choices": ["cat", "dog"]}),
    ]
    data = open_data(write(tmp_path, "project.json", tasks, "a.jpg b.jpg"))
    assert data.labels.dense().tolist() == [[1, -1], [1, 0]]
    assert data.notes == (
        "project.json: 2 tasks, 2 choices",
        "1 label on which annotators disagree: read as unknown",
    )


def test_choices_of_several_fields_are_read_together_or_one_is_chosen(tmp_path):
    both = {"id": 1, "result": answer("cat", field="animal")["result"] + answer("red", field="colour")["result"]}
    path = write(tmp_path, "project.json", [task("a.jpg", both)], "a.jpg")
    assert LabelStudio().read(path).classes == ("cat", "red")
    assert LabelStudio(choices="colour").read(path).classes == ("red",)
    entry = shortest("a.jpg", 1, choice="cat", colour={"choices": ["red", "blue"]}, label="other text")
    path = write(tmp_path, "project.json", [entry])
    assert LabelStudio().read(path).classes == ("blue", "cat", "red")
    assert LabelStudio(choices="colour").read(path).classes == ("blue", "red")
    path = write(tmp_path, "project.json", [shortest("a.jpg", 1, label="cat")])
    assert LabelStudio().read(path).classes == ("cat",)
    path = write(tmp_path, "project.json", [shortest("a.jpg", 1, sentiment="cat")])
    assert LabelStudio(choices="sentiment").read(path).classes == ("cat",)


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("/data/local-files/?d=street/a.jpg", "street/a.jpg"),
        ("/data/local-files/?d=/street%20one/a.jpg", "street one/a.jpg"),
        ("s3://bucket/street/a.jpg", "street/a.jpg"),
        ("gs://bucket/street/a.jpg", "street/a.jpg"),
        ("azure-blob://container/a.jpg", "a.jpg"),
        ("https://example.org/street/deadbeef-a.jpg?size=3", "deadbeef-a.jpg"),
        ("http://localhost:8080/data/upload/3/deadbeef-a.jpg", "a.jpg"),
        ("/data/upload/deadbeef-a.jpg", "a.jpg"),
        ("street/a.jpg", "street/a.jpg"),
    ],
)
def test_what_a_task_links_to(tmp_path, link, name):
    path = write(tmp_path, "project.json", [task(link, answer("cat"))])
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert names_and_labels(LabelStudio().read(path)) == [(name, ("cat",))]


def test_the_photo_is_the_only_field_that_names_one_or_is_chosen(tmp_path):
    more = {"other": "b.jpg", "text": "http://[x", "number": 3, "without": "photos/c"}
    path = write(tmp_path, "project.json", [task("a.jpg", answer("cat"), **more)], "a.jpg b.jpg photos/c.jpg")
    assert refusal(LabelStudio(), path) == (
        "task 0 of project.json has several photos, 'image' and 'other'; "
        "name the field of the photo with --reader.photo"
    )
    assert LabelStudio(photo="other").read(path).images.name(0) == "b.jpg"
    assert LabelStudio(photo="without").read(path).images.name(0) == "photos/c.jpg"


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    path = write(tmp_path, "project.json", [task("s3://x/a.jpg", answer("cat"))], "in/there/a.jpg")
    assert LabelStudio(images=str(tmp_path / "in" / "there")).read(path).images.name(0) == "a.jpg"


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"data": []}, "project.json is not a list of tasks; export it from Label Studio as JSON or JSON-MIN"),
        ([3], "project.json is not a list of tasks; export it from Label Studio as JSON or JSON-MIN"),
        ([], "project.json has no task with an annotation; annotate some and export it again"),
        ([task("a.jpg")], "project.json has no task with an annotation; annotate some and export it again"),
        (
            [task("a.jpg") | {"annotations": 3}],
            "project.json has no task with an annotation; annotate some and export it again",
        ),
        (
            [task("a.jpg", {"result": [{"type": "choices", "value": {"choices": [3]}}]})],
            "task 0 of project.json needs a list of names as its choices, got {'choices': [3]}; correct it",
        ),
        (
            [task("a.jpg", answer("cat")), shortest("b.jpg", 2, choice=3)],
            "task 1 of project.json needs a list of names as its choices, got 3; correct it",
        ),
        (
            [task("no photo", answer("cat"))],
            "task 0 of project.json has no photo; name the field of the photo with --reader.photo",
        ),
        (
            [task("a.jpg", {"result": [{"type": "rectanglelabels", "value": {"rectanglelabels": ["cat"]}}]})],
            "project.json has no choices on any task; name their field with --reader.choices",
        ),
        (
            [shortest("a.jpg", 1, sentiment="cat")],
            "project.json has no choices on any task; name their field with --reader.choices",
        ),
        (
            [task("a.jpg", answer("cat")), task("b.jpg", answer("cat"))],
            "1 of 2 photos are not in DATA: task 1 of project.json names 'b.jpg'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
        (
            [task("/data/upload/1/11111111-a.jpg", answer("cat")), task("a.jpg", answer("cat"))],
            "'a.jpg' is listed twice, by task 0 of project.json and by task 1 of project.json; keep one of them",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, tasks, message):
    assert refusal(LabelStudio(), write(tmp_path, "project.json", tasks, "a.jpg")) == message
