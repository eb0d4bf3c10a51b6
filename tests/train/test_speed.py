"""What the speeds promise: the fastest of those tried, found on a copy, and nothing slow tried for a short training."""

import copy
from contextlib import contextmanager, nullcontext

import pytest
import torch
from accelerate import Accelerator
from toys import PREPROCESSING, Small, tiny_set
from watched import Watched, run, weights_of

from polytag.data.loader import Loader
from polytag.losses import WeightedBCE
from polytag.method import Context
from polytag.methods.supervised import Supervised
from polytag.train import speed
from polytag.train.speed import SPEEDS, Speed, fastest, seconds_per_pass

EAGER = ("eager", "channels_last", "medium", "bf16")


def found(method, steps=10, batch_size=16):
    return fastest(method, Loader(tiny_set(), PREPROCESSING), Context(Accelerator(cpu=True), 5), batch_size, steps)


@pytest.fixture
def timed(monkeypatch):
    """Takes the place of the clock: seconds by name, an error is raised; what was tried is listed."""
    tried, seconds = [], {}

    def pretend(method, batches, way):
        name = next(name for name, value in SPEEDS.items() if value is way)
        tried.append(name)
        if isinstance(seconds[name], Exception):
            raise seconds[name]
        return seconds[name]

    monkeypatch.setattr(speed, "seconds_per_pass", pretend)
    return tried, seconds


def test_a_compiled_training_learns_what_an_eager_one_does(monkeypatch):
    """By the compiler's own tracing, without the code generator, which takes a minute; "compile" itself is with it."""
    calls, real = [], torch.compile

    def traced(model, **options):
        calls.append(options)
        return real(model, backend="eager")

    torch.manual_seed(0)
    eager = Supervised(Small(), WeightedBCE())
    compiled, before = copy.deepcopy(eager), weights_of(eager)
    assert list(run(eager, epochs=1, speed=SPEEDS["channels_last"]))
    monkeypatch.setattr(torch, "compile", traced)
    assert list(run(compiled, epochs=1, speed=SPEEDS["compile"]))
    assert len(calls) == 1
    assert not torch.equal(weights_of(eager), before)
    torch.testing.assert_close(weights_of(compiled), weights_of(eager), rtol=1e-5, atol=1e-6)


def test_the_fastest_is_taken_and_told_in_images_a_second(timed):
    timed[1].update(eager=0.5, channels_last=0.25, medium=0.5, bf16=1.0)
    assert found(Watched()) == (
        "channels_last",
        "speed channels_last, the fastest in images a second: eager 32, channels_last 64, medium 32, bf16 16",
    )


@pytest.mark.parametrize(("steps", "tried"), [(600, EAGER), (601, tuple(SPEEDS))])
def test_compiling_is_tried_only_where_the_training_would_be_long(steps, tried, timed):
    timed[1].update(eager=2.0, channels_last=0.5, medium=1.0, bf16=1.0, compile=0.5, compile_bf16=0.25)
    best, _ = found(Watched(), steps)
    assert tuple(timed[0]) == tried
    assert best == ("compile_bf16" if "compile" in tried else "channels_last")


def test_products_that_are_coarse_in_earnest_are_left_out_and_told(timed, monkeypatch):
    timed[1].update(eager=2.0, channels_last=0.5, medium=0.25, bf16=1.0)
    assert found(Watched())[0] == "medium"
    monkeypatch.setattr(speed, "product_error", lambda device: 0.0021)
    best, text = found(Watched())
    assert best == "channels_last"
    assert text.endswith("bf16 16; medium is left out, as its products are off by 2.1e-03")


def test_the_error_of_a_product_is_that_of_bf16_parts(monkeypatch):
    @contextmanager
    def rounded():
        real = torch.Tensor.__matmul__
        monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: real(a.bfloat16().float(), b.bfloat16().float()))
        yield
        monkeypatch.undo()

    with monkeypatch.context() as patch:
        patch.setattr(speed, "coarse_products", nullcontext)
        assert speed.product_error(torch.device("cpu")) == 0
    monkeypatch.setattr(speed, "coarse_products", rounded)
    assert speed.COARSEST < speed.product_error(torch.device("cpu")) < 0.01


def test_what_cannot_be_compiled_is_left_out_and_told(timed):
    timed[1].update(eager=1.0, channels_last=2.0, medium=4.0, bf16=4.0)
    timed[1].update(compile=OSError("no compiler\nat all"), compile_bf16=0.5)
    assert found(Watched(), steps=1000) == (
        "compile_bf16",
        "speed compile_bf16, the fastest in images a second: eager 16, channels_last 8, medium 4, bf16 4, "
        "compile_bf16 32; compile cannot be used here (OSError)",
    )


def test_an_error_without_compiling_is_the_method_s_own(timed):
    timed[1].update(eager=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        found(Watched())


def test_the_method_is_left_as_it_was():
    method = Supervised(Small(), WeightedBCE()).eval()
    before = copy.deepcopy(method.state_dict())
    best, sentence = found(method)
    assert best in EAGER
    assert all(name in sentence for name in EAGER)
    assert len(method.loss.frequencies.present) == 0  # the copy was prepared, the method was not
    assert not method.training
    assert all(p.grad is None and p.is_contiguous() for p in method.parameters())
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize("name", EAGER)
def test_passes_are_run_as_said_and_timed(name):
    seen = []

    class Looking(Watched):
        def losses(self, batch):
            last = torch.channels_last
            weight = self.model.trunk[0].weight
            layout = (batch.images.is_contiguous(memory_format=last), weight.is_contiguous(memory_format=last))
            matmul = torch.get_float32_matmul_precision()
            seen.append((self.training, *layout, torch.is_autocast_enabled("cpu"), matmul))
            return super().losses(batch)

    way = SPEEDS[name]
    loader = Loader(tiny_set(), PREPROCESSING)
    batches = (next(loader.in_order(16)),)
    batches = (batches[0]._replace(images=batches[0].images.float(), targets=batches[0].targets.float()),)
    method = Looking()
    assert seconds_per_pass(method, batches, way, rounds=2) > 0
    assert method.model.trunk[0].weight.is_contiguous()  # a copy was timed
    matmul = "medium" if way.medium else "highest"
    assert seen == [(True, way.channels_last, way.channels_last, way.bf16, matmul)] * 4
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("name", EAGER)
def test_every_speed_trains_alike(name):
    plain, fast = Watched(), Watched()
    told = [event.losses["classify"] for event in run(plain, speed=SPEEDS["eager"])]
    found = [event.losses["classify"] for event in run(fast, speed=SPEEDS[name])]
    assert found == pytest.approx(told, rel=0.02 if SPEEDS[name].bf16 else 1e-5)
    assert weights_of(fast).dtype == torch.float32
    layout = torch.channels_last if SPEEDS[name].channels_last else torch.contiguous_format
    assert fast.model.trunk[0].weight.is_contiguous(memory_format=layout)


def test_the_precision_of_products_is_that_of_the_caller_afterwards():
    within = Speed(medium=True).precision()
    within.__enter__()
    assert torch.get_float32_matmul_precision() == "medium"
    assert not within.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert torch.get_float32_matmul_precision() == "highest"
    seen = []

    class Looking(Watched):
        def losses(self, *batches):
            seen.append(torch.get_float32_matmul_precision())
            return super().losses(*batches)

    list(run(Looking(), speed=Speed(medium=True)))
    assert set(seen) == {"medium"}
    assert torch.get_float32_matmul_precision() == "highest"


def test_only_what_is_said_to_be_compiled_is(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda method: ("compiled", method))
    method = Watched()
    assert Speed(compile=True).wrap(method) == ("compiled", method)
    assert Speed().wrap(method) is method


class Compiled(torch.nn.Module):
    """What stands for a compiled method: the same, counted."""

    passes = 0

    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, *batches):
        Compiled.passes += 1
        return self.method(*batches)


def test_the_loop_goes_through_what_is_compiled_and_so_does_what_measures_it(monkeypatch):
    monkeypatch.setattr(torch, "compile", Compiled)
    monkeypatch.setattr(Compiled, "passes", 0)
    *_, plain = run()
    assert Compiled.passes == 0
    *_, compiled = run(speed=Speed(compile=True))
    assert Compiled.passes == 8  # steps
    assert compiled.losses == plain.losses
    assert compiled.state.state_dict()["method"].keys() == plain.state.state_dict()["method"].keys()
    before = Compiled.passes
    (first, *_) = Loader(tiny_set(), PREPROCESSING).in_order(16)
    first = first._replace(images=first.images.float(), targets=first.targets.float())
    seconds_per_pass(Watched(), (first,), Speed(compile=True))
    assert Compiled.passes == before + 5


def test_bf16_reaches_the_layers_and_is_over_afterwards():
    layer, images = torch.nn.Linear(2, 2), torch.ones(1, 2)
    with Speed(bf16=True).autocast(torch.device("cpu")):
        assert layer(images).dtype == torch.bfloat16
    with Speed().autocast(torch.device("cpu")):
        assert layer(images).dtype == torch.float32
