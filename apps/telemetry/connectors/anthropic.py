"""Anthropic's usage report for the Messages API by the hour, and its cost report.

https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
https://platform.claude.com/docs/en/api/admin/cost_report/retrieve
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from apps.common import http
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

MESSAGES = "anthropic.messages"
COSTS = "anthropic.costs"
VERSION = "2023-06-01"  # newer versions rename fields of the Admin API
_REPORTS = {
    MESSAGES: "/v1/organizations/usage_report/messages",
    COSTS: "/v1/organizations/cost_report",
}
_GROUP_BY = MappingProxyType(
    {MESSAGES: ("model", "workspace_id", "service_tier", "inference_geo", "context_window")}
)
_CENTS = Decimal(100)
_TOLD = (
    Told(MESSAGES, requests=False),
    Told(COSTS, tokens=False, requests=False, cost=True),
)
_WIDTHS = {timedelta(minutes=1): "1m", HOUR: "1h", timedelta(days=1): "1d"}
_LONGEST_PAGE = {"1m": 1440, "1h": 72, "1d": 31}  # 168 hours of a large organisation pass 8 MiB
_KNOWN = {
    "service_tier": frozenset(
        {"standard", "batch", "priority", "priority_on_demand", "flex", "flex_discount"}
    ),
    "inference_geo": frozenset({"global", "us", "not_available"}),
    "context_window": frozenset({"0-200k", "200k-1M"}),
}
_LIFETIMES = frozenset({"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"})
_CHECK = http.Limits(connect_s=2, read_s=5, total_s=5, tries=2, longest_wait_s=1)  # for two calls


@dataclass(frozen=True, slots=True)
class AnthropicConnector:
    default_base_url: ClassVar[str] = "https://api.anthropic.com"
    base_url: str = default_base_url
    bucket_width: timedelta = HOUR
    group_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _GROUP_BY)
    wait: http.Wait = http.pause

    provider: ClassVar[str] = "anthropic"
    label: ClassVar[str] = "Anthropic"
    base_url_setting: ClassVar[str] = "ANTHROPIC_BASE_URL"
    requests_per_minute: ClassVar[int] = 30  # one a minute is welcome for ever, more in bursts
    not_measured: ClassVar[tuple[str, ...]] = (
        "web searches and code execution: of their energy nothing is published",
        "what runs on Anthropic's models at AWS or Google: it is in those providers' reports",
        "the Claude Code report: the API's part of it is in this report already",
    )
    history: ClassVar[timedelta] = timedelta(days=60)  # our choice: retention is not published
    lookback: ClassVar[timedelta] = timedelta(hours=6)
    lists_empty_buckets: ClassVar[bool] = True

    def validate(self, key: Secret, now: datetime) -> Account:
        """Whose key it is, and whether it may read the report."""
        organisation = self._get(key, "/v1/organizations/me", [], _CHECK).json
        if not isinstance(organisation, Mapping) or not isinstance(organisation.get("id"), str):
            raise malformed("Anthropic did not name the organisation")
        start = _rfc3339(floor(now, HOUR))
        params = [("starting_at", start), ("bucket_width", "1h"), ("limit", "1")]
        self._get(key, _REPORTS[MESSAGES], params, _CHECK)
        name = organisation.get("name")
        return Account(organisation["id"], name if isinstance(name, str) and name else "Anthropic")

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
            ("starting_at", _rfc3339(window.start)),
            ("ending_at", _rfc3339(self._asked_until(window, now))),
            ("bucket_width", width),
            ("limit", str(_LONGEST_PAGE[width])),
            *(("group_by[]", dimension) for dimension in self.group_by[source]),
        ]
        if cursor is not None:
            params.append(("page", cursor))
        page = page_of_buckets(
            self._get(key, _REPORTS[source], params, http.Limits()).json,
            source=source,
            width=self.bucket_width,
            now=now,
            read_edges=_edges,
            read_row=cost_row if source == COSTS else partial(usage_row, self.group_by[source]),
        )
        asked = tuple(bucket for bucket in page.buckets if bucket.bucket_start < window.end)
        return replace(page, buckets=asked)

    def totals(self, key: Secret, window: Window, now: datetime) -> tuple[DayTotal, ...]:
        """The report ungrouped by the day, and the costs, which leave the priority tier out."""
        days = whole_days(window, now)
        if days is None:
            return ()
        ungrouped = replace(self, bucket_width=DAY, group_by={MESSAGES: (), COSTS: ()})
        return tuple(
            total for told in _TOLD for total in day_totals(ungrouped, key, told, days, now)
        )

    def _asked_until(self, window: Window, now: datetime) -> datetime:
        """A little more than the window.

        The documentation can be read as leaving out a bucket that ends exactly at `ending_at`, and
        a bucket that is left out would be taken for an empty one. The cursor is bound to the
        parameters, so that all pages of one reading, having one `now`, ask for the same.
        """
        present = floor(now, timedelta(minutes=1))
        return max(window.end, min(window.end + self.bucket_width, present))

    def _get(
        self, key: Secret, path: str, params: list[tuple[str, str]], limits: http.Limits
    ) -> http.Reply:
        return http.get_json(
            self.base_url + path,
            params=params,
            headers={"anthropic-version": VERSION},
            credential=http.Credential("x-api-key", key),
            limits=limits,
            wait=self.wait,
        )


def usage_row(grouping: tuple[str, ...], raw: Mapping[str, Any], warn: Warn) -> UsageRow:
    cached = optional_count(raw, "cache_read_input_tokens")
    dims = dimensions(raw, grouping)
    for dimension, known in _KNOWN.items():
        value = dims.get(dimension)
        if value is not None and value not in known:
            warn(f"unknown_{dimension}: {value}")
    return UsageRow(
        dims=dims,
        model=dims.get("model"),
        input_uncached=count(raw, "uncached_input_tokens"),
        input_cache_read=cached or 0,
        input_cache_write=_written(raw.get("cache_creation"), warn),
        output=count(raw, "output_tokens"),
        requests=None,  # this report does not count calls
        cache_read_known=cached is not None,
        raw=storable(raw),
    )


def cost_row(raw: Mapping[str, Any], _warn: Warn) -> UsageRow:
    """A line of the cost report, whose amounts are cents. Credits are negative."""
    if str(raw.get("currency")).upper() != "USD":
        raise UnusableRowError("unknown_currency", "currency", raw.get("currency"))
    return UsageRow(dims={}, model=None, input_uncached=0, cost_usd=money(raw, "amount") / _CENTS)


def _written(creation: Any, warn: Warn) -> int:
    """Tokens written to the cache, whatever lifetimes the provider may come to offer."""
    if not isinstance(creation, Mapping):
        return 0
    lifetimes = [field for field in creation if field.endswith("_input_tokens")]
    for unknown in sorted(set(lifetimes) - _LIFETIMES):
        warn(f"unknown_cache_lifetime: {unknown}")
    return sum(optional_count(creation, field) or 0 for field in lifetimes)


def _edges(bucket: Mapping[str, Any]) -> tuple[datetime, datetime]:
    try:
        start, end = (_moment(bucket.get(field)) for field in ("starting_at", "ending_at"))
    except (ValueError, OverflowError):
        raise malformed("The provider sent a bucket without usable times") from None
    return start, end


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("not a moment of RFC 3339")
    return moment.astimezone(UTC)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
