"""One of several processes of a training; the second of them dies without warning within a step, the first time."""

import os
import signal
import sys
from pathlib import Path

from toys import tiny_set

from polytag.fit import Training
from polytag.method import Method
from polytag.methods.supervised import Supervised


class Mortal(Method):
    """The plain method, until its end."""

    def __init__(self, model, loss, sampler):
        super().__init__()
        self.plain, self.model, self.calls = Supervised(model, loss, sampler), model, 0

    def prepare(self, train_set, context):
        self.plain.prepare(train_set, context)

    def losses(self, *batches):
        self.calls += 1
        dies = (os.environ.get("RANK"), os.environ.get("TORCHELASTIC_RESTART_COUNT"), self.calls) == ("1", "0", 5)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.plain.losses(*batches)


def training(out):
    """Six steps; no batch norm, whose statistics depend on how a batch is split."""
    quick = {"backbone": "test_convnext", "weights": "none", "image_size": 32, "epochs": 2, "batch_size": 8}
    return Training(data=tiny_set(30), out=out, method=Mortal, workers=0, lr=3e-3, device="cpu", **quick)


if __name__ == "__main__":
    from polytag._team import leave_team
    from polytag.errors import PolytagError

    try:
        training(Path(sys.argv[1])).finish()
    except PolytagError as error:
        sys.exit(f"process {os.environ['RANK']}: {error}")
    leave_team()
