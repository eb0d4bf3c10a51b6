"""Readers of label files. A folder is searched in the order of their ranks; two finds of one rank are a refusal."""

from polytag.data.readers.base import Reader
from polytag.data.readers.chexpert import CheXpert
from polytag.data.readers.coco import Coco
from polytag.data.readers.cvat import Cvat
from polytag.data.readers.datumaro import Datumaro
from polytag.data.readers.dor import Dor
from polytag.data.readers.folders import Folders
from polytag.data.readers.json_lines import JsonLines
from polytag.data.readers.label_studio import LabelStudio
from polytag.data.readers.long import Long
from polytag.data.readers.nih import Nih
from polytag.data.readers.nus_wide import NusWide
from polytag.data.readers.one_hot import OneHot
from polytag.data.readers.open_images import OpenImages
from polytag.data.readers.openmmlab import OpenMMLab
from polytag.data.readers.pa100k import Pa100k
from polytag.data.readers.parquet import Parquet
from polytag.data.readers.peta import Peta
from polytag.data.readers.rap import Rap
from polytag.data.readers.table import Table
from polytag.data.readers.vertex import Vertex
from polytag.data.readers.vg500 import Vg500
from polytag.data.readers.voc import Voc

READERS: dict[str, type[Reader]] = {
    "table": Table,
    "one_hot": OneHot,
    "long": Long,
    "vertex": Vertex,
    "jsonl": JsonLines,
    "parquet": Parquet,
    "coco": Coco,
    "openmmlab": OpenMMLab,
    "datumaro": Datumaro,
    "label_studio": LabelStudio,
    "cvat": Cvat,
    "voc": Voc,
    "folders": Folders,
    "peta": Peta,
    "rap": Rap,
    "pa100k": Pa100k,
    "chexpert": CheXpert,
    "dor": Dor,
    "nih": Nih,
    "nus_wide": NusWide,
    "open_images": OpenImages,
    "vg500": Vg500,
}

__all__ = [
    "READERS",
    "CheXpert",
    "Coco",
    "Cvat",
    "Datumaro",
    "Dor",
    "Folders",
    "JsonLines",
    "LabelStudio",
    "Long",
    "Nih",
    "NusWide",
    "OneHot",
    "OpenImages",
    "OpenMMLab",
    "Pa100k",
    "Parquet",
    "Peta",
    "Rap",
    "Reader",
    "Table",
    "Vertex",
    "Vg500",
    "Voc",
]
