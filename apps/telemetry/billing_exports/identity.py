"""Which line it is: a digest of what stays the same when the provider exports the use again.

Row ids do not serve: AWS makes new ones with every delivery of a report ("isn't consistent between
different Cost and Usage Reports", docs.aws.amazon.com/cur/latest/userguide/
table-dictionary-cur2-identity.html), and FOCUS has none. So the digest is over the columns that say
who used what, where, when and on which terms. Amounts, costs and invoice numbers are revised, tags
may be added afterwards: of these only the tags count, and only of lines that name no resource.
"""

import functools
import hashlib
import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES: Final = 16


def identity(values: tuple[str, ...]) -> bytes:
    """The digest of the identifying columns' texts, in their order."""
    joined = "\x1f".join(values).encode()
    return hashlib.blake2b(joined, digest_size=DIGEST_BYTES).digest()


def external_id(prefix: str, digest: bytes, ordinal: int, measure: str) -> str:
    """The sample's name: `cur2-…`, one for each thing that a line measures."""
    whole = hashlib.blake2b(digest, digest_size=DIGEST_BYTES, person=measure.encode()[:16])
    if ordinal:
        whole.update(ordinal.to_bytes(8))
    return f"{prefix}-{whole.hexdigest()}"


@functools.lru_cache(maxsize=4096)
def plain_json(text: str) -> str:
    """The same tags as one text, whichever order and spaces they came with."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        return text


class Ordinals:
    """Numbers from 0 the lines of one file that are the same in all that identifies them.

    Remembers eight bytes a line in sorted runs, and a count for each digest that came again: 100
    MB for twelve million lines. Two digests that share eight bytes would only number one of them 1
    in place of 0, in every import of that file alike.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []
        self._again: dict[int, int] = {}

    def number(self, digests: list[bytes]) -> list[int]:
        """The ordinal of each, in order."""
        if not digests:
            return []
        keys = np.frombuffer(b"".join(digests), dtype=np.uint64)[:: DIGEST_BYTES // 8]
        fresh, counts = np.unique(keys, return_counts=True)
        seen = np.zeros(len(fresh), dtype=bool)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, fresh), len(run) - 1)
            seen |= run[places] == fresh
        self._remember(fresh[~seen])
        repeated = set(fresh[seen | (counts > 1)].tolist())
        if not repeated:
            return [0] * len(digests)
        first = set(fresh[~seen].tolist())
        return [self._next(key, first) if key in repeated else 0 for key in keys.tolist()]

    def _next(self, key: int, first: set[int]) -> int:
        ordinal = self._again.get(key, 0 if key in first else 1)
        self._again[key] = ordinal + 1
        return ordinal

    def _remember(self, fresh: NDArray[np.uint64]) -> None:
        """Runs are merged like the digits of a counter, so that there are few and long ones."""
        if len(fresh):
            self._runs.append(fresh)
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            later, earlier = self._runs.pop(), self._runs.pop()
            merged = np.concatenate([earlier, later])
            merged.sort(kind="stable")
            self._runs.append(merged)
