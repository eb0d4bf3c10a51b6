"""How batches become losses. This file is the table of methods."""

from polytag.method import Method
from polytag.methods.collaborative import Collaborative
from polytag.methods.supervised import Supervised

METHODS: dict[str, type[Method]] = {
    "supervised": Supervised,
    "collaborative": Collaborative,
}
