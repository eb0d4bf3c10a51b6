"""Labels in the exports of Label Studio: choices of annotators, in full or as JSON-MIN."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import DOCUMENTS, Reader
from polytag.data.readers.documents import documents, load
from polytag.data.readers.photos import is_image
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded photo


class LabelStudio(Reader):
    """A list of tasks with ``choices``; tasks that nobody has annotated are left out, with a note.

    Where annotators of one photo disagree on a label, it is unknown. A photo from a disk or a bucket is looked for at
    its path there, an uploaded one under its own name, without the prefix that Label Studio gave it.

    Args:
        photo: the field of a task that has the photo; by default the only one that names an image.
        choices: the ``from_name`` of the choices to read, where there are several; by default all of them.
        images: the folder of the photos; by default that of the file, or a subfolder that has all of them.
    """

    rank = DOCUMENTS
    looks_for: ClassVar[str] = "Label Studio's .json"

    def __init__(self, photo: str = "", choices: str = "", images: str = "") -> None:
        self.photo = photo
        self.choices = choices
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file of this kind; in a folder, all of those."""
        return documents(path, "label_studio")

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the tasks; classes are the choices that were made, sorted."""
        tasks = load(path)
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise DataError(f"{path} is not a list of tasks; export it from Label Studio as JSON or JSON-MIN")
        left_out: list[int] = []
        disputed: list[int] = []

        def rows() -> Iterator[Row]:
            for number, task in enumerate(tasks):
                where = f"task {number} of {path.name}"
                answers = self._answers(task, where)
                if not answers:
                    left_out.append(number)
                    continue
                present = set.intersection(*answers)
                unknown = set.union(*answers) - present
                disputed.extend([number] * len(unknown))
                yield Row(number, self._name(task, where), sorted(present), sorted(unknown))

        data = assemble(
            path,
            rows(),
            lambda number: f"task {number} of {path.name}",
            lambda count: f"{path.name}: {len(tasks)} tasks, {count} choices",
            images=self.images,
        )
        if left_out:
            data.notes += (f"{len(left_out)} tasks without an annotation left out",)
        if disputed:
            data.notes += (f"{len(disputed)} labels on which annotators disagree: read as unknown",)
        return data

    def _answers(self, task: dict[str, Any], where: str) -> list[set[str]]:
        """What each annotator chose."""
        annotations = task.get("annotations")
        if not isinstance(annotations, list):  # JSON-MIN: the choices stand beside the photo
            keys = [self.choices] if self.choices else ["choice", "choices", "label", "labels", "tags"]
            chosen = next((task[key] for key in keys if key in task), None)
            return [] if chosen is None else [_chosen(chosen, where)]
        answers = []
        for annotation in annotations:
            if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
                continue
            found: set[str] = set()
            for result in annotation.get("result") or []:
                if isinstance(result, dict) and result.get("type") == "choices":
                    if self.choices and result.get("from_name") != self.choices:
                        continue
                    found |= _chosen(result.get("value"), where)
            answers.append(found)
        return answers

    def _name(self, task: dict[str, Any], where: str) -> str:
        data = task["data"] if isinstance(task.get("data"), dict) else task
        names = {key: _file_name(value) for key, value in data.items() if isinstance(value, str)}
        names = {key: name for key, name in names.items() if key == self.photo or (not self.photo and is_image(name))}
        if len(names) != 1:
            what = "no photo" if not names else f"several photos, {' and '.join(map(repr, names))}"
            raise DataError(f"{where} has {what}; name the field of the photo with --reader.photo")
        return next(iter(names.values()))


def _chosen(value: Any, where: str) -> set[str]:
    found = value.get("choices") if isinstance(value, dict) else value
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise DataError(f"{where} needs a list of names as its choices, got {value!r}")
    return set(listed)


def _file_name(link: str) -> str:
    """The photo that a task links to: its path on a disk or in a bucket, else its name."""
    parts = urlsplit(link)
    if local := parse_qs(parts.query).get("d"):  # /data/local-files/?d=street/a.jpg
        return local[0].lstrip("/")
    path = unquote(parts.path)
    if parts.scheme not in ("", "http", "https"):
        return path.lstrip("/")
    return _UPLOADED.sub("", path.rpartition("/")[2]) if "/upload/" in path or parts.scheme else path
