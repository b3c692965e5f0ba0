"""The classic errors of reading a meter, each tried on every provider that can make it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.common.outside import BusyError
from tests.telemetry.dialects import DIALECTS, NOW, Dialect
from tests.telemetry.recorded import Answer, RecordedServer

EVERYBODY = tuple(DIALECTS)
PAGED = ("openai", "anthropic", "litellm")
WITH_CURSORS = ("openai", "anthropic")


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return DIALECTS[request.param]


def of(*providers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dialect", providers, indirect=True)


@of(*EVERYBODY)
def test_cached_tokens_are_neither_lost_nor_counted_twice(
    server: RecordedServer, dialect: Dialect
) -> None:
    got = dialect.reading(server, dialect.page(dialect.bucket(dialect.row())))

    (row,) = [row for bucket in got.buckets for row in bucket.rows]
    assert (row.input_total, row.input_cache_read, row.output) == (100, 30, 5)
    written = 0 if dialect.provider == "openrouter" else 10  # it does not tell what is written
    assert (row.input_cache_write, row.input_uncached) == (written, 70 - written)
    assert (row.cache_read_known, row.flags) == (True, ())


@of(*EVERYBODY)
def test_a_clipped_first_bucket_keeps_its_place(server: RecordedServer, dialect: Dialect) -> None:
    clipped = dialect.bucket(dialect.row(), clipped=timedelta(minutes=17))

    got = dialect.reading(server, dialect.page(clipped))

    (bucket,) = [bucket for bucket in got.buckets if bucket.rows]
    assert bucket.bucket_start == dialect.first
    assert bucket.is_provisional == (dialect.provider in WITH_CURSORS)


@of(*WITH_CURSORS)
@pytest.mark.parametrize("more", [{"has_more": True, "next_page": None}, {"has_more": True}, {}])
def test_more_without_a_cursor_is_malformed(
    server: RecordedServer, dialect: Dialect, more: dict[str, object]
) -> None:
    with pytest.raises(BusyError) as busy:
        dialect.reading(server, Answer({"data": dialect.bucket(dialect.row()), **more}))

    assert busy.value.kind == "malformed_response"


def test_fewer_rows_than_the_proxy_counts_are_malformed(server: RecordedServer) -> None:
    litellm = DIALECTS["litellm"]

    with pytest.raises(BusyError, match="fewer rows") as busy:
        litellm.reading(server, litellm.page(litellm.bucket(litellm.row()), cursor="2"))

    assert busy.value.kind == "malformed_response"


def test_a_proxys_texts_are_not_kept_even_of_a_row_that_is_set_aside(
    server: RecordedServer,
) -> None:
    litellm = DIALECTS["litellm"]
    texts = {"messages": [{"content": "secret"}], "response": {"text": "secret"}, "user": "secret"}
    rows = (litellm.row(prompt_tokens=-1, **texts), litellm.row(**texts))

    got = litellm.reading(server, litellm.page(litellm.bucket(*rows)))

    assert len(got.buckets[0].quarantined) == len(got.buckets[0].rows) == 1
    assert "secret" not in str(got)


@of(*EVERYBODY)
def test_pages_and_buckets_out_of_order_come_out_ascending(
    server: RecordedServer, dialect: Dialect
) -> None:
    later, earlier = (dialect.bucket(dialect.row(), hour=hour) for hour in (1, 0))
    answers = [dialect.page(later, earlier)]
    if dialect.provider in WITH_CURSORS:
        answers = [dialect.page(later, cursor="next"), dialect.page(earlier)]

    got = dialect.reading(server, *answers)

    starts = [bucket.bucket_start for bucket in got.buckets]
    assert starts == sorted(starts)
    in_window = 1 if dialect.provider == "litellm" else 2  # it is read an hour at a time
    assert sum(len(bucket.rows) for bucket in got.buckets) == in_window


@of(*PAGED)
def test_rows_that_come_again_on_the_next_page_count_once(
    server: RecordedServer, dialect: Dialect
) -> None:
    again = dialect.bucket(dialect.row())
    if dialect.provider == "litellm":
        full = dialect.bucket(*(dialect.row() for _ in range(99)))
        answers = [dialect.page(full, again), dialect.page(again, dialect.bucket(dialect.row()))]
        rows, warning = 101, "duplicate_row"
    else:
        answers = [dialect.page(again, cursor="next"), dialect.page(again)]
        rows, warning = 1, "duplicate_bucket"

    got = dialect.reading(server, *answers)

    assert sum(row.input_total for bucket in got.buckets for row in bucket.rows) == 100 * rows
    assert warning in got.warnings


@of(*EVERYBODY)
def test_fields_nobody_knows_change_nothing(server: RecordedServer, dialect: Dialect) -> None:
    plain = dialect.row()
    strange = {**plain, "x_new": {"deep": [1]}, "brightness_tokens": 7}
    known = dialect.reading(server, dialect.page(dialect.bucket(plain)))

    page = dialect.page(dialect.bucket(strange))
    got = dialect.reading(server, Answer({**page.body, "x_new_at_the_top": 1}))

    def counted(reading: object) -> list[object]:
        rows = [row for bucket in getattr(reading, "buckets", ()) for row in bucket.rows]
        return [(row.dims, row.input_total, row.output, row.requests) for row in rows]

    assert counted(got) == counted(known)
    assert len(counted(got)) == 1


@of(*EVERYBODY)
@pytest.mark.parametrize("model", [None, ""])
def test_a_row_without_a_model_is_kept_and_told(
    server: RecordedServer, dialect: Dialect, model: str | None
) -> None:
    got = dialect.reading(server, dialect.page(dialect.bucket(dialect.row(model=model))))

    (row,) = [row for bucket in got.buckets for row in bucket.rows]
    assert (row.model, row.dims["model"], row.input_total) == (None, None, 100)
    assert "model_missing" in got.warnings


@of(*EVERYBODY)
def test_a_row_of_zeros_is_no_fault(server: RecordedServer, dialect: Dialect) -> None:
    none = {"input_cached_tokens": 0, "input_cache_write_tokens": 0, "cached_tokens": 0}
    zeros = dialect.changed(
        input=0, output=0, cache_read_input_tokens=0, cache_creation={}, metadata={}, **none
    )

    got = dialect.reading(server, dialect.page(dialect.bucket(zeros)))

    (row,) = [row for bucket in got.buckets for row in bucket.rows]
    assert (row.input_total, row.output) == (0, 0)
    assert all(bucket.quarantined == () for bucket in got.buckets)


@of(*EVERYBODY)
@pytest.mark.parametrize("huge", [2**53 + 1, 2**63, 2**64 + 1])
@pytest.mark.parametrize("field", ["input", "output"])
def test_a_huge_count_is_set_aside_to_the_last_digit_and_the_rest_stays(
    server: RecordedServer, dialect: Dialect, huge: int, field: str
) -> None:
    rows = dialect.bucket(dialect.changed(**{field: huge}), dialect.row())

    got = dialect.reading(server, dialect.page(rows))

    (set_aside,) = [row for bucket in got.buckets for row in bucket.quarantined]
    assert (set_aside["reason"], set_aside["value"]) == ("count_too_large", huge)
    assert [row.input_total for bucket in got.buckets for row in bucket.rows] == [100]


@of(*WITH_CURSORS)
def test_a_cursor_no_longer_known_is_worth_one_new_start(
    server: RecordedServer, dialect: Dialect
) -> None:
    first = dialect.page(dialect.bucket(dialect.row()), cursor="old")
    forgotten = Answer({"error": {"message": "unknown page"}}, 400)
    rest = dialect.page(dialect.bucket(dialect.row(), hour=1))

    got = dialect.reading(server, first, forgotten, first, rest)

    assert [len(bucket.rows) for bucket in got.buckets] == [1, 1, 0]
    assert len(server.requests) == 4


@of(*PAGED)
def test_a_page_that_repeats_for_ever_ends(server: RecordedServer, dialect: Dialect) -> None:
    rows = dialect.bucket(*(dialect.row() for _ in range(100)))

    with pytest.raises(BusyError, match="repeated a page") as busy:
        dialect.reading(server, dialect.page(rows, cursor="200"))

    assert busy.value.kind == "malformed_response"
    assert len(server.requests) == 2


@of(*EVERYBODY)
@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"", b'{"data": [{"cut', b"NaN"])
def test_a_body_that_is_not_json_gives_nothing(
    server: RecordedServer, dialect: Dialect, body: bytes
) -> None:
    with pytest.raises(BusyError) as busy:
        dialect.reading(server, Answer(body))

    assert busy.value.kind == "malformed_response"


@of("openai", "anthropic", "litellm")
def test_a_clock_ahead_of_ours_adds_nothing_that_is_not_over(
    server: RecordedServer, dialect: Dialect
) -> None:
    ahead = dialect.bucket(dialect.row(), hour=4)

    got = dialect.reading(server, dialect.page(dialect.bucket(dialect.row()), ahead))

    assert all(bucket.bucket_end <= NOW for bucket in got.buckets)
    assert sum(row.input_total for bucket in got.buckets for row in bucket.rows) == 100


def test_a_day_of_a_clock_ahead_of_ours_is_left_for_tomorrow(server: RecordedServer) -> None:
    openrouter = DIALECTS["openrouter"]
    today = openrouter.bucket(openrouter.row(), hour=-1)

    got = openrouter.reading(server, openrouter.page(today, openrouter.bucket(openrouter.row())))

    assert [len(bucket.rows) for bucket in got.buckets] == [0, 0, 1]
    assert got.warnings == ()
