"""An axis: where a value lies along it, and the round numbers that name its places."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from polytag.errors import OptionError

MOST_STEPS, MOST_LOG_STEPS = 6, 9  # from tick to tick


class Axis(NamedTuple):
    """Round ticks from one end to the other; made by :func:`axis`."""

    ticks: tuple[float, ...]  # the first and the last are its ends
    start: float  # pixels of the first tick
    end: float  # and of the last; below ``start`` where the axis points up
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a value, in pixels."""
        low, high, value = (log10(v) if self.log else v for v in (self.ticks[0], self.ticks[-1], value))
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def text(self, tick: float) -> str:
        """A tick in as many digits as tell it from its neighbours."""
        if self.log:
            return f"{tick:g}"
        return f"{tick:z.{max(0, -floor(log10(self.ticks[1] - self.ticks[0]) + 1e-9))}f}"


def axis(values: Sequence[float], start: float, end: float, least: float = 0.01, log: bool = False) -> Axis:
    """An axis that holds all values.

    Args:
        values: finite; above 0 for a logarithmic axis.
        start: place of its lowest number, in pixels.
        end: place of its highest.
        least: what it spans at least, as a share of the largest value: small differences are not blown up.
        log: logarithmic.

    Raises:
        OptionError: if there is no value.
    """
    if not values:
        raise OptionError("an axis needs at least one value, got none")
    low, high = min(values), max(values)
    if log:
        return Axis(_log_ticks(low, high), start, end, log)
    missing = max(0.0, (least * max(abs(low), abs(high)) or 1.0) - (high - low))
    floor_at = 0.0 if low >= 0 else -float("inf")  # no axis of times below 0
    return Axis(_ticks(max(low - missing / 2, floor_at), high + missing / 2), start, end)


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 or 5 times a power of ten apart."""
    power = 10.0 ** floor(log10((high - low) / MOST_STEPS))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = floor(round(low / step, 9)), ceil(round(high / step, 9))
        if last - first <= MOST_STEPS:
            break
    return tuple(step * number for number in range(first, last + 1))


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 in every decade; where that is too many, the powers of ten."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    fine = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    first = max(number for number, tick in enumerate(fine) if tick <= low)
    last = min(number for number, tick in enumerate(fine) if tick >= high)
    if last - first <= MOST_LOG_STEPS:
        return tuple(fine[first : max(last, first + 1) + 1])
    return tuple(float(f"1e{power}") for power in powers)
