"""What options promise: they follow from signatures and docstrings, and those of a choice are nested under it."""

import argparse
from typing import Literal, Optional

import pytest

from polytag.build import TABLES
from polytag.cli.options import add_argument, argument_help, nested_choice, parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.reading import add_reading, typed
from polytag.errors import OptionError


class Documented:
    """A class.

    Args:
        one: the first, which is
            long and of ``None`` importance.
        two, three: both, see :class:`polytag.Run`.

    Raises:
        ValueError: never.
    """


class Plain:
    """Plain.

    Args:
        smoothing: how much.
    """

    def __init__(self, smoothing: float = 0.0):
        self.smoothing = smoothing


class Fancy:
    """Fancy."""

    def __init__(self, gamma_neg: float = 4.0, detach_weights: bool = True):
        self.gamma_neg, self.detach_weights = gamma_neg, detach_weights


class Bare:
    """Without options."""


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    """What there is to choose from, so that new entries elsewhere change nothing here."""
    monkeypatch.setitem(TABLES, "loss", {"plain": Plain, "fancy": Fancy})
    monkeypatch.setitem(TABLES, "head", {"bare": Bare})


def parser():
    made = Parser(prog="polytag train", allow_abbrev=False)
    made.add_argument("data")
    made.add_argument("--head", default="bare")
    made.add_argument("--loss", default="plain")
    made.add_argument("--reader")
    return made


def parsed(*words, kinds=("head", "loss", "reader")):
    return parse_with_nested(parser(), list(words), kinds)


def test_help_comes_from_the_docstring_on_one_line_without_markup():
    assert argument_help(Documented) == {
        "one": "the first, which is long and of None importance",
        "two": "both, see polytag.Run",
        "three": "both, see polytag.Run",
    }
    assert argument_help(int) == {}


@pytest.mark.parametrize(
    ("kind", "default", "words", "value"),
    [
        (int, 3, [], 3),
        (int, 3, ["--x", "5"], 5),
        (float, 0.5, ["--x", "5"], 5.0),
        (float | None, None, ["--x", "1e-3"], 0.001),
        (Optional[int], None, ["--x", "7"], 7),  # noqa: UP045
        (str, "", ["--x", "a b"], "a b"),
        (bool, False, [], False),
        (bool, False, ["--x"], True),
        (bool, False, ["--x", "--no-x"], False),
        (bool, True, ["--no-x"], False),
        (tuple[str, ...], (), [], ()),
        (tuple[str, ...], (), ["--x", "a", "--x", "b"], ("a", "b")),
        (tuple[float, ...], (1.0, 3.0), ["--x", "2"], (2.0,)),
        (tuple[float, ...], (1.0, 3.0), [], (1.0, 3.0)),
        (tuple[Literal["a", "b"], ...], (), ["--x", "b"], ("b",)),
        (Literal["a", "b"], "a", ["--x", "b"], "b"),
    ],
)
def test_types_and_choices_follow_from_the_annotation(kind, default, words, value):
    made = Parser()
    add_argument(made, "--x", kind, default, "", "x")
    got = made.parse_args(words).x
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("default", "shown"),
    [(0.0, "half of 10% (default: 0.0)"), (None, "half of 10%"), (3.0, "half of 10% (default: 3.0)")],
)
def test_the_default_is_shown_also_where_it_is_zero(default, shown):
    made = Parser()
    add_argument(made, "--x", float, default, "half of 10%", "x")
    assert made.format_help().rstrip().endswith(shown)


def test_a_choice_without_options_stays_a_name():
    args = parsed("data")
    assert (args.head, args.loss, args.reader) == ("bare", "plain", None)


def test_options_of_a_choice_are_given_with_it_and_the_others_left_to_its_defaults():
    assert parsed("data", "--loss.smoothing=0.1").loss == {"name": "plain", "smoothing": 0.1}
    args = parsed("data", "--loss", "fancy", "--loss.gamma-neg", "2")
    assert args.loss == {"name": "fancy", "gamma_neg": 2.0}
    assert parsed("data", "--loss=fancy", "--no-loss.detach-weights").loss == {"name": "fancy", "detach_weights": False}


def test_an_option_of_a_reader_stands_for_the_reader_of_tables():
    assert parsed("data", "--reader.labels", "tags").reader == {"name": "table", "labels": "tags"}


def test_the_reader_is_the_one_that_can_read_the_data_with_the_options_given(tmp_path):
    table = tmp_path / "x.csv"
    table.write_text("pic,cat,dog\na,1,0\nb,0,1\n")
    assert parsed(str(table), "--reader.filename", "pic").reader == {"name": "one_hot", "filename": "pic"}
    assert parsed(str(table), "--reader.filename=pic").reader == {"name": "one_hot", "filename": "pic"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--loss", "fanci"], "loss must be one of plain, fancy, got 'fanci'; did you mean 'fancy'"),
        (["--loss.gamma-neg", "2"], "the loss plain has no option --loss.gamma-neg; it has --loss.smoothing"),
        (["--loss.smooth=2"], "the loss plain has no option --loss.smooth; it has --loss.smoothing"),
        (["--head.scale", "3"], "the head bare has no option --head.scale; it has none"),
        (["--loss"], "argument --loss: expected one argument; polytag train --help shows what there is"),
        (
            ["--loss.smoothing", "x"],
            "argument --loss.smoothing: invalid float value: 'x'; polytag train --help shows what there is",
        ),
        (["--colour.red", "2"], "unrecognized arguments: --colour.red 2; polytag train --help shows what there is"),
    ],
)
def test_what_is_not_known_is_refused_by_name(words, sentence):
    with pytest.raises(OptionError) as refusal:
        parsed("data", *words)
    assert str(refusal.value) == sentence


def test_options_of_one_kind_do_not_leak_into_another():
    values = {"loss.gamma-neg": 4.0, "loss": "asl", "losses.x": 1, "head.scale": 2.0}
    assert nested_choice(values, "loss", "asl") == {"name": "asl", "gamma_neg": 4.0}


def test_the_words_that_read_the_same_data_again():
    words = ["my data.csv", "--group-by", "patient", "--min-count", "3", "--reader", "one_hot"]
    words += ["--reader.ignore", "age", "--reader.ignore", "sex"]
    parser = argparse.ArgumentParser()
    add_reading(parser)
    first = parse_with_nested(parser, words, ("reader",))
    again = argparse.ArgumentParser()
    add_reading(again)
    assert vars(parse_with_nested(again, typed(first), ("reader",))) == vars(first)
    assert first.reader == {"name": "one_hot", "ignore": ("age", "sex")}
