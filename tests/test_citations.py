"""What citations promise: each paper stands in one module docstring, and there only."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import polytag

ROOT = Path(polytag.__file__).parent
PAPERS = Path(__file__).parents[1] / "docs" / "papers.md"
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


SYSTEMS = {  # the five, by where each is cited
    "methods/vfa.py": "Enhance via Decoupling: Improving Multi-Label Classifiers with Variational Feature Augmentation",
    "methods/aam_gat.py": "Combining Metric Learning and Attention Heads For Accurate and Efficient Multilabel Image "
    "Classification",
    "heads/decouple.py": "Decoupling Category-Wise Independence and Relevance with Self-Attention for Multi-Label "
    "Image Classification",
    "methods/collaborative.py": "Long-Tailed Multi-Label Visual Recognition by Collaborative Training on Uniform and "
    "Re-balanced Samplings",
    "methods/cpsd.py": "Boosting Multi-Label Image Classification with Complementary Parallel Self-Distillation",
}


@pytest.mark.parametrize(("place", "title"), SYSTEMS.items(), ids=lambda value: value.partition(".")[0][:20])
def test_each_of_the_five_systems_is_cited_where_it_is_and_has_a_row_with_tables(place, title):
    assert title.casefold() in titles(documented((ROOT / place).read_text())[0])
    (row,) = (line for line in PAPERS.read_text().splitlines() if f'"{title}"' in line)
    *_, tables, _ = row.split("|")
    assert tables.strip()
    for target in re.findall(r"\]\(([^)]+)\)", tables):
        assert (PAPERS.parent / target).exists()


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_module_docstrings_cite(path):
    assert titles(documented(path.read_text())[1]) == []
