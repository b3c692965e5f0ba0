"""Nothing that people write or read gets into what is made of an export."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry.otlp.attributes import ALLOWED
from apps.telemetry.otlp.messages import JSON, PROTOBUF, decoded, read_attributes
from tests.telemetry.otlp.sending import (
    CHAT,
    any_value,
    binary,
    counter,
    logs,
    metrics,
    pairs,
    point,
    received,
    received_binary,
    record,
    span,
    traces,
)

SECRET = "the eagle lands at midnight"
CONTENT = {
    name: f"{SECRET} {number}"
    for number, name in enumerate(
        [
            "gen_ai.prompt",
            "gen_ai.completion",
            "gen_ai.prompt.0.content",
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.system_instructions",
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.definitions",
            "llm.prompts",
            "traceloop.entity.input",
            "input.value",
            "prompt",
            "tool_parameters",
            "error",
            "exception.message",
            "trace.metadata.question",
            "langfuse.trace.input",
        ]
    )
}
NESTED: list[dict[str, Any]] = [
    {"key": "session.id", "value": any_value([SECRET, {"x": SECRET}])},
    {"key": "gen_ai.request.model", "value": any_value({"messages": [SECRET]})},
    {"key": "gen_ai.response.model", "value": {"bytesValue": "dGhlIGVhZ2xlIGxhbmRz"}},
]
CALL = {
    "event.name": "api_request",
    "input_tokens": 5,
    "output_tokens": 6,
    "model": "claude-sonnet-5",
}


def test_no_text_of_a_prompt_or_an_answer_survives() -> None:
    sent = span({**CONTENT, **CHAT}, name=SECRET)
    sent["attributes"] += NESTED
    sent["events"] = [{"name": SECRET, "attributes": pairs(CONTENT)}]
    sent["status"] = {"code": 2, "message": SECRET}
    event = record({**CONTENT, **CALL}, body={"stringValue": SECRET}, eventName=SECRET)
    measured = point({**CONTENT, "type": "input", "model": "m"}, 7)
    resource = {"service.name": "claude-code", **CONTENT}

    found = [
        received("traces", traces(sent, resource=resource)),
        received("logs", logs(event, resource=resource)),
        received("metrics", metrics(counter(measured), resource=resource)),
        received("metrics", metrics(counter(measured, temporality=2), resource=resource)),
        received_binary("metrics", binary("metrics", metrics(counter(measured)))),
    ]

    assert [len(mapped.usages) + len(mapped.series) for mapped in found] == [1] * 5
    for mapped in found:
        assert mapped.rejected == 0
        for word in (*SECRET.split(), "dGhlIGVhZ2xl"):
            assert word not in repr(mapped).split("'"), word
        assert "eagle" not in repr(mapped)
        assert "midnight" not in repr(mapped)


@given(name=st.text(max_size=40).filter(lambda name: name not in ALLOWED))
def test_an_attribute_that_is_not_on_the_list_changes_nothing(name: str) -> None:
    sent = received("traces", traces(span({**CHAT, name: SECRET})))

    assert sent == received("traces", traces(span(CHAT)))


def test_neither_form_reads_more_than_the_list() -> None:
    body = metrics(counter(point({**CONTENT, "type": "input"}, 7)), resource=CONTENT)
    exports = [
        decoded("metrics", json.dumps(body).encode(), JSON),
        decoded("metrics", binary("metrics", body), PROTOBUF),
    ]

    for export in exports:
        ((sender, metric),) = export.items()
        (raw,) = metric.sum.data_points
        assert sender.attributes == {}
        assert read_attributes(export.wire, raw.attributes) == {"type": "input"}


def test_what_was_rejected_is_told_without_its_content() -> None:
    values = {**CHAT, "gen_ai.usage.input_tokens": SECRET}
    unknown = point({"type": SECRET}, 7)

    rejected = received("traces", traces(span(values)))
    warned = received("metrics", metrics(counter(unknown)))

    assert (rejected.rejected, len(warned.warnings)) == (1, 1)
    assert "eagle" not in repr(rejected)
    assert "eagle" not in repr(warned)


def test_what_is_kept_for_reading_names_nobody_and_holds_no_key() -> None:
    values = {
        **CHAT,
        "user.email": "someone@example.org",
        "gen_ai.agent.name": "for someone@example.org",
        "server.address": "sk-proj-0123456789abcdef0123",
    }

    mapped = received("traces", traces(span(values)))

    (signal,) = mapped.usages
    assert signal.usage.developer_id == "someone@example.org"
    assert "someone" not in repr(signal.usage.facts)
    assert "0123456789abcdef" not in repr(signal.usage.facts)
