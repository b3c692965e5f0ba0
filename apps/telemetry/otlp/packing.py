"""Undoing the compression of a body without ever holding more of it than is allowed."""

import zlib
from typing import Final

from apps.telemetry.otlp.errors import BadDataError, TooLargeError, UnsupportedError

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a body after decompression, unless the caller says otherwise."""
MOST_MEMBERS: Final = 64
"""Each is read from what the one before has left: a body of nothing but headers would not end."""
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's own way of asking for gzip's header and checksum


def unpacked(body: bytes, encoding: str = "", *, most_bytes: int = MOST_BYTES) -> bytes:
    """The body as it was before `Content-Encoding`: gzip, identity or none."""
    kind = encoding.strip().lower()
    if kind in ("", "identity"):
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
        return body
    if kind != "gzip":
        raise UnsupportedError("The only Content-Encoding understood is gzip.")
    return _gunzipped(body, most_bytes)


def _gunzipped(body: bytes, most_bytes: int) -> bytes:
    """Every member of a gzip file, decompressed no further than one byte over the limit."""
    plain = b""
    rest = body
    for _ in range(MOST_MEMBERS):
        member = zlib.decompressobj(wbits=_GZIP)
        try:
            plain += member.decompress(rest, most_bytes + 1 - len(plain))
        except zlib.error:
            raise BadDataError("The body is not gzip.") from None
        if len(plain) > most_bytes:
            raise _too_large(most_bytes)
        if not member.eof:
            raise BadDataError("The gzip body ends too early.")
        rest = member.unused_data
        if not rest:
            return plain
    raise BadDataError("The gzip body has too many members.")


def _too_large(most_bytes: int) -> TooLargeError:
    return TooLargeError(f"The body is larger than {most_bytes} bytes after decompression.")
