"""The papers' numbers beside ours: read whole, shown as printed, and never without what stands in the way."""

from dataclasses import replace

import pytest
from made_tables import three

from polytag.bench import papers
from polytag.bench.markdown import as_markdown
from polytag.bench.page import as_page
from polytag.bench.types import Row

COMMAND = "polytag bench losses.toml --data ROOT --out DIR"


def with_paper(key, **options):
    table = three()
    rows = tuple(replace(row, options={**row.options, **options}) for row in table.suite.rows)
    return replace(table, suite=replace(table.suite, paper=key, rows=rows))


def test_there_are_numbers_for_the_papers_data():
    assert papers.known() == ["voc2007", "coco2014", "coco2017", "nus_wide", "vg500", "voc_lt", "coco_lt"]
    assert papers.published("") == []
    for key in papers.known():
        assert len(papers.published(key)) >= 10


def test_numbers_are_percents_and_everything_has_a_method_and_a_paper():
    for key in papers.known():
        for row in papers.published(key):
            assert row.method
            assert row.paper in ("VFA", "AAM and GAT", "DecoupleNet", "LTML", "CPSD")
            assert row.measures
            assert set(row.measures) <= set(papers.MEASURES)
            assert all(10 < value < 100 for value in row.measures.values())
            assert row.image_size is None or 200 <= row.image_size <= 640


def row_of(key, method, backbone):
    return next(row for row in papers.published(key) if (row.method, row.backbone) == (method, backbone))


def test_rows_are_as_printed():
    ml_gcn = row_of("coco2014", "ML-GCN", "ResNet-101")
    assert ml_gcn.measures == {"mAP": 83.0, "CF1": 78.0, "OF1": 80.3}
    assert (ml_gcn.image_size, ml_gcn.table, ml_gcn.note) == (448, "4", "")
    head, *rows = papers.grid(with_paper("coco2014").suite)
    shown = next(dict(zip(head, row, strict=True)) for row in rows if row[0] == "ML-GCN" and row[2] == "ResNet-101")
    assert (shown["mAP"], shown["CF1"], shown["OF1"], shown["CF1_mean"]) == ("83.0", "78.0", "80.3", "-")
    uniform = next(row for row in papers.published("coco_lt") if row.method == "uniform branch only")
    assert uniform.measures == {"mAP": 53.15, "head": 51.61, "medium": 57.17, "tail": 49.21}


def test_numbers_stand_under_the_metric_that_they_are_of():
    own = row_of("coco2014", "DecoupleNet(arch1)", "ResNet101")  # by the rule of VOC 2012, and the mean of class F1
    assert own.measures == {"mAP_voc12": 81.7, "CF1_mean": 75.6, "OF1": 78.8}
    quoted = row_of("coco2014", "OF-RNN (w/ attn)", "ResNet152")  # 2 * 71.6 * 54.8 / (71.6 + 54.8)
    assert quoted.measures == {"CF1": 62.1, "OF1": 67.7}
    text = as_markdown(with_paper("coco2014"), COMMAND).partition("## What papers have printed")[2].strip()
    assert text.startswith("| method | paper | backbone | px | mAP | mAP_voc12 | CF1 | CF1_mean | OF1 | to compare |")


def test_an_ensemble_has_no_backbone_that_could_be_compared():
    suite = with_paper("coco2014", backbone="resnet101", image_size=448).suite
    mixed = replace(suite, rows=(*suite.rows, Row("both", {}, (suite.rows[0].name, suite.rows[1].name))))
    assert papers.obstacles(row_of("coco2014", "ML-GCN", "ResNet-101"), mixed) == []
    assert papers.obstacles(row_of("voc2007", "Q2L", "TResNet-L"), mixed) == ["another backbone"]


def test_other_photos_and_labels_stand_in_the_way():
    suite = with_paper("coco2014", backbone="resnet101", image_size=448).suite
    row = row_of("coco2014", "ML-GCN", "ResNet-101")
    changed = replace(suite, photos=500, unknown=0.5, imbalance=20.0)
    assert papers.obstacles(row, suite) == []
    assert papers.obstacles(row, changed) == [
        "all photos, not the first 500 of each split",
        "all labels known",
        "other training photos",
    ]


def test_a_known_misprint_stands_in_the_way():
    row = row_of("coco2017", "GAT re-weighting (the paper's)", "EfficientNet-V2-s")
    assert row.note == "called COCO 2014 there, and its numbers of photos are those of 2017"
    suite = with_paper("coco2017", backbone="tf_efficientnetv2_s.in21k", image_size=448).suite
    assert papers.obstacles(row, suite) == [row.note]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"backbone": "resnet101.tv_in1k", "image_size": 448}, []),
        ({"backbone": "resnet101", "image_size": (448, 448)}, []),
        ({"backbone": "resnet101", "image_size": 224}, ["448 px"]),
        ({"backbone": "resnet50", "image_size": 448}, ["another backbone"]),
        ({"backbone": "resnet50", "image_size": 224}, ["another backbone", "448 px"]),
        ({"backbone": "wide_resnet101_2", "image_size": 448}, ["another backbone"]),
    ],
)
def test_another_backbone_or_size_stands_in_the_way(options, found):
    row = row_of("coco2014", "ML-GCN", "ResNet-101")
    assert papers.obstacles(row, with_paper("coco2014", **options).suite) == found


def test_backbone_and_size_must_be_those_of_one_row():
    suite = with_paper("coco2014", backbone="resnet101", image_size=128).suite
    other = replace(suite.rows[1], options={**suite.rows[1].options, "backbone": "resnet50", "image_size": 448})
    mixed = replace(suite, rows=(suite.rows[0], other))
    assert papers.obstacles(row_of("coco2014", "ML-GCN", "ResNet-101"), mixed) == ["448 px"]


def test_what_is_not_printed_stands_in_the_way_too():
    row = next(row for row in papers.published("coco2014") if not row.backbone)
    assert papers.obstacles(row, three().suite)[:2] == ["no backbone is printed", "no image size is printed"]


def test_markdown_shows_them_below_our_rows_and_only_where_there_are_any():
    text = as_markdown(with_paper("voc_lt"), COMMAND)
    below = text.partition("## What papers have printed")[2].strip().split("\n")
    assert below[0] == "| method | paper | backbone | px | mAP | head | medium | tail | to compare |"
    assert len([line for line in below if line.startswith("| ")]) == 2 + len(papers.published("voc_lt"))
    assert f"- {papers.NOTES}" in below
    assert "| uniform branch only | LTML, table 2 | ResNet50 | 224 | 77.15 |" in text
    assert "What papers" not in as_markdown(three(), COMMAND)


def test_the_page_shows_them_too():
    page = as_page(with_paper("voc_lt"), COMMAND)
    assert page.count("<h2>What papers have printed</h2>") == 1
    assert '<th scope="row">uniform branch only</th><td>LTML, table 2</td>' in page
    assert "What papers" not in as_page(three(), COMMAND)
