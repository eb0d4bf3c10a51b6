"""Searches for a learning rate, on trainings whose answer is known."""

import importlib.util
import math
import sys

import numpy as np
import pytest

from polytag._random import generator
from polytag.errors import OptionError
from polytag.train.rate_finder import SEARCHES, TPE, Climb, Found, Halving, Tried

OPTUNA = importlib.util.find_spec("optuna") is not None


class Known:
    """A training whose score is best at one rate, and whose loss falls fastest at another."""

    seed = 7

    def __init__(self, best=1e-3, fastest=1e-3, diverges=1e-1):
        self.best, self.fastest, self.diverges, self.asked = best, fastest, diverges, []

    def losses(self, rates):
        """A logistic fall in the logarithm of the rate, then an explosion; ends at a NaN."""
        found = []
        for rate in rates:
            place = math.log10(rate)
            fall = 1 / (1 + math.exp(-6 * (place - math.log10(self.fastest))))
            found.append(5 - 4 * fall + max(0.0, rate / self.diverges) ** 3)
        return found

    def score(self, rate, epochs):
        self.asked.append((rate, epochs))
        return 0.9 - 0.1 * abs(math.log10(rate / self.best)) - 0.1 / epochs


@pytest.mark.parametrize("fastest", [1e-4, 1e-3, 1e-2])
def test_a_climb_finds_where_nine_tenths_of_the_fall_are_done(fastest):
    found = Climb(1e-6, 1.0, 200, smooth=0.0).find(Known(fastest=fastest, diverges=1000 * fastest))
    done = fastest * 10 ** (math.log(9) / 6)  # of the logistic fall
    assert found.rate == pytest.approx(done, rel=0.35)
    assert found.what == "loss"
    assert [rate for rate, _ in found.curve] == sorted(rate for rate, _ in found.curve)


def test_a_climb_ends_where_the_loss_explodes_or_is_no_number():
    assert max(Climb(1e-6, 1e3, 100).find(Known(diverges=1e-2)).curve).rate < 1

    class Broken(Known):
        def losses(self, rates):
            return [*super().losses(rates[:60]), math.nan, 0.0]

    assert len(Climb(1e-6, 1e-1, 100, smooth=0.0).find(Broken()).curve) == 60


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.3])
def test_the_noise_of_batches_does_not_decide(noise):
    class Noisy(Known):
        def losses(self, rates):
            extra = noise * generator(self.seed).standard_normal(len(rates))
            return [loss + e for loss, e in zip(super().losses(rates), extra.tolist(), strict=True)]

    for seed in range(50):
        probe = Noisy(fastest=1e-3, diverges=10.0)
        probe.seed = seed
        assert 6e-4 < Climb().find(probe).rate < 9e-3  # 2.3e-3 without noise


def test_noise_without_a_fall_is_refused():
    class Flat(Known):
        def losses(self, rates):
            return (1 + 0.1 * generator(self.seed).standard_normal(len(rates))).tolist()

    refused = 0
    for seed in range(40):
        probe = Flat()
        probe.seed = seed
        try:
            Climb().find(probe)
        except OptionError:
            refused += 1
    assert refused >= 36


class Listed(Known):
    """A training whose losses are known: through these places, in straight lines."""

    def __init__(self, *places, noise=0.0, seed=0):
        super().__init__()
        self.places, self.noise, self.seed = places, noise, seed

    def losses(self, rates):
        at = np.linspace(0, 1, len(self.places))
        line = np.interp(np.linspace(0, 1, len(rates)), at, self.places)
        return (line + self.noise * generator(self.seed).standard_normal(len(rates))).tolist()


@pytest.mark.parametrize(
    "places", [(0.7, 0.7, 1.4, 0.9), (1.0, 1.5, 1.1), (0.7, 0.7, 1.6, 0.9), (1.0, 1.0), (1 / 3, 1 / 3), (0.0, 0.0)]
)
@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("steps", [40, 100, 333])
def test_a_loss_that_never_falls_below_its_beginning_is_refused(places, noise, steps):
    refused = 0
    for seed in range(20):
        try:
            Climb(steps=steps).find(Listed(*places, noise=noise, seed=seed))
        except OptionError as error:
            refused += "the loss does not fall between" in str(error)
    assert refused >= (20 if noise == 0.0 else 18)


@pytest.mark.parametrize("steps", [40, 60, 200])
def test_few_steps_find_a_clear_fall(steps):
    assert 1e-3 < Climb(steps=steps).find(Known(fastest=1e-3, diverges=10.0)).rate < 5e-3


def test_a_loss_may_lie_below_zero():
    assert Climb(smooth=0.0).find(Listed(-1.0, -1.0, -5.0, -5.0)).rate == pytest.approx(1e-6 * 10**3.2, rel=0.5)


def test_a_fall_that_is_not_over_at_the_highest_rate_is_told():
    text = Climb(high=1e-3).find(Known(fastest=1e-2, diverges=10.0)).text()
    assert text.splitlines()[-1].endswith("; the loss still falls there, so --search.high may go higher")
    assert text.splitlines()[-1].startswith("lr 0.0007")
    assert "--search.high" not in Climb().find(Known()).text()


def test_smoothing_is_a_running_average_that_forgets_its_beginning():
    class Steps(Known):
        def losses(self, rates):
            return [4.0, 2.0, 3.0, *[2.5 - n / 20 for n in range(37)]]

    values = [value for _, value in Climb(steps=40, smooth=0.5).find(Steps()).curve[:3]]
    assert values == pytest.approx([4.0, (4 * 0.25 + 2 * 0.5) / 0.75, (4 * 0.125 + 2 * 0.25 + 3 * 0.5) / 0.875])


def test_a_loss_that_never_falls_is_refused():
    class Rising(Known):
        def losses(self, rates):
            return [float(number) for number in range(1, 1 + len(rates))]

    with pytest.raises(OptionError) as refusal:
        Climb().find(Rising())
    assert str(refusal.value) == (
        "the loss does not fall between the learning rates 1e-06 and 0.1; choose lr yourself, or search lower"
    )


def test_halving_asks_nine_then_three_then_one():
    probe = Known(best=1e-3)
    found = Halving(1e-5, 1e-1, 9, 2).find(probe)
    assert found.rate == pytest.approx(1e-3)
    assert [epochs for _, epochs in probe.asked] == [2] * 9 + [6] * 3
    assert len(found.curve) == 9
    assert dict(found.curve)[found.rate] == pytest.approx(0.9 - 0.1 / 6)  # of the longest training


def test_a_score_that_is_not_defined_is_the_worst():
    class Undefined(Known):
        def score(self, rate, epochs):
            return math.nan if rate > 1e-3 else super().score(rate, epochs)

    assert Halving(1e-5, 1e-1, 5, 1).find(Undefined(best=1e-1)).rate <= 1e-3


@pytest.mark.skipif(not OPTUNA, reason="optuna is not installed")
def test_tpe_comes_near_the_best_and_is_a_function_of_the_seed():
    probe = Known(best=3e-3)
    found = TPE(1e-5, 1e-1, trials=25, epochs=4).find(probe)
    assert abs(math.log10(found.rate / 3e-3)) < 0.3
    assert len(probe.asked) == 25
    assert {epochs for _, epochs in probe.asked} == {4}
    again = Known(best=3e-3)
    TPE(1e-5, 1e-1, trials=25, epochs=4).find(again)
    assert again.asked == probe.asked


@pytest.mark.parametrize("search", [Halving(trials=3), TPE(trials=3)] if OPTUNA else [Halving(trials=3)])
def test_where_no_score_is_defined_no_rate_is_told(search):
    class Undefined(Known):
        def score(self, rate, epochs):
            return math.nan

    with pytest.raises(OptionError) as refusal:
        search.find(Undefined())
    assert str(refusal.value) == (
        "no trial between the learning rates 1e-05 and 0.01 has a score that is defined; choose lr yourself, or "
        "search lower"
    )


def test_without_optuna_tpe_says_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(OptionError) as refusal:
        TPE()
    assert str(refusal.value) == (
        'search "tpe" needs optuna; bring it with pip install "polytag[hpo]", or take halving'
    )


def test_a_curve_is_drawn_within_eighty_columns():
    curve = tuple(Tried(10 ** (-6 + n / 20), 1 + n / 10) for n in range(100))
    lines = Found(2.345e-4, curve, "loss").text().splitlines()
    assert lines[0] == "  lr       loss"
    assert lines[1] == "  1.0e-06   1.0000"
    assert lines[-2].endswith("#" * 30) or lines[-2].count("#") >= 28
    assert lines[-1] == "lr 0.00023"
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 80


def test_a_curve_with_what_is_not_defined_is_drawn_too():
    assert Found(0.1, (Tried(0.1, math.nan), Tried(0.2, 3.0)), "loss").text().splitlines()[1:3] == [
        "  1.0e-01      nan",
        "  2.0e-01   3.0000  " + "#" * 30,
    ]


def test_halving_never_keeps_a_rate_that_diverged():
    class Late(Known):
        def score(self, rate, epochs):
            return math.nan if rate > 1e-3 and epochs > 1 else math.log10(rate) + 10

    found = Halving(1e-5, 1e-1, trials=6).find(Late())
    assert found.rate == max(rate for rate, value in found.curve if not math.isnan(value))


@pytest.mark.parametrize("name", SEARCHES if OPTUNA else ["climb", "halving"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"low": 0.0}, "low must be between 1e-12 and 1000, got 0.0"),
        ({"low": 0.5, "high": 0.1}, "high must be between 0.5005 and 1000, got 0.1"),
    ],
)
def test_rates_out_of_range_are_refused(name, options, sentence):
    with pytest.raises(OptionError) as refusal:
        SEARCHES[name](**options)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Climb(steps=5), "steps must be between 40 and 100000, got 5"),
        (lambda: Climb(smooth=1.0), "smooth must be between 0 and 0.999, got 1.0"),
        (lambda: Halving(trials=1), "trials must be between 2 and 1000, got 1"),
        (lambda: Halving(epochs=0), "epochs must be between 1 and 10000, got 0"),
    ],
)
def test_an_option_out_of_range_is_refused(build, sentence):
    with pytest.raises(OptionError) as refusal:
        build()
    assert str(refusal.value) == sentence
