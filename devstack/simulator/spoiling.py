"""Reports that are wrong although they arrive whole: paging, order, fields and counts."""

import copy
import json
from collections.abc import Callable, Iterator

from devstack.simulator.wire import JsonObject


def _rows(page: JsonObject) -> Iterator[JsonObject]:
    """The rows of a bucketed page, or of a plain list."""
    for item in page["data"]:
        yield from item.get("results", [item])


def _no_next_page(page: JsonObject) -> None:
    page.update(has_more=True, next_page=None)


def _reversed(page: JsonObject) -> None:
    page["data"].reverse()


def _unknown_fields(page: JsonObject) -> None:
    page["x_new_at_the_top"] = {"version": 2}
    for row in _rows(page):
        row["x_new_in_the_row"] = 1


def _unknown_kind(page: JsonObject) -> None:
    """A row of a kind nobody has heard of, in each bucket that has rows."""
    for bucket in page["data"]:
        if bucket.get("results"):
            row = {"object": "organization.usage.dreams.result", "dreams": 3}
            bucket["results"].insert(0, row)


def _text_counts(page: JsonObject) -> None:
    for row in _rows(page):
        for name, value in row.items():
            if isinstance(value, int) and not isinstance(value, bool):
                row[name] = str(value)


def _null_model(page: JsonObject) -> None:
    for row in _rows(page):
        row["model"] = None


SPOILERS: dict[str, Callable[[JsonObject], None] | None] = {
    "has_more_without_next_page": _no_next_page,
    "repeated_cursor": None,
    "duplicate_bucket": None,
    "reversed_buckets": _reversed,
    "unknown_fields": _unknown_fields,
    "unknown_kind": _unknown_kind,
    "text_counts": _text_counts,
    "null_model": _null_model,
}


def spoiled(
    kind: str, body: bytes, *, page: str | None, last_bucket: JsonObject | None
) -> tuple[bytes, JsonObject | None]:
    """The damaged body, and its last bucket for a repetition on the next page."""
    answer = json.loads(body)
    ends_with = copy.deepcopy(answer["data"][-1]) if answer.get("data") else None
    if kind == "repeated_cursor":
        _repeat_cursor(answer, page)
    elif kind == "duplicate_bucket":
        _duplicate(answer, page, last_bucket)
    elif spoiler := SPOILERS[kind]:
        spoiler(answer)
    return json.dumps(answer).encode(), ends_with


def _repeat_cursor(answer: JsonObject, page: str | None) -> None:
    """From the second page on, the cursor just used is handed out again."""
    if page is not None:
        answer.update(has_more=True, next_page=page)


def _duplicate(answer: JsonObject, page: str | None, last_bucket: JsonObject | None) -> None:
    """Repeat the page before's last bucket, newer; on a single page its own, unchanged."""
    if page is not None and last_bucket is not None:
        newer = copy.deepcopy(last_bucket)
        for row in newer["results"]:
            if "output_tokens" in row:
                row["output_tokens"] += 1
        answer["data"].insert(0, newer)
    elif not answer.get("has_more") and answer["data"]:
        answer["data"].append(copy.deepcopy(answer["data"][-1]))
