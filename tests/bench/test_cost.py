"""What a cost promises: seconds as the histories have them, a model counted by hand, clocks that are read fairly."""

import json
import math
import re
import shutil

import pytest
import torch
from torch import nn
from toys import Small

from polytag.bench import cost
from polytag.bench.cost import cost_of, cost_together, gmacs, inference_ms, median_seconds
from polytag.bench.types import Cost
from polytag.build import build_model
from polytag.errors import RunError
from polytag.heads import HEADS
from polytag.run import Run

CPU = torch.device("cpu")


class Clock:
    """Time passes only when a call says so."""

    def __init__(self):
        self.now, self.calls = 100.0, 0

    def __call__(self):
        return self.now

    def taking(self, *seconds):
        """A call that takes these seconds in turn, the last again and again."""

        def call():
            self.now += seconds[min(self.calls, len(seconds) - 1)]
            self.calls += 1

        return call


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(cost, "perf_counter", clock)
    return clock


@pytest.fixture
def three(trained, tmp_path):
    """Three copies of a run whose two epochs took 1 + 2, 4 + 6 and 2 + 3 seconds, in 100, 300 and 110 MB."""
    folders = []
    for number, (first, second, memory) in enumerate(((1, 2, 100.0), (4, 6, 300.0), (2, 3, 110.0))):
        folder = shutil.copytree(trained, tmp_path / str(number))
        (folder / "history.csv").write_text(f"epoch,seconds,lr\n1,{first},0.1\n2,{second},0.1\n")
        change(folder, memory_mb=memory)
        folders.append(folder)
    return folders


def change(folder, **running):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"running": config["running"] | running}))


def test_training_costs_the_median_of_the_runs(three):
    found = cost_of(three)
    assert (found.train_seconds, found.memory_mb) == (5.0, 110.0)


def test_the_model_is_the_one_that_is_left(three):
    found = cost_of(three[:1])
    run = Run.open(three[0])
    model = run.load_model()
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.gmacs == gmacs(model, (32, 32)) > 0
    assert 0 < found.inference_ms < math.inf


def test_memory_that_a_run_did_not_note_is_not_a_number(three):
    path = three[1] / "config.json"
    config = json.loads(path.read_text())
    del config["running"]["memory_mb"]
    path.write_text(json.dumps(config))
    assert math.isnan(cost_of(three).memory_mb)


@pytest.mark.parametrize(
    ("trained_on", "there", "used"), [("cpu", True, "cpu"), ("cuda", False, "cpu"), ("cuda", True, "cuda")]
)
def test_a_photo_is_timed_where_the_run_was_trained(trained_on, there, used, three, monkeypatch):
    change(three[0], device=trained_on)
    seen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(cost, "inference_ms", lambda model, size, device: seen.append((size, device.type)) or 1.0)
    assert cost_of(three).inference_ms == 1.0
    assert seen == [((32, 32), used)]


def test_operations_worked_by_hand():
    # 8 maps of 4 x 4, each value from 3 x 3 x 3 others; then 8 * 4 * 4 values to 4 classes.
    assert gmacs(Small().eval(), (8, 8)) == pytest.approx((8 * 16 * 27 + 128 * 4) / 1e9, rel=1e-12)


COSINES = [{"name": "linear", "normalize": True}, {"name": "ml_decoder", "normalize": True}]


@pytest.mark.parametrize("head", [*HEADS, *COSINES, *({"name": "gat", "around": head} for head in COSINES)], ids=str)
def test_every_head_is_counted_folded_or_not(head):
    model = build_model("test_efficientnet", head, 4, image_size=(32, 32)).eval()
    assert gmacs(model, (32, 32)) >= gmacs(model.folded(), (32, 32)) > 0


def test_a_model_stays_where_it_is_when_it_is_counted():
    model = Small().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gmacs(model, (8, 8))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_well_known_model_has_the_operations_that_its_paper_says():
    model = build_model("mobilenetv2_100", "linear", 1000, image_size=(224, 224)).eval()
    assert gmacs(model, (224, 224)) == pytest.approx(0.30, abs=0.005)


def test_a_photo_goes_through_alone_in_float32_with_its_channels_last(clock):
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, images):
            channels_last = [images.stride() == (0 + 3 * 4 * 6, 1, 3 * 6, 3), self.conv.weight.stride(1) == 1]
            seen.add((tuple(images.shape), images.dtype, *channels_last, torch.is_grad_enabled()))
            clock.now += 0.004
            return self.conv(images)

    seen = set()
    assert inference_ms(Looks(), (4, 6), CPU) == pytest.approx(4.0)
    assert seen == {((1, 3, 4, 6), torch.float32, True, True, False)}


def test_the_first_calls_only_warm_up(clock):
    call = clock.taking(0.5, 0.1, 0.1, 0.1, 0.1, 0.001, 0.003, 0.002)
    assert median_seconds(call) == pytest.approx(0.002)
    assert clock.calls == 5 + 50


def test_slow_calls_end_after_two_seconds(clock):
    assert median_seconds(clock.taking(0.9, 0.5)) == pytest.approx(0.5)
    assert clock.calls == 4


def test_a_call_that_takes_longer_is_made_once(clock):
    assert median_seconds(clock.taking(7.0)) == 7.0
    assert clock.calls == 1


@pytest.mark.parametrize("text", ["epoch,lr\n1,0.1\n", "epoch,seconds\n1,soon\n", "epoch,seconds\n1\n"])
def test_a_damaged_history_is_refused(text, run_copy):
    (run_copy / "history.csv").write_text(text)
    with pytest.raises(
        RunError, match=rf"^{re.escape(str(run_copy))}/history\.csv cannot be read \(.+\); restore it or train again$"
    ):
        Run.open(run_copy).train_seconds()


def test_a_missing_history_is_refused(run_copy):
    (run_copy / "history.csv").unlink()
    with pytest.raises(
        RunError, match=rf"^{re.escape(str(run_copy))}/history\.csv cannot be read \(FileNotFoundError\(.+\)\); "
    ):
        cost_of([run_copy])


def test_a_head_of_the_users_own_is_refused(run_copy):
    path = run_copy / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"model": config["model"] | {"head": None}}))
    sentence = f"{run_copy} was trained with a head of your own; open it from Python with Run.load_model(head)"
    with pytest.raises(RunError, match=rf"^{re.escape(sentence)}$"):
        cost_of([run_copy])


def test_an_ensemble_costs_all_of_its_members_and_the_memory_of_the_largest():
    one, other = Cost(1.5, 1000, 0.25, 3.5, 200.0), Cost(2.5, 10, 0.5, 1.0, 300.0)
    assert cost_together([one, other, one]) == Cost(5.5, 2010, 1.0, 8.0, 300.0)
    assert math.isnan(cost_together([other, Cost(1.5, 1000, 0.25, 3.5, math.nan)]).memory_mb)


@pytest.mark.parametrize(
    ("backbone", "head", "size", "classes", "printed", "within"),
    [
        ("tf_efficientnetv2_s", "linear", 448, 80, 10.83, 0.06),
        ("tf_efficientnetv2_s", "ml_gcn", 448, 80, 10.83, 0.06),
        ("tf_efficientnetv2_s", "gat", 448, 20, 10.83, 0.06),
        ("tf_efficientnetv2_s", "ml_decoder", 448, 80, 12.28, 0.06),
        ("tf_efficientnetv2_s", "ml_decoder", 576, 500, 20.16, 0.06),
        ("tresnet_v2_l", "gat", 448, 80, 35.20, 0.01),
        ("tresnet_v2_l", "ml_decoder", 448, 80, 36.15, 0.01),
    ],
)
def test_gmacs_are_those_that_paper_001_prints(backbone, head, size, classes, printed, within):
    model = build_model(backbone, head, classes, image_size=(size, size)).folded()
    assert gmacs(model, (size, size)) == pytest.approx(printed, rel=within)
