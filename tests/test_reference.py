"""What the reference page promises: it says what the tables say."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_as_the_tables_are():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run `make docs`"
