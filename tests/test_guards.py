"""What the source promises as a whole: nothing that runs code from files, and no generator of the whole process."""

import ast
from pathlib import Path

import polytag

ROOT = Path(polytag.__file__).parent
# Between processes that we start, over pipes, and to tell objects of the caller's apart; never from a file.
PICKLES = {"fits.py", "parallel/task.py", "parallel/processes.py"}
SEEDS = {"_random.py"}  # and puts them back
UNPICKLES = {"weights.py"}  # a file that the user names; its own test says how


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def complaints(name, source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        if name not in PICKLES and {each.partition(".")[0] for each in names} & {"pickle", "marshal", "shelve", "dill"}:
            yield f"{name} imports {names[0]}"
    for function, node in calls(tree):
        if function in ("eval", "exec", "compile", "__import__", "np.random.seed", "numpy.random.seed", "random.seed"):
            yield f"{name} calls {function}"
        last = function.rpartition(".")[2]
        if last in ("manual_seed", "manual_seed_all", "seed_all") and name not in SEEDS:
            yield f"{name} seeds the generators of the caller"
        if function in ("torch.load", "load") and name not in UNPICKLES and "torch" in source:
            yield f"{name} unpickles a file"
        if function in ("np.load", "numpy.load") and any(
            each.arg == "allow_pickle" and ast.unparse(each.value) != "False" for each in node.keywords
        ):
            yield f"{name} unpickles a file"
        if function in ("yaml.load", "joblib.load", "pd.read_pickle"):
            yield f"{name} unpickles a file"


def test_no_source_runs_what_a_file_says_or_seeds_what_is_not_ours():
    files = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(ROOT.rglob("*.py"))}
    assert len(files) > 100
    assert [each for name, source in files.items() for each in complaints(name, source)] == []


def test_the_guard_sees_what_it_is_for():
    source = "import pickle\ntorch.load(f)\neval(x)\ntorch.manual_seed(0)\nnp.load(f, allow_pickle=True)"
    source += "\ntorch.cuda.manual_seed_all(0)\nload(f)\nnumpy.random.seed(0)"
    assert len(list(complaints("mine.py", source))) == 8
    assert len(list(complaints("fits.py", "import pickle"))) == 0
