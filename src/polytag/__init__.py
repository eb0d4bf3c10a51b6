"""polytag: multi-label image classification. Photos in, tags out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polytag._version import __version__

if TYPE_CHECKING:
    from polytag.data.labelled_set import LabelledSet
    from polytag.data.open import open_data
    from polytag.estimator import MultiLabelClassifier
    from polytag.explain.explainer import Explainer
    from polytag.fit import Training
    from polytag.labels import Labels
    from polytag.predictor import Prediction, Predictor
    from polytag.run import Run

# Where each public name lives: it is imported when it is first used, so that `polytag --help` need not wait for torch.
_HOMES = {
    "Explainer": "polytag.explain.explainer",
    "LabelledSet": "polytag.data.labelled_set",
    "Labels": "polytag.labels",
    "MultiLabelClassifier": "polytag.estimator",
    "Prediction": "polytag.predictor",
    "Predictor": "polytag.predictor",
    "Run": "polytag.run",
    "Training": "polytag.fit",
    "open_data": "polytag.data.open",
}

__all__ = [
    "Explainer",
    "LabelledSet",
    "Labels",
    "MultiLabelClassifier",
    "Prediction",
    "Predictor",
    "Run",
    "Training",
    "__version__",
    "open_data",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polytag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
