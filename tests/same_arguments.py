"""Whether two trainings are asked for with the same arguments."""

import dataclasses

from polytag import Training


def assert_alike(one, other):
    for field in dataclasses.fields(Training):
        if field.name not in ("data", "command"):
            assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert one.data.fingerprint() == other.data.fingerprint()
