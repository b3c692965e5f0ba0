"""Why a whole body cannot be taken. What is wrong with a single item only rejects that item."""


class BodyError(Exception):
    """The message is for the sender, and quotes nothing of the body."""


class BadDataError(BodyError):
    """Not what it says it is; sending it again is no use."""


class TooLargeError(BodyError):
    """More bytes or items than are taken at once; smaller batches are."""


class UnsupportedError(BodyError):
    """An encoding or a type that is not spoken here."""
