"""The invented past: hour by hour, a pure function of seed, organisation and absolute hour.

Nothing here knows when the process was started, so two processes tell the same past.
"""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from devstack.simulator.events import UsageEvent
from devstack.simulator.profiles import DEFAULT_PRICE, MODELS_PRICED, Stream, digest, size_of
from devstack.simulator.profiles import streams as streams_of

HOUR = 3600
DAY = 24 * HOUR
SATURDAY = 5
GROWTH_EPOCH = 1_767_225_600  # 2026-01-01
GROWTH_PER_DAY = 0.0025
ANOMALY_EVERY_DAYS = 45
ANOMALY_FACTOR = 4.0
SLOTS = 3

LATE, LOWERED, VANISHED = 0.010, 0.012, 0.013  # cumulative shares of hour buckets


class Counts(NamedTuple):
    calls: int
    uncached: int
    cached: int
    cache_write: int
    completion: int

    def share(self, part: float) -> "Counts":
        return Counts(*(int(count * part) for count in self))

    def minus(self, others: list["Counts"]) -> "Counts":
        return Counts(*(n - sum(o[i] for o in others) for i, n in enumerate(self)))


@lru_cache(maxsize=40_000)
def hour_events(
    seed: int, provider: str, organisation: str, endpoint: str, hour: int
) -> tuple[UsageEvent, ...]:
    """Every event of the hour that starts at `hour`, those not yet known included."""
    events = list(_first_told(seed, provider, organisation, endpoint, hour))
    return tuple(_revised(events, digest(seed, provider, organisation, endpoint, hour, "revise")))


def _first_told(
    seed: int, provider: str, organisation: str, endpoint: str, hour: int
) -> Iterator[UsageEvent]:
    scale = size_of(seed, organisation) * _growth(hour)
    surge = _surge(seed, organisation, hour)
    for stream in streams_of(provider, seed, organisation, endpoint):
        noise = digest(seed, provider, organisation, hour, stream.name)
        factor = surge if stream.name == "a" else 1.0
        total = _counts(stream, hour, scale * factor, noise)
        for slot, part in enumerate(_slots(total, noise)):
            if not part.calls:
                continue
            at = hour + slot * HOUR // SLOTS + noise[20 + slot] * 4
            yield UsageEvent(
                id=f"{provider}/{organisation}/{endpoint}/{hour}/{stream.name}{slot}",
                provider=provider,
                organisation=organisation,
                endpoint=endpoint,
                at=at,
                dims=stream.dims,
                quantities=_quantities(provider, stream, part),
                visible_from=at + 30 + noise[24 + slot],
            )


def _counts(stream: Stream, hour: int, scale: float, noise: bytes) -> Counts:
    calls = int(stream.calls * scale * _rhythm(stream.rhythm, hour) * (0.5 + noise[0] / 255))
    prompt = int(calls * stream.prompt * (0.7 + 0.6 * noise[1] / 255))
    cached_share = min(0.6, max(0.2, stream.cached + (noise[2] / 255 - 0.5) * 0.12))
    cached = int(prompt * cached_share) if stream.cached else 0
    written = int(prompt * stream.cache_write)
    completion = int(calls * stream.completion * (0.6 + 0.8 * noise[3] / 255))
    return Counts(calls, prompt - cached - written, cached, written, completion)


def _slots(total: Counts, noise: bytes) -> list[Counts]:
    """Divide an hour into thirds that add up to it exactly."""
    first = total.share(0.2 + noise[4] / 255 * 0.26)
    second = total.share(0.2 + noise[5] / 255 * 0.26)
    return [first, second, total.minus([first, second])]


def _growth(hour: int) -> float:
    return math.exp(GROWTH_PER_DAY * (hour - GROWTH_EPOCH) / DAY)


def _surge(seed: int, organisation: str, hour: int) -> float:
    """One day in every 45 somebody leaves a loop running."""
    block, day = divmod(hour // DAY, ANOMALY_EVERY_DAYS)
    chosen = digest(seed, organisation, block, "anomaly")[0] % ANOMALY_EVERY_DAYS
    return ANOMALY_FACTOR if day == chosen else 1.0


def _rhythm(rhythm: str, hour: int) -> float:
    of_day = hour // HOUR % 24
    weekend = (hour // DAY + 3) % 7 >= SATURDAY  # 1970-01-01 was a Thursday
    if rhythm == "nightly":
        return 1.5 if of_day in {1, 2, 3} else 0.0
    daylight = math.exp(-(((of_day - 13.5) / 4.5) ** 2))
    if rhythm == "always":
        return (0.35 + 0.65 * daylight) * (0.7 if weekend else 1.0)
    return daylight * (0.25 if weekend else 1.0)


def _quantities(provider: str, stream: Stream, part: Counts) -> Mapping[str, int]:
    if provider == "openai" and stream.endpoint != "completions":
        return {"input_tokens": part.uncached, "num_model_requests": part.calls}
    if provider == "openai":
        return {
            "input_tokens": part.uncached + part.cached + part.cache_write,
            "input_cached_tokens": part.cached,
            "input_cache_write_tokens": part.cache_write,
            "output_tokens": part.completion,
            "num_model_requests": part.calls,
        }
    if provider == "anthropic":
        long_lived = part.cache_write // 5
        return {
            "uncached_input_tokens": part.uncached,
            "ephemeral_5m_input_tokens": part.cache_write - long_lived,
            "ephemeral_1h_input_tokens": long_lived,
            "cache_read_input_tokens": part.cached,
            "output_tokens": part.completion,
            "web_search_requests": part.calls // 30,
        }
    if provider == "litellm":
        return _litellm_quantities(stream, part)
    return _openrouter_quantities(stream, part)


def _micro_usd(stream: Stream, part: Counts) -> int:
    fresh, cached, out = MODELS_PRICED.get(str(stream.dims["model"]), DEFAULT_PRICE)
    return int(part.uncached * fresh + part.cached * cached + part.completion * out)


def _litellm_quantities(stream: Stream, part: Counts) -> Mapping[str, int]:
    return {
        "requests": part.calls,
        "prompt_tokens": part.uncached + part.cached + part.cache_write,
        "completion_tokens": part.completion,
        "cache_read_input_tokens": part.cached,
        "cache_creation_input_tokens": part.cache_write,
        "micro_usd": 0 if stream.dims["cache_hit"] else _micro_usd(stream, part),
    }


def _openrouter_quantities(stream: Stream, part: Counts) -> Mapping[str, int]:
    micro_usd = _micro_usd(stream, part)
    return {
        "requests": part.calls,
        "prompt_tokens": part.uncached + part.cached,
        "completion_tokens": part.completion,
        "reasoning_tokens": int(part.completion * stream.reasoning),
        "cached_tokens": part.cached,
        "usage_micro_usd": 0 if stream.byok else micro_usd,
        "byok_micro_usd": micro_usd if stream.byok else 0,
    }


def _revised(events: list[UsageEvent], dice: bytes) -> list[UsageEvent]:
    """In about one hour of a hundred the provider changes its mind, 3 to 20 hours later."""
    chance = int.from_bytes(dice[:4]) / 2**32
    if chance >= VANISHED or not events:
        return events
    index = dice[4] % len(events)
    event = events[index]
    hour = event.at // HOUR * HOUR
    moment = hour + HOUR + 3 * HOUR + int.from_bytes(dice[5:7]) * 17 * HOUR // 65536
    if chance < LATE:
        late = event._replace(id=event.id + "+late", visible_from=moment)
        return [*events, late._replace(quantities=_scaled(event, 0.4))]
    events[index] = event._replace(removed_from=moment)
    if chance < LOWERED:
        lowered = event._replace(id=event.id + "+lowered", visible_from=moment)
        events.append(lowered._replace(quantities=_scaled(event, 0.9)))
    return events


def _scaled(event: UsageEvent, factor: float) -> Mapping[str, int]:
    scaled = {name: int(count * factor) for name, count in event.quantities.items()}
    if event.provider == "openai" and event.endpoint == "completions":
        parts = scaled["input_cached_tokens"] + scaled["input_cache_write_tokens"]
        scaled["input_tokens"] = max(scaled["input_tokens"], parts)
    return scaled
