"""What places for names promise: beside the dot where there is room, further away where not, never on each other."""

from itertools import combinations

from polytag.report.labels import Box, place_labels

AREA = Box(0, 0, 400, 300)


def test_boxes_meet_where_they_overlap_not_where_they_touch():
    box = Box(0, 0, 10, 10)
    assert box.meets(Box(9, 9, 20, 20))
    assert not box.meets(Box(10, 0, 20, 10))
    assert not box.meets(Box(0, 11, 10, 20))
    assert box.holds(Box(0, 2, 10, 8))
    assert not box.holds(Box(0, 2, 11, 8))


def test_alone_a_name_stands_to_the_right_and_at_the_edge_to_the_left():
    left, right = place_labels([(100, 50), (390, 150)], [60, 60], 15, AREA)
    assert left == (Box(108, 42.5, 168, 57.5), ())
    assert right == (Box(322, 142.5, 382, 157.5), ())


def test_away_from_its_dot_a_name_hangs_on_a_line():
    (place,) = place_labels([(100, 50)], [60], 15, AREA, [Box(108, 30, 168, 70), Box(0, 30, 92, 70)])
    assert not place.box.meets(Box(108, 30, 168, 70))
    (x0, y0), (x1, y1) = place.leader
    assert (x0, y0) == (100, 50)
    assert x1 + 2 == place.box.left
    assert y1 == (place.box.top + place.box.bottom) / 2


def test_no_name_covers_another_a_dot_or_what_is_taken():
    dots = [(200, 40 + 6 * n) for n in range(30)]
    taken = [Box(199, 0, 201, 300)]
    places = place_labels(dots, [90] * 30, 12, AREA, taken)
    boxes = [place.box for place in places]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].meets(pair[1])]
    assert all(AREA.holds(box) for box in boxes)
    points = [*taken, *(Box(x - 5, y - 5, x + 5, y + 5) for x, y in dots)]
    assert not [box for box in boxes if any(map(box.meets, points))]


def test_without_room_there_is_no_place():
    assert place_labels([(200, 150)], [500], 15, AREA) == [None]
    assert place_labels([(200, 150)], [60], 15, AREA, [AREA]) == [None]
    assert place_labels([], [], 15, AREA) == []
