"""`polytag explain`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from polytag._files import write_atomic
from polytag._text import counted, printable, table
from polytag.cli.console import report_bad, say
from polytag.cli.parser import Parser
from polytag.cli.reading import check_output
from polytag.errors import OptionError
from polytag.explain import WAYS
from polytag.explain.explainer import Explainer
from polytag.predictor import as_images
from polytag.report.canvas import Pen
from polytag.report.heat_sheet import heat_sheet, sheet_height

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
HIGHEST = {"PNG": 100_000, "JPEG": 65_500, "WEBP": 16_383}  # pixels: of PNG for want of memory, of the others by format
MOST = 100  # photos on one sheet
CELL = 300  # pixels of the sheet for a column


def main(words: list[str]) -> int:
    """Draw where labels are seen on photos."""
    args = _parser().parse_args(words)
    out = Path(args.out)
    if out.suffix.lower() not in FORMATS:
        raise OptionError(f"--out must end in {', '.join(FORMATS)}, got {args.out}")
    check_output(out, photos=args.photos)
    Pen(args.font)  # refuses what is no font before photos are looked at
    explainer = Explainer(args.run, args.by, device=args.device, workers=args.workers)
    photos = as_images(args.photos)
    if len(photos) > MOST:
        raise OptionError(f"{len(photos)} photos are too many for a sheet; give at most {MOST}")
    known = len(args.label or ()) or min(args.topk or 1, len(explainer.classes))  # of a photo's tags, one at least
    _check_height([known] * len(photos), args.columns, out.suffix.lower())
    found = explainer.explain(photos, args.label, topk=args.topk, at_most=CELL, on_bad_image="skip")
    if drawn := [photo for photo in found if photo.error is None]:
        _check_height([len(photo.heats) + bool(photo.attention) for photo in drawn], args.columns, out.suffix.lower())
        sheet = heat_sheet(drawn, explainer.way, columns=args.columns, width=CELL * args.columns, font=args.font)
        write_atomic(out, partial(sheet.save, format=FORMATS[out.suffix.lower()]))
        rows = [
            (printable(photo.filename), printable(heat.label), f"{heat.score:.2f}")
            for photo in drawn
            for heat in photo.heats
        ]
        print(table([("photo", "label", "probability"), *rows], right=frozenset({2})))
        say(f"{counted(len(rows), 'heat map')} by {explainer.way}, drawn to {args.out}")
    return report_bad(photo.error for photo in found)


def _check_height(maps: Sequence[int], columns: int, suffix: str) -> None:
    """Refuse a sheet that is too high for its format; ``maps`` are the pictures beside each photo."""
    height, most = sheet_height(maps, columns, CELL * columns), HIGHEST[FORMATS[suffix]]
    if height > most:
        advice = f"{'choose .png, or ' if height <= HIGHEST['PNG'] else ''}give fewer photos or labels"
        raise OptionError(f"the sheet would be {height:,} px high, and a {suffix} may have {most:,}; {advice}")


def _parser() -> Parser:
    parser = Parser(prog="polytag explain", description="Where a run sees its labels.", allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="the run folder")
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="photos, or folders of photos")
    parser.add_argument(
        "--label", action="append", metavar="TEXT", help="which, there or not (default: the tags of each photo)"
    )
    parser.add_argument("--topk", type=int, metavar="N", help="the N most probable labels instead")
    ways = "the head's own maps, its attention, or gradients (default: auto, maps where the head has some)"
    parser.add_argument("--by", choices=("auto", *WAYS), default="auto", help=ways)
    parser.add_argument("-o", "--out", default="explained.png", metavar="FILE", help="(default: explained.png)")
    parser.add_argument("--columns", type=int, default=4, metavar="N", help="pictures in a row (default: 4)")
    text = "a TrueType file for labels in other letters than ASCII has"
    parser.add_argument("--font", type=Path, metavar="FILE", help=text)
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="threads that decode (default: 2)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    return parser
