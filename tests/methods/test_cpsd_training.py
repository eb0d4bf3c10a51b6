"""What distillation over groups promises of whole trainings: groups are kept, teachers come first, some share."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from cpsd_toys import CLASSES, NAMES, Constant, batch, context_of, prepared
from toys import tiny_set

from polytag._team import Team
from polytag.data.loader import Batch
from polytag.errors import DataError
from polytag.fit import Training
from polytag.fits import Fits
from polytag.labels.partition import load_partition, partition_file, partition_labels, save_partition
from polytag.method import Context
from polytag.methods.cpsd import CPSD
from polytag.recorder import Recorder
from polytag.run import Run
from polytag.train.rate_finder import Found, Search, Tried

QUICK = {
    "backbone": "test_efficientnet",
    "weights": "none",
    "image_size": 32,
    "epochs": 1,
    "batch_size": 8,
    "workers": 0,
}


def test_partitions_are_kept_and_may_be_given(tmp_path):
    labels = tiny_set(40).labels
    prepared(context=context_of([], folder=tmp_path))
    kept = load_partition(tmp_path / "labels-together.json", labels, "together")
    assert kept == partition_labels(labels, 2, "together", 0)
    asked = []
    save_partition(tmp_path / "own.json", partition_labels(labels, 4, "apart"))
    prepared(asked, decompositions="apart", k=0, apart=str(tmp_path / "own.json"))
    assert len(asked) == 4
    with pytest.raises(DataError, match=r"own\.json has groups of the kind apart, and together is wanted; give it as"):
        prepared(decompositions="together", k=0, together=str(tmp_path / "own.json"))


def test_the_groups_of_a_run_that_goes_on_are_those_that_it_keeps(tmp_path):
    labels, asked = tiny_set(40).labels, []
    kept = partition_labels(labels, 3, "apart")
    save_partition(partition_file(tmp_path, "apart"), kept)
    prepared(decompositions="apart", k=2, context=context_of(asked, folder=tmp_path))
    assert [tuple(fit.classes) for fit in asked] == list(kept.groups)


def test_a_run_that_is_replaced_leaves_no_groups_and_one_that_goes_on_does(tmp_path):
    recorder = Recorder(tmp_path, {"format": 1}, "mAP")
    for again in (True, False):
        save_partition(partition_file(tmp_path, "apart"), partition_labels(tiny_set(40).labels, 2, "apart"))
        recorder.start({}, again=again)
        assert partition_file(tmp_path, "apart").exists() == again


def test_the_first_process_groups_for_all(monkeypatch):
    groups = partition_labels(tiny_set(40).labels, 3, "apart")
    monkeypatch.setattr(Team, "from_first", lambda team, make: groups)
    asked = []
    prepared(asked, decompositions="apart", k=2)
    assert [tuple(fit.classes) for fit in asked] == list(groups.groups)


def test_a_training_trains_its_teachers_first_and_leaves_a_plain_model(tmp_path):
    run = Training(
        data=tiny_set(40),
        out=tmp_path / "run",
        method={"name": "cpsd", "k": 2, "teacher_images": "containing"},
        **QUICK,
    ).finish()
    names = sorted(folder.name.rsplit("-", 1)[0] for folder in (tmp_path / "run" / "fits").iterdir())
    assert names == ["apart-1-of-2", "apart-2-of-2", "together-1-of-2", "together-2-of-2"]
    model = run.load_model()
    plain = Training(data=tiny_set(40), out=tmp_path / "plain", **QUICK).finish().load_model()
    assert {key: value.shape for key, value in model.state_dict().items()} == {
        key: value.shape for key, value in plain.state_dict().items()
    }
    history = (run.path / "history.csv").read_text().splitlines()[0]
    assert "together" in history
    assert "apart" in history
    teacher = Run.open(next((tmp_path / "run" / "fits").glob("together-1-of-2-*")))
    assert 0 < len(teacher.classes) < CLASSES
    (photos, taught) = (each.config["data"]["photos"] for each in (run, teacher))
    assert (taught["val"], taught["test"]) == (photos["val"], photos["test"])
    assert taught["train"] < photos["train"]


class OneLook(Search):
    """Takes two steps with one rate, and then that rate."""

    def find(self, probe):
        losses = probe.losses([1e-3, 1e-3])
        return Found(1e-3, (Tried(1e-3, losses[0]),), "loss")


def test_a_rate_can_be_looked_for_with_teachers(tmp_path):
    method = {"name": "cpsd", "decompositions": "whole", "teacher_lr": 1e-2}
    run = Training(
        data=tiny_set(40), out=tmp_path, lr="auto", search=OneLook(1e-4, 1e-2), method=method, **QUICK
    ).finish()
    assert run.config["running"]["lr"] == 1e-3
    (teacher,) = (tmp_path / "fits").iterdir()
    assert Run.open(teacher).config["training"]["lr"] == 1e-2


def test_the_wait_for_teachers_is_no_part_of_the_time_of_a_search(tmp_path, monkeypatch):
    real = Fits.needed

    def long(self, fits):
        folders = real(self, fits)
        self.seconds += 10_000.0
        return folders

    monkeypatch.setattr(Fits, "needed", long)
    method = {"name": "cpsd", "decompositions": "whole", "teacher_lr": 1e-2}
    run = Training(data=tiny_set(40), out=tmp_path, lr="auto", search=OneLook(1e-4, 1e-2), method=method, **QUICK)
    assert run.finish().config["running"]["search_seconds"] < 0  # 10,000 that nobody waited for are taken out


def test_the_teachers_of_trials_are_part_of_the_time_of_a_search(tmp_path):
    method = {"name": "cpsd", "decompositions": "whole"}
    search = {"name": "halving", "trials": 2, "epochs": 1, "low": 1e-4, "high": 1e-2}
    run = Training(data=tiny_set(40), out=tmp_path, lr="auto", search=search, method=method, **QUICK).finish()
    trials = [Run.open(path) for path in (tmp_path / "fits").glob("lr-*")]
    assert len(trials) == 2
    taught = sum(trial.config["running"]["fits_seconds"] for trial in trials)
    own = sum(trial.train_seconds() for trial in trials)
    assert taught > 0
    assert run.config["running"]["search_seconds"] == pytest.approx(own + taught, abs=0.11)


@pytest.mark.parametrize(("share", "own"), [("trunk", "stage"), ("backbone", "head")])
def test_teachers_may_share_a_network(share, own):
    asked = []

    def do(fits):
        asked.extend(fits)
        return {fit.name: Path(fit.name) for fit in fits}

    context = Context(Accelerator(cpu=True), 0, do, lambda path: (Constant([1.0, 2, 3, 4]), NAMES[:4]))
    method = prepared(context=context, share=share)
    labels = tiny_set(40).labels
    for fit, kind in zip(asked, ("together", "apart"), strict=True):
        groups = partition_labels(labels, 2, kind, 0).groups
        owner = [next(number for number, group in enumerate(groups) if column in group) for column in range(CLASSES)]
        assert fit.name == f"{kind}, 2 groups in one"
        assert fit.method == {"name": "grouped", "groups": " ".join(map(str, owner)), "own": own}
        assert fit.classes is None
    terms = method.losses(batch())
    assert terms["together"].item() == terms["apart"].item() == pytest.approx(0.25 * 30)


def test_where_photos_never_change_teachers_answer_once(monkeypatch):
    calls = []

    class Counting(Constant):
        def forward(self, images):
            calls.append(len(images))
            return super().forward(images) + images.mean((1, 2, 3))[:, None]

    def photos():
        for first in range(0, 6, 2):
            rows = torch.arange(first, first + 2)
            yield Batch(rows.float().view(2, 1, 1, 1).expand(2, 3, 8, 8), torch.zeros(2, CLASSES), rows)

    def method_with(unchanged, **options):
        asked = []
        context = context_of(asked, unchanged=unchanged)
        context = replace(context, load=lambda path: counting(*context_of(asked).load(path)))
        return prepared(context=context, decompositions="apart", **options)

    def counting(model, classes):
        return Counting(model.values.tolist()), classes

    rows = torch.tensor([5, 0, 3])
    seen = Batch(rows.float().view(3, 1, 1, 1).expand(3, 3, 8, 8), torch.zeros(3, CLASSES), rows)
    known = method_with(photos)
    assert calls == [2] * 6  # two teachers, three batches
    once = known.losses(seen)["apart"]
    assert len(calls) == 6
    torch.testing.assert_close(once, method_with(None).losses(seen)["apart"])
    assert method_with(photos, teacher_mode="train").known == {}
    bytes_kept = 4 * 40 * CLASSES
    monkeypatch.setattr("polytag.methods.cpsd.CACHE_LIMIT", bytes_kept - 1)
    assert method_with(photos).known == {}
    monkeypatch.setattr("polytag.methods.cpsd.CACHE_LIMIT", bytes_kept)
    assert list(method_with(photos).known) == ["apart"]


def test_a_training_says_whether_its_photos_ever_change(tmp_path, monkeypatch):
    told = []

    def prepare(self, train_set, context):
        told.append(context.unchanged is not None)
        if told[-1]:
            batches = list(context.unchanged())
            assert torch.cat([each.rows for each in batches]).tolist() == list(range(len(train_set)))

    monkeypatch.setattr(CPSD, "prepare", prepare)
    still = {"augment": "none", "cutout": 0.0, "flip": 0.0}
    for number, options in enumerate(
        (still, still | {"flip": 0.5}, still | {"crop": "shift"}, still | {"mix": "mixup"})
    ):
        out = tmp_path / str(number)
        Training(data=tiny_set(40), out=out, method="cpsd", **QUICK, **options).finish()
    assert told == [True, False, False, False]
