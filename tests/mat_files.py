"""MATLAB files of pedestrian attributes as they are published, only smaller: what their readers are tested on."""

import numpy as np
from scipy.io import savemat

from polytag.data.readers.pedestrians import PARTITIONS


def cell(items, shape=(-1, 1)):
    """A cell array."""
    found = np.empty(len(items), object)
    found[:] = items
    return found.reshape(shape)


def struct(*fields):
    """A struct of 1 x 1."""
    found = np.empty((1, 1), [(f"field{number}", object) for number in range(len(fields))])
    for number, field in enumerate(fields):
        found[0, 0][number] = field
    return found


def column(numbers):
    return np.array(numbers, np.float64).reshape(-1, 1)


def named(count, first=()):
    """As many names of attributes, some given."""
    return [*first, *(f"attribute {number}" for number in range(len(first), count))]


def write_peta(folder, labels, attributes, splits, compressed=True):
    """``PETA.mat``: a struct of the matrix (with four columns before the labels), the names, something, the splits."""
    labels = np.asarray(labels)
    matrix = np.hstack([np.full((len(labels), 4), 7), labels]).astype(np.float64)
    parts = cell([struct(*map(column, split)) for split in splits])
    path = folder / "PETA.mat"
    variables = {"peta": struct(matrix, cell(attributes), cell(["group"]), parts)}
    savemat(path, variables, do_compression=compressed)
    touch(folder / "images", [f"{number:05}.png" for number in range(1, len(labels) + 1)])
    return path


def write_rap(folder, names, labels, attributes, splits):
    """``RAP_annotation.mat``: a struct of the splits, the matrix, something, the names, something, the photos."""
    parts = cell([struct(*(column(part).T for part in split)) for split in splits])
    fields = (parts, np.asarray(labels, np.uint8), np.zeros((2, 4)), cell(attributes), cell(["b"]), cell(names))
    (folder / "RAP_annotation").mkdir(exist_ok=True)
    path = folder / "RAP_annotation" / "RAP_annotation.mat"
    savemat(path, {"RAP_annotation": struct(*fields)})
    touch(folder / "RAP_dataset", names)
    return path


def write_pa100k(folder, parts, attributes, images="data"):
    """``annotation.mat``: the names of the photos and a matrix for each split, and the names of the attributes."""
    variables = {"attributes": cell(attributes)}
    for name, (photos, labels) in parts.items():
        variables |= {f"{name}_images_name": cell(photos), f"{name}_label": np.asarray(labels, np.uint8)}
        touch(folder / images, photos)
    path = folder / "annotation.mat"
    savemat(path, variables)
    return path


def touch(folder, names):
    """Empty photos."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def same_splits(*parts):
    """One split as often as the published files have some."""
    return [parts] * PARTITIONS
