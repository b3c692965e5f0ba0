"""A LiteLLM proxy's spend logs, a row per request, added up by the hour, model and provider.

https://docs.litellm.ai/docs/proxy/cost_tracking (a row; `/user/daily/activity`)
https://docs.litellm.ai/docs/proxy/ui_logs, https://docs.litellm.ai/docs/proxy/caching
https://github.com/BerriAI/litellm, `proxy/spend_tracking/spend_management_endpoints.py`:
`/spend/logs/v2` has 100 rows a page at most and counts no further than 10,000.

The days of `/user/daily/activity` cannot tell an answer from the proxy's own cache, for which
nothing was computed, from one of a provider. Their spend can be compared, since such cost nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from apps.common import http
from apps.common.outside import BusyError
from apps.common.secrets import Secret
from apps.telemetry.connectors.base import (
    DAY,
    HOUR,
    Account,
    BucketReading,
    DayTotal,
    Page,
    UsageRow,
    Window,
    floor,
    malformed,
    next_window,
)
from apps.telemetry.connectors.buckets import Warn, members, read_rows
from apps.telemetry.connectors.fields import (
    UnusableRowError,
    count,
    dimensions,
    money,
    name,
    optional_count,
    optional_money,
)
from apps.telemetry.connectors.totals import whole_days

SPEND_LOGS = "litellm.spend_logs"
_LOGS = "/spend/logs/v2"
_DAYS = "/user/daily/activity"
_GROUP_BY = MappingProxyType({SPEND_LOGS: ("model", "custom_llm_provider")})
_KEPT = frozenset({"request_id", "startTime", "status", "call_type", "cache_hit", "spend"}) | {
    *("model", "custom_llm_provider", "prompt_tokens", "completion_tokens")
}
_USAGES = ("additional_usage_values", "usage_object")
_CACHE_READ, _CACHE_WRITE = "cache_read_input_tokens", "cache_creation_input_tokens"
_PAGE_SIZE = 100
_DAYS_PAGE_SIZE = 1000
_MOST_PAGES = 2000  # of one hour
_SETTLING = timedelta(minutes=5)  # the proxy writes its rows in batches
_CHECK = http.Limits(connect_s=2, read_s=5, total_s=5, tries=2, longest_wait_s=1)  # for two calls


@dataclass(frozen=True, slots=True)
class LiteLLMConnector:
    base_url: str
    group_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _GROUP_BY)
    wait: http.Wait = http.pause

    provider: ClassVar[str] = "litellm"
    label: ClassVar[str] = "LiteLLM proxy"
    # Empty: not offered. An address that a tenant gives could be one inside our own network.
    default_base_url: ClassVar[str] = ""
    base_url_setting: ClassVar[str] = "LITELLM_BASE_URL"
    requests_per_minute: ClassVar[int] = 120  # our choice: the proxy is the operator's own
    not_measured: ClassVar[tuple[str, ...]] = (
        "answers from the proxy's own cache: nothing was computed for them",
        "images, audio and tools, which the proxy prices but does not count in tokens",
        "what the proxy does not log: `disable_spend_logs`, or rows it has deleted",
    )
    bucket_width: ClassVar[timedelta] = HOUR
    history: ClassVar[timedelta] = timedelta(days=7)  # our choice: how long it keeps rows is set
    lookback: ClassVar[timedelta] = timedelta(hours=3)  # a row is written when its call has ended
    lists_empty_buckets: ClassVar[bool] = True

    def validate(self, key: Secret, now: datetime) -> Account:
        """An admin's key: only such may read every user's rows. An installation has one proxy."""
        hour = floor(now, HOUR)
        self._get(key, _LOGS, _asked(Window(hour, hour + HOUR), 1), _CHECK)
        today = f"{now:%Y-%m-%d}"
        params = [("start_date", today), ("end_date", today), ("page_size", "1")]
        self._get(key, _DAYS, params, _CHECK)  # without a user's name it is refused to all others
        return Account(ref="proxy", name=self.label)

    def window(self, complete_until: datetime | None, now: datetime) -> Window | None:
        end = floor(now - _SETTLING, HOUR)
        return next_window(
            complete_until, end, oldest=end - self.history, lookback=self.lookback, width=HOUR
        )

    def poll(
        self, key: Secret, source: str, window: Window, cursor: str | None, now: datetime
    ) -> Page:
        """One hour, all its pages: rows of one hour may lie on several. The cursor is the hour."""
        start = window.start if cursor is None else datetime.fromisoformat(cursor)
        hour = Window(start, start + HOUR)
        warnings: list[str] = []
        raw_rows = self._rows_of(key, hour, warnings.append)
        read_row = partial(usage_row, self.group_by[source])
        requests, quarantined = read_rows(raw_rows, read_row, warnings.append)
        rows, is_running = _added_up(requests), hour.end > now
        bucket = BucketReading(source, start, hour.end, is_running, rows, quarantined)
        following = hour.end.isoformat() if hour.end < window.end else None
        return Page((bucket,), following, tuple(warnings))

    def totals(self, key: Secret, window: Window, now: datetime) -> tuple[DayTotal, ...]:
        """The spend of each day; its tokens and requests include answers from the proxy's cache."""
        days = whole_days(window, now)
        if days is None:
            return ()
        spent: dict[datetime, Decimal] = {}
        for raw in self._days_of(key, days):
            day = _moment(raw.get("date"))
            if day in days:  # one day may lie on several pages, a part of it on each
                spent[day] = spent.get(day, Decimal()) + _spent(raw)
        return tuple(
            DayTotal(SPEND_LOGS, day.date(), None, None, None, spent[day]) for day in sorted(spent)
        )

    def _rows_of(self, key: Secret, hour: Window, warn: Warn) -> Iterator[Mapping[str, Any]]:
        """Each row of an hour once, in whatever way the pages overlap, and without its texts."""
        seen: set[str] = set()
        told = 0
        for number in range(1, _MOST_PAGES + 1):
            document = self._get(key, _LOGS, _asked(hour, number), http.Limits()).json
            raw_rows = members(document, "data")
            told += len(raw_rows)
            known = len(seen)
            for raw in raw_rows:
                request_id = str(raw.get("request_id"))
                if request_id in seen:
                    warn("duplicate_row")
                elif _moment(raw.get("startTime")) in hour:
                    yield _without_texts(raw)
                seen.add(request_id)
            if raw_rows and len(seen) == known:
                raise malformed("The provider repeated a page")
            if len(raw_rows) < _PAGE_SIZE:
                break
        else:
            raise BusyError("incomplete_response", "The proxy has more rows an hour than are read")
        if told < _counted(document):
            raise malformed("The provider sent fewer rows than it counted")

    def _days_of(self, key: Secret, days: Window) -> Iterator[Mapping[str, Any]]:
        last = days.end - DAY
        params = [("start_date", f"{days.start:%Y-%m-%d}"), ("end_date", f"{last:%Y-%m-%d}")]
        for number in range(1, _MOST_PAGES + 1):
            paged = [*params, ("page", str(number)), ("page_size", str(_DAYS_PAGE_SIZE))]
            document = self._get(key, _DAYS, paged, http.Limits()).json
            yield from members(document, "results")
            about = document.get("metadata")
            if not isinstance(about, Mapping) or not isinstance(about.get("has_more"), bool):
                raise malformed("The provider does not say whether there is more")
            if about.get("page", number) != number:
                raise malformed("The provider repeated a page")
            if not about["has_more"]:
                return
        raise malformed("The provider sent more pages than days can have")

    def _get(
        self, key: Secret, path: str, params: Sequence[tuple[str, str]], limits: http.Limits
    ) -> http.Reply:
        return http.get_json(
            self.base_url + path,
            params=params,
            credential=http.Credential("Authorization", key, "Bearer "),
            limits=limits,
            wait=self.wait,
        )


def usage_row(grouping: tuple[str, ...], raw: Mapping[str, Any], _warn: Warn) -> UsageRow | None:
    """One request. None where nothing was computed: failed without tokens, or from the cache.

    Newer releases count the cached parts into `prompt_tokens`, older ones beside Anthropic's own.
    """
    if name(raw, "request_id") is None:
        raise UnusableRowError("missing_name", "request_id", None)
    prompt, output = count(raw, "prompt_tokens"), count(raw, "completion_tokens")
    read, written = optional_count(raw, _CACHE_READ), optional_count(raw, _CACHE_WRITE)
    has_failed = raw.get("status") == "failure" and not prompt + output
    if has_failed or str(raw.get("cache_hit")).lower() == "true":
        return None
    cached = (read or 0) + (written or 0)
    dims = dimensions(raw, grouping)
    return UsageRow(
        dims=dims,
        model=dims.get("model"),
        input_uncached=prompt - cached if cached <= prompt else prompt,
        input_cache_read=read or 0,
        input_cache_write=written or 0,
        output=output,
        requests=1,
        cost_usd=optional_money(raw, "spend"),
        cache_read_known=read is not None,
        flags=() if cached <= prompt else ("cached_exceeds_prompt",),
    )


def _added_up(requests: Iterable[UsageRow]) -> tuple[UsageRow, ...]:
    """One row for each place. The raw row tells their number, not whose they were."""
    places: dict[tuple[str | None, ...], list[UsageRow]] = {}
    for request in requests:
        places.setdefault(tuple(request.dims.values()), []).append(request)
    return tuple(_added(rows) for rows in places.values())


def _added(rows: Sequence[UsageRow]) -> UsageRow:
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    return UsageRow(
        dims=rows[0].dims,
        model=rows[0].model,
        input_uncached=sum(row.input_uncached for row in rows),
        input_cache_read=sum(row.input_cache_read for row in rows),
        input_cache_write=sum(row.input_cache_write for row in rows),
        output=sum(row.output for row in rows),
        requests=len(rows),
        cost_usd=sum(costs, Decimal()) if len(costs) == len(rows) else None,
        cache_read_known=all(row.cache_read_known for row in rows),
        flags=tuple(sorted({flag for row in rows for flag in row.flags})),
        raw={"requests": len(rows)},
    )


def _asked(hour: Window, number: int) -> list[tuple[str, str]]:
    """Both ends are included, in whole seconds of UTC without a sign of it; oldest first."""
    return [
        ("start_date", f"{hour.start:%Y-%m-%d %H:%M:%S}"),
        ("end_date", f"{hour.end:%Y-%m-%d %H:%M:%S}"),
        ("page", str(number)),
        ("page_size", str(_PAGE_SIZE)),
        ("sort_by", "startTime"),
        ("sort_order", "asc"),
    ]


def _counted(document: Mapping[str, Any]) -> int:
    """How many rows the proxy says there are; it stops counting at some thousands."""
    total = document.get("total")
    return total if isinstance(total, int) and not document.get("total_is_capped") else 0


def _without_texts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a row. Prompts, answers, users, keys and addresses are not even looked at."""
    usage = _usage(raw.get("metadata"))
    kept = {field: raw[field] for field in _KEPT if field in raw}
    return {**kept, _CACHE_READ: usage.get(_CACHE_READ), _CACHE_WRITE: usage.get(_CACHE_WRITE)}


def _usage(metadata: Any) -> Mapping[str, Any]:
    """The provider's own count of the call, as the proxy keeps it, with the names of the cache."""
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata, parse_float=Decimal)
        except ValueError:
            metadata = None
    about = metadata if isinstance(metadata, Mapping) else {}
    kept = next(
        (usage for field in _USAGES if isinstance(usage := about.get(field), Mapping) and usage), {}
    )
    details = kept.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return kept if kept.get(_CACHE_READ) is not None else {**kept, _CACHE_READ: cached}


def _spent(raw: Mapping[str, Any]) -> Decimal:
    metrics = raw.get("metrics")
    try:
        return money(metrics if isinstance(metrics, Mapping) else {}, "spend")
    except UnusableRowError:
        raise malformed("The proxy sent a day without what was spent") from None


def _moment(text: Any) -> datetime:
    """Times without a zone are UTC here."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise malformed("The proxy sent a row without a usable time")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
