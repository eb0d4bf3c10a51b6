"""What the project's own suites promise: rows that can be trained, and what their tables are to compare."""

from pathlib import Path

import pytest
from suite_toys import names
from toys import tiny_set

from polytag.bench.suite import PROTOCOLS, read_suite
from polytag.fit import Training

SUITES = sorted((Path(__file__).parents[2] / "benchmarks" / "suites").glob("*.toml"))


def test_the_suites_of_the_project_are_there():
    assert {"ccp", "digits", "ucm10", "ucm-unknown"} <= {path.stem for path in SUITES}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_of_the_project_makes_trainings(path, protocol, tmp_path):
    read = read_suite(path, protocol)
    assert len(read.seeds) >= (3 if protocol == "full" else 2)
    assert len(read.rows) > 1
    assert read.title
    assert read.about
    for row in read.trained:
        training = Training(data=tiny_set(8), out=tmp_path, seed=read.seeds[-1], **row.options)
        assert (training.epochs, training.image_size) == (row.options["epochs"], row.options["image_size"])


@pytest.mark.parametrize("name", ["ccp", "digits", "ucm10", "ucm-unknown"])
def test_the_losses_are_compared_under_a_linear_head_beside_a_plain_loop(name):
    (path,) = (path for path in SUITES if path.stem == name)
    assert names(read_suite(path, "full"))[:4] == ["plain", "bce", "weighted_bce", "asl"]


@pytest.mark.parametrize("name", ["ccp", "ucm10"])
def test_upsamplings_are_compared_under_the_attention_of_the_papers_table(name):
    (path,) = (path for path in SUITES if path.stem == name)
    heads = [row.options["head"] for row in read_suite(path, "full").trained if "decouple" in row.name]
    assert {head["attention"] for head in heads} == {"arch1", "arch2", "none"}
    assert [head["attention"] for head in heads if "upsampling" in head] == ["arch1", "arch1"]


@pytest.mark.parametrize("name", ["papers-decouple", "papers-decouple-nus"])
def test_the_decouplenet_suites_have_the_two_headlines_of_their_paper(name):
    (path,) = (path for path in SUITES if path.stem == name)
    assert {"mAP_voc12", "CF1_mean"} <= set(read_suite(path, "full").metrics)


@pytest.mark.parametrize("name", ["papers-decouple", "papers-decouple-nus"])
def test_every_resnet_of_the_decouplenet_suites_begins_with_the_weights_that_their_recipe_names(name):
    (path,) = (path for path in SUITES if path.stem == name)
    backbones = {row.options["backbone"] for row in read_suite(path, "full").trained}
    assert backbones == {"resnet101.tv_in1k", "resnet50.tv_in1k"}
