"""Settings as a run has them and as trackers get them, and a tracker that fails."""

from contextlib import contextmanager

SETTINGS = {"loss": {"name": "asl", "gamma": 4.0}, "head": None, "sizes": [32, 48], "resume": False}
FLAT = {"loss.name": "asl", "loss.gamma": 4.0, "head": "None", "sizes": "[32, 48]", "resume": False}


class Fake:
    """A tracker that fails where it is told to, and notes what happens to it."""

    def __init__(self, *fails):
        self.fails, self.said = fails, []

    @contextmanager
    def open(self, folder, run, settings):
        self.tell("start")
        yield self
        self.tell("finish")

    def log(self, values, step):
        self.tell(f"log {step}")

    def tell(self, what):
        self.said.append(what)
        if what in self.fails:
            raise OSError(f"no {what}.\nAnd more")
