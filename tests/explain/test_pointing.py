"""What the pointing game promises: boxes as VOC counts pixels, near is a hit, empty maps miss, and no run is lost."""

import importlib.util
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

_PATH = Path(__file__).parents[2] / "benchmarks" / "pointing.py"
_spec = importlib.util.spec_from_file_location("pointing", _PATH)
pointing = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pointing)

XML = """<annotation><size><width>40</width><height>20</height></size>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>11</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>20</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def voc(tmp_path, photos):
    root = tmp_path / "voc"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    (root / "ImageSets/Main/test.txt").write_text("one\n")
    (root / "Annotations/one.xml").write_text(XML)
    Image.open(sorted(photos.glob("*.png"))[0]).convert("RGB").save(root / "JPEGImages/one.jpg")
    return root


def test_the_first_pixel_of_a_box_is_1_and_boxes_of_the_whole_photo_are_left_out(voc):
    assert pointing.boxes_of(voc / "Annotations/one.xml") == {"cat": [(0.0, 0.5, 0.5, 1.0)]}


def test_the_hottest_place_points_in_or_near_a_box_and_a_map_of_zeros_does_not():
    box = [(0.7, 0.0, 1.0, 0.4)]  # above, to the right
    for heat, hit in (
        ([[1, 0, 2], [0, 0, 0]], True),
        ([[2, 0, 1], [0, 0, 0]], False),
        ([[0, 0, 1], [0, 0, 2]], False),
        ([[0, 0, 0], [0, 0, 0]], False),
    ):
        assert pointing.hits(np.array(heat, np.float32), box) == hit
    far = pointing.TOLERANCE
    for box, hit in (
        ((0.5 + 0.9 * far, 0.4, 0.9, 0.6), True),
        ((0.5 + 1.1 * far, 0.4, 0.9, 0.6), False),
        ((0.5 + 0.9 * far, 0.5 + 0.9 * far, 0.9, 0.9), False),  # of its corner
        ((0.1, 0.1, 0.9, 0.5 - 0.9 * far), True),
    ):
        assert pointing.near((0.5, 0.5), [box]) == hit
        assert pointing.near((0.5, 0.5), [(0.0, 0.0, 0.1, 0.1), box]) == hit


def test_a_small_box_between_cells_is_out_of_reach_of_a_coarse_map():
    box = [(0.49, 0.49, 0.51, 0.51)]
    assert not pointing.within_reach((2, 2), box)
    assert pointing.within_reach((3, 3), box)
    assert pointing.within_reach((1, 5), box)


def test_labels_count_alike_and_those_on_few_photos_do_not():
    nan = np.nan
    hit = np.array([[1, nan, 0], [1, 0, nan], [0, 0, nan], [1, 1, nan]])
    assert pointing.pointing(hit, 1)[0] == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)
    assert pointing.pointing(hit, 2)[0] == pytest.approx((3 / 4 + 1 / 3) / 2)
    counts = np.array([[4, 1], [0, 1], [0, 1], [0, 1]])
    drawn = pointing.pointing(hit, 2, counts)  # of the first photo alone the second label is not defined
    np.testing.assert_allclose(drawn, [1, (3 / 4 + 1 / 3) / 2])


def named(run, name, **changed):
    shutil.copytree(run, name)
    config = json.loads((name / "config.json").read_text())
    config["training"] |= changed
    (name / "config.json").write_text(json.dumps(config))
    return name


def test_runs_that_differ_in_more_than_their_seed_are_two_rows_and_none_is_lost(trained, tmp_path):
    seeds = [named(trained, tmp_path / f"small-seed-{seed}-abc", seed=seed) for seed in (0, 1)]
    assert pointing.rows_of(seeds) == pointing.rows_of(seeds[::-1]) == {"small": seeds}
    other = named(trained, tmp_path / "small-seed-0-def", lr=0.5)
    assert pointing.rows_of([*seeds, other]) == {"small-abc": seeds, "small-def": [other]}
    (tmp_path / "there").mkdir()
    same = named(trained, tmp_path / "there" / "small-seed-0-abc", lr=0.7)
    with pytest.raises(SystemExit, match=r"^two of these runs have one name and are not alike; leave one out: small-"):
        pointing.rows_of([seeds[0], same])


def test_runs_of_other_labels_are_refused_before_any_is_asked(trained, tmp_path, monkeypatch):
    other = named(trained, tmp_path / "other-seed-0-abc")
    config = json.loads((other / "config.json").read_text())
    config["classes"][0] = "another"
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(SystemExit, match=r"has other labels than .*; give runs of the same data$"):
        pointing.opened([trained, other])


def answers_of(explainer, photos, labels, chosen, by_chance):
    value = 1.0 if explainer.way == "maps" else 0.0
    second = "-1-" in str(explainer.run.path)
    return pointing.Answers(np.array([[value]]), np.array([[1.0]]), 0.1 + 0.2 * second, 0.3, 0.25)


def test_every_way_of_a_row_has_a_line_over_its_seeds_beside_the_first_one(trained, voc, tmp_path, capsys, monkeypatch):
    runs = [named(trained, tmp_path / f"small-seed-{seed}-abc", seed=seed) for seed in (0, 1)]
    monkeypatch.setattr(pointing, "judge", answers_of)
    monkeypatch.setattr("sys.argv", ["pointing.py", *map(str, runs), "--data", str(voc), "--least", "1"])
    pointing.main()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[3:]]
    assert lines == [
        "the middle of the photo 100.0",  # on the edge of the box
        "any place, by chance 31.6",  # 9 x 9 of 16 x 16
        "small maps 2 100.0 ± 0.0 100.0 +20.0 +30.0 25.0",
        "small gradcam 2 0.0 ± 0.0 100.0 -100.0 [-100.0, -100.0] down +20.0 +30.0 25.0",
    ]
    monkeypatch.setattr("sys.argv", ["pointing.py", str(runs[0]), "--data", str(voc), "--least", "2"])
    with pytest.raises(SystemExit, match=r"^no label has boxes on 2 of these photos; choose a smaller --least$"):
        pointing.main()


class Patch:
    """Says how much of the upper left quarter is stripes of one pixel, which a blur takes away."""

    device = torch.device("cpu")
    run = SimpleNamespace(
        preprocessing=SimpleNamespace(resize=lambda photo: photo, normalize=lambda photos: photos.astype(np.float32))
    )

    def model(self, photos):
        seen = photos[:, :20, :20].diff(dim=2).abs().mean(dim=(1, 2, 3)) / 255
        return torch.logit(seen.clamp(1e-6, 1 - 1e-6))[:, None]


def stripes():
    photo = np.zeros((40, 40, 3), np.uint8)
    photo[:, ::2] = 255
    return photo


@pytest.mark.parametrize(("heat", "high"), [([[1, 0], [0, 0]], True), ([[-1, 0], [0, 0]], False)])
def test_places_that_matter_are_put_in_early_and_taken_out_early(heat, high):
    inserted, deleted = pointing.curves(Patch(), stripes(), np.array(heat, np.float32), 0)
    assert (inserted > 0.75, deleted > 0.75) == (high, not high)
    assert (inserted < 0.25, deleted < 0.25) == (not high, high)


def test_a_map_of_zeros_is_worth_as_much_put_in_as_taken_out():
    inserted, deleted = pointing.curves(Patch(), stripes(), np.zeros((2, 2), np.float32), 0)
    assert inserted == pytest.approx(deleted, abs=0.05)


def test_a_way_is_judged_by_pointing_by_order_against_chance_and_by_empty_maps(trained, voc):
    photo = voc / "JPEGImages/one.jpg"
    explainer = pointing.Explainer(trained, "gradcam", workers=0)
    by_chance = {}
    boxes = {photo: {"cat": [(0.0, 0.0, 1.0, 1.0)]}}
    everywhere = pointing.judge(explainer, boxes, ["cat"], {(photo, "cat")}, by_chance)
    assert everywhere.hits[0, 0] == 1 - everywhere.empty  # where the box is everything, what misses is empty
    assert everywhere.within.tolist() == [[1.0]]
    (heat,) = explainer.explain([photo], ["cat"])[0].heats
    own = pointing.curves(explainer, explainer.explain([photo], ["cat"])[0].photo, heat.map, heat_column(explainer))
    assert everywhere.inserted == pytest.approx(own[0] - by_chance[photo, "cat"][0])
    assert everywhere.deleted == pytest.approx(by_chance[photo, "cat"][1] - own[1])
    nowhere = pointing.judge(explainer, {photo: {"cat": [(2.0, 2.0, 3.0, 3.0)]}}, ["cat"], set(), {})
    assert (nowhere.hits.tolist(), nowhere.within.tolist()) == ([[0.0]], [[0.0]])
    assert np.isnan(nowhere.inserted)


def heat_column(explainer):
    return explainer.classes.index("cat")
