"""A folder of tiny photos with a table of their tags, and the options of a training that takes half a second."""

import csv

import numpy as np
from PIL import Image

from polytag._random import generator

QUICK = ("--backbone", "test_efficientnet", "--weights", "none", "--image-size", "32", "--epochs", "2")
QUICK += ("--batch-size", "8", "--lr", "0.003", "--workers", "0")


def make_photos(folder, items=40, names=("cat", "dog", "hat")):
    """``labels.csv`` and PNG photos; label ``c`` is on a photo where its colour plane ``c % 3`` is bright."""
    folder.mkdir(parents=True, exist_ok=True)
    random = generator(0)
    present = random.random((items, len(names))) < 0.5
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("filename", "labels"))
        for row, marks in enumerate(present):
            pixels = random.integers(0, 90, (20, 24, 3))
            for column, mark in enumerate(marks):
                pixels[:, :, column % 3] += 120 * mark
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"photo{row:02d}.png")
            tags = ";".join(name for name, mark in zip(names, marks, strict=True) if mark)
            table.writerow((f"photo{row:02d}.png", tags))
    return folder
