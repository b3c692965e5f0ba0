"""OpenRouter's activity: completed days of UTC, one row per model and endpoint.

https://openrouter.ai/docs
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    count,
    dimensions,
    optional_count,
    optional_money,
    storable,
)

ACTIVITY = "openrouter.activity"
_GROUP_BY = MappingProxyType({ACTIVITY: ("model", "model_permaslug", "endpoint_id")})
_SETTLING = HOUR  # at which hour a day becomes complete is not published
_CLOCK_SKEW = timedelta(minutes=15)
_CHECK = http.Limits(connect_s=5, read_s=10, total_s=10, tries=2, longest_wait_s=1)


@dataclass(frozen=True, slots=True)
class OpenRouterConnector:
    default_base_url: ClassVar[str] = "https://openrouter.ai/api/v1"
    base_url: str = default_base_url
    group_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _GROUP_BY)
    wait: http.Wait = http.pause

    provider: ClassVar[str] = "openrouter"
    label: ClassVar[str] = "OpenRouter"
    base_url_setting: ClassVar[str] = "OPENROUTER_BASE_URL"
    requests_per_minute: ClassVar[int] = 30  # our choice: only analytics has a published one, 64
    not_measured: ClassVar[tuple[str, ...]] = (
        "the running day: activity has completed days only",
        "images and audio: activity counts tokens",
        "answers from the response cache are not told apart; they may exceed the prompt as cached",
    )
    bucket_width: ClassVar[timedelta] = DAY
    history: ClassVar[timedelta] = timedelta(days=30)
    lookback: ClassVar[timedelta] = timedelta(days=7)
    lists_empty_buckets: ClassVar[bool] = False

    def validate(self, key: Secret, now: datetime) -> Account:
        """Only a management key may read activity, and only this call tells the kinds apart."""
        document = self._get(key, "/key", [], _CHECK).json
        about = document.get("data") if isinstance(document, Mapping) else None
        if not isinstance(about, Mapping):
            raise malformed("OpenRouter did not describe the key")
        if True not in (about.get("is_management_key"), about.get("is_provisioning_key")):
            raise RefusedError(
                "permission", "This is an inference key; activity needs a management key"
            )
        return Account(_owner(about), _label(about))

    def window(self, complete_until: datetime | None, now: datetime) -> Window | None:
        return next_window(
            complete_until,
            floor(now - _SETTLING, DAY),
            oldest=self._oldest(now),
            lookback=self.lookback,
            width=DAY,
        )

    def poll(
        self, key: Secret, source: str, window: Window, cursor: str | None, now: datetime
    ) -> Page:
        """Everything in one page. A day that is not served must not be taken for an empty one."""
        today = floor(now, DAY)
        if window.end > today:
            raise ValueError("activity has completed days only")
        if window.start < self._oldest(now):
            raise RefusedError("out_of_retention", "OpenRouter serves the last 30 days only")
        one_day = window.end - window.start == DAY
        params = [("date", f"{window.start:%Y-%m-%d}")] if one_day else []
        if "workspace_id" in self.group_by[source]:
            params.append(("group_by", "workspace"))
        try:
            document = self._get(key, "/activity", params, http.Limits()).json
        except RefusedError as refusal:
            if refusal.kind == "bad_request" and window.start <= self._oldest(now) + DAY:
                raise refusal.as_kind("out_of_retention") from None
            raise
        warnings: list[str] = []
        buckets = []
        for day, raw_rows in sorted(_by_day(document).items()):
            if one_day or day in window:  # an answer without a date holds every day served
                read_row = partial(usage_row, self.group_by[source])
                rows, quarantined = read_rows(raw_rows, read_row, warnings.append)
                end = day + DAY
                buckets.append(BucketReading(source, day, end, end > now, rows, quarantined))
        return Page(tuple(buckets), None, tuple(warnings))

    def totals(self, key: Secret, window: Window, now: datetime) -> tuple[DayTotal, ...]:
        """None: the account's only other figures are balances, which belong to no day."""
        return ()

    def _oldest(self, now: datetime) -> datetime:
        """The first day still served, also by a clock that is a little ahead of ours."""
        return floor(now + _CLOCK_SKEW, DAY) - self.history

    def _get(
        self, key: Secret, path: str, params: list[tuple[str, str]], limits: http.Limits
    ) -> http.Reply:
        return http.get_json(
            self.base_url + path,
            params=params,
            credential=http.Credential("Authorization", key, "Bearer "),
            limits=limits,
            wait=self.wait,
        )


def usage_row(grouping: tuple[str, ...], raw: Mapping[str, Any], _warn: Warn) -> UsageRow:
    prompt = count(raw, "prompt_tokens")
    output = count(raw, "completion_tokens")
    cached = optional_count(raw, "cached_tokens")
    reasoning = optional_count(raw, "reasoning_tokens")
    read = min(cached or 0, prompt)  # answers replayed from the response cache may exceed it
    flags = []
    if cached is not None and cached > prompt:
        flags.append("cached_exceeds_prompt")
    if reasoning is not None and reasoning > output:
        flags.append("reasoning_exceeds_completion")
    dims = dimensions(raw, grouping)
    return UsageRow(
        dims=dims,
        model=dims.get("model"),
        input_uncached=prompt - read,
        input_cache_read=read,
        output=output,
        reasoning=None if reasoning is None else min(reasoning, output),
        requests=optional_count(raw, "requests"),
        cost_usd=optional_money(raw, "usage"),  # what the own key's provider bills is not in it
        byok=_is_positive(raw.get("byok_usage_inference")),
        cache_read_known=cached is not None,
        flags=tuple(flags),
        raw=storable(raw),
    )


def _is_positive(money: Any) -> bool:
    return isinstance(money, int | Decimal) and money > 0


def _by_day(document: Any) -> dict[datetime, list[Mapping[str, Any]]]:
    days: defaultdict[datetime, list[Mapping[str, Any]]] = defaultdict(list)
    for raw in members(document, "data"):
        days[_day(raw)].append(raw)
    return days


def _day(raw: Mapping[str, Any]) -> datetime:
    text = raw.get("date")
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise malformed("OpenRouter sent a row without a usable date")
    return floor(moment if moment.tzinfo else moment.replace(tzinfo=UTC), DAY)


def _owner(about: Mapping[str, Any]) -> str | None:
    """The organisation; of a personal account, its person. Older answers name neither reliably."""
    if "organization_id" not in about:
        return None
    owner = about["organization_id"] or about.get("creator_user_id")
    return owner if isinstance(owner, str) else None


def _label(about: Mapping[str, Any]) -> str:
    label = about.get("label")
    # Without a name of its own a key is labelled with its first and last characters.
    is_name = isinstance(label, str) and label and not label.startswith("sk-")
    return str(label) if is_name else "OpenRouter"
