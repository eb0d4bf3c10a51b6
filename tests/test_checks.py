"""What the check of types promises: what a file has must suit the annotation, and is never turned into something."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Optional

import pytest

from polytag._checks import check_type
from polytag.errors import OptionError


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, int),
        (3, float),
        (3.5, float),
        ("a", str),
        (True, bool),
        ("a", Literal["a", "b"]),
        ([], tuple[str, ...]),
        (["a", "b"], tuple[str, ...]),
        (("a", "b"), tuple[str, ...]),
        ([1, 2], int | tuple[int, int]),
        (1, int | tuple[int, int]),
        (1.5, float | None),
        (2, Optional[int]),  # noqa: UP045
        ("bce", str | Mapping[str, Any] | Callable[..., Any]),
        ({"name": "asl"}, str | Mapping[str, Any] | Callable[..., Any]),
        (object(), Any),
    ],
)
def test_what_suits_is_let_through(value, kind):
    assert check_type("x", value, kind) is None


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        (2.0, int, "x must be a whole number, got 2.0"),
        ("2", int, "x must be a whole number, got '2'"),
        (True, int, "x must be a whole number, got True"),
        (True, float, "x must be a number, got True"),
        (1, bool, "x must be true or false, got 1"),
        (1, str, "x must be text, got 1"),
        ("a\0b", str, "x must be text without the character 0, got 'a\\x00b'"),
        ("a", tuple[str, ...], "x must be a list, got 'a'"),
        (["a", 1], tuple[str, ...], "each of x must be text, got 1"),
        ([1, "2"], int | tuple[int, int], "each of x must be a whole number, got '2'"),
        ("1", int | tuple[int, int], "x must be a whole number or a list, got '1'"),
        ("c", Literal["a", "b"], "x must be one of a, b, got 'c'"),
        (["a"], Literal["a", "b"], "x must be one of a, b, got ['a']"),
        ("a", Optional[int], "x must be a whole number, got 'a'"),  # noqa: UP045
    ],
)
def test_what_does_not_suit_is_refused(value, kind, sentence):
    with pytest.raises(OptionError) as refusal:
        check_type("x", value, kind)
    assert str(refusal.value) == sentence
