"""What a developer is told: one sentence that says what to do next."""


class DevstackError(Exception):
    """Shown without a traceback; the message names the remedy."""
