"""A suite as somebody asks for it: some of its rows, other seeds, other columns, another baseline, other photos."""

import dataclasses
from collections.abc import Collection, Sequence

from polytag._checks import check_choice, check_number
from polytag._text import did_you_mean
from polytag.bench.types import ADAPTED, MEASURES, SCORES_OF, Suite
from polytag.errors import OptionError
from polytag.metrics import METRICS

FURTHER = (*(name for name in METRICS if name not in (*MEASURES, "coverage_error")), *ADAPTED)  # a table is in percent


def select_rows(suite: Suite, names: Collection[str]) -> Suite:
    """Some rows, in the suite's order, the baseline, and the rows that an ensemble among them averages.

    Raises:
        OptionError: if there is no row of a name.
    """
    known = [row.name for row in suite.rows]
    for name in names:
        if name not in known:
            raise OptionError(f"rows must be among {', '.join(known)}, got {name!r}{did_you_mean(name, known)}")
    wanted = {*names, suite.baseline}
    wanted |= {member for row in suite.rows if row.name in wanted for member in row.ensemble}
    return dataclasses.replace(suite, rows=tuple(row for row in suite.rows if row.name in wanted))


def as_ladder(suite: Suite, names: Sequence[str] = ()) -> Suite:
    """All rows or some, each compared with the one above it in the suite's order; the first is the baseline.

    Raises:
        OptionError: if there is no row of a name.
    """
    rows = select_rows(dataclasses.replace(suite, baseline=names[0]), names).rows if names else suite.rows
    return dataclasses.replace(suite, rows=rows, baseline=rows[0].name, ladder=True)


def with_baseline(suite: Suite, name: str) -> Suite:
    """The same, compared with another row.

    Raises:
        OptionError: if there is no row of that name.
    """
    known = [row.name for row in suite.rows]
    if name not in known:
        hint = did_you_mean(name, known)
        raise OptionError(f"baseline must be one of the rows {', '.join(known)}, got {name!r}{hint}")
    return dataclasses.replace(suite, baseline=name)


def with_seeds(suite: Suite, seeds: Sequence[int]) -> Suite:
    """The same with other seeds.

    Raises:
        OptionError: if there are none, or one is out of its range or there twice.
    """
    check_seeds(seeds, suite.protocol)
    return dataclasses.replace(suite, seeds=tuple(seeds))


def with_metrics(suite: Suite, metrics: Sequence[str]) -> Suite:
    """The same with other further metrics.

    Raises:
        OptionError: if there is no metric of a name, or one is there twice.
    """
    check_metrics(metrics)
    return dataclasses.replace(suite, metrics=tuple(metrics))


def with_split(suite: Suite, split: str) -> Suite:
    """The same, judged on the test or on the validation photos, where nothing that a paper printed stands beside it.

    Raises:
        OptionError: if there is no such split, or a metric has its thresholds from the validation photos.
    """
    check_choice("split", split, tuple(SCORES_OF))
    own = [name for name in suite.metrics if name in ADAPTED]
    if split == "val" and own:
        raise OptionError(
            f"{own[0]} has its thresholds from the validation photos, so it cannot be judged on them; name other "
            "metrics, or none"
        )
    return dataclasses.replace(suite, split=split, paper=suite.paper if split == "test" else "")


def check_metrics(metrics: Sequence[str]) -> None:
    """Raise :class:`OptionError` unless all can be further columns, and each is there once."""
    for name in metrics:
        if name in MEASURES:
            raise OptionError(f"metrics are further columns, and {name} is in every table; leave it away")
        check_choice("each of metrics", name, FURTHER)
        if metrics.count(name) > 1:
            raise OptionError(f"each of metrics must be there once, got {name} twice")


def check_seeds(seeds: Sequence[int], protocol: str) -> None:
    """Raise :class:`OptionError` unless there are some, each in its range and there once."""
    if not seeds:
        raise OptionError(f"there are no seeds for [{protocol}]; list at least one, as in seeds = [0, 1, 2]")
    for seed in seeds:
        check_number("each of seeds", seed, 0, 2**62)
        if seeds.count(seed) > 1:
            raise OptionError(f"each of seeds must be there once, got {seed} twice")
