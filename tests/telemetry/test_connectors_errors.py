"""Every way a provider can fail has its class, and validation knows which are the key's fault."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from apps.common.http import BusyError, OutsideError, RefusedError
from apps.common.secrets import Secret
from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Account, Window
from apps.telemetry.connectors.paging import read
from tests.telemetry.dialects import DIALECTS, impatient
from tests.telemetry.recorded import Answer, RecordedServer, recorded

KEY = Secret("sk-admin-canary0123456789-abcd")
NOW = datetime(2026, 11, 18, 6, 20, tzinfo=UTC)
START = datetime(2026, 11, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REPORTS = {name: (dialect.path, dialect.source) for name, dialect in DIALECTS.items()}
ME = "/v1/organizations/me"


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


def failure_of_reading(server: RecordedServer, provider: str, answer: Answer) -> OutsideError:
    path, source = REPORTS[provider]
    server.plays(path, answer)
    window = Window(START - 2 * DAY, START)
    with pytest.raises(OutsideError) as raised:
        read(impatient(provider, server.url), KEY, source, window, NOW)
    return raised.value


@pytest.mark.parametrize(
    ("recording", "kind"),
    [
        ("openai/error.400-bad-parameter", "bad_request"),
        ("openai/error.401-invalid-key", "auth"),
        ("openai/error.401-missing-scope", "permission"),
        ("openai/error.403-missing-scope", "permission"),
        ("openai/error.429-rate-limit", "rate_limited"),
        ("openai/error.500", "transient"),
        ("openai/error.503", "transient"),
        ("anthropic/error.400", "bad_request"),
        ("anthropic/error.401", "auth"),
        ("anthropic/error.403", "permission"),
        ("anthropic/error.404", "not_found"),
        ("anthropic/error.429", "rate_limited"),
        ("anthropic/error.429-no-retry-after", "rate_limited"),
        ("anthropic/error.500", "transient"),
        ("anthropic/error.504", "transient"),
        ("anthropic/error.529", "transient"),
        ("openrouter/error.400", "bad_request"),
        ("openrouter/error.401-missing-header", "auth"),
        ("openrouter/error.401-unknown-or-expired", "auth"),
        ("openrouter/error.402", "billing"),
        ("openrouter/error.403-not-management", "permission"),
        ("openrouter/error.404", "not_found"),
        ("openrouter/error.408", "transient"),
        ("openrouter/error.429", "rate_limited"),
        ("openrouter/error.500", "transient"),
        ("openrouter/error.502", "transient"),
        ("litellm/error.401", "auth"),
        ("litellm/error.403-not-admin", "permission"),
        ("litellm/error.429", "rate_limited"),
        ("litellm/error.500", "transient"),
    ],
)
def test_a_recorded_error_has_its_class_and_keeps_what_the_provider_said(
    server: RecordedServer, recording: str, kind: str
) -> None:
    provider, name = recording.split("/")
    answer = recorded(provider, name)

    failed = failure_of_reading(server, provider, answer)

    assert (failed.kind, failed.status) == (kind, answer.status)
    assert answer.body["error"]["message"] in str(failed)
    assert failed.request_id == answer.body.get("request_id")
    is_busy = kind in {"transient", "rate_limited"}
    assert isinstance(failed, BusyError if is_busy else RefusedError)
    if isinstance(failed, BusyError):
        told = answer.headers.get("Retry-After") or answer.headers.get("retry-after")
        assert failed.retry_after == (None if told is None else float(told))


def test_a_start_before_the_history_is_out_of_retention(server: RecordedServer) -> None:
    error = {"message": "too old", "type": "invalid_request_error", "param": "start_time"}

    failed = failure_of_reading(server, "openai", Answer({"error": error}, 400))

    assert failed.kind == "out_of_retention"


def test_openrouter_never_takes_days_it_does_not_serve_for_empty_ones(
    server: RecordedServer,
) -> None:
    openrouter = impatient("openrouter", server.url)
    server.plays("/activity", recorded("openrouter", "activity.empty"))

    with pytest.raises(RefusedError) as refused:
        read(openrouter, KEY, "openrouter.activity", Window(START - 31 * DAY, START), NOW)
    with pytest.raises(ValueError, match="completed days"):
        read(openrouter, KEY, "openrouter.activity", Window(START, START + DAY), NOW)

    assert refused.value.kind == "out_of_retention"
    assert server.requests == []


def test_a_refused_date_at_the_edge_of_the_history_is_out_of_retention(
    server: RecordedServer,
) -> None:
    server.plays("/activity", recorded("openrouter", "error.400"))
    edge = Window(START - 30 * DAY, START - 29 * DAY)

    with pytest.raises(RefusedError) as refused:
        read(impatient("openrouter", server.url), KEY, "openrouter.activity", edge, NOW)

    assert refused.value.kind == "out_of_retention"


def test_the_key_does_not_follow_a_redirect(server: RecordedServer) -> None:
    with RecordedServer() as elsewhere:
        target = {"Location": f"{elsewhere.url}/organization/usage/completions"}
        failed = failure_of_reading(server, "openai", Answer({}, 307, target))

        assert failed.kind == "malformed_response"
        assert elsewhere.requests == []


def test_an_accepted_openai_key_costs_one_call(server: RecordedServer) -> None:
    server.plays(REPORTS["openai"][0], recorded("openai", "completions.empty"))

    account = connector("openai", f"{server.url}/").validate(KEY, NOW)

    assert account == Account(None, "OpenAI")
    (sent,) = server.requests
    assert sent.query == [("start_time", "1794981600"), ("bucket_width", "1h"), ("limit", "1")]


def test_an_accepted_anthropic_key_names_its_organisation(server: RecordedServer) -> None:
    server.plays(ME, recorded("anthropic", "me"))
    server.plays(REPORTS["anthropic"][0], recorded("anthropic", "messages.empty"))

    account = connector("anthropic", server.url).validate(KEY, NOW)

    assert account == Account("12345678-1234-5678-1234-567812345678", "Example Organisation")
    assert server.requests[1].every("starting_at") == ["2026-11-18T06:00:00Z"]


def test_an_anthropic_key_without_the_report_is_refused(server: RecordedServer) -> None:
    server.plays(ME, recorded("anthropic", "me"))
    server.plays(REPORTS["anthropic"][0], recorded("anthropic", "error.403"))

    with pytest.raises(RefusedError) as refused:
        impatient("anthropic", server.url).validate(KEY, NOW)

    assert refused.value.kind == "permission"


def test_an_openrouter_management_key_is_accepted(server: RecordedServer) -> None:
    server.plays("/key", recorded("openrouter", "key.management"))

    account = connector("openrouter", server.url).validate(KEY, NOW)

    assert account == Account("org_2dHFtVWx2n56w6HkM0000000000", "OpenRouter")


def test_a_litellm_key_must_see_every_users_days(server: RecordedServer) -> None:
    server.plays(REPORTS["litellm"][0], recorded("litellm", "spend_logs.empty"))
    server.plays("/user/daily/activity", recorded("litellm", "days.page2-last"))
    proxy = impatient("litellm", server.url)

    assert proxy.validate(KEY, NOW) == Account("proxy", "LiteLLM proxy")
    logs, days = server.requests
    assert logs.headers["authorization"] == f"Bearer {KEY.reveal()}"
    assert logs.every("start_date") == ["2026-11-18 06:00:00"]
    assert days.every("start_date") == days.every("end_date") == ["2026-11-18"]

    server.plays("/user/daily/activity", recorded("litellm", "error.403-not-admin"))
    with pytest.raises(RefusedError) as refused:
        proxy.validate(KEY, NOW)
    assert refused.value.kind == "permission"


@pytest.mark.parametrize("name", ["key.inference", "key.older-shape"])
def test_an_openrouter_inference_key_is_of_the_wrong_kind(
    server: RecordedServer, name: str
) -> None:
    server.plays("/key", recorded("openrouter", name))

    with pytest.raises(RefusedError) as refused:
        connector("openrouter", server.url).validate(KEY, NOW)

    assert refused.value.kind == "permission"


def test_the_older_flag_of_a_management_key_counts_too(server: RecordedServer) -> None:
    about = {"is_provisioning_key": True, "label": "carbon", "creator_user_id": "user_1"}
    server.plays("/key", Answer({"data": about}))
    openrouter = connector("openrouter", server.url)

    assert openrouter.validate(KEY, NOW) == Account(None, "carbon")

    server.plays("/key", Answer({"data": {**about, "organization_id": None}}))
    assert openrouter.validate(KEY, NOW) == Account("user_1", "carbon")


@pytest.mark.parametrize(
    "checked",
    [
        ("openai", REPORTS["openai"][0]),
        ("anthropic", ME),
        ("openrouter", "/key"),
        ("litellm", REPORTS["litellm"][0]),
    ],
)
@pytest.mark.parametrize(
    ("status", "kind", "calls"),
    [(401, "auth", 1), (403, "permission", 1), (429, "rate_limited", 1), (503, "transient", 2)],
)
def test_validation_retries_a_server_error_once_and_a_refusal_never(
    server: RecordedServer, checked: tuple[str, str], status: int, kind: str, calls: int
) -> None:
    provider, path = checked
    server.plays(path, Answer({"error": {"message": "no", "code": "invalid_api_key"}}, status))

    with pytest.raises(OutsideError) as raised:
        impatient(provider, server.url).validate(KEY, NOW)

    assert raised.value.kind == kind
    assert len(server.requests) == calls


@pytest.mark.parametrize("provider", REPORTS)
@pytest.mark.parametrize(
    "body", [[], "text", None, {}, {"data": {}}, {"data": [1]}, {"data": None}]
)
def test_a_document_of_another_shape_is_malformed(
    server: RecordedServer, provider: str, body: object
) -> None:
    assert failure_of_reading(server, provider, Answer(body)).kind == "malformed_response"


@pytest.mark.parametrize("provider", ["anthropic", "openrouter"])
def test_a_validation_answer_of_another_shape_is_malformed(
    server: RecordedServer, provider: str
) -> None:
    server.plays({"anthropic": ME, "openrouter": "/key"}[provider], Answer(["?"]))

    with pytest.raises(BusyError) as busy:
        impatient(provider, server.url).validate(KEY, NOW)

    assert busy.value.kind == "malformed_response"
