"""What the pointing game promises: boxes as VOC counts pixels, empty maps miss, every way and the spread over seeds."""

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


def test_the_hottest_place_points_and_a_map_of_zeros_does_not():
    corner = [(0.0, 0.0, 0.5, 0.5)]
    for heat, hit in (([[2, 1], [0, 0]], True), ([[0, 1], [0, 0]], False), ([[0, 0], [0, 0]], False)):
        assert pointing.hits(np.array(heat, np.float32), corner) == hit


def test_every_way_of_a_row_has_a_line_with_mean_and_deviation_over_its_seeds(
    trained, voc, tmp_path, capsys, monkeypatch
):
    runs = [shutil.copytree(trained, tmp_path / f"small-seed-{seed}-abc") for seed in (0, 1)]
    config = json.loads((runs[1] / "config.json").read_text())
    config["training"]["seed"] = 1
    (runs[1] / "config.json").write_text(json.dumps(config))
    assert pointing.rows_of(runs) == {"small": runs}
    monkeypatch.setattr(pointing, "judge", lambda explainer, *_: [10.0 + 2 * ("-1-" in str(explainer.run.path))] * 4)
    monkeypatch.setattr("sys.argv", ["pointing.py", *map(str, runs), "--data", str(voc)])
    pointing.main()
    lines = capsys.readouterr().out.splitlines()[3:]
    assert [line.split() for line in lines] == [
        ["small", way, "2", *["11.0", "(1.4)"] * 4] for way in ("maps", "gradcam")
    ]


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


def test_a_way_is_judged_by_pointing_insertion_deletion_and_empty_maps(trained, voc):
    photo = voc / "JPEGImages/one.jpg"
    explainer = pointing.Explainer(trained, "gradcam", workers=0)
    numbers = pointing.judge(explainer, {photo: {"cat": [(0.0, 0.0, 1.0, 1.0)]}}, {(photo, "cat")})
    assert all(0 <= number <= 100 for number in numbers)
    assert numbers[0] + numbers[3] == 100  # where the box is everything, what misses is empty
