"""What files of options promise: what is written is read again, and what is no such file is refused."""

import tomllib

import pytest

from polytag._toml import as_toml, read_json, read_toml
from polytag.errors import OptionError


def test_what_is_written_reads_the_same():
    values = {"text": 'Größe "\\ \x1b\n', "switch": True, "rate": 1e-05, "list": (1, 2), "loss": {"name": "asl"}}
    assert tomllib.loads(as_toml(values)) == {**values, "list": [1, 2]}
    assert as_toml({"loss": {"name": "asl"}, "epochs": 3}) == 'epochs = 3\n\n[loss]\nname = "asl"\n'


def test_a_path_that_is_no_text_is_refused():
    with pytest.raises(OptionError, match=r"^a path whose name is not Unicode cannot be written as TOML; rename it$"):
        as_toml({"data": "/a/\udcff"})


def test_a_byte_order_mark_is_no_letter(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_toml(tmp_path / "a.toml", "note", "write one") == {"a": 1}
    assert read_json(tmp_path / "a.json", "note", "write one") == {"a": 1}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"#" * 1_000_001, "{path} is larger than 1 MB, which no note is; write one"),
        (b"a 1", "{path} is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 3); correct it"),
        (None, "cannot read {path}: No such file or directory; write one"),
    ],
)
def test_what_is_no_such_file_is_refused(content, sentence, tmp_path):
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OptionError) as refusal:
        read_toml(path, "note", "write one")
    assert str(refusal.value) == sentence.format(path=path)
