"""What there is in a drawing: where its letters are, what it loads, how its colours stand out."""

import re
from itertools import combinations
from xml.etree import ElementTree

from polytag.report.labels import Box
from polytag.report.lettering import text_width

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing):
    return ElementTree.fromstring(drawing)


def texts(root):
    """The lines of text and their boxes."""
    size = float(root.get("font-size"))
    found = []
    for element in root.iter(f"{SVG}text"):
        width, x, y = text_width(element.text, size), float(element.get("x")), float(element.get("y"))
        left = x - width * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor")]
        found.append((element.text, Box(left, y - 0.8 * size, left + width, y + 0.2 * size)))
    return found


def dots(root):
    """What each dot tells, its place, and whether it is full."""
    circles = root.iter(f"{SVG}circle")
    return [
        (c.find(f"{SVG}title").text, float(c.get("cx")), float(c.get("cy")), c.get("fill-opacity") == "1")
        for c in circles
    ]


def complaints(root):
    """Text that covers text, and whatever leaves the drawing."""
    width, height = map(float, root.get("viewBox").split()[2:])
    page, written = Box(0, 0, width, height), texts(root)
    places = [
        tuple(map(float, pair.split(",")))
        for line in root.iter(f"{SVG}polyline")
        for pair in line.get("points").split()
    ]
    places += [(x, y) for _, x, y, _ in dots(root)]
    return [
        *(f"{a} covers {b}" for (a, one), (b, other) in combinations(written, 2) if one.meets(other)),
        *(f"{text} leaves the drawing" for text, box in written if not page.holds(box)),
        *(f"{place} is outside" for place in places if not page.holds(Box(*place, *place))),
    ]


def loads_nothing(page):
    """Whether a page or drawing names nothing that a browser would fetch or run."""
    foreign = re.findall(r"https?://[^\"'\s]+", page)
    return set(foreign) <= {"http://www.w3.org/2000/svg"} and not re.search(
        r"<(script|link|img|image|iframe|object|embed|use)\b|@import|url\(|\bon\w+=|\b(src|href)=", page
    )


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Of two colours ``#rrggbb``, 1 to 21; at least 4.5 is asked of text, 3 of drawings."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
