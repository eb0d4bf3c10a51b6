"""When a training has stopped getting better."""

from polytag._checks import check_number


class Stopping:
    """Ends a training once its score has lain below the smoothed best ones for some judged epochs.

    With the smoothed best ``s``, 0 at first, and a score ``v``, rounded to four decimals: where ``v > s``, ``s``
    becomes ``0.8 v + 0.2 s`` and the wait begins anew; else, once the rate no longer rises, the wait is one longer. So
    a score counts as better although it is a little below the best of all. A score of 1 ends the training at once.

    The rule of the public code of the AAM paper, whose text says the same more loosely.

    Args:
        patience: judged epochs to wait, ``>= 1``.
    """

    def __init__(self, patience: int = 5) -> None:
        check_number("patience", patience, 1, 1_000_000)
        self.patience = patience
        self.smoothed, self.waited, self.done = 0.0, 0, False

    def observe(self, score: float, rising: bool) -> None:
        """Told every validation score, in ``[0, 1]``, and whether the learning rate was still rising."""
        score = round(score, 4)
        if score > self.smoothed:
            self.smoothed, self.waited = 0.8 * score + 0.2 * self.smoothed, 0
        elif not rising:
            self.waited += 1
        self.done = self.done or self.waited >= self.patience or score >= 1.0

    def state_dict(self) -> dict[str, float]:
        """The smoothed best, the wait, and whether it is over."""
        return {"smoothed": self.smoothed, "waited": self.waited, "done": self.done}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Takes them back."""
        self.smoothed, self.waited, self.done = state["smoothed"], int(state["waited"]), bool(state["done"])
