"""Finished suites, made by hand."""

from math import nan
from pathlib import Path

from polytag.bench.types import COMPARED, MEASURES, Cost, Line, Row, Suite, Table
from polytag.labels.facts import TAIL
from polytag.metrics.bootstrap import Difference

NASTY = "resnet50 <b>bold</b> | asl & `gamma` *4* with a name that does not end"
HEADS = ("linear", "ml_decoder", "csra", "wildcat", "query2label")
LOSSES = ("bce", "asl", "focal", "weighted_bce")


def moved(value, half):
    """A difference with an interval of so much to both sides, and its verdict."""
    low, high = value - half, value + half
    return Difference(value, low, high, "up" if low > 0 else "down" if high < 0 else "not resolved")


def worse(difference, tail):
    """The same to the other side; unknown where there is no tail."""
    return moved(nan if tail != tail else -difference.value, difference.value - difference.low)


def line(name, score, deviation=0.007, difference=None, tail=0.05, cost=None):
    """A row whose CF1, OF1, head and medium follow from its mAP."""
    means = {"mAP": score, "CF1": score - 0.02, "OF1": score + 0.03, "head": score + 0.1, "medium": score, "tail": tail}
    deviations = {key: nan if means[key] != means[key] else deviation for key in (*MEASURES, *TAIL)}
    differences = {} if difference is None else dict.fromkeys(COMPARED, difference) | {"tail": worse(difference, tail)}
    cost = cost or Cost(733.4, 4_203_312, 0.2168, 11.52, 1523.4)
    return Line(name, (Path("runs") / "one",), means, deviations, differences, cost)


def made(lines, seeds=(0, 1, 2, 3, 4), options=None, **changes):
    rows = tuple(Row(of.name, {"backbone": "resnet50", "image_size": 128} | (options or {})) for of in lines)
    suite = {"title": "Losses beside each other", "baseline": lines[0].name, "protocol": "fast", "about": ""}
    suite |= {key: changes.pop(key) for key in list(changes) if key in Suite.__dataclass_fields__}
    return Table(
        suite=Suite(name="losses", data="photos/labels.csv", rows=rows, seeds=seeds, **suite),
        lines=tuple(lines),
        **{
            "classes": 20,
            "photos": 412,
            "sizes": {"head": 12, "medium": 7, "tail": 1},
            "groups": 0,
            "undefined": {"head": 0, "medium": 0, "tail": 0},
            "tail_limits": (100, 20),
            "detectable": 0.01234,
            "machine": "2030-01-02, x86_64, 2 cores, cpu, Python 3.12.1, torch 2.11.0",
        }
        | changes,
    )


def three():
    """The baseline between one that is up and one that is not resolved."""
    better = line("asl", 0.2558, 0.004, moved(0.0125, 0.0094), cost=Cost(45.04, 912, 1.5, 100.0, 98.76))
    return made(
        [better, line("bce", 0.2433, 0.0073), line("focal", 0.2431, 0.01, moved(-0.0002, 0.011))], baseline="bce"
    )


def twenty():
    """Heads and losses on one network, one of them with a name that means something everywhere; no tail."""
    lines = []
    for number in range(20):
        head, loss = HEADS[number // 4], LOSSES[number % 4]
        cost = Cost(
            600 + 37 * (number * 7 % 20), 23_508_032 + 10**6 * (number // 4), 1.35 + 0.02 * (number // 4), 30, 2048
        )
        score = 0.55 + 0.004 * (number * 11 % 20)
        name = NASTY if number == 6 else f"{head} and {loss}"
        lines.append(line(name, score, 0.006, moved(score - 0.55, 0.021) if number else None, nan, cost))
    sizes = {"head": 15, "medium": 5, "tail": 0}
    return made(lines, title="Heads <i>x</i> losses | all", about="Twenty rows,\n\none <b>network</b>.", sizes=sizes)


def one_seed():
    """Two networks with one seed; of one nothing is known but its mAP, and costs are far apart."""
    unknown = Cost(nan, 5_000_000, nan, nan, nan)
    hidden = Difference(nan, nan, nan, "not resolved")
    lines = [
        line("small", 0.61, nan, cost=Cost(50.0, 1_500_000, 0.0583, 3.14159, 640)),
        line("large", 0.7, nan, moved(0.09, 0.02), cost=Cost(9000.0, 86_567_656, 17.58, 812.3, 11264)),
        line("lost", 0.4, nan, hidden, cost=unknown),
    ]
    return made(lines, seeds=(0,), detectable=nan, unknown=0.1)
