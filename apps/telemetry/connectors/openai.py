"""OpenAI's organisation usage by the hour: completions, embeddings, moderations; and its costs.

https://developers.openai.com/api/reference
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from apps.common import http
from apps.common.outside import RefusedError
from apps.common.secrets import Secret
from apps.telemetry.connectors.base import (
    DAY,
    HOUR,
    Account,
    DayTotal,
    Page,
    UsageRow,
    Window,
    floor,
    malformed,
    next_window,
)
from apps.telemetry.connectors.buckets import Warn, page_of_buckets
from apps.telemetry.connectors.fields import (
    UnusableRowError,
    count,
    dimensions,
    money,
    optional_count,
    storable,
)
from apps.telemetry.connectors.totals import Told, day_totals, whole_days

COMPLETIONS = "openai.completions"
EMBEDDINGS = "openai.embeddings"
MODERATIONS = "openai.moderations"
COSTS = "openai.costs"
_REPORTS = {
    COMPLETIONS: "/organization/usage/completions",
    EMBEDDINGS: "/organization/usage/embeddings",
    MODERATIONS: "/organization/usage/moderations",
    COSTS: "/organization/costs",
}
_ROW_KINDS = {
    COMPLETIONS: "organization.usage.completions.result",
    EMBEDDINGS: "organization.usage.embeddings.result",
    MODERATIONS: "organization.usage.moderations.result",
    COSTS: "organization.costs.result",
}
# By user or key the rows are many times as many, and a user is a person: not asked for unless an
# instance of the connector is made with a grouping of its own.
_GROUP_BY = MappingProxyType(
    {
        COMPLETIONS: ("model", "project_id", "service_tier", "batch"),
        EMBEDDINGS: ("model", "project_id"),
        MODERATIONS: ("model", "project_id"),
    }
)
_BATCH = "batch"
_WIDTHS = {timedelta(minutes=1): "1m", HOUR: "1h", timedelta(days=1): "1d"}
_LONGEST_PAGE = {"1m": 1440, "1h": 72, "1d": 31}  # 168 hours of a large organisation pass 8 MiB
_TOLD_BY_COSTS = Told(COSTS, tokens=False, requests=False, cost=True)
_CHECK = http.Limits(connect_s=5, read_s=10, total_s=10, tries=2, longest_wait_s=1)


@dataclass(frozen=True, slots=True)
class OpenAIConnector:
    default_base_url: ClassVar[str] = "https://api.openai.com/v1"
    base_url: str = default_base_url
    bucket_width: timedelta = HOUR
    group_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _GROUP_BY)
    wait: http.Wait = http.pause

    provider: ClassVar[str] = "openai"
    label: ClassVar[str] = "OpenAI"
    base_url_setting: ClassVar[str] = "OPENAI_BASE_URL"
    requests_per_minute: ClassVar[int] = 30  # our choice: no limit of these calls is published
    not_measured: ClassVar[tuple[str, ...]] = (
        "images, counted in images: no factor for one is in the catalogue",
        "audio_speeches, counted in characters, and audio_transcriptions, in seconds: no factor",
        "vector_stores, code_interpreter_sessions, file_search_calls, web_search_calls: no factor",
    )
    history: ClassVar[timedelta] = timedelta(days=60)  # our choice: retention is not published
    lookback: ClassVar[timedelta] = timedelta(hours=6)
    lists_empty_buckets: ClassVar[bool] = True

    def validate(self, key: Secret, now: datetime) -> Account:
        """The right that polling needs is tried itself; no call names the organisation."""
        start = str(_unix(floor(now, HOUR)))
        params = [("start_time", start), ("bucket_width", "1h"), ("limit", "1")]
        self._get(key, COMPLETIONS, params, _CHECK)
        return Account(ref=None, name="OpenAI")

    def window(self, complete_until: datetime | None, now: datetime) -> Window | None:
        end = floor(now, self.bucket_width)
        return next_window(
            complete_until,
            end,
            oldest=end - self.history,
            lookback=self.lookback,
            width=self.bucket_width,
        )

    def poll(
        self, key: Secret, source: str, window: Window, cursor: str | None, now: datetime
    ) -> Page:
        width = _WIDTHS[self.bucket_width]
        params = [
            ("start_time", str(_unix(window.start))),
            ("end_time", str(_unix(window.end))),
            ("bucket_width", width),
            ("limit", str(_LONGEST_PAGE[width])),
            *(("group_by[]", dimension) for dimension in self.group_by[source]),
        ]
        if cursor is not None:
            params.append(("page", cursor))
        document = self._get(key, source, params, http.Limits()).json
        return page_of_buckets(
            document,
            source=source,
            width=self.bucket_width,
            now=now,
            read_edges=_edges,
            read_row=partial(usage_row, source, self.group_by[source]),
        )

    def totals(self, key: Secret, window: Window, now: datetime) -> tuple[DayTotal, ...]:
        """Each report ungrouped by the day, and the costs, which need not agree with the usage."""
        days = whole_days(window, now)
        if days is None:
            return ()
        ungrouped = replace(self, bucket_width=DAY, group_by=dict.fromkeys(_REPORTS, ()))
        told = (*(Told(source) for source in self.group_by), _TOLD_BY_COSTS)
        return tuple(total for one in told for total in day_totals(ungrouped, key, one, days, now))

    def _get(
        self, key: Secret, source: str, params: list[tuple[str, str]], limits: http.Limits
    ) -> http.Reply:
        try:
            return http.get_json(
                self.base_url + _REPORTS[source],
                params=params,
                credential=http.Credential("Authorization", key, "Bearer "),
                limits=limits,
                wait=self.wait,
            )
        except RefusedError as refusal:
            raise _named(refusal) from None


def _named(refusal: RefusedError) -> RefusedError:
    """OpenAI's own two ways of saying something else than its status does.

    A key that is wrong has a code; a key of the wrong kind or without the scope answers 403 or
    401 without one. Of a start time that we align ourselves only the age can be wrong.
    """
    if refusal.kind == "auth" and refusal.code is None:
        return refusal.as_kind("permission")
    if refusal.kind == "bad_request" and refusal.param == "start_time":
        return refusal.as_kind("out_of_retention")
    return refusal


def usage_row(
    source: str, grouping: tuple[str, ...], raw: Mapping[str, Any], warn: Warn
) -> UsageRow | None:
    if raw.get("object") != _ROW_KINDS[source]:
        warn(f"unknown_row_kind: {raw.get('object')}")
        return None
    dims = dimensions(raw, grouping)
    if source == COSTS:
        return UsageRow(dims=dims, model=None, input_uncached=0, cost_usd=_dollars(raw))
    if dims.get("batch") == "true" and "service_tier" in dims:
        dims["service_tier"] = _BATCH  # the tier by which every provider's batch work is known
    total = count(raw, "input_tokens")
    cached = optional_count(raw, "input_cached_tokens")
    read, written, flags = _split(
        total,
        cached or 0,
        optional_count(raw, "input_cache_write_tokens") or 0,
        optional_count(raw, "input_uncached_tokens"),
    )
    return UsageRow(
        dims=dims,
        model=dims.get("model"),
        input_uncached=total - read - written,
        input_cache_read=read,
        input_cache_write=written,
        output=count(raw, "output_tokens") if source == COMPLETIONS else 0,
        requests=optional_count(raw, "num_model_requests"),
        cache_read_known=cached is not None or source != COMPLETIONS,
        flags=flags,
        raw=storable(raw),
    )


def _dollars(raw: Mapping[str, Any]) -> Decimal:
    amount = raw.get("amount")
    if not isinstance(amount, Mapping):
        raise UnusableRowError("not_an_amount", "amount", amount)
    if str(amount.get("currency")).lower() != "usd":
        raise UnusableRowError("unknown_currency", "currency", amount.get("currency"))
    return money(amount, "value")


def _split(
    total: int, cached: int, written: int, uncached: int | None
) -> tuple[int, int, tuple[str, ...]]:
    """The cached parts of the total. Where the parts do not add up, the total is believed."""
    rest = total - cached - written
    if rest >= 0 and uncached in (None, rest):
        return cached, written, ()
    read = min(cached, total)
    return read, min(written, total - read), ("input_split_inconsistent",)


def _edges(bucket: Mapping[str, Any]) -> tuple[datetime, datetime]:
    try:
        start, end = (
            datetime.fromtimestamp(count(bucket, field), UTC)
            for field in ("start_time", "end_time")
        )
    except (UnusableRowError, ValueError, OverflowError, OSError):
        raise malformed("The provider sent a bucket without usable times") from None
    return start, end


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
