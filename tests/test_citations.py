"""What citations promise: each paper stands in one module docstring, and there only."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import polytag

ROOT = Path(polytag.__file__).parent
FAMILIES = ("methods", "heads", "losses", "samplers")
TITLE = re.compile(r'"([A-Z][^"]{20,})"')  # as in: Paper: Authors, "Title in quotes", venue


def titles(text):
    return [re.sub(r"[\s,]+", " ", title).strip().casefold() for title in TITLE.findall(text)]


def documented(source):
    """Module docstring, and all other docstrings together."""
    tree = ast.parse(source)
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    others = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    return ast.get_docstring(tree) or "", "\n".join(others)


def files():
    return [path for family in FAMILIES for path in sorted((ROOT / family).glob("*.py"))]


def test_a_paper_is_cited_by_one_module_only():
    cited = Counter(title for path in files() for title in set(titles(documented(path.read_text())[0])))
    assert cited, "no citation was found at all"
    assert [title for title, count in cited.items() if count > 1] == []


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_module_docstrings_cite(path):
    assert titles(documented(path.read_text())[1]) == []
