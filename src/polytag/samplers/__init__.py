"""Which rows a pass draws. This file is the table of samplers: ``SAMPLERS[name](labels)`` builds one."""

from polytag.samplers.base import Sampler
from polytag.samplers.rebalanced import ClassAware, Rebalanced
from polytag.samplers.uniform import Uniform

__all__ = ["SAMPLERS", "Sampler"]

SAMPLERS: dict[str, type[Sampler]] = {
    "uniform": Uniform,
    "rebalanced": Rebalanced,
    "class_aware": ClassAware,
}
