"""Label files for tests of readers: writing one with its photos, and what is read of it or said against it."""

import json
from pathlib import Path

import pytest

from polytag.errors import DataError


def write(folder, name, content, photos=""):
    """A file of text, bytes or JSON, and empty photos beside it; returns its path."""
    for photo in photos.split():
        (folder / photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / photo).touch()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def names_and_labels(data):
    """Each photo with its labels that are present."""
    return [(data.images.name(row), data.labels.names(row)) for row in range(len(data))]


def refusal(reader, path: Path, error=DataError):
    """What ``reader`` says against a file, with short names in place of paths."""
    with pytest.raises(error) as caught:
        reader.read(path)
    said = str(caught.value).replace(f"{path.parent}/", "").replace(str(path.parent), "DATA")
    assert "\n" not in said
    return said
