"""A point of a token metric as usage, or as a step of a running total."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apps.telemetry.otlp import agents, naming
from apps.telemetry.otlp.attributes import (
    OPERATION,
    TYPE_OF_TOKENS,
    Attributes,
    moment,
    text,
    whole,
)
from apps.telemetry.otlp.describing import described
from apps.telemetry.otlp.messages import Sender, read_attributes
from apps.telemetry.otlp.signals import (
    GENERAL_METRIC,
    OWN_METRIC,
    Column,
    SeriesPoint,
    Signal,
    with_tokens,
)
from apps.telemetry.pushed import PushedUsage

Warn = Callable[[str], None]

DELTA: Final = 1
CUMULATIVE: Final = 2
INPUT_INCLUDES_CACHE: Final = "input_includes_cache"
COUNTED_TOO_HIGH: Final = "may_be_counted_too_high"
_NO_VALUE: Final = 1  # the flag of a point that only says that its series has ended
_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})\b")
_REPAIRED_IN: Final = (2, 1, 214)  # Claude Code, behind gateways that send usage more than once


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a token metric as it came."""

    sender: Sender
    metric: str
    is_cumulative: bool
    raw: Any

    @property
    def start_ns(self) -> int:
        return self.sender.wire.number(self.raw.start_time_unix_nano)

    @property
    def end_ns(self) -> int:
        return self.sender.wire.number(self.raw.time_unix_nano)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the tokens of a point are."""

    tool: agents.Tool | None
    column: Column
    flag: str | None


def points(sender: Sender, metric: Any, warn: Warn) -> Iterator[Point]:
    """The points of a metric that counts tokens, if they can be added up."""
    name = metric.name or ""
    if name != agents.GENERAL_METRIC and name not in agents.OWN_METRICS:
        return
    data = sender.wire.data(metric)
    temporality = sender.wire.number(data.aggregation_temporality) if data is not None else None
    if data is None or temporality not in (DELTA, CUMULATIVE):
        warn(f"{name} is not counted: it is not a sum or histogram with a temporality.")
    elif temporality == CUMULATIVE and not getattr(data, "is_monotonic", True):
        warn(f"{name} is not counted: it is a sum that may fall.")
    else:
        for raw in data.data_points or ():
            yield Point(sender, name, temporality == CUMULATIVE, raw)


def usage(point: Point, now: datetime, warn: Warn) -> Signal | SeriesPoint | None:
    """None for a point that adds nothing, or repeats what another one counts.

    Raises UnusableRowError where it is one that cannot be counted.
    """
    wire = point.sender.wire
    attributes = read_attributes(wire, point.raw.attributes)
    counted = _counted(point.metric, attributes, warn)
    if counted is None or wire.number(point.raw.flags) & _NO_VALUE:
        return None
    tokens, recordings = wire.point_values(point.raw)
    if tokens is None:
        warn(f"{point.metric}: a point without a value is not counted.")
        return None
    value = whole(tokens, "value")
    requests = None
    if recordings is not None and counted.column == "input_uncached":
        requests = whole(recordings, "count")
    series = point.sender.series(point.metric, point.raw.attributes)
    template = _template(point, attributes, counted, series, now=now)
    if point.is_cumulative:
        return SeriesPoint(
            series=series,
            start_time=_start(point, now=now),
            time=template.usage.used_at,
            value=value,
            requests=requests,
            column=counted.column,
            template=template,
        )
    return with_tokens(template, counted.column, value, requests) if value or requests else None


def _counted(metric: str, attributes: Attributes, warn: Warn) -> Counted | None:
    own = agents.OWN_METRICS.get(metric)
    operation = text(attributes, OPERATION)
    if own is None and operation is not None and operation.lower() not in agents.MODEL_CALLS:
        return None
    kind = text(attributes, "type" if own else TYPE_OF_TOKENS) or ""
    column = (own.columns if own else agents.TOKEN_TYPES).get(kind)
    if column is None:
        if own is None or kind not in own.repeated:
            warn(f"{metric}: an unknown type of tokens is not counted.")
        return None
    if own is None:
        flag = INPUT_INCLUDES_CACHE if column == "input_uncached" else None
        return Counted(tool=None, column=column, flag=flag)
    return Counted(tool=own.tool, column=column, flag=own.flags.get(kind))


def _template(
    point: Point, attributes: Attributes, counted: Counted, series: bytes, *, now: datetime
) -> Signal:
    about = described(point.sender, attributes, counted.tool)
    at = moment(point.end_ns, now=now)
    flags = (counted.flag, _doubt(counted.tool, about.facts))
    used = PushedUsage(
        source="otlp.metric",
        name=naming.point(series, point.start_ns, point.end_ns),
        provider=about.provider,
        model=about.model,
        used_at=at,
        used_until=at,
        requests=None,
        region=about.region,
        session_id=about.session_id,
        developer_id=about.developer_id,
        project_name=about.project_name,
        facts={**about.facts, "metric": point.metric},
        flags=tuple(flag for flag in flags if flag),
    )
    rank = OWN_METRIC if counted.tool else GENERAL_METRIC
    return Signal(usage=used, tool=about.tool, session_key=about.session or "", rank=rank)


def _start(point: Point, *, now: datetime) -> datetime | None:
    """None where it is not known, which a start that is not before the point says as well.

    https://opentelemetry.io/docs/specs/otel/metrics/data-model/#cumulative-streams-handling-unknown-start-time
    """
    return moment(point.start_ns, now=now) if 0 < point.start_ns < point.end_ns else None


def _doubt(tool: agents.Tool | None, known: dict[str, str]) -> str | None:
    version = _VERSION.match(known.get("app_version") or known.get("service_version") or "")
    if tool is not agents.CLAUDE_CODE or version is None:
        return None
    is_older = tuple(int(part) for part in version.groups()) < _REPAIRED_IN
    return COUNTED_TOO_HIGH if is_older else None
