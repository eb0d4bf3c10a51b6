"""Which rows a pass draws. This file is the table of samplers: ``SAMPLERS[name](labels)`` builds one."""

from polytag.samplers.base import Sampler
from polytag.samplers.uniform import Uniform

__all__ = ["SAMPLERS", "Sampler"]

SAMPLERS: dict[str, type[Sampler]] = {
    "uniform": Uniform,
}
