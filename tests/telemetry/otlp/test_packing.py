"""Compressed bodies: whole ones are read, harmful ones cost nothing."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry.otlp.errors import BadDataError, TooLargeError, UnsupportedError
from apps.telemetry.otlp.packing import unpacked

MEGABYTE = 1024 * 1024


def zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros as gzip, without its end: one block, over and over."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + block * megabytes


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "GZIP", " gzip "]))
def test_what_was_compressed_comes_out_again(body: bytes, encoding: str) -> None:
    assert unpacked(gzip.compress(body), encoding) == body


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_body_of_two_members_is_both(one: bytes, other: bytes) -> None:
    assert unpacked(gzip.compress(one) + gzip.compress(other), "gzip") == one + other


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_plain_body_is_left_as_it_is(encoding: str) -> None:
    assert unpacked(b"as it is", encoding) == b"as it is"


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_other_encodings_are_not_spoken(encoding: str) -> None:
    with pytest.raises(UnsupportedError):
        unpacked(b"", encoding)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip",
        gzip.compress(b"cut off")[:-1],
        gzip.compress(b"a wrong checksum")[:-8] + bytes(8),
        gzip.compress(b"something after") + b"rubbish",
    ],
    ids=["empty", "text", "cut off", "wrong checksum", "more after it"],  # gzip tells the time
)
def test_what_is_not_gzip_is_bad_data(body: bytes) -> None:
    with pytest.raises(BadDataError):
        unpacked(body, "gzip")


def test_the_limit_is_what_is_left_after_decompression() -> None:
    body = bytes(1000)

    assert unpacked(gzip.compress(body), "gzip", most_bytes=1000) == body
    assert unpacked(body, most_bytes=1000) == body
    for packed, encoding in [(gzip.compress(body), "gzip"), (body, "")]:
        with pytest.raises(TooLargeError):
            unpacked(packed, encoding, most_bytes=999)
    with pytest.raises(TooLargeError):
        unpacked(gzip.compress(body) * 3, "gzip", most_bytes=2999)


def test_a_gigabyte_of_zeros_costs_no_memory() -> None:
    bomb = zeros(1024)
    assert len(bomb) < 2 * MEGABYTE

    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpacked(bomb, "gzip", most_bytes=MEGABYTE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * MEGABYTE


def test_a_body_of_nothing_but_headers_is_bad_data() -> None:
    with pytest.raises(BadDataError, match="too many members"):
        unpacked(gzip.compress(b"") * 100_000, "gzip")
