"""Readers of label files, in the order in which a folder is searched."""

from polytag.data.readers.base import Reader
from polytag.data.readers.coco import Coco
from polytag.data.readers.table import Table
from polytag.data.readers.voc import Voc

READERS: dict[str, type[Reader]] = {
    "table": Table,
    "coco": Coco,
    "voc": Voc,
}

__all__ = ["READERS", "Coco", "Reader", "Table", "Voc"]
