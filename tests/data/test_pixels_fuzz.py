"""What ``open_image`` promises of damage of every kind: pixels or one sentence. The long run is in benchmarks."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from polytag.data.pixels import open_image
from polytag.errors import DataError

_PATH = Path(__file__).parents[2] / "benchmarks" / "fuzz_images.py"
_SPEC = importlib.util.spec_from_file_location("fuzz_images", _PATH)
fuzz = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fuzz)


@pytest.mark.filterwarnings("ignore")  # of Pillow, about odd metadata; turned into errors they would hide what follows
@pytest.mark.parametrize("form", fuzz.FORMATS)
def test_a_damaged_photo_gives_pixels_or_a_sentence_that_names_it(form, tmp_path):
    files, outcomes = fuzz.encoded(form, fuzz.photo(64, 48)), []
    for number, damage, content in fuzz.mutants(form, files, 1, range(20)):
        path = tmp_path / f"{form}-{number}"
        path.write_bytes(content)
        try:
            array = open_image(path, (16, 16) if number % 2 else None)
        except DataError as error:
            assert re.fullmatch(re.escape(f"{path} cannot be read: ") + r"[^\n]+", str(error)), damage  # noqa: PT017
            outcomes.append("refused")
        else:
            assert (array.dtype, array.ndim, array.shape[2]) == (np.uint8, 3, 3), damage
            outcomes.append("decoded")
    assert set(outcomes) == {"decoded", "refused"}


def test_mutants_are_a_function_of_seed_format_and_number():
    files = fuzz.encoded("png", fuzz.photo(64, 48))
    some = list(fuzz.mutants("png", files, 0, range(40)))
    assert list(fuzz.mutants("png", files, 0, range(30, 40))) == some[30:]
    assert {damage for _, damage, _ in some} == {"truncated", "bits", "head", "twice", "number"}
    assert sum(content not in files for _, _, content in some) >= 38
    assert list(fuzz.mutants("gif", files, 0, range(40))) != some
    assert list(fuzz.mutants("png", files, 1, range(40))) != some


def test_a_broken_promise_is_found(tmp_path, monkeypatch):
    def fail(path, at_least):
        raise KeyError("x")

    def mumble(path, at_least):
        raise DataError("no")

    monkeypatch.setattr(fuzz, "open_image", fail)
    assert fuzz.opened(tmp_path / "a", None)[0] == "raises KeyError: 'x'"
    monkeypatch.setattr(fuzz, "open_image", mumble)
    assert fuzz.opened(tmp_path / "a", None)[0] == "says 'no'"


def test_a_crash_is_named_and_the_mutants_after_it_are_still_opened(tmp_path, monkeypatch):
    program = tmp_path / "child.py"
    program.write_text(
        "import json, os, sys\n"
        "for number in range(int(sys.argv[3]), int(sys.argv[4])):\n"
        "    if number == 2: os.abort()\n"
        "    seconds = 3.0 if number == 4 else 0.1\n"
        "    print(json.dumps([number, 'bits', 'decoded', seconds, 10**6]), flush=True)\n"
    )
    monkeypatch.setattr(fuzz, "__file__", str(program))
    outcomes, slowest, highest, broken = fuzz.attack(tmp_path, "png", 0, 6)
    assert dict(outcomes) == {"decoded": 5, "broken": 1}
    assert (slowest, highest) == (3.0, 1e6)
    assert broken == ["png-2 ends the process with -6: ", "png-4 (bits) takes 3.0 s"]
