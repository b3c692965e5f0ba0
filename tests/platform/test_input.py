"""What a body and a query may hold."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.common import strict_json
from apps.common.errors import InvalidError

ECHO = "/api/v1/probe/echo"


def send(probe: Client, body: str | bytes, path: str = ECHO, kind: str = "application/json") -> Any:
    return probe.post(path, body, content_type=kind)


def test_a_good_body_arrives_as_the_serializer_says(probe: Client) -> None:
    answer = send(probe, '{"rows": [{"model": "gpt-4o", "tokens": 3}]}')

    assert answer.status_code == 200
    assert answer.json() == {"rows": [{"model": "gpt-4o", "tokens": 3}]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"rows": [NaN]}', "NaN is not a number"),
        ('{"rows": [-Infinity]}', "-Infinity is not a number"),
        ('{"rows": [1e999]}', "too large"),
        ('{"rows": [' + "9" * 5000 + "]}", "too long"),
        ('{"rows": [], "rows": []}', "same member twice"),
        ('{"name": "\\u0000"}', "NUL"),
        ('{"name": "\\ud800"}', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('{"rows": ' + "[" * 40 + "]" * 40 + "}", "deeper than 32"),
        ("[" * 100_000, "deeper than 32"),
        ('"text"', "must be a JSON object"),
        ("3", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('{"rows": [}', "line 1, column 11"),
        (b'{"name": "\xff"}', "UTF-8"),
        ("", "This field is required"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    probe: Client, body: str | bytes, words: str
) -> None:
    answer = send(probe, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "validation_error"
    assert words in answer.json()["error"]["message"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_every_document_that_says_one_thing_is_read(value: Any) -> None:
    body = json.dumps({"value": value}).encode()

    if "\\u0000" in json.dumps(value):
        with pytest.raises(InvalidError, match="NUL"):
            strict_json.parse(body)
    else:
        assert strict_json.parse(body) == {"value": value}


def test_only_json_is_read(probe: Client) -> None:
    answer = send(probe, "rows=1", kind="application/x-www-form-urlencoded")

    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


def test_a_body_above_the_limit_is_refused_without_being_parsed(probe: Client) -> None:
    answer = send(probe, b"[" * (strict_json.MOST_BYTES + 1))

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


def test_the_limit_holds_for_plain_views_too(probe: Client) -> None:
    answer = send(probe, b"x" * (strict_json.MOST_BYTES + 1), path="/otlp/probe/body")

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


def test_every_unknown_and_every_wrong_field_is_named(probe: Client) -> None:
    rows = [{"model": "m", "tokens": 1}, {"modle": "m", "tokens": 1, "note": "not yours"}]

    unknown = send(probe, json.dumps({"rows": rows, "nmae": "x"})).json()["error"]
    rows[1] = {"model": "m", "tokens": -1}
    wrong = send(probe, json.dumps({"rows": rows})).json()["error"]

    assert list(unknown["details"]["fields"]) == ["rows.1.modle", "rows.1.note", "nmae"]
    assert unknown["message"] == "rows.1.modle: Unknown field."
    assert list(wrong["details"]["fields"]) == ["rows.1.tokens"]


def test_a_list_is_taken_up_to_its_limit_and_its_bad_row_named(probe: Client) -> None:
    good: dict[str, Any] = {"model": "m", "tokens": 1}
    path = "/api/v1/probe/list"

    assert send(probe, json.dumps([good, good]), path).json() == [good, good]
    assert send(probe, json.dumps([good] * 3), path).status_code == 422
    assert send(probe, json.dumps(good), path).status_code == 422
    bad = send(probe, json.dumps([good, {"model": "m"}]), path)
    assert bad.status_code == 422
    assert bad.json()["error"]["details"] == {"fields": {"1.tokens": ["This field is required."]}}


def test_a_query_is_checked_like_a_body(probe: Client) -> None:
    path = "/api/v1/probe/query"

    assert probe.get(path).json() == {"days": 7}
    assert probe.get(path, {"model": ["a", "b"]}).json() == {"days": 7, "model": ["a", "b"]}
    assert probe.get(path, {"is_live": "true"}).json() == {"days": 7, "is_live": True}
    for query, field in (("dyas=1", "dyas"), ("days=1&days=2", "days"), ("days=x", "days")):
        refused = probe.get(f"{path}?{query}")
        assert refused.status_code == 400
        assert list(refused.json()["error"]["details"]["fields"]) == [field]


def test_a_name_that_the_database_cannot_hold_names_nothing(probe: Client) -> None:
    assert probe.get("/api/v1/probe/fail/%00").status_code == 404


def test_any_accept_header_gets_json(probe: Client) -> None:
    answer = probe.get("/api/v1/probe/query", headers={"Accept": "text/html"})

    assert answer.headers["Content-Type"] == "application/json"
