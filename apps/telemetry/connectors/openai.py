"""OpenAI's organisation usage: completions and embeddings, by the hour.

https://developers.openai.com/api/reference
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from apps.common import http
from apps.common.outside import RefusedError
from apps.common.secrets import Secret
from apps.telemetry.connectors.base import (
    HOUR,
    Account,
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
    optional_count,
    storable,
)

COMPLETIONS = "openai.completions"
EMBEDDINGS = "openai.embeddings"
_REPORTS = {
    COMPLETIONS: "/organization/usage/completions",
    EMBEDDINGS: "/organization/usage/embeddings",
}
_ROW_KINDS = {
    COMPLETIONS: "organization.usage.completions.result",
    EMBEDDINGS: "organization.usage.embeddings.result",
}
_GROUP_BY = MappingProxyType(
    {COMPLETIONS: ("model", "project_id", "service_tier"), EMBEDDINGS: ("model", "project_id")}
)
_WIDTHS = {timedelta(minutes=1): "1m", HOUR: "1h", timedelta(days=1): "1d"}
_LONGEST_PAGE = {"1m": 1440, "1h": 72, "1d": 31}  # 168 hours of a large organisation pass 8 MiB
_CHECK = http.Limits(connect_s=5, read_s=10, total_s=10, tries=2, longest_wait_s=1)


@dataclass(frozen=True, slots=True)
class OpenAIConnector:
    base_url: str = "https://api.openai.com/v1"
    bucket_width: timedelta = HOUR
    group_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _GROUP_BY)
    wait: http.Wait = http.pause

    provider: ClassVar[str] = "openai"
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
    total = count(raw, "input_tokens")
    cached = optional_count(raw, "input_cached_tokens")
    read, written, flags = _split(
        total,
        cached or 0,
        optional_count(raw, "input_cache_write_tokens") or 0,
        optional_count(raw, "input_uncached_tokens"),
    )
    dims = dimensions(raw, grouping)
    return UsageRow(
        dims=dims,
        model=dims.get("model"),
        input_uncached=total - read - written,
        input_cache_read=read,
        input_cache_write=written,
        output=count(raw, "output_tokens") if source == COMPLETIONS else 0,
        requests=optional_count(raw, "num_model_requests"),
        cache_read_known=cached is not None or source == EMBEDDINGS,
        flags=flags,
        raw=storable(raw),
    )


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
