"""Places for the names of dots, where no name covers another, a dot or a line."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple


class Box(NamedTuple):
    """Upright, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether they overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        """Whether the other one is inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


class Place(NamedTuple):
    """Where a name stands."""

    box: Box
    leader: tuple[tuple[float, float], ...]  # a thin line from the dot to it; empty where it stands beside the dot


_BESIDE = 8.0  # from the middle of a dot to its name
_GAPS, _SHIFT = (0.0, 24.0, 60.0, 110.0, 170.0, 240.0, 320.0), 5.0
# Where a name may stand as (side, gap, how far down), the nearest first, and rather beside its dot than below or above.
_TRIES = sorted(
    product((1, -1), _GAPS, (_SHIFT * n for n in range(-120, 121))), key=lambda t: (t[1] + 1.5 * abs(t[2]), -t[0], t[2])
)


def place_labels(
    dots: Sequence[tuple[float, float]], widths: Sequence[float], height: float, area: Box, taken: Sequence[Box] = ()
) -> list[Place | None]:
    """A place for the name of each dot, as near as the names before it leave room; from top to bottom.

    Args:
        dots: ``(x, y)`` each.
        widths: of the names.
        height: of a name.
        area: that no name may leave.
        taken: what else no name may cover.

    Returns:
        In the order of the dots; None where there is no room.
    """
    blocked = [*taken, *(Box(x - 6, y - 6, x + 6, y + 6) for x, y in dots)]
    places: list[Place | None] = [None] * len(dots)
    names: list[Box] = []
    for number in sorted(range(len(dots)), key=lambda n: dots[n][1]):
        for side, gap, down in _TRIES:
            place = _place(dots[number], widths[number], height, side, gap, down)
            thread = _along(place.leader)
            if (
                area.holds(place.box)
                and not any(map(place.box.meets, blocked))
                and not any(name.meets(bead) for name in names for bead in thread)
            ):
                places[number] = place
                names.append(place.box)
                blocked += [place.box, *thread]
                break
    return places


def _place(dot: tuple[float, float], width: float, height: float, side: int, gap: float, down: float) -> Place:
    x, y = dot
    near = x + side * (_BESIDE + gap)
    left = near if side > 0 else near - width
    box = Box(left, y + down - height / 2, left + width, y + down + height / 2)
    far = gap > 0 or abs(down) > height / 2
    return Place(box, ((x, y), (near - 2 * side, y + down)) if far else ())


def _along(leader: tuple[tuple[float, float], ...]) -> list[Box]:
    """A line as a row of small boxes, from past its dot on."""
    if not leader:
        return []
    (x0, y0), (x1, y1) = leader
    pieces = 2 + int((abs(x1 - x0) + abs(y1 - y0)) / 5)
    shares = [n / pieces for n in range(1, pieces)]
    middles = [(x0 + s * (x1 - x0), y0 + s * (y1 - y0)) for s in shares]
    return [Box(x - 1, y - 1, x + 1, y + 1) for x, y in middles]
