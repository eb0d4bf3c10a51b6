"""Labels in the exports of Label Studio: choices of annotators, in full or as JSON-MIN."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import DOCUMENTS, Reader
from polytag.data.readers.documents import documents, load
from polytag.data.readers.photos import is_image
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError

_CHOICES = ("choices", "label", "labels", "tags")  # keys of JSON-MIN, if there is no "choice" and nothing like it
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded photo


class LabelStudio(Reader):
    """A list of tasks with ``choices``; tasks that nobody has annotated, or only skipped, are left out, with a note.

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
        answers: dict[str, list[set[str]]] = {}  # by task: JSON-MIN has an entry for each of its annotators
        first: dict[str, int] = {}
        for number, task in enumerate(tasks):
            key = repr(task["id"]) if "annotations" not in task and "id" in task else f"entry {number}"
            first.setdefault(key, number)
            answers.setdefault(key, []).extend(self._answers(task, _where(number, path)))
        annotated = {number: answers[key] for key, number in first.items() if answers[key]}
        if not annotated:
            raise DataError(f"{path} has no task with an annotation; annotate some and export it again")
        if not any(any(sets) for sets in annotated.values()):
            raise DataError(f"{path} has no choices on any task; name their field with --reader.choices")
        disputed = sum(len(_disputed(sets)) for sets in annotated.values())

        def rows() -> Iterator[Row]:
            for number, sets in annotated.items():
                name = self._name(tasks[number], _where(number, path))
                yield Row(number, name, sorted(set.intersection(*sets)), sorted(_disputed(sets)))

        data = assemble(
            path,
            rows(),
            lambda number: _where(number, path),
            lambda count: f"{path.name}: {len(first)} tasks, {count} choices",
            images=self.images,
        )
        if left_out := len(first) - len(annotated):
            data.notes += (f"{counted(left_out, 'task')} without an annotation left out",)
        if disputed:
            data.notes += (f"{counted(disputed, 'label')} on which annotators disagree: read as unknown",)
        return data

    def _answers(self, task: dict[str, Any], where: str) -> list[set[str]]:
        """What each annotator chose."""
        if "annotations" not in task:  # JSON-MIN: the choices stand beside the photo
            certain = [key for key in task if key == "choice" or _is_chosen(task[key])]
            keys = [self.choices] if self.choices else certain or [key for key in _CHOICES if key in task][:1]
            chosen = [_chosen(task[key], where) for key in keys if task.get(key) is not None]
            return [set().union(*chosen)] if chosen or "annotation_id" in task else []
        answers = []
        for annotation in _dicts(task["annotations"]):
            if not annotation.get("was_cancelled"):
                results = [result for result in _dicts(annotation.get("result")) if result.get("type") == "choices"]
                wanted = [result for result in results if self.choices in ("", result.get("from_name"))]
                answers.append(set().union(*(_chosen(result.get("value"), where) for result in wanted)))
        return answers

    def _name(self, task: dict[str, Any], where: str) -> str:
        data = task["data"] if isinstance(task.get("data"), dict) else task
        names = {key: _file_name(value) for key, value in data.items() if isinstance(value, str)}
        names = {key: name for key, name in names.items() if key == self.photo or (not self.photo and is_image(name))}
        if len(names) != 1:
            what = "no photo" if not names else f"several photos, {' and '.join(map(repr, names))}"
            raise DataError(f"{where} has {what}; name the field of the photo with --reader.photo")
        return next(iter(names.values()))


def _where(number: int, path: Path) -> str:
    return f"task {number} of {path.name}"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _disputed(answers: Sequence[set[str]]) -> set[str]:
    return answers[0].union(*answers) - answers[0].intersection(*answers)


def _is_chosen(value: Any) -> bool:
    return isinstance(value, dict) and "choices" in value


def _chosen(value: Any, where: str) -> set[str]:
    found = value.get("choices") if isinstance(value, dict) else value
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(name, str) for name in listed):
        raise DataError(f"{where} needs a list of names as its choices, got {value!r}; correct it")
    return set(listed)


def _file_name(link: str) -> str:
    """The photo that a task links to: its path on a disk or in a bucket, else its name."""
    try:
        parts = urlsplit(link)
    except ValueError:  # another text of the task
        return ""
    if local := parse_qs(parts.query).get("d"):  # /data/local-files/?d=street/a.jpg
        return local[0].lstrip("/")
    path = unquote(parts.path)
    if "/upload/" in path:
        return _UPLOADED.sub("", path.rpartition("/")[2])
    if parts.scheme in ("http", "https"):
        return path.rpartition("/")[2]
    return path.lstrip("/") if parts.scheme else path
