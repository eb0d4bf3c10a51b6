"""Numbers of a table as people read them; ``-`` for what is not defined."""

from math import floor, isnan, log10

from polytag.metrics.bootstrap import Difference

NONE = "-"


def percent(value: float) -> str:
    """0.2433 as ``24.33``."""
    return NONE if isnan(value) else f"{100 * value:z.2f}"


def spread(mean: float, deviation: float) -> str:
    """``24.33 ± 0.73`` in percent; the mean alone where there is one seed."""
    return percent(mean) if isnan(mean) or isnan(deviation) else f"{percent(mean)} ± {percent(deviation)}"


def points(value: float) -> str:
    """A difference in percentage points, with its sign: ``+1.25``."""
    return NONE if isnan(value) else f"{100 * value:+z.2f}"


def interval(difference: Difference) -> str:
    """``[+0.31, +2.20]`` in percentage points."""
    return NONE if isnan(difference.low) else f"[{points(difference.low)}, {points(difference.high)}]"


def figures(value: float, digits: int = 3) -> str:
    """So many figures that count, without an exponent: ``0.0583``, ``4.13``, ``1523``."""
    if isnan(value):
        return NONE
    return f"{value:.{max(0, digits - 1 - floor(log10(abs(value))))}f}" if value else "0"


def amount(count: int) -> str:
    """``850 k``, ``4.20 M``."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{figures(count / size)} {unit}"
    return str(count)


def time_unit(seconds: float) -> tuple[float, str]:
    """The unit in which a duration is below 100, or hours: how many seconds it has, and its sign."""
    return (1.0, "s") if seconds < 100 else (60.0, "min") if seconds < 6000 else (3600.0, "h")


def duration(seconds: float) -> str:
    """``3.2 s``, ``12 min``, ``4.1 h``."""
    if isnan(seconds):
        return NONE
    size, unit = time_unit(seconds)
    return f"{seconds / size:.{int(seconds / size < 9.95)}f} {unit}"
