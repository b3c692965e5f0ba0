"""Public ids: a prefix that says what it names, and a random part nobody can guess or count."""

import secrets
import string

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_CHARACTERS = 24
"""24 characters of 62 are 142 bits."""


def public_id(prefix: str) -> str:
    """A new id such as `con_4fZ…`."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
