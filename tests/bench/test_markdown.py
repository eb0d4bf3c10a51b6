"""What written tables promise: every number in its column, verdicts in three words, text that stays text."""

import csv
import io
import re
from dataclasses import replace
from math import nan

import pytest
from made_tables import NASTY, line, made, moved, one_seed, three, twenty

from polytag.bench.markdown import as_csv, as_markdown, as_text
from polytag.bench.types import COMPARED, Row

COMMAND = "polytag bench losses.toml --data ROOT --out DIR"


def rows_of(markdown):
    """The cells of the table, row by row, its heading first."""
    rows = [text for text in markdown.split("\n") if text.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", text)[1:-1]] for text in rows]


def test_a_whole_table():
    assert as_markdown(three(), COMMAND).split("\n\n") == [
        "# Losses beside each other",
        "photos/labels.csv, protocol fast, 412 test photos, 20 labels, 5 seeds, resnet50, 128 px",
        "| row | mAP | difference [95% interval] | verdict | CF1 | OF1 | head | medium | tail | train time | params | "
        "GMACs | ms/photo | MB |\n"
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| asl | **25.58 ± 0.40** | +1.25 [+0.31, +2.19] | up | 23.58 ± 0.40 ↑ | 28.58 ± 0.40 ↑ | 35.58 ± 0.40 ↑ | "
        "25.58 ± 0.40 ↑ | 5.00 ± 0.40 ↓ | 45 s | 912 | 1.50 | 100 | 98.8 |\n"
        "| bce | 24.33 ± 0.73 |  | baseline | 22.33 ± 0.73 | 27.33 ± 0.73 | 34.33 ± 0.73 | 24.33 ± 0.73 | "
        "5.00 ± 0.73 | 12 min | 4.20 M | 0.217 | 11.5 | 1523 |\n"
        "| focal | 24.31 ± 1.00 | -0.02 [-1.12, +1.08] | not resolved | 22.31 ± 1.00 | 27.31 ± 1.00 | 34.31 ± 1.00 | "
        "24.31 ± 1.00 | 5.00 ± 1.00 | 12 min | 4.20 M | 0.217 | 11.5 | 1523 |",
        "- Metrics in percent, ± their standard deviation over 5 seeds; differences of mAP in points.\n"
        "- The 95% intervals cover seeds x bootstrap of test photos: rows are compared with the baseline seed by seed, "
        "on the same photos. Up and down: the interval leaves out 0; ↑ and ↓ say the same of the number before them.\n"
        "- With 5 seeds this protocol resolves a difference of about 1.2 points of mAP: its verdicts would find it "
        "four times of five, as far as the noise of these rows tells.\n"
        "- Of its 12 intervals about 1 would leave out 0 by chance alone, were all rows alike; verdicts are not "
        "corrected for that.\n"
        "- Labels by how many training photos have them: head, at least 100 (12 labels); medium, between (7 labels); "
        "tail, fewer than 20 (1 label).\n"
        "- Train time and MB (peak memory of training, of the GPU where there was one) are those that the trainings "
        "noted, ms/photo (batch 1) is measured for this table; params and GMACs (forward, one photo) are those of the "
        "model that is left at inference.",
        "2030-01-02, x86_64, 2 cores, cpu, Python 3.12.1, torch 2.11.0",
        f"    {COMMAND}\n",
    ]


def test_views_that_count_in_a_cost_are_told():
    table = made([line("a", 0.5)])
    assert "once for each view" not in as_markdown(table, COMMAND)
    rows = tuple(replace(row, options={**row.options, "tta": "d4"}) for row in table.suite.rows)
    table = replace(table, suite=replace(table.suite, rows=rows))
    assert "model that is left at inference, once for each view of a photo where a row has tta." in as_markdown(
        table, COMMAND
    )


def test_photos_that_are_drawn_together_are_told():
    text = as_markdown(made([line("a", 0.5)], groups=30), COMMAND)
    assert "protocol fast, 412 test photos of 30 groups, each drawn together, 20 labels" in text


def test_a_table_of_validation_photos_says_so_wherever_it_names_photos():
    table = made(
        [line("a", 0.5), line("b", 0.6, difference=moved(0.1, 0.05))], undefined={"head": 1, "medium": 0, "tail": 0}
    )
    text = as_markdown(replace(table, suite=replace(table.suite, split="val")), COMMAND)
    assert "412 validation photos, 20 labels" in text
    assert "bootstrap of validation photos" in text
    assert "1 undefined on the validation photos" in text
    assert "test photos" not in text
    assert "By these photos each training chose its best epoch, too" in text
    assert "By these photos" not in as_markdown(table, COMMAND)


def test_labels_that_the_test_photos_do_not_define_are_counted_with_their_group():
    text = as_markdown(made([line("a", 0.5)], undefined={"head": 0, "medium": 2, "tail": 1}), COMMAND)
    assert "at least 100 (12 labels); medium, between (7 labels, 2 undefined on the test photos); tail" in text
    assert "fewer than 20 (1 label, 1 undefined on the test photos)." in text


def test_a_table_of_the_baseline_alone_does_not_say_what_it_resolves():
    text = as_markdown(made([line("a", 0.5)], detectable=nan), COMMAND)
    assert "resolves" not in text
    assert "by chance" not in text


def test_rows_stay_in_the_order_of_the_suite_and_verdicts_are_three_words():
    head, _, *rows = rows_of(as_markdown(twenty(), COMMAND))
    assert [row[0] for row in rows[:2]] == ["linear and bce", "linear and asl"]
    assert len(rows) == 20
    assert {row[head.index("verdict")] for row in rows} == {"baseline", "up", "not resolved"}


def test_only_a_row_that_is_up_has_something_bold():
    worse = line("worse", 0.1, difference=moved(-0.1, 0.05))
    best_by_luck = line("lucky", 0.9, difference=moved(0.5, 0.6))
    up = line("better", 0.3, difference=moved(0.1, 0.05))
    rows = rows_of(as_markdown(made([line("base", 0.2), worse, best_by_luck, up]), COMMAND))
    assert [(row[0], row[3]) for row in rows if any("**" in cell for cell in row)] == [("better", "up")]
    assert [row[3] for row in rows[2:]] == ["baseline", "down", "not resolved", "up"]


def test_with_one_seed_there_is_no_deviation_and_the_noise_of_training_is_told_to_be_missing():
    text = as_markdown(one_seed(), COMMAND)
    head, _, small, large, lost = rows_of(text)
    assert "±" not in text
    assert small[1] == "61.00"
    assert large[1:4] == ["**70.00**", "+9.00 [+7.00, +11.00]", "up"]
    assert dict(zip(head, lost, strict=True)) == {
        "row": "lost",
        "mAP": "40.00",
        "difference [95% interval]": "-",
        "verdict": "not resolved",
        **{"CF1": "38.00", "OF1": "43.00", "head": "50.00", "medium": "40.00", "tail": "5.00"},
        **{"train time": "-", "params": "5.00 M", "GMACs": "-", "ms/photo": "-", "MB": "-"},
    }
    assert "cover the bootstrap of test photos alone: with one seed the noise of training is not in them." in text
    assert "With one seed there is no telling how small a difference this protocol resolves." in text
    assert "1 seed, resnet50, 128 px, 10% of the training labels made unknown" in text


def test_a_group_without_labels_has_dashes():
    head, _, *rows = rows_of(as_markdown(twenty(), COMMAND))
    assert {row[head.index("tail")] for row in rows} == {"-"}
    assert "tail, fewer than 20 (0 labels)." in as_markdown(twenty(), COMMAND)


def test_what_not_all_rows_have_in_common_is_not_said_of_all():
    table = three()
    asl, *others = table.suite.rows
    mixed = (Row("asl", {"backbone": "vgg16", "image_size": (128, 160)}), *others)
    assert "5 seeds\n" in as_markdown(replace(table, suite=replace(table.suite, rows=mixed)), COMMAND)
    tall = tuple(Row(row.name, {"image_size": [128, 160]}) for row in table.suite.rows)
    text = as_markdown(replace(table, suite=replace(table.suite, rows=tall)), COMMAND)
    assert "5 seeds, mobilenetv3_large_100, 128 x 160 px\n" in text  # the backbone that a training takes by itself


def test_text_of_the_suite_is_shown_as_it_is():
    text = as_markdown(twenty(), COMMAND)
    assert r"| resnet50 \<b\>bold\</b\> \| asl \& \`gamma\` \*4\* with a name" in text
    assert "| linear and weighted_bce |" in text  # inside of a word it has no meaning
    assert text.startswith("# Heads \\<i\\>x\\</i\\> losses \\| all\n")
    assert "\n\nTwenty rows, one \\<b\\>network\\</b\\>.\n\n" in text
    assert {len(row) for row in rows_of(text)} == {14}


@pytest.mark.parametrize(
    ("about", "shown"),
    [
        ("# no heading", r"\# no heading"),
        ("- no list", r"\- no list"),
        ("1. no list", r"1\. no list"),
        ("2030 was good", "2030 was good"),
        ("_so_ [a](b) $x$", r"\_so\_ \[a\](b) \$x\$"),
        ("two\n\nlines\x1b[31m", r"two lines\\x1b\[31m"),
    ],
)
def test_a_paragraph_begins_no_block_and_links_nowhere(about, shown):
    assert f"\n\n{shown}\n\n" in as_markdown(made([line("a", 0.5)], about=about), COMMAND)


def test_csv_has_every_number_in_full():
    table = three()
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["row"] for row in rows] == ["asl", "bce", "focal"]
    assert [row["compared_with"] for row in rows] == ["bce", "", "bce"]
    for row, of in zip(rows, table.lines, strict=True):
        assert row["seeds"] == "5"
        for name, mean in of.means.items():
            assert float(row[name]) == mean
            assert float(row[f"{name}_sd"]) == of.deviations[name]
        for measure in COMPARED:
            ends = [row[f"{measure}_{end}"] for end in ("difference", "low", "high")]
            if of.differences:
                assert [float(end) for end in ends] == list(of.differences[measure][:3])
                assert row[f"{measure}_verdict"] == of.differences[measure].verdict
            else:
                assert [*ends, row[f"{measure}_verdict"]] == ["", "", "", "baseline"]
        assert [float(row[name]) for name in ("train_seconds", "parameters", "gmacs", "inference_ms", "memory_mb")] == [
            *vars(of.cost).values()
        ]


def test_the_columns_of_csv_are_those_of_the_docstring():
    head = as_csv(three()).split("\n")[0].split(",")
    compared = ("mAP", "CF1", "OF1", "head", "medium", "tail")
    measured = [m + end for m in compared for end in ("", "_sd", "_difference", "_low", "_high", "_verdict")]
    costs = ["train_seconds", "parameters", "gmacs", "inference_ms", "memory_mb"]
    assert head == ["row", "seeds", *measured, *costs, "ensemble", "compared_with", "split"]


def with_metric(of, name):
    """The same with a metric that every row but the baseline has more of."""
    lines = tuple(
        replace(
            each,
            means={**each.means, name: 0.5},
            deviations={**each.deviations, name: 0.25},
            differences={**each.differences, name: moved(0.125, 0.0625)} if each.differences else {},
        )
        for each in of.lines
    )
    return replace(of, suite=replace(of.suite, metrics=(name,)), lines=lines)


def test_further_metrics_of_a_suite_stand_beside_those_of_every_table():
    table = with_metric(three(), "mA")
    head, _, first, base, _ = rows_of(as_markdown(table, COMMAND))
    assert head[head.index("OF1") + 1] == "mA"
    assert [row[head.index("mA")] for row in (first, base)] == ["50.00 ± 25.00 ↑", "50.00 ± 25.00"]
    first, base, _ = csv.DictReader(io.StringIO(as_csv(table)))
    ends = ("", "_sd", "_difference", "_low", "_high", "_verdict")
    assert [first[f"mA{end}"] for end in ends] == ["0.5", "0.25", "0.125", "0.0625", "0.1875", "up"]
    assert [base[f"mA{end}"] for end in ends] == ["0.5", "0.25", "", "", "", "baseline"]
    assert "Adapted" not in as_markdown(table, COMMAND)


def test_adapted_metrics_say_where_their_thresholds_come_from():
    assert (
        "- Adapted: at one threshold a label, chosen for each row and seed on the validation photos, as polytag tune "
        "does by default: 0.5 where others are not found to help (- where the answers on those photos were not kept). "
        "CF1 and OF1 are at 0.5.\n"
    ) in as_markdown(with_metric(three(), "OF1_adapted"), COMMAND)


def test_a_ladder_says_what_its_rows_are_compared_with():
    ladder = replace(three(), suite=replace(three().suite, ladder=True))
    assert ": rows are compared with the row above seed by seed, on the same photos." in as_markdown(ladder, COMMAND)
    one = one_seed()
    assert "differences of mAP in points, to the baseline." in as_markdown(one, COMMAND)
    one = replace(one, suite=replace(one.suite, ladder=True))
    assert "differences of mAP in points, to the row above." in as_markdown(one, COMMAND)


def test_an_ensemble_says_what_it_averages():
    table = three()
    rows = (replace(table.suite.rows[0], options={}, ensemble=("bce", "_focal_")), *table.suite.rows[1:])
    mixed = replace(table, suite=replace(table.suite, rows=rows))
    text = as_markdown(mixed, COMMAND)
    assert "5 seeds, resnet50, 128 px\n" in text  # of those that are trained
    assert (
        "- asl: the mean of the probabilities of bce and \\_focal\\_, seed by seed; it is not trained and costs what "
        "they cost together, in MB the larger of them.\n"
    ) in text
    assert [row["ensemble"] for row in csv.DictReader(io.StringIO(as_csv(mixed)))] == ['["bce", "_focal_"]', "", ""]


def test_csv_leaves_undefined_numbers_empty_and_names_are_no_formulas():
    rows = list(csv.DictReader(io.StringIO(as_csv(one_seed()))))
    assert [rows[2][name] for name in ("mAP_sd", "mAP_difference", "gmacs", "parameters")] == ["", "", "", "5000000"]
    evil = made([line("=1+1", 0.5), line('a,"b"\n', 0.5, difference=moved(0, 1))])
    assert [row["row"] for row in csv.DictReader(io.StringIO(as_csv(evil)))] == ["'=1+1", 'a,"b"\\n']


def test_in_a_terminal_the_most_important_columns_fit_and_more_where_there_is_room():
    narrow, wide = as_text(three()).split("\n"), as_text(three(), 200).split("\n")
    assert max(map(len, narrow)) <= 80
    assert narrow[4:7] == [
        "row             mAP  difference    95% interval  verdict       train time  GMACs",
        "asl    25.58 ± 0.40       +1.25  [+0.31, +2.19]  up                  45 s   1.50",
        "bce    24.33 ± 0.73                              baseline          12 min  0.217",
    ]
    head = ("row", "mAP", "difference", "95% interval", "verdict", "CF1", "OF1", "head", "medium", "tail")
    assert wide[3].split() == " ".join((*head, "train time", "params", "GMACs", "ms/photo", "MB")).split()
    assert "With 5 seeds this protocol resolves a difference of about 1.2 points of mAP" in " ".join(narrow)


@pytest.mark.parametrize("table", [twenty(), one_seed(), made([line(NASTY + "\x1b[31m\n", nan)])])
def test_no_line_is_wider_than_the_terminal(table):
    lines = as_text(table).split("\n")
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)


def test_a_name_loses_its_middle_and_the_columns_stay():
    (cut,) = [text for text in as_text(twenty()).split("\n") if text.startswith("resnet50")]
    assert cut == "resnet50 <…es not end  57.40 ± 0.60       +2.40  up                11 min   1.37"
    assert as_text(twenty(), 40).count("…") == 18  # too narrow: 12 letters of a name stay, and two have no more


def test_what_no_row_has_is_not_shown_in_a_terminal_and_has_no_verdict():
    table = made([line("a", 0.5, tail=nan), line("b", 0.6, difference=moved(0.1, 0.05), tail=nan)])
    assert "tail" not in as_text(table, 200).split("\n\n")[1]
    assert "head" in as_text(table, 200).split("\n\n")[1]
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["tail_verdict"] for row in rows] == ["", ""]
    assert [row["head_verdict"] for row in rows] == ["baseline", "up"]
