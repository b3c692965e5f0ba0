"""Log lines: one JSON object each, the same shape whoever writes, and never a secret."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from carbon_platform import logging as product_logging
from carbon_platform.redaction import HIDDEN, is_secret_name, redacted_text

LogLines = Callable[[], list[dict[str, Any]]]

KEYS = {
    "our live key": "isv_live_sk_" + "Ab3" * 16,
    "our test key": "isv_test_sk_" + "Ab3" * 16,
    "OpenAI": "sk-proj-" + "x9_-" * 10,
    "Anthropic": "sk-ant-admin01-" + "y" * 40,
    "OpenRouter": "sk-or-v1-" + "f0" * 32,
    "Stripe live": "sk_live_" + "Z" * 24,
    "Stripe test": "sk_test_" + "Z" * 24,
    "Stripe restricted": "rk_live_" + "Z" * 24,
    "webhook": "whsec_" + base64.b64encode(b"w" * 24).decode(),
    "token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl",
    "AWS": "AKIA" + "Q" * 16,
    "PEM": "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_key_reaches_no_line_whichever_way_it_is_logged(
    capsys: pytest.CaptureFixture[str], log_format: str, key: str
) -> None:
    product_logging.configure(log_format)
    log = structlog.get_logger("tests.keys")

    log.info("used", note=f"with {key} today", nested={"list": [key, {"deeper": (key,)}]})
    log.warning(key)
    logging.getLogger("django.somewhere").error("refused %s", key)
    try:
        dict[str, str]()[key]
    except KeyError:
        log.exception("failed", object=ValueError(key))
        logging.getLogger("celery").exception("task failed")

    written = capsys.readouterr().out
    product_logging.configure("json")
    assert written.count(HIDDEN) >= 5
    for line in key.splitlines():
        assert line not in written


@pytest.mark.parametrize(
    "name",
    ["api_key", "Authorization", "X-API-Key", "set-cookie", "cookie", "client_secret", "password",
     "accessToken", "stripe_signature", "credentials", "SECRET_KEYRING", "log_seed", "signing_key"],
)  # fmt: skip
def test_a_member_named_like_a_secret_is_hidden(log_lines: LogLines, name: str) -> None:
    structlog.get_logger("tests").info("stored", **{name: "plain words"}, deep={name: {"a": 1}})

    (line,) = log_lines()
    assert line[name] == HIDDEN
    assert line["deep"] == {name: HIDDEN}


@pytest.mark.parametrize(
    "name", ["input_tokens", "key_hint", "api_key_id", "tokens", "max_tokens", "secretary", "model"]
)
def test_a_harmless_name_stays_readable(name: str) -> None:
    assert not is_secret_name(name)


def test_the_password_of_an_address_is_hidden() -> None:
    assert redacted_text("postgres://me:pass-word@db:5432/x") == "postgres://me:***@db:5432/x"


@given(st.text())
def test_redaction_takes_any_text_and_taking_it_twice_changes_nothing(text: str) -> None:
    assert redacted_text(redacted_text(text)) == redacted_text(text)


def test_the_standard_library_and_structlog_write_the_same_lines(log_lines: LogLines) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("ours").info("first")
    logging.getLogger("gunicorn.error").info("second %s", "time")
    structlog.contextvars.clear_contextvars()

    first, second = log_lines()
    assert first.keys() == second.keys()
    assert (second["event"], second["level"], second["request_id"]) == (
        "second time",
        "info",
        "r-1",
    )
    assert second["timestamp"].endswith("Z")


def test_a_line_break_in_somebodys_text_makes_no_second_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for log_format in ("json", "console"):
        product_logging.configure(log_format)
        structlog.get_logger("tests").info("named", name="a\nforged level=info")
        logging.getLogger("tests").info("name: %s", "a\nforged level=info")
    product_logging.configure("json")

    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.django_db
def test_neither_a_key_nor_a_query_nor_a_body_of_a_request_is_logged(
    probe: Client, log_lines: LogLines
) -> None:
    key = KEYS["our live key"]
    probe.get(f"/api/v1/probe/closed?token=canary-1&key={key}")
    probe.get("/api/v1/probe/closed", headers={"Authorization": f"Bearer {key}"})
    probe.get("/api/v1/probe/closed", headers={"X-API-Key": key, "Cookie": "sessionid=canary-2"})
    probe.post("/api/v1/probe/echo", {"name": "canary-3"}, content_type="application/json")

    written = str(log_lines())
    assert written.count("request_answered") == 4
    assert written.count("access_refused") >= 1
    assert key not in written
    assert "canary" not in written
