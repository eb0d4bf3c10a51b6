"""What `import polytag` promises: these names, each loaded when it is first used."""

import subprocess
import sys

import pytest

import polytag
from polytag.predictor import Predictor


def test_every_public_name_is_there_and_documented():
    assert sorted(polytag.__all__) == list(polytag.__all__)
    assert {"MultiLabelClassifier", "Predictor", "Run", "Training", "open_data"} <= set(polytag.__all__)
    assert set(polytag.__all__) <= set(dir(polytag))
    for name in polytag.__all__:
        value = getattr(polytag, name)
        assert name.startswith("__") or value.__doc__
    assert polytag.Predictor is Predictor
    assert polytag.__version__.count(".") >= 2


def test_names_that_are_not_there_are_missed_as_usual():
    with pytest.raises(AttributeError, match=r"^module 'polytag' has no attribute 'Training2'$"):
        polytag.Training2  # noqa: B018
    with pytest.raises(ImportError):
        from polytag import nothing  # noqa: F401


def test_a_star_brings_all():
    names = {}
    exec("from polytag import *", names)
    assert set(polytag.__all__) <= set(names)


def test_importing_polytag_does_not_import_torch():
    code = "import sys, polytag; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_python_dash_m_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "polytag", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"polytag {polytag.__version__}\n")
