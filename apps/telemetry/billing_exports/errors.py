"""What cannot be read as a billing export."""


class ExportError(Exception):
    """The file as a whole: its kind, its header, its encoding. Says what to do about it."""
