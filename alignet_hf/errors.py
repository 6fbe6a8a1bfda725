"""The errors that the command line prints as a single line."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one line; it names the file, the row and the value, and says what to do. The command line prints it
    alone and exits with code 2; everything else that is raised is a fault of ours and keeps its traceback.

    Attributes:
        met_by_all: whether every process that `accelerate launch` started meets it; the first then speaks for all.
    """

    met_by_all = False


class FullDiskError(InputError):
    """There is no room for a file: the message names what could not be written."""


class HubError(InputError):
    """The Hub, or the way to it, did not do as asked: the message says why, what to do, and what holds now.

    A token is never part of it.
    """


class UndefinedScoreError(InputError):
    """A score that these answers have none of, a correlation with a constant say; other scores may be fine."""


class NonFiniteLossError(RuntimeError):
    """The loss of a training step is NaN or infinite: the run stops before its parameters are."""
