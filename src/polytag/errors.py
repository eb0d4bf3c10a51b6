"""Everything polytag refuses, as one tree. Each message is one sentence that says what came and what to do."""


class PolytagError(Exception):
    """Base of all errors that polytag raises on purpose; the command line prints its sentence and exits with 1."""


class OptionError(PolytagError, ValueError):
    """An argument is out of its range, of the wrong shape, or does not go with another one."""


class DataError(PolytagError, ValueError):
    """A table, an annotation file or a photo cannot be used as it is."""


class RunError(PolytagError, RuntimeError):
    """A run folder or a weights file cannot be read, written or matched."""


class BusyError(RunError):
    """Another process holds what can be held once, such as a run folder to write to."""


class DivergedError(PolytagError, FloatingPointError):
    """A loss term or the weights stopped being finite."""


class ProcessError(PolytagError, RuntimeError):
    """A process of a training in several ones is gone, or refused what the others accept."""


class ElsewhereError(PolytagError):
    """Another process has refused, and says why; the command line of this one stays silent."""


class BusyElsewhereError(ElsewhereError, BusyError):
    """Another process has found something held that can be held once."""


class TaskError(PolytagError, RuntimeError):
    """One of many tasks failed or its process died; the message names it, the cause is its own error."""
