"""What the layers promise: a module imports only from those below it."""

import ast
from pathlib import Path

import polytag

ROOT = Path(polytag.__file__).parent
# Modules and packages, from the bottom up; those in one line do not know each other.
LAYERS = [
    {
        "errors",
        "_checks",
        "_random",
        "_files",
        "_text",
        "_interrupt",
        "_version",
        "_launch",
        "_team",
        "_toml",
        "parallel",
    },
    {"labels", "metrics"},
    {"layers", "losses", "samplers", "data"},
    {"backbones", "heads"},
    {"model", "method", "branches", "views"},
    {"train", "inference"},
    {"methods"},
    {
        "build",
        "run",
        "relations",
        "recipes",
        "run_config",
        "run_folder",
        "weights",
        "card",
        "scores",
        "recorder",
        "trackers",
        "fits",
        "probe",
        "shares",
        "session",
        "fit",
        "compare",
    },
    {"predictor"},
    {"explain", "export"},
    {"report", "estimator", "tuning"},
    {"bench", "serve", "scale"},
    {"cli"},
]
# Layers whose members may use each other, and the order in which they do.
FRIENDS = [
    LAYERS[0],
    LAYERS[7],
    {"labels", "metrics"},
    {"backbones", "heads"},
    {"model", "method", "branches", "views"},
]


def imports_of(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("polytag"):
            parts = node.module.split(".")
            yield from ([parts[1]] if len(parts) > 1 else [alias.name for alias in node.names])
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("polytag."))


def complaints(files):
    height = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    for name, source in files.items():
        home = name.split("/")[0].removesuffix(".py")
        if home in ("__init__", "__main__"):
            continue  # the front doors
        for target in imports_of(source):
            friends = any({home, target} <= group for group in FRIENDS)
            if target != home and not friends and height.get(target, -1) >= height[home]:
                yield f"{name} imports {target}"
            if target not in height:
                yield f"{name} imports {target}, which is in no layer"


def test_no_module_imports_from_its_own_height_or_above():
    files = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
    assert len(files) > 40
    assert list(complaints(files)) == []


def test_an_import_that_points_up_is_found():
    assert list(complaints({"losses/x.py": "from polytag.heads.linear import Linear"})) == ["losses/x.py imports heads"]
    assert list(complaints({"data/x.py": "import polytag.losses.asl"})) == ["data/x.py imports losses"]
    assert list(complaints({"data/x.py": "from polytag.labels import Labels"})) == []


def test_no_file_is_past_300_lines():
    long = {str(path): n for path in ROOT.rglob("*.py") if (n := len(path.read_text().splitlines())) > 300}
    assert long == {}
