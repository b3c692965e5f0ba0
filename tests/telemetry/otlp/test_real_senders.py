"""The real OpenTelemetry SDK and a really instrumented client: what they counted is what we sum."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from apps.telemetry.models import TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import new_key

QUESTION = "How much does this very sentence weigh?"
ANSWER = "Less than a feather."
NEVER = 3_600_000  # milliseconds: only the test itself flushes

pytestmark = pytest.mark.django_db(transaction=True)


class _Model(BaseHTTPRequestHandler):
    """Answers as OpenAI's chat completions do, with growing counts."""

    asked: ClassVar[int] = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked += 1
        prompt, cached, completion = 100 * self.asked, 10 * self.asked, 7 * self.asked
        body = {
            "id": f"chatcmpl-{self.asked}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": ANSWER},
                }
            ],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
                "prompt_tokens_details": {"cached_tokens": cached},
            },
        }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def model() -> Iterator[str]:
    """The address of an OpenAI-like service."""
    _Model.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def key(workspace: Workspace) -> str:
    return new_key(workspace, scopes=("track", "read"))


@pytest.fixture
def exporter(live_server: Any, key: str) -> Callable[..., Any]:
    """`exporter(OTLPSpanExporter, "traces")`, configured as its documentation says."""
    configured = {
        "headers": {"Authorization": f"Bearer {key}"},
        "compression": Compression.Gzip,
        "timeout": 10,
    }
    return lambda kind, signal, **more: kind(
        endpoint=f"{live_server.url}/otlp/v1/{signal}", **configured, **more
    )


@pytest.fixture
def read(api: Callable[..., Any], key: str) -> Callable[[str], Any]:
    """What the API answers to a GET."""
    return lambda path: api(key).get(f"/api/v1/{path}").json()


def test_an_instrumented_client_is_summed_as_its_sdk_counted(
    exporter: Callable[..., Any],
    model: str,
    read: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    resource = Resource.create({"service.name": "assistant"})
    counted = InMemorySpanExporter()
    traces = TracerProvider(resource=resource)
    for destination in (counted, exporter(OTLPSpanExporter, "traces")):
        traces.add_span_processor(SimpleSpanProcessor(destination))
    points = exporter(OTLPMetricExporter, "metrics")
    metrics = MeterProvider(
        resource=resource,
        metric_readers=[PeriodicExportingMetricReader(points, export_interval_millis=NEVER)],
    )
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=traces, meter_provider=metrics)

    try:
        client = OpenAI(base_url=model, api_key="none", max_retries=0)
        for _ in range(5):
            client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": QUESTION}]
            )
        metrics.force_flush()
    finally:
        instrumentor.uninstrument()
        metrics.shutdown()
        traces.shutdown()

    seen: list[Any] = [span.attributes for span in counted.get_finished_spans()]
    found = read("telemetry/summary")["total"]
    assert len(seen) == 5
    assert found["input_tokens"] == sum(one["gen_ai.usage.input_tokens"] for one in seen) == 1500
    assert found["output_tokens"] == sum(one["gen_ai.usage.output_tokens"] for one in seen) == 105
    assert found["requests"] == 5
    assert found["co2e_grams"]["low"] > 0
    # The metric told the same tokens again: kept, and not counted beside the spans.
    uncounted = TelemetryEvent.objects.filter(is_counted=False)
    assert {event.source for event in uncounted} == {"otlp.metric"}
    assert "weigh" not in str(list(TelemetryEvent.objects.values()))
    assert "feather" not in str(list(TelemetryEvent.objects.values()))


def test_an_export_that_is_sent_again_counts_once(
    exporter: Callable[..., Any], read: Callable[[str], Any]
) -> None:
    kept = InMemorySpanExporter()
    traces = TracerProvider(resource=Resource.create({"service.name": "retrying"}))
    traces.add_span_processor(SimpleSpanProcessor(kept))
    tracer = traces.get_tracer("test")
    for _ in range(3):
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 10,
        }
        with tracer.start_as_current_span("chat", attributes=attributes):
            pass
    sender = exporter(OTLPSpanExporter, "traces")
    first, second, third = kept.get_finished_spans()

    results = [
        sender.export(batch)
        for batch in ([first], [first, second], [third, second, first], [third])
    ]

    sender.shutdown()
    total = read("telemetry/summary")["total"]
    assert results == [SpanExportResult.SUCCESS] * 4
    assert (total["input_tokens"], total["output_tokens"]) == (3000, 30)
    assert TelemetryEvent.objects.count() == 3


@pytest.mark.parametrize(
    "temporality", [AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE]
)
def test_a_coding_agents_counter_is_summed_as_it_counted(
    exporter: Callable[..., Any],
    read: Callable[[str], Any],
    temporality: AggregationTemporality,
) -> None:
    points = exporter(OTLPMetricExporter, "metrics", preferred_temporality={Counter: temporality})
    reader = PeriodicExportingMetricReader(points, export_interval_millis=NEVER)
    provider = MeterProvider(
        resource=Resource.create({"service.name": "claude-code"}), metric_readers=[reader]
    )
    tokens = provider.get_meter("com.anthropic.claude_code").create_counter(
        "claude_code.token.usage", unit="tokens"
    )
    who = {"session.id": "s-1", "user.email": "ada@example.com", "model": "claude-sonnet-4-5"}

    for used in (100.0, 250.0, 7.0):
        tokens.add(used, {**who, "type": "input"})
        tokens.add(2 * used, {**who, "type": "cacheRead"})
        tokens.add(3 * used, {**who, "type": "output"})
        provider.force_flush()
    provider.shutdown()

    found = read("telemetry/summary")["total"]
    assert found["input_uncached_tokens"] == 357
    assert found["input_cache_read_tokens"] == 714
    assert found["output_tokens"] == 1071
    today = read("session/ada@example.com/today")
    assert today["today_tokens"] == 357 + 714 + 1071
    assert [row["session_id"] for row in today["sessions"]] == ["s-1"]


def test_an_exporter_with_a_wrong_key_is_told_so(live_server: Any) -> None:
    kept = InMemorySpanExporter()
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(kept))
    with traces.get_tracer("test").start_as_current_span("chat"):
        pass
    exporter = OTLPSpanExporter(
        endpoint=f"{live_server.url}/otlp/v1/traces", headers={"Authorization": "Bearer no"}
    )

    result = exporter.export(kept.get_finished_spans())

    exporter.shutdown()
    assert result == SpanExportResult.FAILURE
    assert not TelemetryEvent.objects.exists()
